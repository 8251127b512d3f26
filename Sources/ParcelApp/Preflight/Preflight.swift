import Glibc
import ParcelCLI
import ParcelCore
import ParcelEngine
import ParcelStorage

/// The check before the first byte: gathers what the rules want to know, within seconds.
struct Preflight: Sendable {
  var input: PreflightInput
  var token: TokenFacts?
  /// `--cacert`
  var authorities: String?
  /// UDT goes through a program that others started: nothing is known of it.
  var usesExternal = false
  var policy = PreflightRules.Policy()
  /// Direct, as downloads use it.
  var transport: any Transport

  /// Seconds that the target's file system may take.
  private static let diskLimit = 10.0
  /// Servers asked at once; of more the first ones.
  private static let mostServers = 16

  func report() async -> PreflightReport {
    await withCheckedContinuation { continuation in
      Thread.start("parcel-preflight") { continuation.resume(returning: check()) }
    }
  }

  /// Blocks.
  private func check() -> PreflightReport {
    // The findings get their rows' numbers in the list back below.
    let part = input.rows.flatMap { $0.count == input.specs.count ? nil : $0 }
    let specs = part.map { $0.map { input.specs[$0] } } ?? input.specs
    var facts = PreflightFacts(
      specs: specs, server: input.server, target: target(specs), now: Clocks.epoch())
    facts.others = input.others
    facts.promised = input.promised
    facts.overwrite = input.overwrite
    facts.token = token
    facts.authorities = authorities.flatMap(Self.unreadable)
    if facts.authorities == nil, token?.failure == nil { facts.servers = servers(facts) }
    let report = PreflightRules.report(facts, policy: policy)
    guard let part else { return report }
    return PreflightReport(
      report.findings.map { finding in
        var finding = finding
        finding.rows = finding.rows.map { DownloadID(part[$0.index]) }
        return finding
      })
  }

  private func target(_ specs: [DownloadSpec]) -> TargetFacts {
    let folder = input.folder
    let found = Bounded.one(seconds: Self.diskLimit) { TargetSurvey.look(folder, specs: specs) }
    if let found { return found }
    var hung = TargetFacts(folder: folder, existing: folder)
    hung.failure = "its file system did not answer within \(Int(Self.diskLimit)) s"
    return hung
  }

  /// Nil when it can be read.
  private static func unreadable(_ path: String) -> Failure? {
    do {
      _ = try Documents.read(path, what: "the file of certificate authorities")
      return nil
    } catch {
      return error
    }
  }

  // MARK: Servers

  private func servers(_ facts: PreflightFacts) -> [ServerFacts] {
    let origins = PreflightRules.origins(facts).all.prefix(Self.mostServers)
    guard !origins.isEmpty, !(input.transport == .udt && usesExternal) else { return [] }
    let work = origins.map { one in { @Sendable in ask(one, facts) } }
    // A little more than a probe takes by itself.
    let answers = Bounded.all(seconds: ServerProbe.limit + 1, Array(work))
    return zip(origins, answers).compactMap { one, outcome in
      guard let row = one.rows.first else { return nil }
      var server = ServerFacts(
        origin: one.origin, rows: one.rows, asked: row, url: address(facts.specs[row]),
        outcome: outcome ?? .silent(seconds: ServerProbe.limit, connected: false))
      server.hasRelay = input.transport == .auto && input.relay != .unknown
      return server
    }
  }

  private func ask(_ one: Origins.One, _ facts: PreflightFacts) -> ServerFacts.Outcome {
    let spec = facts.specs[one.rows[0]]
    let url = address(spec)
    if input.transport == .udt, let relay = input.relay.endpoint(for: url) { return ServerProbe.greet(relay) }
    let areMeant = Credentials.areMeant(for: spec, at: url, server: input.server)
    var headers = Credentials.headers(input.headers, areMeant: areMeant)
    if let token = input.token, areMeant { headers.append(HTTPHeader("X-Auth-Token", token)) }
    return ServerProbe(transport: transport, credentials: headers).ask(url, size: spec.size)
  }

  private func address(_ spec: DownloadSpec) -> String {
    switch spec.source {
    case .id(let id): Address.join(server: input.server, id: id)
    case .url(let url): url
    }
  }
}

extension Preflight {
  /// For a run that the command line describes.
  init(_ options: ClientOptions, specs: [DownloadSpec], token: TokenReading, transport: any Transport) {
    input = PreflightInput(
      specs: specs, folder: Documents.absolute(options.target.folder), server: options.server,
      token: token.value, tokenFile: token.facts?.path, headers: options.access.requestHeaders,
      overwrite: options.target.overwrite, transport: options.route.choice, relay: options.route.relayRule)
    self.transport = transport
    complete(options, token)
  }

  /// For a session, which may have been changed since it was started.
  init(_ options: ClientOptions, input: PreflightInput, transport: any Transport) {
    self.input = input
    self.transport = transport
    var access = options.access
    access.tokenFile = input.tokenFile
    access.token = input.tokenFile == nil ? input.token : nil
    complete(options, TokenReading(access))
  }

  private mutating func complete(_ options: ClientOptions, _ token: TokenReading) {
    self.token = token.facts
    authorities = options.access.insecure ? nil : options.access.cacert
    usesExternal = options.route.usesExternal
    policy.waitsForServers = options.pace.untilDone
  }
}

/// The token that the options name, and what is known of it; a file that cannot be read is a fact, too.
struct TokenReading: Sendable {
  var value: String?
  /// Nil without a token.
  var facts: TokenFacts?
  /// The token's file as it was when it was read; nil when nothing can change there.
  var watch: WatchedToken?

  init(_ access: AccessOptions) {
    if let token = access.token {
      value = token
      var facts = TokenFacts(path: nil)
      facts.expires = TokenExpiry.seconds(of: token)
      self.facts = facts
    } else if let path = access.tokenFile {
      var facts = TokenFacts(path: path)
      // Before it is read: what changes meanwhile is seen later.
      let full = Documents.absolute(path)
      let stamp = path == "-" ? nil : TokenFileWatcher.stamp(full)
      do {
        let read = try Documents.token(path)
        if path != "-" { watch = WatchedToken(path: full, token: read.token, stamp: stamp) }
        value = read.token
        facts.isOpenToOthers = read.warning != nil
        facts.expires = TokenExpiry.seconds(of: read.token)
      } catch {
        facts.failure = error
      }
      self.facts = facts
    }
  }
}
