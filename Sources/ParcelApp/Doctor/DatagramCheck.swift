import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem

/// UDT handshakes over a plain UDP socket: libudt is in none of the clients, and nothing is left behind at the listener.
/// Everything here blocks.
enum DatagramCheck {
  /// Seconds for an answer, and how often it is asked for.
  private static let patience = 3.0
  private static let tries = 2
  /// Round trips measured once there is an answer, and seconds for each.
  private static let samples = 5
  private static let samplePatience = 1.0

  static func probe(_ addresses: [SocketAddress]) -> [DatagramMeasurement] {
    let work = addresses.map { address in { @Sendable in probe(address) } }
    let limit = patience * Double(tries) + samplePatience * Double(samples) + 1
    return zip(addresses, Bounded.all(seconds: limit, work)).map { address, outcome in
      DatagramMeasurement(address: address.text, outcome: outcome ?? .silent)
    }
  }

  private static func probe(_ address: SocketAddress) -> DatagramMeasurement.Outcome {
    let socket = connected(to: address)
    guard socket >= 0 else { return outcome(errno) }
    defer { close(socket) }
    var last: Answer = .none
    for _ in 0..<tries {
      last = ask(socket, patience: patience)
      if case .verdict(.listener, let seconds) = last { return best(socket, first: seconds) }
      guard case .none = last else { break }
    }
    switch last {
    case .none: return .silent
    case .error(let number): return outcome(number)
    case .verdict(.otherVersion, _): return .otherVersion
    case .verdict: return .foreign
    }
  }

  /// The shortest of several round trips: the others had to wait somewhere.
  private static func best(_ socket: Int32, first: Double) -> DatagramMeasurement.Outcome {
    var seconds = first
    var count = 1
    for _ in 1..<samples {
      guard case .verdict(.listener, let next) = ask(socket, patience: samplePatience) else { break }
      seconds = min(seconds, next)
      count += 1
    }
    return .answered(seconds: seconds, tries: count)
  }

  private enum Answer {
    case none
    case error(Int32)
    case verdict(UDTVerdict, seconds: Double)
  }

  /// Sends one request with a number of its own, so that a late answer to the one before is not taken for its answer.
  private static func ask(_ socket: Int32, patience: Double) -> Answer {
    let request = UDTHandshake(
      socket: Int32.random(in: 1..<(1 << 30)), sequence: Int32.random(in: 0..<Int32.max))
    let bytes = request.bytes
    let start = MonotonicClock.seconds()
    guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return .error(errno) }
    var answer = Answer.none
    while true {
      let left = start + patience - MonotonicClock.seconds()
      var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, Int32(max(0, left * 1000).rounded(.up)))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return answer }
      var buffer = [UInt8](repeating: 0, count: 2048)
      let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count >= 0 else {
        if errno == EAGAIN || errno == EINTR { continue }
        return .error(errno)
      }
      let seconds = MonotonicClock.seconds() - start
      let verdict = request.verdict(on: Array(buffer[..<count]))
      guard verdict == .foreign else { return .verdict(verdict, seconds: seconds) }
      answer = .verdict(.foreign, seconds: seconds)
    }
  }

  private static func outcome(_ error: Int32) -> DatagramMeasurement.Outcome {
    switch error {
    case ECONNREFUSED: .refused
    case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT: .noRoute
    default: .failed(Errno(code: error).message)
    }
  }

  /// -1 and an errno when the system refuses.
  private static func connected(to address: SocketAddress) -> Int32 {
    let socket = Glibc.socket(address.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return -1 }
    if address.withPointer({ connect(socket, $0, address.length) }) != 0 {
      let error = errno
      close(socket)
      errno = error
      return -1
    }
    return socket
  }

  // MARK: MTU

  /// Bytes of the largest packet that goes to this address in one piece: as this machine's kernel knows it (its interface's, or
  /// what routers have told it before), and, after a packet of that size was sent, as routers on the way say. Nil when the
  /// kernel does not say. `roundTrip`: seconds; nil: nothing is sent.
  static func mtu(_ address: SocketAddress, roundTrip: Double?) -> PacketSizeMeasurement? {
    let socket = connected(to: address)
    guard socket >= 0 else { return nil }
    defer { close(socket) }
    guard neverCut(socket, address), let local = mtu(socket, address) else { return nil }
    guard let roundTrip else { return PacketSizeMeasurement(local: local, path: nil) }
    var result = PacketSizeMeasurement(local: local, path: local)
    let size = min(local, 1500) - (address.isIPv6 ? 48 : 28)
    guard size > 16 else { return result }
    var packet = [UInt8](repeating: 0, count: size)
    // UDT's keep-alive to a connection that is not there: nobody answers it, whatever its size.
    packet[0] = 0x80
    packet[1] = 1
    packet[15] = 1
    guard send(socket, packet, packet.count, Int32(MSG_NOSIGNAL)) == size else { return result }
    let deadline = MonotonicClock.seconds() + min(2, 2 * roundTrip + 0.2)
    while result.path == local, MonotonicClock.seconds() < deadline {
      usleep(20_000)
      result.path = mtu(socket, address) ?? local
    }
    return result
  }

  private static func neverCut(_ socket: Int32, _ address: SocketAddress) -> Bool {
    let isIPv6 = address.isIPv6
    var value: Int32 = isIPv6 ? IPV6_PMTUDISC_DO : IP_PMTUDISC_DO
    return setsockopt(
      socket, Int32(isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP), isIPv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &value,
      socklen_t(MemoryLayout<Int32>.size)) == 0
  }

  private static func mtu(_ socket: Int32, _ address: SocketAddress) -> Int? {
    let isIPv6 = address.isIPv6
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard
      getsockopt(
        socket, Int32(isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP), isIPv6 ? IPV6_MTU : IP_MTU, &value, &size) == 0,
      value > 0
    else { return nil }
    return Int(value)
  }
}
