/// What the servers' answers to one byte mean for their rows.
extension PreflightRules {
  func servers() -> [PreflightFinding] { facts.servers.flatMap { server($0) } }

  private func server(_ one: ServerFacts) -> [PreflightFinding] {
    switch one.outcome {
    case .answered(let head, let verdict, let body): return answered(one, head, verdict, body)
    case .failed(let failure): return failed(one, failure)
    case .silent(let seconds, let connected):
      // A server that was reached may have a slow start; downloads wait longer than a check.
      let text =
        connected
        ? "\(host(one)) was reached and has sent no answer within \(Int(seconds)) s"
        : "no connection to \(host(one)) within \(Int(seconds)) s"
      let remedy = "Check the network; parcel doctor \(host(one)) says more."
      return [connected ? remark(one, "Server", text, remedy) : unreachable(one, text, .network, remedy)]
    case .relay(let relay, let outcome): return self.relay(one, relay, outcome)
    case .noRelay(let relay, let why):
      return [
        unreachable(one, "the relay's name \(relay.host) was not found: \(why)", .proxy, "Check --relay.")
      ]
    }
  }

  private func host(_ one: ServerFacts) -> String {
    URLReference(one.url)?.hostAndPort ?? Redaction.url(one.origin)
  }

  /// All rows of the run, or those of this server.
  private func concerned(_ one: ServerFacts) -> [Int] {
    facts.servers.count == 1 ? [] : one.rows
  }

  private func batch(
    _ one: ServerFacts, _ level: Finding.Level, _ topic: String, _ code: Failure.Code?, _ text: String,
    _ remedy: String
  ) -> PreflightFinding {
    rows(concerned(one), level, topic, code, text, remedy, scope: .batch)
  }

  private func remark(_ one: ServerFacts, _ topic: String, _ text: String, _ remedy: String)
    -> PreflightFinding
  { batch(one, .remark, topic, nil, text, remedy) }

  /// A run that waits for servers, or has another way to this one, goes on.
  private func unreachable(
    _ one: ServerFacts, _ text: String, _ code: Failure.Code, _ remedy: String
  ) -> PreflightFinding {
    if policy.waitsForServers { return remark(one, "Server", text + "; the run waits for it", "") }
    if one.hasRelay { return remark(one, "Server", text + "; its relay may", "") }
    return batch(one, .trouble, "Server", code, text, remedy)
  }

  // MARK: No answer

  private func failed(_ one: ServerFacts, _ failure: Failure) -> [PreflightFinding] {
    let text = Self.cause(failure, one.url)
    switch failure.code {
    case .network, .proxy, .stalled: return [unreachable(one, text, failure.code, failure.remedy)]
    case .tls: return [batch(one, .trouble, "TLS", .tls, text, failure.remedy)]
    // Said of the file itself.
    case .input where facts.authorities != nil: return []
    case .input, .credentials: return [batch(one, .trouble, "Server", failure.code, text, failure.remedy)]
    default: return [remark(one, "Server", text, failure.remedy)]
    }
  }

  /// The sentence without "Could not fetch URL:".
  static func cause(_ failure: Failure, _ url: String) -> String {
    let sentence = clause(failure)
    for tail in [": ", ", bytes 0 to 0: "].map({ StatusRule.attempt(url) + $0 })
    where sentence.hasPrefix(tail) {
      return String(sentence.dropFirst(tail.count))
    }
    return sentence
  }

  // MARK: An answer

  private func answered(
    _ one: ServerFacts, _ head: ResponseHead, _ verdict: ResponseVerdict, _ body: [UInt8]
  ) -> [PreflightFinding] {
    switch verdict {
    case .part, .empty, .whole: return []
    case .wholeInsteadOfPart:
      guard hasLarge(one) else { return [] }
      return [
        remark(
          one, "Ranges", "\(host(one)) gives no parts of files: each comes over one connection",
          "A download that breaks starts again from zero there.")
      ]
    case .redirect:
      return [
        rows(
          [one.asked], .trouble, "Redirect", .server,
          "the server redirects to where nothing can be fetched (from https to http, too often, or to nowhere)",
          "Ask the server's operator, or use the URL that it should lead to.")
      ]
    case .refused(let failure): return [refused(one, head, failure, body)]
    }
  }

  private func hasLarge(_ one: ServerFacts) -> Bool {
    one.rows.contains { facts.specs[$0].size ?? .max >= smallFileLimit }
  }

  private func refused(
    _ one: ServerFacts, _ head: ResponseHead, _ failure: Failure, _ body: [UInt8]
  ) -> PreflightFinding {
    let hasToken = facts.token != nil
    let refusal = Refusal.of(head, body: body, url: one.url, hasToken: hasToken)
    let full = FailureText.explain(
      failure, head: head, body: body, title: name(one.asked), url: one.url, hasToken: hasToken)
    let text = Self.cause(full, one.url)
    switch full.code {
    case .credentials where refusal?.concernsAll == true || head.status == 407 || head.status == 401:
      return batch(one, .trouble, "Access", .credentials, "\(host(one)): " + text, full.remedy)
    case .credentials:
      return rows(
        [one.asked], .trouble, "Access", .credentials,
        text + (one.rows.count > 1 ? " Others may be refused too" : ""),
        full.remedy)
    case .notFound: return rows([one.asked], .trouble, "Not there", .notFound, text, full.remedy)
    case .size, .changed: return rows([one.asked], .trouble, "Different", full.code, text, full.remedy)
    // Busy, broken: what downloads try again.
    default:
      return remark(
        one, "Server", "\(host(one)): " + text,
        full.remedy.isEmpty ? "It is tried again during the run." : full.remedy)
    }
  }

  // MARK: Over udt

  private func relay(
    _ one: ServerFacts, _ relay: Endpoint, _ outcome: DatagramMeasurement.Outcome
  ) -> [PreflightFinding] {
    let why: String
    switch outcome {
    case .answered: return []
    case .otherVersion: why = "the relay \(relay.text) speaks another version of UDT"
    case .foreign: why = "what answers at \(relay.text) is no UDT relay"
    case .refused: why = "nobody listens at the relay's address \(relay.text)"
    case .noRoute: why = "there is no way to the relay \(relay.text)"
    case .silent: why = "the relay \(relay.text) does not answer: it is down, or a firewall drops UDP"
    case .failed(let words): why = "the relay \(relay.text) cannot be reached: \(words)"
    }
    return [unreachable(one, why, .proxy, "Check --relay and the firewall; parcel doctor --relay says more.")]
  }
}
