import CUDT
import ParcelCore

/// What UDT's end points offer each other. It is fixed before the path is known.
package struct UDTOptions: Sendable {
  /// The largest IP packet in bytes, 576 ... 9000; the smaller of both ends' holds. nil: 1500 on IPv4, 1480 on IPv6, where
  /// libudt forgets that headers are longer. More than the path's own size is cut into fragments on the way (the original
  /// programs' 8400 is), which the internet often loses: for networks of one's own.
  package var maximumSegment: Int?
  /// Packets that the peer may have on their way to us at once, at least 32. A stock sender fills the path's buffers with all of
  /// them before it learns better, so no more than long paths need.
  package var flowWindow = 16_384
  /// The same for a peer known to be ours, whose controller limits what is on its way.
  package static let ownWindow = 65_536
  /// The same for each further connection once so many are open: a thousand, a hundred of them full to the brim, shall take less
  /// than 2 GB. It is still 480 Mbit/s over 100 ms.
  package static let crowdedWindow = 4096
  package static let crowd = 16
  /// Bytes that wait to be sent or read. nil: as many as the flow window holds; and to be sent, as many as a peer of ours may
  /// offer, of which the controller allows what it needs.
  package var sendBuffer: Int?
  package var receiveBuffer: Int?
  /// Bytes of the kernel's buffers, which it may cut.
  package var udpSendBuffer = 2 << 20
  package var udpReceiveBuffer = 4 << 20
  /// Seconds that `close` waits for the peer to read (one of ours) or to acknowledge (others) what was written.
  package var linger = 180
  /// How fast is sent. What is received is the peer's decision.
  package var congestion = CongestionPreset.model
  /// No IPv6 address is used, to listen or to connect.
  package var isIPv4Only = false

  package init() {}

  /// A write into libudt waits no longer, in milliseconds, so that a stop from another thread is seen soon.
  static let slice: Int32 = 250
  /// Of each packet, what IP and UDP take by libudt's count.
  private static let header = 28

  func segment(isIPv6: Bool) -> Int {
    let range = PacketFilter.segments
    return min(max(maximumSegment ?? (isIPv6 ? 1480 : 1500), range.lowerBound), range.upperBound)
  }

  /// The same for C.
  func forC(isIPv6: Bool) -> parcel_udt_options {
    let segment = segment(isIPv6: isIPv6)
    let size = segment - Self.header
    let window = flowWindow * size
    // A small window was asked for, or the stock law has nobody who would limit it.
    let isLimited = flowWindow < 16_384 || congestion == .native
    let sent = isLimited ? window : max(flowWindow, Self.ownWindow) * size
    return parcel_udt_options(
      maximum_segment: Int32(clamping: segment), flow_window: Int32(clamping: flowWindow),
      send_buffer: Int32(clamping: sendBuffer ?? sent),
      receive_buffer: Int32(clamping: receiveBuffer ?? window),
      udp_send_buffer: Int32(clamping: udpSendBuffer), udp_receive_buffer: Int32(clamping: udpReceiveBuffer),
      slice_milliseconds: Self.slice)
  }
}
