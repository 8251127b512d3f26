import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelScreen

/// Whole screens with a relay. `PARCEL_UPDATE_GOLDENS=1` writes them anew.
@Suite struct RouteGoldenTests {
  private func expect(_ model: Model, _ name: String) {
    let difference = Goldens.difference(view(model).text, named: name)
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: [(120, 36), (120, 26), (80, 24), (60, 20)])
  func udtIsInUse(_ columns: Int, _ rows: Int) {
    expect(Fixture.model(columns, rows, route: Fixture.udtRoute), "udt-\(columns)x\(rows)")
  }

  @Test func udtIsInUseAndNothingIsWrong() {
    var model = Fixture.model(120, 36, route: Fixture.udtRoute)
    model.totals.needsUser = 0
    model.totals.failed = 0
    expect(model, "udt-well-120x36")
  }

  @Test(arguments: [(120, 36), (80, 24)])
  func theAutomaticChoiceMeasures(_ columns: Int, _ rows: Int) {
    expect(Fixture.model(columns, rows, route: Fixture.measuringRoute), "measuring-\(columns)x\(rows)")
  }

  @Test func aRelayThatDoesNotAnswer() {
    expect(Fixture.model(120, 36, route: Fixture.blockedRoute), "udt-blocked-120x36")
  }

  @Test func withoutARelayNothingSpeaksOfOne() {
    var model = Fixture.model(120, 36, route: Fixture.httpRoute)
    expect(model, "no-relay-120x36")
    model.press(.enter)
    expect(model, "no-relay-detail-120x36")
  }

  @Test(arguments: [(120, 36), (80, 24), (40, 24)])
  func theRelayInTheDetail(_ columns: Int, _ rows: Int) {
    var model = Fixture.model(columns, rows, route: Fixture.udtRoute)
    model.press(.enter)
    expect(model, "relay-\(columns)x\(rows)")
  }

  @Test func theRelayInTheDetailWithTrouble() {
    var route = Fixture.udtRoute
    route.path?.drops = 1_234
    route.path?.loss = 0.123
    route.reason = "udt fell to 12 Mbit/s, http gave 61 a minute ago: measured again at 14:12"
    var status = Fixture.statuses[2]
    status.choice = .udt
    var model = Fixture.model(120, 36, route: route)
    model.change([2: status])
    model.routes = [route]
    model.press(.enter)
    expect(model, "relay-trouble-120x36")
  }

  @Test func theRelayInASCII() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute, charset: .ascii)
    model.press(.enter)
    expect(model, "relay-ascii-80x24")
    let isPlain = view(model).cells.allSatisfy { $0.code < 127 }
    #expect(isPlain)
  }

  @Test func everySizeIsDrawnWithARelayToo() {
    for route in [Fixture.udtRoute, Fixture.measuringRoute, Fixture.blockedRoute] {
      for columns in stride(from: 1, through: 200, by: 13) {
        for rows in stride(from: 1, through: 60, by: 7) {
          for page in [Model.Page.list, .detail] {
            var model = Fixture.model(columns, rows, route: route)
            model.page = page
            #expect(view(model).cells.count == columns * rows)
          }
        }
      }
    }
  }
}

@Suite struct RoutePanelTests {
  /// The relay panel's figures without digits: names and units where they stand.
  private func edges(_ route: RouteStatus) -> [String] {
    var model = Fixture.model(120, 36, route: route)
    model.press(.enter)
    let lines = view(model).text.split(separator: "\n").map(String.init)
    return lines.filter { $0.hasPrefix("  rtt ") || $0.hasPrefix("  loss ") }
      .map {
        String($0.map { $0.isNumber || ".,<–".contains($0) ? " " : $0 }).replacing(" ms ", with: "    ")
      }
  }

  @Test func growingNumbersMoveNothing() {
    let small = edges(Fixture.udtRoute)
    var route = Fixture.udtRoute
    route.path?.roundTrip = 12.345
    route.path?.loss = 1
    route.path?.receiveRate = 12_345_678_901
    route.path?.received = 987_654_321
    route.path?.receiveLost = 123_456_789
    route.path?.retransmitted = 123_456_789
    route.path?.window = 65_536
    #expect(small.count == 2)
    #expect(edges(route) == small)
    route.path?.roundTrip = nil
    #expect(edges(route) == small)
  }

  @Test(arguments: [160, 120, 92, 80]) func aSegmentsTransportHasRoomBesideTheLongestFigures(columns: Int) {
    var model = Fixture.model(columns, 36, route: Fixture.udtRoute)
    var status = Fixture.statuses[2]
    status.size = 999_990_000_000
    model.change([2: status])
    model.detail?.segments = [
      SegmentStatus(
        range: ByteRange(111_110_000_000, 999_990_000_000), received: 1, rate: 99_999e6 / 8, age: 3599,
        retries: 3, activity: .receiving, transport: .http)
    ]
    model.press(.enter)
    let line = view(model).text.split(separator: "\n").first { $0.contains("3 retries") }
    #expect(line?.hasSuffix("99999 Mbit/s  59m 59s  3 retries  http") == true, "\(line ?? "none")")
  }

  @Test func aPauseBetweenConnectionsKeepsTheLines() {
    var route = Fixture.udtRoute
    route.path = nil
    #expect(edges(route).count == 2)
    #expect(edges(Fixture.blockedRoute).isEmpty)
  }

  @Test func localDropsAreSaidOnlyWhenThereAreSome() {
    var route = Fixture.udtRoute
    var model = Fixture.model(120, 36, route: route)
    model.press(.enter)
    #expect(!view(model).text.contains("dropped"))
    route.path?.drops = 1
    model.send(.snapshot(Fixture.snapshot(route: route)))
    #expect(view(model).text.contains("this machine dropped 1 datagram: see parcel doctor"))
  }

  @Test func theHeaderSpeaksOfTheSelectedFilesServer() {
    var model = Fixture.model(120, 36, route: Fixture.udtRoute)
    var other = Fixture.blockedRoute
    other.origin = "https://other.example"
    model.routes = [other, Fixture.udtRoute]
    #expect(view(model).text.contains("auto: udt since 14:02"))
    model.detail = nil
    #expect(view(model).text.contains("auto: http since 14:02"))
  }

  @Test func whatCannotBeHadIsCalledWanted() {
    var route = Fixture.blockedRoute
    route.choice = .udt
    #expect(RouteView(route)?.long == "udt wanted: http since 14:02")
    route.current = .udt
    #expect(RouteView(route)?.long == "udt since 14:02")
    route.choice = .http
    route.current = .http
    #expect(RouteView(route) == nil)
    #expect(RouteView(Fixture.httpRoute) == nil)
    #expect(RouteView(Fixture.measuringRoute)?.long == "auto, measuring: udt")
    #expect(RouteView(Fixture.measuringRoute)?.short == "measuring: udt")
  }

  @Test func aReasonIsCutAfterAWholeWord() {
    let text = "no answer over UDP from relay.example.org:9000, http until 14:12"
    #expect(
      Charset.unicode.wrap(text, to: 31, lines: 2) == [
        "no answer over UDP from", "relay.example.org:9000, http …",
      ])
    #expect(Charset.unicode.wrap(text, to: 31, lines: 1) == ["no answer over UDP from …"])
    #expect(Charset.unicode.wrap("abcdefghij klm", to: 6, lines: 1) == ["abcde…"])
    #expect(Charset.unicode.wrap("short", to: 31, lines: 1) == ["short"])
    #expect(Charset.unicode.wrap("", to: 31, lines: 2).isEmpty)
  }

  @Test func milliseconds() {
    #expect(Figures.milliseconds(0.142) == "142 ms")
    #expect(Figures.milliseconds(0.0042) == "4.2 ms")
    #expect(Figures.milliseconds(0.00996) == "10 ms")
    #expect(Figures.milliseconds(1e9) == "99999 ms")
    #expect(Figures.milliseconds(-.infinity) == "0.0 ms")
  }

  @Test func shares() {
    #expect(Figures.share(0.003) == "0.3 %")
    #expect(Figures.share(0) == "0.0 %")
    #expect(Figures.share(0.0001) == "<0.1 %")
    #expect(Figures.share(0.9999) == "100 %")
    #expect(Figures.share(.nan) == "0.0 %")
  }
}

@Suite struct TransportKeyTests {
  @Test func tGoesRoundFromTheFilesChoiceAndDoesNotWaitForTheEngine() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    let id = DownloadID(2)
    #expect(model.press(.character("t")) == [.perform(.setTransport([id], .http))])
    #expect(model.press(.character("t")) == [.perform(.setTransport([id], .udt))])
    #expect(
      model.notice?.text == "Transport of 'TCGA.BRCA.mutect.995c011….maf.gz': udt from its next block on.")
    #expect(model.press(.character("t")) == [.perform(.setTransport([id], .auto))])
    #expect(model.notice?.role == .plain)
  }

  @Test func tAppliesToTheMarkedFilesThatHaveSomethingLeft() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    model.list.marked = [DownloadID(0), DownloadID(3), DownloadID(4)]
    #expect(model.press(.character("t")) == [.perform(.setTransport([DownloadID(3), DownloadID(4)], .http))])
    #expect(model.notice?.text == "Transport of 2 files: http from their next block on.")
  }

  @Test func aFileThatDoesNotRunTravelsAnotherWayLater() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    model.press(.down, .down, .character("t"))
    #expect(model.notice?.text.hasSuffix("http when it goes on.") == true)
  }

  @Test func aCompleteFileSaysThatNothingIsLeft() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    model.press(.character("g"))
    #expect(model.press(.character("t")).isEmpty)
    #expect(model.notice?.text.hasPrefix("Nothing is left to fetch: ") == true)
    #expect(!model.hints.contains { $0.key == "t" })
  }

  @Test func capitalTGoesRoundForAll() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    #expect(model.press(.character("T")) == [.perform(.setTransportAll(.http))])
    #expect(model.press(.character("T")) == [.perform(.setTransportAll(.udt))])
    #expect(model.notice?.text == "Transport of all files: udt from their next block on.")
    #expect(model.press(.character("T")) == [.perform(.setTransportAll(.auto))])
  }

  @Test func aFileFollowsWhatWasAskedForAllUntilItIsAskedItself() {
    var model = Fixture.model(80, 24, route: Fixture.udtRoute)
    model.press(.character("T"), .character("T"))
    #expect(model.press(.character("t")) == [.perform(.setTransport([DownloadID(2)], .auto))])
    var snapshot = Snapshot(time: .zero, generation: 1)
    snapshot.table = [Fixture.info(0)]
    snapshot.settings.transport = .http
    var fresh = Model(size: Size(columns: 80, rows: 24))
    fresh.send(.snapshot(snapshot))
    #expect(fresh.press(.character("t")) == [.perform(.setTransport([DownloadID(0)], .udt))])
  }

  @Test func udtWithoutARelayIsSentAndSaysHowToGiveOne() {
    var model = Fixture.model(80, 24, route: Fixture.httpRoute)
    model.press(.character("t"))
    #expect(model.press(.character("t")) == [.perform(.setTransport([DownloadID(2)], .udt))])
    #expect(model.notice?.text.hasPrefix("No relay is known: --relay HOST gives one.") == true)
    #expect(model.notice?.role == .warning)
    #expect(view(model).text.contains("No relay is known: --relay HOST gives one."))
    model.press(.character("T"))
    #expect(model.press(.character("T")) == [.perform(.setTransportAll(.udt))])
    #expect(model.notice?.text == "No relay is known: --relay HOST gives one. Until then http for all files.")
  }

  @Test func anotherServersRelayIsNotThisFiles() {
    var model = Fixture.model(80, 24, route: Fixture.httpRoute)
    var other = Fixture.udtRoute
    other.origin = "https://other.example"
    model.routes = [other, Fixture.httpRoute]
    model.detail = nil
    model.press(.character("t"), .character("t"))
    #expect(model.notice?.role == .warning)
  }

  @Test func beforeAnythingRanNobodyKnowsOfARelay() {
    var model = Fixture.model(80, 24)
    model.press(.character("t"), .character("t"))
    #expect(model.notice?.text.contains("if a relay is known (--relay HOST gives one)") == true)
    #expect(model.notice?.role == .plain)
  }

  @Test func mergedSnapshotsKeepEveryChangeOfARouteAndTheNewestRoutes() {
    func change(_ seconds: Double, _ to: TransportKind) -> RouteChange {
      RouteChange(
        time: Instant(seconds: seconds), origin: "https://a.example", from: to == .udt ? .http : .udt, to: to,
        reason: "why")
    }
    var older = Snapshot(time: Instant(seconds: 1), generation: 1)
    older.routes = [Fixture.httpRoute]
    older.routeChanges = [change(1, .udt)]
    var newer = Snapshot(time: Instant(seconds: 2), generation: 2)
    newer.routes = [Fixture.udtRoute]
    newer.routeChanges = [change(2, .http)]
    older.absorb(newer)
    #expect(older.routes == [Fixture.udtRoute])
    #expect(older.routeChanges == [change(1, .udt), change(2, .http)])
  }
}
