import CUDT
import ParcelCore

/// libudt at work in this process: its threads run as long as one of these exists.
///
/// Streams and listeners keep theirs. Letting go of the last one takes up to a second, so programs hold one for as long as
/// they run. A process has at most one UDT socket per port number.
package final class UDTLibrary: Sendable {
  /// Throws `Failure(.proxy, .later)` when the system gives no threads or memory.
  package init() throws(Failure) {
    guard parcel_udt_startup() == 0 else {
      throw Failure(.proxy, retry: .later(after: nil), "Could not start UDT: \(LastError().cause).")
    }
  }

  deinit { parcel_udt_cleanup() }
}

/// What UDT's end points offer each other. It is fixed before the path is known.
package struct UDTOptions: Sendable {
  /// The largest IP packet in bytes; the smaller of both ends' holds. nil: 1500 on IPv4, 1480 on IPv6, where libudt
  /// forgets that headers are longer.
  package var maximumSegment: Int?
  /// Packets on their way at once, at least 32.
  package var flowWindow = 16_384
  /// Bytes that wait to be sent or read. nil: as many as the flow window holds.
  package var sendBuffer: Int?
  package var receiveBuffer: Int?
  /// Bytes of the kernel's buffers, which it may cut.
  package var udpSendBuffer = 2 << 20
  package var udpReceiveBuffer = 4 << 20
  /// Seconds that `close` waits for the peer to acknowledge what was written.
  package var linger = 180

  package init() {}

  /// Each call into libudt waits no longer, in milliseconds, so that a stop from another thread is seen soon.
  private static let slice: Int32 = 250
  /// Of each packet, what IP and UDP take by libudt's count.
  private static let header = 28

  /// The same for C.
  func forC(isIPv6: Bool) -> parcel_udt_options {
    let segment = maximumSegment ?? (isIPv6 ? 1480 : 1500)
    let window = flowWindow * (segment - Self.header)
    return parcel_udt_options(
      maximum_segment: Int32(clamping: segment), flow_window: Int32(clamping: flowWindow),
      send_buffer: Int32(clamping: sendBuffer ?? window),
      receive_buffer: Int32(clamping: receiveBuffer ?? window),
      udp_send_buffer: Int32(clamping: udpSendBuffer), udp_receive_buffer: Int32(clamping: udpReceiveBuffer),
      linger_seconds: Int32(clamping: linger), slice_milliseconds: Self.slice)
  }
}

/// Why libudt's last call on this thread failed.
struct LastError {
  let code: Int32
  /// libudt's words, without the full stop.
  let cause: String

  init() {
    code = parcel_udt_error_code()
    let text = parcel_udt_error_text().map { String(cString: $0) } ?? "error \(code)"
    cause = Printable.text(text.last == "." ? String(text.dropLast()) : text)
  }
}
