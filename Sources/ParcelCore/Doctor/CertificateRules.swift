/// What a TLS handshake means.
extension DoctorRules {
  /// `now`: this machine's clock, seconds since 1970.
  package static func certificate(_ one: CertificateMeasurement, now: Int) -> [Finding] {
    if let trouble = one.trouble { return [refusal(one, trouble, now: now)] }
    let words = [one.version ?? "TLS", "certificate for \(one.host)", issuedBy(one)].compactMap { $0 }
    guard let expires = one.expires else {
      return [.good(.server, "TLS", words.joined(separator: ", "))]
    }
    let left = expires - now
    let until = "until \(CivilDate.text(expires)) (\(DoctorText.span(left)) left)"
    let text = (words + [until]).joined(separator: ", ")
    let finding: Finding =
      left >= 7 * 86_400
      ? .good(.server, "TLS", text)
      : .remark(
        .server, "TLS", text, "Tell the server's operator: with an expired certificate downloads stop.")
    return [finding.with("certificate_days_left", Double(left / 86_400))]
  }

  package static func noTLS() -> [Finding] {
    [.neutral(.server, "TLS", "none: with http:// anyone on the way can read and change what comes")]
  }

  private static func issuedBy(_ one: CertificateMeasurement) -> String? {
    one.issuer.isEmpty ? nil : "issued by \(short(one.issuer))"
  }

  private static func refusal(
    _ one: CertificateMeasurement, _ trouble: CertificateMeasurement.Trouble, now: Int
  ) -> Finding {
    let (text, remedy) = words(one, trouble, now: now)
    let code: Failure.Code = trouble == .noAnswer ? .network : .tls
    return .trouble(.server, "TLS", code, text, remedy).with(
      "certificate_days_left", one.expires.map { Double(($0 - now) / 86_400) })
  }

  private static func words(
    _ one: CertificateMeasurement, _ trouble: CertificateMeasurement.Trouble, now: Int
  ) -> (text: String, remedy: String) {
    let trust = "If you trust this server, give its authority's certificate with --cacert FILE."
    let issuer = one.issuer.isEmpty ? "its issuer" : "its issuer '\(short(one.issuer))'"
    switch trouble {
    case .expired:
      let when = one.expires.map { " on \(CivilDate.text($0)), \(DoctorText.span(now - $0)) ago" } ?? ""
      return (
        "the certificate of \(one.host) expired\(when)",
        "Only the server's operator can renew it; check this machine's clock too."
      )
    case .notYetValid:
      let when = one.starts.map { " before \(CivilDate.text($0))" } ?? " yet"
      return (
        "the certificate of \(one.host) is not valid\(when)", "Check this machine's clock (timedatectl)."
      )
    case .selfSigned:
      return ("the certificate of \(one.host) is self-signed: nobody vouches for it", trust)
    case .unknownIssuer:
      let missing = one.chainLength == 1 ? ", or the server does not send the certificates in between" : ""
      return (
        "the certificate of \(one.host): \(issuer) is not among the authorities known here\(missing)", trust
      )
    case .wrongHost:
      let names = one.names.isEmpty ? "" : ", it is for \(DoctorText.list(one.names.map(short), limit: 4))"
      return (
        "the certificate is not for \(one.host)\(names)", "Use the name that the certificate has in the URL."
      )
    case .revoked:
      return (
        "the certificate of \(one.host) was revoked", "Do not use this server before its operator explains."
      )
    case .authorityFile:
      return (
        "the file given with --cacert holds no certificate that can be read",
        "Check the file: PEM is expected."
      )
    case .noTLS:
      return (
        "no common TLS version or cipher with \(one.host), or it does not speak TLS on this port",
        "Check the port and the scheme of the URL."
      )
    case .noAnswer:
      return ("no TLS handshake with \(one.host) in time", "A firewall or proxy may be in the way.")
    case .other(let cause): return ("the TLS handshake with \(one.host) failed: \(cause)", trust)
    }
  }

  /// Names in certificates can be of any length.
  private static func short(_ name: String) -> String { name.count > 60 ? name.prefix(59) + "…" : name }
}

/// Dates without a clock or a calendar library.
package enum CivilDate {
  /// Seconds since 1970 as "2026-11-23", UTC.
  package static func text(_ seconds: Int) -> String {
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    // Years that start in March have the leap day at their end.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let day = shifted - era * 146_097
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    let date = dayOfYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year + era * 400 + (civilMonth <= 2 ? 1 : 0))-\(two(civilMonth))-\(two(date))"
  }

  /// OpenSSL's "Nov 23 01:54:58 2026 GMT" as seconds since 1970; nil for anything else.
  package static func certificateDate(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    guard words.count == 5, words[4] == "GMT" else { return nil }
    let day = words[1].utf8.count == 1 ? "0\(words[1])" : "\(words[1])"
    // The day of the week is not looked at.
    return HTTPDate.parse("Mon, \(day) \(words[0]) \(words[3]) \(words[2]) GMT", now: 0)
  }
}
