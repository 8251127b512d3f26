import Foundation
import ParcelTesting
import Synchronization

/// A TCP proxy on loopback that changes one bit of what the server sends: the last byte of `marker`, wherever and in how many
/// pieces it comes, the first `times` times.
final class FlippingProxy: Sendable {
  private struct State {
    var left: Int
    var flips = 0
    var down = 0
    var isStopped = false
    var descriptors: Set<Int32> = []
  }

  static let marker = Array("~~FLIP-ME".utf8)

  private let listener: ListeningSocket
  private let target: Int
  private let state: Mutex<State>
  var address: String { "http://127.0.0.1:\(listener.port)" }
  /// Bytes from the server.
  var down: Int { state.withLock { $0.down } }
  var flips: Int { state.withLock { $0.flips } }

  /// `target`: a port on loopback. `times`: `Int.max` for every time.
  init(to target: Int, times: Int) throws {
    listener = try ListeningSocket()
    self.target = target
    state = Mutex(State(left: times))
    Thread.detachNewThread { [self] in accept() }
  }

  func stop() {
    let open = state.withLock { state in
      state.isStopped = true
      return state.descriptors
    }
    shutdown(listener.descriptor, Int32(SHUT_RDWR))
    for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  private func accept() {
    while true {
      let client = Glibc.accept(listener.descriptor, nil, nil)
      guard client >= 0 else { break }
      guard let server = connectToTarget() else {
        close(client)
        continue
      }
      let isStopped = state.withLock { state in
        state.descriptors.formUnion([client, server])
        return state.isStopped
      }
      if isStopped { break }
      Thread.detachNewThread { [self] in pump(client, server, flips: false) }
      Thread.detachNewThread { [self] in pump(server, client, flips: true) }
    }
    close(listener.descriptor)
  }

  private func connectToTarget() -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = UInt16(target).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return nil
  }

  private func pump(_ from: Int32, _ to: Int32, flips: Bool) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var matched = 0
    while true {
      let count = recv(from, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      if flips {
        state.withLock { $0.down += count }
        flip(&buffer, count, &matched)
      }
      var sent = 0
      while sent < count {
        let more = buffer.withUnsafeBytes {
          send(to, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
        }
        guard more > 0 else { break }
        sent += more
      }
      if sent < count { break }
    }
    // The other direction's thread does the same; descriptors stay open until both are done with them, and the process
    // that tests run in ends soon.
    shutdown(from, Int32(SHUT_RDWR))
    shutdown(to, Int32(SHUT_RDWR))
  }

  /// The marker's first byte stands in it twice at its beginning and nowhere else.
  private func flip(_ buffer: inout [UInt8], _ count: Int, _ matched: inout Int) {
    buffer.withUnsafeMutableBytes { raw in
      var at = 0
      while at < count {
        if matched == 0 {
          guard let found = memchr(raw.baseAddress! + at, Int32(Self.marker[0]), count - at) else { return }
          at = UnsafeRawPointer(found) - UnsafeRawPointer(raw.baseAddress!)
        }
        if raw[at] == Self.marker[matched] {
          matched += 1
        } else {
          matched = raw[at] == Self.marker[0] ? (matched == 2 ? 2 : 1) : 0
        }
        if matched == Self.marker.count {
          matched = 0
          let mayFlip = state.withLock { state in
            guard state.left > 0 else { return false }
            state.left -= 1
            state.flips += 1
            return true
          }
          if mayFlip { raw[at] ^= 0x10 }
        }
        at += 1
      }
    }
  }
}
