import CUDT
import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// A listening UDT socket. What it accepts goes on when it closes.
package final class UDTListener: Sendable {
  private let socket: Int32
  private let library: UDTLibrary
  private let options: UDTOptions
  private let segment: Int
  /// Until it is closed: the port is in use as long as somebody holds it.
  private let udp: Mutex<UDPSocket?>
  private let closed = Atomic<Bool>(false)
  /// As the system names it: "127.0.0.1".
  package let host: String
  package let port: Int

  /// Port 0: any free one. "::" takes IPv4 too, and is "0.0.0.0" where there is no IPv6 or the options want none.
  /// `backlog`: connections that wait to be accepted; more are refused.
  ///
  /// Throws `Failure(.network, .needsUser)`.
  package init(
    host: String = "::", port: Int, options: UDTOptions = UDTOptions(), backlog: Int = 128,
    library: UDTLibrary
  ) throws(Failure) {
    do throws(Cause) {
      let bound = try Self.bind(host: host, port: port, options)
      guard parcel_udt_listen(bound.socket, Int32(clamping: backlog)) == 0,
        let own = SocketAddress({ parcel_udt_own_address(bound.socket, $0, $1) })
      else {
        let cause = Cause(LastError().cause)
        parcel_udt_close(bound.socket)
        throw cause
      }
      socket = bound.socket
      udp = Mutex(bound.udp)
      segment = options.segment(isIPv6: bound.isIPv6)
      self.options = options
      self.library = library
      (self.host, self.port) = own.name
    } catch {
      throw Failure(
        .network, retry: .needsUser,
        "Could not listen on '\(Printable.text(host))' port \(port) for UDT: \(error.text).",
        remedy: "Choose another address or port.")
    }
  }

  private struct Bound {
    let udp: UDPSocket
    let socket: Int32
    let isIPv6: Bool
  }

  private static func bind(host: String, port: Int, _ options: UDTOptions) throws(Cause) -> Bound {
    let host = options.isIPv4Only && host == "::" ? "0.0.0.0" : host
    let found = try SocketAddress.resolve(host: host, port: port, passive: true).get()
    guard let address = found.first(where: { !options.isIPv4Only || !$0.isIPv6 }) else {
      throw Cause("it has no IPv4 address")
    }
    do throws(Cause) {
      let filter = PacketFilter.listening(maximumSegment: options.segment(isIPv6: address.isIPv6))
      let udp = try UDPSocket(boundTo: address, filter: filter)
      let socket = try udp.udtSocket(options, isIPv6: address.isIPv6)
      return Bound(udp: udp, socket: socket, isIPv6: address.isIPv6)
    } catch {
      let reasons = [EAFNOSUPPORT, EADDRNOTAVAIL].map { Cause(system: $0).text }
      guard host == "::", reasons.contains(error.text) else { throw error }
      return try bind(host: "0.0.0.0", port: port, options)
    }
  }

  /// Waits up to `timeout` seconds, blocking its thread; nil: nobody came.
  ///
  /// Throws `Failure(.cancelled)` after `close`, `Failure(.network)` when libudt cannot go on.
  package func accept(timeout: Double) throws(Failure) -> UDTStream? {
    let deadline = MonotonicClock.seconds() + max(0, min(timeout, 86_400))
    while true {
      let left = max(0, deadline - MonotonicClock.seconds())
      let accepted = parcel_udt_accept(socket, Int32(clamping: Int(left * 1000)))
      if accepted == PARCEL_UDT_NOBODY { return nil }
      guard accepted >= 0, let udp = udp.withLock({ $0 }) else { throw stopped(LastError()) }
      if let attached = Attached(accepted), attached.isPlausible(offered: segment) {
        return UDTStream(
          socket: accepted, attached, udp: udp, options: options, library: library)
      }
      // It is gone already, or wants what would break libudt.
      parcel_udt_drop(accepted)
    }
  }

  private func stopped(_ error: LastError) -> Failure {
    let name = "'\(host)' port \(port)"
    if closed.load(ordering: .acquiring) {
      return Failure(.cancelled, retry: .never, "Stopped listening on \(name) for UDT.")
    }
    return Failure(.network, retry: .needsUser, "Could not accept on \(name) for UDT: \(error.cause).")
  }

  /// Ends a waiting `accept` soon. Any thread. The port is free again some seconds later.
  package func close() {
    guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    parcel_udt_close(socket)
    udp.withLock { $0 = nil }
  }
}
