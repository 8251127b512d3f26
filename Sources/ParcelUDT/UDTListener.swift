import CUDT
import Glibc
import ParcelCore
import ParcelNet
import Synchronization

/// A listening UDT socket. What it accepts goes on when it closes.
package final class UDTListener: Sendable {
  private let socket: Int32
  private let library: UDTLibrary
  private let closed = Atomic<Bool>(false)
  /// As the system names it: "127.0.0.1".
  package let host: String
  package let port: Int

  /// Port 0: any free one. "::" takes IPv4 too. `backlog`: connections that wait to be accepted; more are refused.
  ///
  /// Throws `Failure(.network, .needsUser)`.
  package init(
    host: String, port: Int, options: UDTOptions = UDTOptions(), backlog: Int = 128, library: UDTLibrary
  ) throws(Failure) {
    func failure(_ cause: String) -> Failure {
      Failure(
        .network, retry: .needsUser,
        "Could not listen on '\(Printable.text(host))' port \(port) for UDT: \(cause).",
        remedy: "Choose another address or port.")
    }
    let address: SocketAddress
    switch SocketAddress.resolve(host: host, port: port, passive: true) {
    case .success(let all): address = all[0]
    case .failure(let cause): throw failure(cause.text)
    }
    let socket = try UDTStream.bound(to: address, options) { failure($0) }
    guard parcel_udt_listen(socket, Int32(clamping: backlog)) == 0,
      let own = SocketAddress({ parcel_udt_own_address(socket, $0, $1) })
    else {
      let cause = LastError().cause
      parcel_udt_close(socket)
      throw failure(cause)
    }
    self.socket = socket
    self.library = library
    (self.host, self.port) = own.name
  }

  /// Waits up to `timeout` seconds, blocking its thread; nil: nobody came.
  ///
  /// Throws `Failure(.cancelled)` after `close`, `Failure(.network)` when libudt cannot go on.
  package func accept(timeout: Double) throws(Failure) -> UDTStream? {
    let accepted = parcel_udt_accept(socket, Int32(clamping: Int(max(0, min(timeout, 86_400)) * 1000)))
    if accepted >= 0 { return UDTStream(socket: accepted, library: library) }
    if accepted == PARCEL_UDT_NOBODY { return nil }
    let cause = LastError().cause
    let name = "'\(host)' port \(port)"
    if closed.load(ordering: .acquiring) {
      throw Failure(.cancelled, retry: .never, "Stopped listening on \(name) for UDT.")
    }
    throw Failure(.network, retry: .needsUser, "Could not accept on \(name) for UDT: \(cause).")
  }

  /// Ends a waiting `accept` soon. Any thread. The port is free again some seconds later.
  package func close() {
    guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    parcel_udt_close(socket)
  }
}
