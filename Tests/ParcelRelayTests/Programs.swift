import ParcelTesting

extension RunningProgram {
  /// The port that it says it listens on, once it does.
  func port() throws -> Int {
    let line = try line(after: "listening on ")
    let digits = line[line.index(after: line.lastIndex(of: ":") ?? line.startIndex)...]
    guard let port = Int(digits) else { throw FixtureError("no port in '\(line)'") }
    return port
  }
}

/// TCP in, UDT between, TCP out, as users run it.
struct Chain {
  let server: TestServer
  let outer: RunningProgram
  let inner: RunningProgram
  let port: Int

  init(_ server: TestServer, inner innerOptions: [String] = [], outer outerOptions: [String] = []) throws {
    self.server = server
    outer = try RunningProgram(
      "parcel-udt2tcp", ["127.0.0.1:\(server.port)", "-p", "0", "-i", "127.0.0.1", "-v"] + outerOptions)
    inner = try RunningProgram(
      "parcel-tcp2udt", ["127.0.0.1:\(outer.port())", "-p", "0", "-v"] + innerOptions)
    port = try inner.port()
  }
}
