/// What the facts mean for the start of a batch. Pure: the same facts give the same findings.
package struct PreflightRules: Sendable {
  package struct Policy: Sendable {
    /// An unreachable server is no reason to stop: the run waits for it (`--until-done`).
    package var waitsForServers = false

    package init() {}
  }

  let facts: PreflightFacts
  let policy: Policy

  package static func report(_ facts: PreflightFacts, policy: Policy = Policy()) -> PreflightReport {
    let rules = PreflightRules(facts: facts, policy: policy)
    return PreflightReport(
      rules.folder() + rules.access() + rules.room() + rules.servers() + rules.manifestRows() + rules.names()
        + rules.diskRows())
  }

  /// From how many files, or bytes, on servers are asked before the start: below it the downloads themselves find out
  /// as fast, and a single file must not start later for a check.
  package static let filesThatPay = 10
  package static let bytesThatPay = 1_000_000_000

  /// `files`, `bytes`: what is still to be fetched.
  package static func asksServers(files: Int, bytes: Int) -> Bool {
    files >= filesThatPay || files > 0 && bytes >= bytesThatPay
  }

  // MARK: Rows in findings

  func rows(
    _ indices: [Int], _ level: Finding.Level, _ topic: String, _ code: Failure.Code?, _ text: String,
    _ remedy: String, scope: PreflightFinding.Scope = .rows
  ) -> PreflightFinding {
    PreflightFinding(
      scope, level, topic, code, text, remedy, rows: indices.map { DownloadID($0) },
      names: indices.prefix(PreflightFinding.namesShown).map { name($0) })
  }

  /// What a person knows the row as.
  func name(_ index: Int) -> String { spec(index).title }

  /// Others count on behind the rows.
  func spec(_ index: Int) -> DownloadSpec {
    let count = facts.specs.count
    return index < count ? facts.specs[index] : facts.others[index - count]
  }

  /// "1 file is", "12 files are"
  static func count(_ number: Int, _ one: String = "file is", _ many: String = "files are") -> String {
    number == 1 ? "1 \(one)" : "\(Grouped.text(number)) \(many)"
  }

  // MARK: The folder

  private func folder() -> [PreflightFinding] {
    let target = facts.target
    let elsewhere = "Choose another folder with -d."
    if let failure = target.failure {
      return [
        PreflightFinding(
          .batch, .trouble, "Folder", .disk, "\(target.folder) cannot be used: \(failure)", elsewhere)
      ]
    }
    var findings: [PreflightFinding] = []
    if let lock = target.lock {
      let sentence = lock.sentence.hasSuffix(".") ? String(lock.sentence.dropLast()) : lock.sentence
      findings.append(PreflightFinding(.batch, .trouble, "In use", .locked, sentence, lock.remedy))
    }
    if let why = target.writeFailure {
      findings.append(
        PreflightFinding(
          .batch, .trouble, "Writing", .disk, "no file can be made in \(target.existing): \(why)",
          "Choose another folder with -d, or have the permission changed."))
    }
    return findings
  }

  // MARK: Token and certificates

  /// A token that ends sooner is worth a remark.
  private static let soon = 86_400

  private func access() -> [PreflightFinding] {
    var findings: [PreflightFinding] = []
    if let failure = facts.authorities {
      findings.append(Self.of(failure, "Authority"))
    }
    guard let token = facts.token else { return findings }
    if let failure = token.failure { findings.append(Self.of(failure, "Token")) }
    if let expires = token.expires {
      let left = expires - facts.now
      let renew = "Get a new one where you got this one."
      if left <= 0 {
        findings.append(
          PreflightFinding(
            .batch, .trouble, "Token", .credentials,
            "the token says that it expired \(DoctorText.span(-left)) ago", renew))
      } else if left < Self.soon {
        findings.append(
          PreflightFinding(
            .batch, .remark, "Token", nil, "the token says that it expires in \(DoctorText.span(left))", renew
          ))
      }
    }
    if token.isOpenToOthers, let path = token.path {
      findings.append(
        PreflightFinding(
          .batch, .remark, "Token", nil, "others on this machine can read the token file '\(path)'",
          "chmod 600 \(path)"))
    }
    return findings
  }

  private static func of(_ failure: Failure, _ topic: String) -> PreflightFinding {
    PreflightFinding(.batch, .trouble, topic, failure.code, clause(failure), failure.remedy)
  }

  /// A sentence without its full stop.
  static func clause(_ failure: Failure) -> String {
    failure.sentence.hasSuffix(".") ? String(failure.sentence.dropLast()) : failure.sentence
  }
}
