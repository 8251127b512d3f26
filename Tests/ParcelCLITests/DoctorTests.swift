import ArgumentParser
import ParcelCore
import Testing

@testable import ParcelCLI

struct DoctorTests {
  /// A visit with everything from good to trouble.
  private var findings: [Finding] {
    var certificate = CertificateMeasurement(host: "data.example")
    certificate.version = "TLSv1.3"
    certificate.issuer = "Example CA"
    certificate.expires = 1_790_000_000
    certificate.trouble = .expired
    var machine = MachineMeasurement(
      relayProgramFolder: "/opt/a-folder-with-a-long-name/that/goes/on/and/on/and/on/bin")
    machine.receiveBufferLimit = 212_992
    machine.sendBufferLimit = 212_992
    machine.openFiles = 1024
    var folder = FolderMeasurement(path: "Proben März", existing: "Proben März")
    folder.free = 900_000_000
    folder.size = 270_000_000_000
    folder.kind = "nfs"
    folder.sparse = true
    let names = NameMeasurement(
      host: "data.example", isProxy: false, addresses: ["192.0.2.7", "2001:db8::7"], seconds: 0.0123)
    let connections = [
      ConnectMeasurement(address: "192.0.2.7:443", outcome: .connected(seconds: 0.142)),
      ConnectMeasurement(address: "[2001:db8::7]:443", outcome: .silent(seconds: 10)),
    ]
    let datagrams = [
      DatagramMeasurement(address: "192.0.2.9:9000", outcome: .answered(seconds: 0.141, tries: 5))
    ]
    return DoctorRules.names(names, in: .server) + DoctorRules.connections(connections, throughProxy: false)
      + DoctorRules.proxy(.none) + DoctorRules.certificate(certificate, now: 1_795_392_000)
      + DoctorRules.datagrams(datagrams, relay: Endpoint(host: "relay.example"), source: .option)
      + DoctorRules.roundTrips(tcp: 0.142, udp: 0.141)
      + DoctorRules.mtu(
        PacketSizeMeasurement(local: 1500, path: 1500), address: "192.0.2.9:9000", in: .relay)
      + DoctorRules.machine(machine)
      + DoctorRules.folder(folder, needed: nil)
  }

  private var report: DoctorReport {
    var report = DoctorReport()
    report.add(findings)
    return report
  }

  private func text(_ style: PlainStyle, _ columns: Int?) -> [String] {
    let printer = DoctorPrinter(style: style, columns: columns)
    return printer.heading("Server https://data.example/a.bam", isFirst: true)
      + findings.flatMap { printer.lines($0) } + printer.end(report)
  }

  @Test(arguments: [120, 80, 60]) func `lines fit the terminal and look as drawn`(columns: Int) {
    let lines = text(PlainStyle(color: false, unicode: true), columns)
    for line in lines { #expect(Charset.unicode.width(line) <= columns, "\(line)") }
    expectGolden(lines.joined(separator: "\n") + "\n", "doctor-\(columns).txt")
  }

  @Test func `ASCII lines have no other character`() {
    let lines = text(PlainStyle(color: false, unicode: false), 80)
    #expect(lines.joined().utf8.allSatisfy { $0 < 128 })
    expectGolden(lines.joined(separator: "\n") + "\n", "doctor-ascii.txt")
  }

  @Test func `without a terminal nothing is broken into lines`() {
    let lines = text(PlainStyle(color: false, unicode: true), nil)
    #expect(lines.count == 1 + findings.count + findings.count { !$0.remedy.isEmpty } + 2)
  }

  @Test func `colours only colour signs and headings`() {
    let plain = text(PlainStyle(color: false, unicode: true), 80)
    let coloured = text(PlainStyle(color: true, unicode: true), 80)
    #expect(coloured != plain)
    let stripped = coloured.map { line in
      ["\u{1B}[31m", "\u{1B}[32m", "\u{1B}[33m", "\u{1B}[36m", "\u{1B}[0m"].reduce(line) { text, code in
        text.split(separator: code, omittingEmptySubsequences: false).joined()
      }
    }
    #expect(stripped == plain)
  }

  @Test(arguments: 1...200) func `no width stops the program`(columns: Int) {
    for line in text(PlainStyle(color: false, unicode: true), columns) {
      #expect(Charset.unicode.width(line) <= max(40, min(columns, 120)), "\(columns): \(line)")
    }
  }

  @Test func `one JSON object has it all`() {
    expectGolden(
      DoctorRecord.text(
        report, url: "https://data.example/a.bam", relay: Endpoint(host: "relay.example"), folder: "d")
        + "\n", "doctor.json")
  }

  @Test func `the command line`() throws {
    let all = try DoctorOptions.parse([
      "data.example/x", "--relay", "[::1]", "-d", "out", "--cacert", "ca.pem", "--proxy", "p:3128", "--json",
    ])
    #expect(all.target?.url == "https://data.example/x")
    #expect(all.relay?.endpoint == Endpoint(host: "::1", port: 9000))
    #expect(all.folder == "out" && all.cacert == "ca.pem" && all.proxy?.url == "http://p:3128" && all.json)
    let none = try DoctorOptions.parse([])
    #expect(none.target == nil && none.relay == nil && none.folder == ".")
    for wrong in [
      ["ftp://x"], ["--relay", "a:b"], ["--relay", ""], ["-d", ""], ["a", "b"], ["--proxy", "ftp://x"],
    ] {
      #expect(throws: (any Error).self) { try DoctorOptions.parse(wrong) }
    }
  }
}
