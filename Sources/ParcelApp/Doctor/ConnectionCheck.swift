import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem

/// Lookups and TCP connections. Everything here blocks.
enum ConnectionCheck {
  /// Seconds for each step.
  static let limit = 10.0
  /// Addresses looked at, of however many a name has.
  private static let most = 8

  static func lookUp(_ endpoint: Endpoint, isProxy: Bool) -> (NameMeasurement, [SocketAddress]) {
    let start = MonotonicClock.seconds()
    let found = Bounded.one(seconds: limit) {
      SocketAddress.resolve(host: endpoint.host, port: endpoint.port)
    }
    let seconds = MonotonicClock.seconds() - start
    func measured(_ addresses: [SocketAddress], _ failure: String?) -> NameMeasurement {
      NameMeasurement(
        host: endpoint.host, isProxy: isProxy, addresses: addresses.map(\.name.host), seconds: seconds,
        failure: failure)
    }
    switch found {
    case .success(let all)?:
      var unique: [SocketAddress] = []
      for address in all where !unique.contains(where: { $0.text == address.text }) { unique.append(address) }
      return (measured(unique, nil), Array(unique.prefix(most)))
    case .failure(let cause)?: return (measured([], cause.text), [])
    case nil: return (measured([], nil), [])
    }
  }

  static func connect(_ addresses: [SocketAddress]) -> [ConnectMeasurement] {
    let work = addresses.map { address in { @Sendable in connect(address) } }
    return zip(addresses, Bounded.all(seconds: limit + 1, work)).map { address, outcome in
      ConnectMeasurement(address: address.text, outcome: outcome ?? .silent(seconds: limit))
    }
  }

  private static func connect(_ address: SocketAddress) -> ConnectMeasurement.Outcome {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = Glibc.socket(address.family, kind, 0)
    guard socket >= 0 else { return outcome(errno) }
    defer { close(socket) }
    let start = MonotonicClock.seconds()
    if address.withPointer({ Glibc.connect(socket, $0, address.length) }) != 0 {
      guard errno == EINPROGRESS else { return outcome(errno) }
      var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
      guard poll(&poller, 1, Int32(limit * 1000)) > 0 else { return .silent(seconds: limit) }
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size)
      guard error == 0 else { return outcome(error) }
    }
    return .connected(seconds: MonotonicClock.seconds() - start)
  }

  private static func outcome(_ error: Int32) -> ConnectMeasurement.Outcome {
    switch error {
    case ECONNREFUSED: .refused
    case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT: .noRoute
    case ETIMEDOUT: .silent(seconds: limit)
    default: .failed(Errno(code: error).message)
    }
  }
}
