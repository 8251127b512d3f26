import ParcelCore

/// URLs and references: taken apart and put together again they are the same, where one leads nothing of the other's
/// secrets goes, and what is shown has no password.
@Sendable func fuzzURL(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let first = input.line()
  let second = input.text()
  for text in [first, second] { one(text) }
  guard let base = URLReference(first), base.isFetchable, let reference = URLReference(second) else { return }
  let target = base.resolving(reference)
  let isASCII = second.utf8.allSatisfy { $0 < 128 }
  require(target.scheme != nil, "resolved to a relative reference")
  if reference.host != nil || reference.scheme != nil {
    require(target.userinfo == reference.userinfo, "user and password went along: \(first) \(second)")
  } else {
    require(target.isSameOrigin(as: base), "\(second) leads from \(first) to another host")
  }
  guard let location = Address.resolve(second, against: first) else { return }
  require(location.utf8.allSatisfy { $0 > 32 && $0 != 127 }, "a control character in \(location)")
  guard let again = URLReference(location) else { return require(false, "\(location) cannot be read again") }
  require(again.isFetchable && again.fragment == nil, location)
  var expected = target
  expected.fragment = nil
  // Bytes outside of ASCII are percent-encoded, in the host too.
  require(!isASCII || again.isSameOrigin(as: expected), "\(again) is not \(expected)")
  require(Address.sameOrigin(location, first) == again.isSameOrigin(as: base), "\(location) \(first)")
}

private func one(_ text: String) {
  _ = Address.origin(of: text)
  if let server = URLReference.server(text) { require(server.isFetchable && server.query == nil, text) }
  if case .success(let url) = RowInput.url(text) {
    require(URLReference(url)?.isFetchable == true, "\(url) was accepted")
    require(url.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != 35 }, url)
    require(RowInput.url(url) == .success(url), "\(url) is not left alone")
  }
  redacted(text)
  guard let reference = URLReference(text) else { return }
  if let name = reference.fileName { requireSafe(path: SafeName.component(name)) }
  require(reference.isSameOrigin(as: reference) == (reference.host != nil), text)
  guard reference.isFetchable else { return }
  guard let again = URLReference(reference.description) else {
    return require(false, "\(reference.description) cannot be read again")
  }
  require(again == reference, "\(text) became \(again.description)")
}

private func redacted(_ text: String) {
  let shown = Redaction.url(text)
  require(Redaction.url(shown) == shown, "\(shown) is redacted further")
  guard let reference = URLReference(text), reference.isFetchable else { return }
  guard let after = URLReference(shown) else { return require(false, "\(shown) cannot be read") }
  require(after.userinfo == reference.userinfo.map { _ in Redaction.stars }, "user or password in \(shown)")
  require(after.host == reference.host && after.port == reference.port, "\(shown) is another host")
  for part in (after.query ?? "").split(whereSeparator: { $0 == "&" || $0 == ";" })
  where part.hasPrefix("token=") {
    require(part == "token=***", "a token in \(shown)")
  }
}
