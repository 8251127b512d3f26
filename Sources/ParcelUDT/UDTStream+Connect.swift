import CUDT
import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem

extension UDTStream {
  /// Why there is no connection.
  package struct ConnectFailure: Error {
    package var failure: Failure
    /// Nobody answered over UDP, as opposed to: refused, or the name was not found.
    package var isSilent: Bool

    package init(failure: Failure, isSilent: Bool) {
      self.failure = failure
      self.isSilent = isSilent
    }
  }

  /// Blocks until connected, up to about 7 s besides asking for the name: all addresses are tried, the next one 0.3 s after the
  /// one before, and all once more when none answers (a stock server never answers a handshake that straddles its minute).
  package static func connect(
    host: String, port: Int, options: UDTOptions = UDTOptions(), library: UDTLibrary
  ) throws(ConnectFailure) -> UDTStream {
    let object = "'\(Printable.text(host))' port \(port)"
    func failure(_ cause: String) -> ConnectFailure {
      ConnectFailure(
        failure: Failure(
          .network, retry: .later(after: nil), "Could not connect to \(object) over UDT: \(cause).",
          remedy: "Check the name and the port."), isSilent: false)
    }
    var addresses: [SocketAddress]
    switch SocketAddress.resolve(host: host, port: port) {
    case .success(let all): addresses = all.filter { !options.isIPv4Only || !$0.isIPv6 }
    case .failure(let cause): throw failure(cause.text)
    }
    if addresses.isEmpty { throw failure("it has no IPv4 address") }
    addresses = Array(addresses.prefix(8))
    let attempt = ConnectAttempt(
      object: object, origin: "\(host) \(port)", options: options, library: library)
    do {
      return try attempt.any(of: addresses)
    } catch {
      guard error.isSilent else { throw error }
      return try attempt.any(of: addresses)
    }
  }
}

/// What is the same for all addresses of a host.
private struct ConnectAttempt: Sendable {
  let object: String
  let origin: String
  let options: UDTOptions
  let library: UDTLibrary

  func any(of addresses: [SocketAddress]) throws(UDTStream.ConnectFailure) -> UDTStream {
    if addresses.count == 1 { return try one(addresses[0]) }
    return try ConnectRace(count: addresses.count).run { index in
      Result { () throws(UDTStream.ConnectFailure) in try one(addresses[index]) }
    }
  }

  private func one(_ address: SocketAddress) throws(UDTStream.ConnectFailure) -> UDTStream {
    let segment = options.segment(isIPv6: address.isIPv6)
    let filter = PacketFilter.connecting(
      maximumSegment: segment, source: address.isUnspecified ? [] : address.bytes,
      port: UInt16(address.name.port))
    let udp: UDPSocket
    let socket: Int32
    do throws(Cause) {
      udp = try UDPSocket(boundTo: .any(family: address.family), filter: filter)
      socket = try udp.udtSocket(options, isIPv6: address.isIPv6)
    } catch {
      throw failure(error.text)
    }
    guard address.withPointer({ parcel_udt_connect(socket, $0, address.length) }) == 0 else {
      let error = LastError()
      parcel_udt_close(socket)
      throw refusal(error)
    }
    guard let attached = Attached(socket) else {
      parcel_udt_drop(socket)
      throw failure("it broke the new connection off at once")
    }
    guard attached.isPlausible(offered: segment) else {
      parcel_udt_drop(socket)
      throw failure("it answered with a packet size or window that cannot be")
    }
    return UDTStream(
      socket: socket, attached, udp: udp, options: options, origin: origin, library: library)
  }

  private func failure(
    _ cause: String, remedy: String = "", isSilent: Bool = false
  ) -> UDTStream.ConnectFailure {
    UDTStream.ConnectFailure(
      failure: Failure(
        .network, retry: .later(after: nil), "Could not connect to \(object) over UDT: \(cause).",
        remedy: remedy), isSilent: isSilent)
  }

  private func refusal(_ error: LastError) -> UDTStream.ConnectFailure {
    switch error.code {
    case PARCEL_UDT_NO_ANSWER:
      failure(
        "nobody answered within 3 s, asked twice",
        remedy: "Check that a UDT server or relay runs there and that firewalls let UDP through.",
        isSilent: true)
    case PARCEL_UDT_REJECTED: failure("it refused the connection")
    default: failure(error.cause)
    }
  }
}

/// Attempts that run beside each other, each on a thread of its own; the first connection counts.
private final class ConnectRace: @unchecked Sendable {
  typealias Outcome = Result<UDTStream, UDTStream.ConnectFailure>

  /// Seconds before the next one starts.
  private static let headStart = 0.3

  private let monitor = Monitor()
  // Only inside `monitor`.
  private var failures: [UDTStream.ConnectFailure?]
  private var winner: UDTStream?
  private var running = 0
  private var isOver = false

  init(count: Int) { failures = Array(repeating: nil, count: count) }

  func run(_ attempt: @escaping @Sendable (Int) -> Outcome) throws(UDTStream.ConnectFailure) -> UDTStream {
    for index in failures.indices {
      monitor.locked { running += 1 }
      let isStarted = ServiceThread.start { self.finish(index, attempt(index)) }
      if !isStarted { finish(index, attempt(index)) }
      if wait(seconds: Self.headStart) { break }
    }
    _ = wait(seconds: 60)
    return try monitor.lockedThrowing { () throws(UDTStream.ConnectFailure) in
      isOver = true
      if let winner { return winner }
      // That of the first address; silent only when all were.
      let all = failures.compactMap(\.self)
      guard var first = all.first else {
        throw UDTStream.ConnectFailure(
          failure: Failure(.network, retry: .later(after: nil), "Could not connect over UDT."),
          isSilent: false)
      }
      first = all.first { !$0.isSilent } ?? first
      throw first
    }
  }

  /// Until one has won or none is running. True: one has won.
  private func wait(seconds: Double) -> Bool {
    let deadline = (MonotonicClock.now() + seconds).nanoseconds
    return monitor.locked {
      while winner == nil, running > 0, monitor.wait(until: deadline) {}
      return winner != nil
    }
  }

  private func finish(_ index: Int, _ outcome: Outcome) {
    let late: UDTStream? = monitor.locked {
      running -= 1
      monitor.wakeAll()
      switch outcome {
      case .failure(let failure):
        failures[index] = failure
        return nil
      case .success(let stream):
        if winner != nil || isOver { return stream }
        winner = stream
        return nil
      }
    }
    late?.close()
  }
}

extension SocketAddress {
  /// 4 or 16 bytes, in network order.
  fileprivate var bytes: [UInt8] {
    withPointer { pointer in
      let raw = UnsafeRawPointer(pointer)
      let (offset, count) = isIPv6 ? (8, 16) : (4, 4)
      return (0..<count).map { raw.load(fromByteOffset: offset + $0, as: UInt8.self) }
    }
  }

  fileprivate var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }
}
