import ParcelCore
import Testing

/// What the log says when something breaks and comes back.
@Suite struct OutagesTests {
  private func at(_ seconds: Double) -> Instant { Instant(seconds: seconds) }

  private func broken(_ file: Int, _ from: Int) -> Failure {
    Failure(
      .network, retry: .now,
      "Could not fetch 'f\(file)', bytes \(from) to \(from + 99): the connection was closed \(from) bytes before the end."
    )
  }

  private func refused(_ file: Int) -> Failure {
    Failure(
      .network, retry: .later(after: nil),
      "Could not fetch 'f\(file)': h:80 cannot be reached (connection refused).",
      remedy: "Check the network.")
  }

  private func lines(_ outages: inout Outages, _ seconds: Double, _ progress: Outages.Progress = .stuck)
    -> [String]
  {
    outages.lines(now: at(seconds), isLast: false) { _, _ in progress }.map(\.text)
  }

  @Test func aRelayIsBackOnlyWhenSomethingCameThroughIt() {
    let failure = Failure(.proxy, retry: .later(after: nil), "Could not reach the relay.")
    func broken(at seconds: Double) -> Outages {
      var outages = Outages()
      outages.add(
        failure, of: DownloadID(0), title: "f", at: "the relay r:9000", isRelay: true, now: at(seconds))
      return outages
    }
    var direct = broken(at: 10)
    #expect(lines(&direct, 11) == ["Could not reach the relay."])
    #expect(
      lines(&direct, 22, .goesOnDirect) == [
        "1 file goes on over http, without the relay r:9000, after 12 s."
      ])
    var soon = broken(at: 10)
    #expect(
      lines(&soon, 10.5, .goesOnDirect)
        == ["Could not reach the relay. Meanwhile 1 file goes on over http."])
    var back = broken(at: 10)
    _ = lines(&back, 11)
    #expect(lines(&back, 22, .goesOn) == ["the relay r:9000 is back after 12 s: 1 file goes on."])
    // A server is back whichever way was taken.
    var server = Outages()
    server.add(refused(0), of: DownloadID(0), title: "f0", at: "h:80", now: at(10))
    _ = lines(&server, 11)
    #expect(lines(&server, 22, .goesOnDirect) == ["h:80 is back after 12 s: 1 file goes on."])
  }

  @Test func fourteenBrokenConnectionsAreOneLine() {
    var outages = Outages()
    for index in 0..<14 {
      outages.add(
        broken(index % 4, index * 100), of: DownloadID(index % 4), title: "f\(index % 4)", at: "h:80",
        now: at(10))
    }
    #expect(lines(&outages, 10.5) == [])
    let said = lines(&outages, 11)
    #expect(
      said == [
        "Could not fetch 4 files from h:80 (14 connections): the connection was closed 0 bytes before the end."
      ])
    for file in 0..<4 {
      outages.add(refused(file), of: DownloadID(file), title: "f\(file)", at: "h:80", now: at(11.5))
    }
    #expect(
      lines(&outages, 12.5)
        == [
          "Could not fetch 4 files from h:80: h:80 cannot be reached (connection refused). Check the network."
        ])
    for file in 0..<4 {
      outages.add(refused(file), of: DownloadID(file), title: "f\(file)", at: "h:80", now: at(14))
    }
    #expect(lines(&outages, 15) == [], "the same once more says nothing new")
    #expect(lines(&outages, 15.2, .goesOn) == ["h:80 is back after 5 s: 4 files go on."])
    #expect(outages.isEmpty)
    #expect(lines(&outages, 20) == [])
  }

  @Test func oneFailureKeepsItsSentence() {
    var outages = Outages()
    outages.add(refused(1), of: DownloadID(1), title: "f1", at: "h:80", now: at(1))
    #expect(lines(&outages, 2) == [refused(1).text])
  }

  @Test func whatIsOverBeforeItWasToldIsOneLine() {
    var outages = Outages()
    outages.add(broken(1, 7), of: DownloadID(1), title: "f1", at: "h:80", now: at(1))
    #expect(lines(&outages, 1.2, .goesOn) == [broken(1, 7).text + " Over already: 1 file goes on."])
  }

  @Test func itIsOverWhenTheFirstFileGoesOnAndNothingFailsAnyMore() {
    var outages = Outages()
    for file in 0..<3 {
      outages.add(refused(file), of: DownloadID(file), title: "f\(file)", at: "h:80", now: at(0))
    }
    #expect(lines(&outages, 1).count == 1)
    let some = outages.lines(now: at(3), isLast: false) { id, _ in
      id.index == 0 ? .goesOn : id.index == 1 ? .left : .stuck
    }
    #expect(
      some.map(\.text) == ["h:80 is back after 3 s: 2 files go on."], "the third has to wait for its turn")
    #expect(outages.isEmpty)
    outages.add(refused(5), of: DownloadID(5), title: "f5", at: "h:80", now: at(20))
    #expect(lines(&outages, 22).count == 1)
    #expect(lines(&outages, 23, .left) == [], "nothing is back: somebody paused it")
  }

  @Test func itIsNotOverWhileSomeGoOnAndOthersFail() {
    var outages = Outages()
    for second in 0..<20 {
      for file in 0..<2 {
        outages.add(
          refused(file), of: DownloadID(file), title: "f\(file)", at: "h:80", now: at(Double(second)))
      }
      let said = outages.lines(now: at(Double(second) + 0.5), isLast: false) { id, _ in
        id.index == 0 ? .goesOn : .stuck
      }
      #expect(said.isEmpty == (second != 1), "\(second): \(said)")
    }
    #expect(lines(&outages, 21, .goesOn) == ["h:80 is back after 20 s: 2 files go on."])
  }

  @Test func placesHaveOutagesOfTheirOwnAndOtherSentencesAreCounted() {
    var outages = Outages()
    for file in 0..<3 {
      outages.add(
        Failure(.stalled, retry: .later(after: nil), "Nothing arrived for 'f\(file)' in 30 s."),
        of: DownloadID(file),
        title: "f\(file)", at: file == 2 ? "b" : "a", now: at(0))
    }
    #expect(
      lines(&outages, 1) == [
        "Nothing arrived for 'f0' in 30 s. The same with 1 more file.", "Nothing arrived for 'f2' in 30 s.",
      ])
  }

  @Test func theEndSaysWhatIsLeft() {
    var outages = Outages()
    outages.add(refused(1), of: DownloadID(1), title: "f1", at: "h:80", now: at(1))
    let last = outages.lines(now: at(1), isLast: true) { _, _ in .stuck }
    #expect(last.map(\.level) == [.warning])
    #expect(outages.isEmpty)
  }

  @Test func aFilesNameStandsWhereItsURLStood() {
    let url = "http://h:80/data/0f2e"
    let failure = Failure(.network, retry: .now, "Could not fetch \(url), bytes 0 to 9: it broke.")
    #expect(
      FailureText.named(failure, url: url, title: "a.bam").sentence
        == "Could not fetch 'a.bam', bytes 0 to 9: it broke.")
    #expect(
      FailureText.named(failure, url: url, title: "a.bam", host: "s3:443").sentence
        == "Could not fetch 'a.bam' from s3:443, bytes 0 to 9: it broke.")
    #expect(FailureText.named(failure, url: "http://other/", title: "a.bam") == failure)
  }
}

@Suite struct FinishLogTests {
  private func at(_ seconds: Double) -> Instant { Instant(seconds: seconds) }

  private func file(_ name: String, verified: Bool = true, here: Bool = false) -> FinishLog.File {
    let report = FetchReport(bytes: 1_000_000, seconds: 4, peak: 500_000, usedHTTP: true, usedUDT: false)
    return FinishLog.File(name: name, bytes: 1_000_000, isVerified: verified, fetched: here ? nil : report)
  }

  @Test func fewFilesAreNamed() {
    var log = FinishLog()
    log.add(file("a"), now: at(5))
    #expect(log.lines(now: at(5.5), isLast: false) == [])
    log.add(file("b", verified: false, here: true), now: at(5.9))
    #expect(
      log.lines(now: at(6), isLast: false) == [
        "'a' is verified: 1.00 MB in 4.0 s, 2.00 Mbit/s on average.",
        "'b' is complete, no digest is known: 1.00 MB, already here.",
      ])
    #expect(log.lines(now: at(60), isLast: true) == [])
  }

  @Test func manyFilesAreOneLineAndTheNextComesLater() {
    var log = FinishLog()
    for index in 0..<42 { log.add(file("\(index)", here: index < 40), now: at(1)) }
    #expect(
      log.lines(now: at(2), isLast: false) == ["42 files are verified: 42.00 MB, 40 of them already here."])
    for index in 0..<1000 { log.add(file("\(index)", verified: index > 0), now: at(2.5)) }
    #expect(log.lines(now: at(8), isLast: false) == [])
    #expect(
      log.lines(now: at(12), isLast: false) == ["1,000 files are complete, 999 of them verified: 1.00 GB."])
    log.add(file("last", verified: false), now: at(12.1))
    #expect(log.lines(now: at(12.1), isLast: true).count == 1, "the end does not wait")
  }

  @Test func whatCameTwiceOrInPartIsSaid() {
    var report = FetchReport(bytes: 400, seconds: 0.05, peak: nil, usedHTTP: true, usedUDT: true)
    #expect(report.words(of: 1000) == "1.00 kB, 400 B of it in 0.1 s")
    report.bytes = 1500
    report.seconds = 1
    #expect(report.words(of: 1000) == "1.00 kB, 1.50 kB fetched in 1.0 s, 0.01 Mbit/s on average")
    #expect(report.transports == "http and udt")
  }
}
