import ParcelCore
import Testing

@Suite struct PathStatisticsTests {
  @Test func `the mean loss counts from the beginning, not the last second`() {
    var path = PathStatistics()
    path.loss = 0.5
    #expect(path.meanLoss == 0.5)  // nothing came yet: what is said
    path.received = 980
    path.receiveLost = 20
    path.loss = 0
    #expect(path.meanLoss == 0.02)
  }

  @Test(arguments: [
    ("relay.example", "relay.example:9000"), ("r_1-a:1", "r_1-a:1"), ("[fe80::1%eth0]:9", "[fe80::1%eth0]:9"),
    ("::1", "[::1]:9000"), ("bücher.example", "bücher.example:9000"),
  ])
  func `an end point is read as people write it`(text: String, read: String) {
    #expect(Endpoint(text)?.text == read)
  }

  @Test(arguments: [
    "", ":1", "a b", "x\"y:90", "a/b", "u@h", "h:0", "h:70000", "a:b:xyz", "[::1", "h;x", "h\n",
  ])
  func `anything else is none`(text: String) {
    #expect(Endpoint(text) == nil)
  }
}
