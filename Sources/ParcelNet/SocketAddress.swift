import Glibc
import ParcelSystem

/// The address of an end point, in the system's form.
package struct SocketAddress: Sendable {
  package private(set) var storage = sockaddr_storage()
  package private(set) var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  package var family: Int32 { Int32(storage.ss_family) }
  package var isIPv6: Bool { family == AF_INET6 }

  /// All addresses of `host`, which may have brackets around it as in URLs, at least one: IPv4 first, as the original programs take it, in the resolver's order else.
  /// `passive`: to listen on. Blocks while names are looked up.
  package static func resolve(
    host: String, port: Int, passive: Bool = false
  ) -> Result<[SocketAddress], Cause> {
    guard (0...65_535).contains(port) else { return .failure(Cause("a port is a number from 0 to 65,535")) }
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.contains(":")
    let host = isBracketed ? String(host.dropFirst().dropLast()) : host
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, String(port), &hints, &list)
    guard result == 0 else { return .failure(Cause(String(cString: gai_strerror(result)))) }
    defer { freeaddrinfo(list) }
    let all = sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { $0?.pointee }
    let addresses = all.compactMap(SocketAddress.init)
    let sorted = addresses.filter { !$0.isIPv6 } + addresses.filter(\.isIPv6)
    return sorted.isEmpty ? .failure(Cause("the name has no address")) : .success(sorted)
  }

  /// Nil for what is neither IPv4 nor IPv6.
  private init?(_ found: addrinfo) {
    guard found.ai_family == AF_INET || found.ai_family == AF_INET6, let from = found.ai_addr else {
      return nil
    }
    length = found.ai_addrlen
    let count = Int(length)
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: from, count: count))
    }
  }

  /// Any free port on all addresses, for a socket that connects.
  package static func any(family: Int32) -> SocketAddress {
    var address = SocketAddress()
    address.storage.ss_family = sa_family_t(family)
    address.length = socklen_t(
      family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
    return address
  }

  /// Asks `get` for an address; nil when it fails.
  package init?(_ get: (UnsafeMutablePointer<sockaddr_storage>, UnsafeMutablePointer<socklen_t>) -> Int32) {
    guard get(&storage, &length) == 0 else { return nil }
  }

  private init() {}

  /// Calls `body` with the form that the system's calls take.
  package func withPointer<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
    withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
  }

  /// In numbers: ("127.0.0.1", 9000).
  package var name: (host: String, port: Int) {
    var host = [CChar](repeating: 0, count: 256)
    var service = [CChar](repeating: 0, count: 32)
    let result = withPointer {
      getnameinfo($0, length, &host, 256, &service, 32, NI_NUMERICHOST | NI_NUMERICSERV)
    }
    guard result == 0 else { return ("?", 0) }
    func text(_ characters: [CChar]) -> String {
      String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return (text(host), Int(text(service)) ?? 0)
  }

  /// As logs have it: "127.0.0.1:9000", "[::1]:9000".
  package var text: String {
    let (host, port) = name
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// Words for why, to be put into a `Failure`.
package struct Cause: Error {
  package let text: String
  package init(_ text: String) { self.text = text }

  /// What an errno means.
  package init(system error: Int32) { text = Errno(code: error).message }
}
