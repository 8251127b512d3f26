import ParcelCore

/// JSON lines: our own records, and what a child program or a stranger sends instead.
@Sendable func fuzzJSON(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let text = input.text()
  if let record = JSONReader(text) {
    for name in record.members.keys.sorted() { _ = (record.integer(name), record.bool(name)) }
  }
  written(text)
  if let report = RelayReport(line: text) {
    let line = report.line
    guard let again = RelayReport(line: line) else { return require(false, "'\(line)' cannot be read") }
    require(again.line == line, "'\(line)' became '\(again.line)'")
    requireShowable(line, "a report")
    if case .path(let path) = report {
      require((0...1).contains(path.meanLoss), "a loss of \(path.meanLoss) in '\(line)'")
    }
  }
  var lines = SupervisorLines()
  let whole = lines.take(bytes + [10])
  var pieces = SupervisorLines()
  var cut: [String] = []
  for byte in bytes + [10] { cut += pieces.take(CollectionOfOne(byte)) }
  require(whole == cut, "lines depend on how they arrive")
}

/// Any text becomes one line of JSON that reads the same.
private func written(_ text: String) {
  var inner = JSONObject()
  inner.add(text, text)
  var record = JSONObject()
  record.add("name", text)
  record.add("number", Double(text) ?? 0)
  let line = record.closed
  requireShowable(line, "a record")
  guard let read = JSONReader(line) else { return require(false, "\(line) is no JSON") }
  require(read.string("name").map { Array($0.utf8) } == Array(text.utf8), "\(line) is not \(text)")
  require(JSONReader(inner.closed)?.string(text) == text, "\(inner.closed)")
}

/// What a peer sends beside the bytes, and how its messages drive the protocol.
@Sendable func fuzzPeer(_ bytes: [UInt8]) {
  var input = Input(bytes)
  var side = PeerProtocol()
  var now = Instant(seconds: 0)
  _ = side.start(now: now)
  while !input.isEmpty {
    now = now + Double(input.byte()) / 50
    switch input.byte() % 8 {
    case 0: answered(side.tick(now: now, isAcknowledged: input.byte() & 1 == 1))
    case 1: answered(side.didRead(Int(input.number(3))))
    case 2: answered(side.stopReading())
    case 3: answered(side.endWriting(total: input.number(8), now: now, roundTrip: Double(input.byte()) / 100))
    case 4: answered(side.breakOff(now: now, roundTrip: Double(input.byte()) / 100))
    default:
      var words = (0..<4).map { _ in UInt32(truncatingIfNeeded: input.number(4)) }
      if words[3] & 1 == 1 { words[0] = PeerMessage.magic }
      if words[3] & 2 == 2 { words[1] = 1 << 16 | words[1] & 0x107 }
      guard let message = PeerMessage(words: words) else { continue }
      require(PeerMessage(words: message.words) == message, "\(message) reads otherwise")
      let before = side.peerTotal
      answered(side.receive(message, now: now))
      if let before { require(side.peerTotal == before, "the peer's total changed") }
    }
    require(!side.isAtEnd || side.peerTotal == side.readCount, "an end that is none")
  }
  handshake(bytes)
}

private func answered(_ messages: [PeerMessage]) {
  require(messages.count <= 3, "one event made \(messages.count) messages")
  for message in messages { require(PeerMessage(words: message.words) == message, "\(message)") }
}

private func handshake(_ bytes: [UInt8]) {
  let request = UDTHandshake(socket: 77, sequence: 1)
  _ = request.verdict(on: bytes)
  guard let packet = UDTHandshake(bytes) else { return }
  require(UDTHandshake(packet.bytes) == packet, "a handshake reads otherwise")
}

/// Text from outside on its way to a terminal, a log or a header line.
@Sendable func fuzzText(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let text = input.text()
  let shown = Printable.text(text)
  requireShowable(shown, "printable text")
  require(Printable.text(shown) == shown, "printable text is not left alone")
  requireShowable(Printable.lines(text), lines: true, "printable lines")
  let ascii = Printable.text(text, ascii: true)
  require(ascii.utf8.allSatisfy { $0 >= 32 && $0 < 127 }, ascii)
  requireShowable(Redaction.headLine(shown), "a header line")
  var failure = Failure(.server, retry: .never, "It failed.")
  for type in ["text/plain", "application/json"] {
    let head = ResponseHead(status: 403, headers: [HTTPHeader("Content-Type", type)])
    failure = FailureText.explain(failure, head: head, body: bytes, title: "x")
    requireShowable(failure.text, "a server's words")
  }
  if let endpoint = Endpoint(text) {
    require(Endpoint(endpoint.text) == endpoint, "\(endpoint.text) reads otherwise")
  }
  for name in ["Authorization", "x-auth-token", "Cookie", "Set-Cookie", "Proxy-Authorization"] {
    require(Redaction.headLine("\(name): \(shown)") == "\(name): ***", "\(name): \(shown)")
  }
}
