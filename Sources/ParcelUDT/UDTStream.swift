import CUDT
import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// A UDT connection.
///
/// Calls block their thread, so callers bring their own. One thread may read while another writes. A call into libudt
/// returns after a slice of time at the latest, which is how `stopReading` and `abort` are seen.
///
/// An end of stream is what the peer's UDT said once, in a packet that may be lost: lengths and digests decide what is
/// complete. Bytes left unread a minute after it are destroyed by libudt: read them at once.
package final class UDTStream: ByteStream {
  package let peer: String
  private let socket: Int32
  private let library: UDTLibrary
  private let readingStopped = Atomic<Bool>(false)
  private let aborted = Atomic<Bool>(false)
  private let closed = Atomic<Bool>(false)

  /// Takes over a connected socket.
  init(socket: Int32, library: UDTLibrary) {
    self.socket = socket
    self.library = library
    peer = SocketAddress { parcel_udt_peer_address(socket, $0, $1) }?.text ?? "?"
  }

  /// Blocks until connected: up to 3 s, besides asking for the name.
  ///
  /// Throws `Failure(.network | .input)`.
  package static func connect(
    host: String, port: Int, options: UDTOptions = UDTOptions(), library: UDTLibrary
  ) throws(Failure) -> UDTStream {
    let object = "'\(Printable.text(host))' port \(port)"
    let address: SocketAddress
    switch SocketAddress.resolve(host: host, port: port) {
    case .success(let all): address = all[0]
    case .failure(let cause):
      throw failure(object, cause.text, remedy: "Check the name and the port.")
    }
    let socket = try bound(to: .any(family: address.family), options) { failure(object, $0) }
    guard address.withPointer({ parcel_udt_connect(socket, $0, address.length) }) == 0 else {
      let error = LastError()
      parcel_udt_close(socket)
      throw refusal(object, error)
    }
    return UDTStream(socket: socket, library: library)
  }

  /// A new bound socket; `failure` makes the error of a cause.
  static func bound(
    to address: SocketAddress, _ options: UDTOptions, failure: (String) -> Failure
  ) throws(Failure) -> Int32 {
    var values = options.forC(isIPv6: address.isIPv6)
    let socket = parcel_udt_socket(address.family, &values)
    guard socket >= 0 else { throw failure(LastError().cause) }
    var systemError: Int32 = 0
    let result = address.withPointer { parcel_udt_bind(socket, $0, address.length, &systemError) }
    guard result == 0 else {
      let cause = systemError == 0 ? LastError().cause : Cause(system: systemError).text
      parcel_udt_close(socket)
      throw failure(cause)
    }
    return socket
  }

  private static func failure(_ object: String, _ cause: String, remedy: String = "") -> Failure {
    Failure(
      .network, retry: .later(after: nil), "Could not connect to \(object) over UDT: \(cause).",
      remedy: remedy)
  }

  private static func refusal(_ object: String, _ error: LastError) -> Failure {
    switch error.code {
    case PARCEL_UDT_NO_ANSWER:
      failure(
        object, "nobody answered within 3 s",
        remedy: "Check that a UDT server or relay runs there and that firewalls let UDP through.")
    case PARCEL_UDT_REJECTED: failure(object, "it refused the connection")
    default: failure(object, error.cause)
    }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      if aborted.load(ordering: .acquiring) { throw .broken("stopped") }
      if readingStopped.load(ordering: .acquiring) { return 0 }
      let count = parcel_udt_receive(socket, buffer.baseAddress, Int32(clamping: buffer.count))
      if count > 0 { return Int(count) }
      let error = LastError()
      if error.code == PARCEL_UDT_LOST, parcel_udt_peer_closed(socket) == 1 { return 0 }
      guard error.code == PARCEL_UDT_TIMEOUT else { throw broken(error) }
      if MonotonicClock.seconds() >= deadline { throw .timeout }
    }
  }

  package func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    if bytes.isEmpty { return 0 }
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      if aborted.load(ordering: .acquiring) { throw .broken("stopped") }
      let count = parcel_udt_send(socket, bytes.baseAddress, Int32(clamping: bytes.count))
      if count > 0 { return Int(count) }
      let error = LastError()
      guard error.code == PARCEL_UDT_TIMEOUT else { throw broken(error) }
      if MonotonicClock.seconds() >= deadline { throw .timeout }
    }
  }

  private func broken(_ error: LastError) -> StreamEnd {
    switch error.code {
    case PARCEL_UDT_LOST where parcel_udt_peer_closed(socket) == 1: .broken("the peer closed the connection")
    case PARCEL_UDT_LOST, PARCEL_UDT_GONE: .broken("the UDT connection was lost")
    default: .broken(error.cause)
    }
  }

  /// UDT 4 has no half-close.
  package func endWriting() -> Bool { false }

  package func stopReading() { readingStopped.store(true, ordering: .releasing) }

  /// UDT 4 has no word for it: the peer finds that nobody is there any more, which takes it up to 47 s if it has no
  /// timeout of its own.
  package func abort() { aborted.store(true, ordering: .releasing) }

  /// Waits until the peer's UDT has acknowledged everything, at most the options' `linger`. The peer can then still read it.
  @discardableResult package func close() -> Bool {
    guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return true }
    if aborted.load(ordering: .acquiring) {
      parcel_udt_drop(socket)
      return false
    }
    return parcel_udt_close(socket) == 0
  }
}
