import Foundation
import ParcelCore
import ParcelTesting
import Synchronization

@testable import ParcelServer

/// Numbers that look random and are the same each time.
struct Seeded {
  var state: UInt64
  init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// 0 up to, not including, `limit`.
  mutating func next(_ limit: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % limit
  }
}

/// A folder that goes with the value.
final class TemporaryFolder {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "parcel-server-tests-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }
}

/// An answer as a client sees it.
struct Reply {
  var head: ResponseHead
  var body: [UInt8]
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A client that says exactly what it is told to and reads exactly one answer at a time.
final class RawClient {
  /// Both give what the system's calls do.
  private let sendBytes: ([UInt8]) -> Void
  private let receiveBytes: (inout [UInt8]) -> Int
  private let end: () -> Void
  private var pending: [UInt8] = []

  init(_ stream: any ByteStream) {
    sendBytes = { bytes in bytes.withUnsafeBytes { try? stream.write($0, timeout: 60) } }
    receiveBytes = { buffer in
      (try? buffer.withUnsafeMutableBytes { try stream.read(into: $0, timeout: 60) }) ?? -1
    }
    end = { stream.close() }
  }

  init(port: Int, receiveBuffer: Int? = nil) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if let receiveBuffer {
      var size = Int32(receiveBuffer)
      setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }
    var timeout = timeval(tv_sec: 60, tv_usec: 0)  // a test that would hang fails instead
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, 16) }
    }
    sendBytes = { _ = Glibc.send(socket, $0, $0.count, Int32(MSG_NOSIGNAL)) }
    receiveBytes = { recv(socket, &$0, $0.count, 0) }
    end = { Glibc.close(socket) }
    guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
  }

  deinit { end() }

  func send(_ text: String) { send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) { sendBytes(bytes) }

  func get(_ path: String, method: String = "GET", _ headers: String...) {
    send("\(method) \(path) HTTP/1.1\r\nHost: x\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
  }

  /// At least one more byte, or false at the end of the stream.
  @discardableResult
  func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = receiveBytes(&buffer)
    if count > 0 { pending += buffer[..<count] }
    return count > 0
  }

  /// Reads until a byte of the next answer's body is there; false when the stream ends before.
  func receiveBodyByte() -> Bool {
    while true {
      let end = pending.indices.dropLast(4).first { pending[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) }
      if end != nil { return true }
      guard receive() else { return false }
    }
  }

  /// The next answer; nil when the stream ends before it is complete.
  func reply(toHead: Bool = false) -> Reply? {
    var end: Int?
    while true {
      end = pending.indices.dropLast(3).first { pending[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) }
      if end != nil { break }
      guard receive() else { return nil }
    }
    guard let end else { return nil }
    let lines = String(decoding: pending[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let headers = lines.dropFirst().map { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      return HTTPHeader(String(parts[0]), ASCII.trimmed(parts[1]))
    }
    let head = ResponseHead(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers)
    pending.removeFirst(end + 4)
    let length = toHead || head.status == 304 ? 0 : head.contentLength ?? 0
    while pending.count < length { guard receive() else { return nil } }
    defer { pending.removeFirst(length) }
    return Reply(head: head, body: Array(pending[..<length]))
  }

  /// True when the server sends nothing more.
  func isAtEnd() -> Bool { pending.isEmpty && !receive() }
}

/// Runs a program to its end.
func run(_ program: String, _ arguments: [String]) throws -> RunningProgram.Result {
  try RunningProgram(program, arguments).wait()
}

/// The bytes of a generated object.
func generated(seed: UInt64, _ range: Range<Int>) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
    GeneratedBytes(seed: seed).fill(UnsafeMutableRawBufferPointer(buffer), from: range.lowerBound)
    count = range.count
  }
}

/// A stream without a network: gives what it was made with in small pieces, keeps what is written.
final class ScriptedStream: ByteStream {
  let peer = "script"
  private let input: Mutex<[UInt8]>
  private let piece: Int
  let output = Mutex<[UInt8]>([])
  let ended = Mutex<[String]>([])

  init(_ text: String, piece: Int) {
    input = Mutex(Array(text.utf8))
    self.piece = piece
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    input.withLock { input in
      let count = min(piece, input.count, buffer.count)
      buffer.copyBytes(from: input[..<count])
      input.removeFirst(count)
      return count
    }
  }

  func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    output.withLock { $0 += Array(bytes) }
    return bytes.count
  }

  func endWriting() -> Bool { true }

  func stopReading() { input.withLock { $0 = [] } }
  func abort() { ended.withLock { $0.append("abort") } }
  func close() -> Bool {
    ended.withLock { $0.append("close") }
    return true
  }
}
