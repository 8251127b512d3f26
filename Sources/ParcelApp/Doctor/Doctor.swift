import Glibc
import ParcelCLI
import ParcelCore
import ParcelHTTP
import ParcelNet
import ParcelSystem

/// `parcel doctor`: looks at the way to a server, at this machine and at the target folder, in that order.
struct Doctor: Sendable {
  let options: DoctorOptions

  /// Everything blocks, so it has a thread of its own. Signals end the program as usual: there is nothing to save.
  func run() async -> ExitCode {
    await withCheckedContinuation { (continuation: CheckedContinuation<ExitCode, Never>) in
      Thread.start("parcel-doctor") {
        var visit = Visit(options)
        continuation.resume(returning: visit.run())
      }
    }
  }
}

/// One run.
private struct Visit {
  private let options: DoctorOptions
  private var report = DoctorReport()
  private var output: DoctorOutput
  private var transport = TransportOptions()
  /// Seconds; the best TCP connection to the server itself.
  private var tcpRoundTrip: Double?
  /// The server, or the proxy before it.
  private var connected: SocketAddress?
  /// Bytes of the object, once known.
  private var objectSize: Int?

  init(_ options: DoctorOptions) {
    self.options = options
    output = DoctorOutput(options)
    transport.certificateAuthorities = options.cacert
    transport.proxy = options.proxy?.url
    transport.userAgent = "parcel/\(ParcelVersion.text)"
    transport.connectTimeout = ConnectionCheck.limit
  }

  mutating func run() -> ExitCode {
    signal(SIGPIPE, SIG_IGN)
    var advert: Endpoint?
    if let url = options.target?.url, let parts = URLReference(url) { advert = server(url, parts) }
    if let relay = options.relay?.endpoint ?? advert {
      self.relay(relay, source: options.relay == nil ? .advert : .option)
    } else if let connected {
      add(DoctorRules.mtu(DatagramCheck.mtu(connected, roundTrip: nil), address: connected.text, in: .server))
    }
    add(DoctorRules.machine(LocalCheck.machine()))
    add(folder())
    output.end(report)
    return report.exit
  }

  private mutating func add(_ findings: [Finding]) {
    report.add(findings)
    output.show(findings)
  }

  // MARK: The server

  /// Returns the relay that it names.
  private mutating func server(_ url: String, _ parts: URLReference) -> Endpoint? {
    let proxy = ProxyChoice.of(parts, option: options.proxy?.url) { name in
      getenv(name).map { String(cString: $0) }
    }
    guard reach(parts, proxy) else {
      add(DoctorRules.proxy(proxy))
      return nil
    }
    add(DoctorRules.proxy(proxy))
    if parts.scheme == "https" {
      let found = CertificateProbe(url: url, options: transport).measure(host: parts.bareHost ?? "")
      let findings = DoctorRules.certificate(found, now: Clocks.epoch())
      add(findings)
      if findings.contains(where: { $0.level == .trouble }) { return nil }
    } else {
      add(DoctorRules.noTLS())
    }
    let answer = AnswerCheck(options: transport).measure(url)
    let findings = DoctorRules.answer(answer)
    add(findings)
    objectSize = findings.lazy.flatMap(\.facts).first { $0.name == "size" }.map { Int($0.value) }
    var advert: Endpoint?
    if let head = answer.head,
      case .relay(let relay) = AltSvc.word(in: head, url: answer.redirects.last ?? url)
    {
      advert = relay
    }
    if let advert { add(DoctorRules.advertised(advert)) }
    if advert == nil, options.relay == nil { add(DoctorRules.noRelay(afterAnswer: answer.head != nil)) }
    return advert
  }

  /// Looks up and connects to the server, or to the proxy before it. False when nothing answers.
  private mutating func reach(_ parts: URLReference, _ proxy: ProxyChoice) -> Bool {
    var endpoint = Endpoint(host: parts.bareHost ?? "", port: parts.effectivePort ?? 443)
    var isProxy = false
    if case .proxy(let url, _) = proxy, let through = ProxyChoice.endpoint(of: url) {
      (endpoint, isProxy) = (through, true)
    }
    let (names, addresses) = ConnectionCheck.lookUp(endpoint, isProxy: isProxy)
    add(DoctorRules.names(names, in: .server))
    guard !addresses.isEmpty else { return false }
    let connections = ConnectionCheck.connect(addresses)
    add(DoctorRules.connections(connections, throughProxy: isProxy))
    let best = connections.compactMap(\.roundTrip).min()
    if !isProxy { tcpRoundTrip = best }
    guard best != nil else { return false }
    connected = connections.firstIndex { $0.roundTrip != nil }.map { addresses[$0] }
    return true
  }

  // MARK: The relay

  private mutating func relay(_ relay: Endpoint, source: DoctorRules.RelaySource) {
    output.relay = relay
    let (names, addresses) = ConnectionCheck.lookUp(relay, isProxy: false)
    add(DoctorRules.names(names, in: .relay))
    guard !addresses.isEmpty else { return }
    let answers = DatagramCheck.probe(addresses)
    add(DoctorRules.datagrams(answers, relay: relay, source: source))
    add(DoctorRules.roundTrips(tcp: tcpRoundTrip, udp: answers.compactMap(\.roundTrip).min()))
    let index = answers.firstIndex { $0.roundTrip != nil } ?? 0
    let address = addresses[index]
    // Where nobody answers, that no router says anything means nothing.
    let packets = DatagramCheck.mtu(address, roundTrip: answers[index].roundTrip)
    add(DoctorRules.mtu(packets, address: address.text, in: .relay))
  }

  // MARK: The folder

  private func folder() -> [Finding] {
    let path = options.folder
    let found = Bounded.one(seconds: ConnectionCheck.limit) { LocalCheck.folder(path) }
    guard let found else { return DoctorRules.hungFolder(path, seconds: ConnectionCheck.limit) }
    return DoctorRules.folder(found, needed: objectSize)
  }
}
