import ParcelCore
import ParcelHTTP
import ParcelTesting
import Synchronization
import Testing

/// One nginx for all tests that leave it alive; it dies with this process.
enum Shared {
  static let nginx = Result { try Nginx() }
  static let files = Result {
    let nginx = try Shared.nginx.get()
    try nginx.root.write(Pattern.bytes(0..<bigSize), to: "big")
    try nginx.root.write(Pattern.bytes(0..<smallSize), to: "small")
    try nginx.root.write([UInt8](), to: "empty")
    try nginx.root.write(Pattern.bytes(0..<100), to: "small.gz")
    try nginx.root.write(Pattern.bytes(0..<100), to: "small name")
    return nginx
  }
  static let bigSize = 4 << 20
  static let smallSize = 10_000

  /// The server with its files.
  static func server() throws -> Nginx { try files.get() }
}

/// Bytes that say where they belong.
enum Pattern {
  private static let all = (0..<Shared.bigSize).map {
    UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16)
  }

  static func bytes(_ range: Range<Int>) -> [UInt8] { Array(all[range]) }
}

/// A transport with its own connections, shut down at the end of the test.
final class Harness: Sendable {
  let transport: CurlTransport
  private let numbers = Atomic<UInt64>(0)

  init(
    settings: CurlSettings = CurlSettings(), _ change: (inout TransportOptions) -> Void = { _ in }
  ) {
    var options = TransportOptions()
    // Loopback must not go through a proxy that the machine may have set.
    options.proxy = ""
    change(&options)
    transport = CurlTransport(options: options, settings: settings)
  }

  deinit { transport.shutDown() }

  @discardableResult
  func open(
    _ url: String, range: Range<Int>? = nil, headers: [HTTPHeader] = [], shared: Bool = false,
    _ receiver: StrictReceiver
  ) -> TransferID {
    let id = TransferID(numbers.add(1, ordering: .relaxed).newValue)
    transport.open(
      TransferRequest(
        id: id, url: url, range: range.map { ByteRange($0.lowerBound, $0.upperBound) }, headers: headers,
        shared: shared),
      receiver: receiver)
    return id
  }

  /// Fetches to the end and checks the order of the calls.
  func fetch(
    _ url: String, range: Range<Int>? = nil, headers: [HTTPHeader] = [], shared: Bool = false,
    receiver: StrictReceiver = StrictReceiver(), sourceLocation: SourceLocation = #_sourceLocation
  ) async -> StrictReceiver.State {
    open(url, range: range, headers: headers, shared: shared, receiver)
    let state = await receiver.ended()
    #expect(state.breaches.isEmpty, sourceLocation: sourceLocation)
    return state
  }
}

extension StrictReceiver.State {
  /// nginx's number of the connection the answer came on.
  var connection: String? { head?["x-connection"] }
  /// The body is those bytes of the pattern. A Bool of its own: a failed comparison would print megabytes.
  func holds(_ range: Range<Int>) -> Bool { body == Pattern.bytes(range) }
  var text: String { String(decoding: body, as: UTF8.self) }
}
