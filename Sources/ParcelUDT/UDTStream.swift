import CUDT
import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// A UDT connection.
///
/// Calls block their thread, so callers bring their own. One thread may read while another writes. A write looks every
/// 250 ms whether it shall stop; a read is woken.
///
/// Between two of our own ends the peer's end of bytes is said with their number and repeated until it is heard, so 0 means
/// complete. A stock peer says it once, in a packet that may be lost, and bytes left unread a minute after it are destroyed
/// by libudt: lengths and digests decide what is complete, and `isExpiring` says when to hurry.
package final class UDTStream: ByteStream {
  package let peer: String
  /// The peer's.
  package let address: SocketAddress?
  /// What was connected to, and the packet size that was asked for; empty and nil when accepted.
  let origin: String
  let requestedSegment: Int?
  /// Packets that the peer has offered to take at once.
  let offeredWindow: Int

  private let socket: Int32
  private let link: PeerLink
  private let udp: UDPSocket
  private let library: UDTLibrary
  private let linger: Double
  private let meter = Mutex(PathMeter())
  private let readingStopped = Atomic<Bool>(false)
  private let aborted = Atomic<Bool>(false)
  private let closed = Atomic<Bool>(false)

  /// Takes over a connected socket.
  init(
    socket: Int32, _ attached: Attached, udp: UDPSocket, options: UDTOptions, origin: String = "",
    library: UDTLibrary
  ) {
    self.socket = socket
    link = attached.link
    offeredWindow = attached.window
    self.udp = udp
    self.library = library
    self.origin = origin
    requestedSegment = options.maximumSegment
    linger = Double(options.linger)
    address = SocketAddress { parcel_udt_peer_address(socket, $0, $1) }
    peer = address?.text ?? "?"
    library.ticker.add(link, socket: socket)
    link.start()
  }

  deinit {
    guard !closed.load(ordering: .acquiring) else { return }
    link.breakOff()
    library.ticker.bury(socket: socket)
  }

  /// Calls `body` once, soon after the peer has said that it is ours; at once when it has. On any thread.
  func whenOurs(_ body: @escaping @Sendable () -> Void) { link.whenOurs(body) }

  /// What the sender's controller believes; nil with the stock law, and before anything was sent.
  package var condition: ControlCondition? { link.congestion.condition }

  /// The peer speaks our messages. False also while that is not known yet: up to 3 s.
  package var peerIsOurs: Bool { link.peerIsOurs }

  /// Whether large packets get through: what to weigh, and a question to a peer of ours.
  package var signs: VanishingData.Signs { link.signs }
  package func askHowMuchIsWritten() { link.ask() }

  /// Of this connection alone; rates are over the time since the last call. Any thread, one caller.
  package func path() -> PathStatistics {
    let facts = link.current
    let bytes = link.byteCounts
    let drops = udp.drops
    var path = meter.withLock {
      $0.statistics(facts, bytes: bytes, drops: drops, now: MonotonicClock.now())
    }
    path.receiveRepaired = link.congestion.filled
    return path
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      if aborted.load(ordering: .acquiring) { throw .broken("stopped") }
      if link.wasReset { throw .broken("the peer reset the connection") }
      if readingStopped.load(ordering: .acquiring) { return 0 }
      // Nothing can come behind the announced end: no wait for it.
      let left = max(0, deadline - MonotonicClock.seconds())
      let slice = if case .open = link.readState { Int32(min(250, left * 1000)) } else { Int32(0) }
      let count = parcel_udt_receive(
        socket, link.connection, buffer.baseAddress, Int32(clamping: buffer.count), slice)
      if count > 0 {
        link.didRead(Int(count))
        return Int(count)
      }
      if let end = try end(LastError()) { return end }
      if MonotonicClock.seconds() >= deadline { throw .timeout }
    }
  }

  /// What a read without bytes means: 0 at the end, nil when there may be more.
  private func end(_ error: LastError) throws(StreamEnd) -> Int? {
    switch link.readState {
    case .ended: return 0
    case .broken(let text): throw .broken(text)
    case .open: break
    }
    switch error.code {
    case PARCEL_UDT_TIMEOUT: return nil
    case PARCEL_UDT_LOST, PARCEL_UDT_GONE:
      guard link.peerHasClosed else { throw broken(error) }
      if link.peerIsOurs { throw .broken("the peer closed the connection before the end") }
      return 0
    default: throw broken(error)
    }
  }

  package func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    if bytes.isEmpty { return 0 }
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      if aborted.load(ordering: .acquiring) { throw .broken("stopped") }
      if let trouble = link.writeTrouble { throw .broken(trouble) }
      let count = parcel_udt_send(socket, bytes.baseAddress, Int32(clamping: bytes.count))
      if count > 0 {
        link.didWrite(Int(count))
        return Int(count)
      }
      let error = LastError()
      guard error.code == PARCEL_UDT_TIMEOUT else { throw broken(error) }
      if MonotonicClock.seconds() >= deadline { throw .timeout }
    }
  }

  private func broken(_ error: LastError) -> StreamEnd {
    if let trouble = link.writeTrouble { return .broken(trouble) }
    switch error.code {
    case PARCEL_UDT_LOST, PARCEL_UDT_GONE:
      return .broken(link.peerHasClosed ? "the peer closed the connection" : "the UDT connection was lost")
    default: return .broken(error.cause)
    }
  }

  /// True when the peer is one of ours and hears of it. UDT itself has no half-close, so a stock peer does not.
  package func endWriting() -> Bool { !aborted.load(ordering: .acquiring) && link.endWriting() }

  package var isExpiring: Bool {
    let facts = link.current
    return facts.is_shut_down != 0 && facts.readable != 0
  }

  package func stopReading() {
    readingStopped.store(true, ordering: .releasing)
    link.stopReading()
  }

  /// Our own peer is told. A stock peer finds that nobody is there any more, which takes it up to 47 s if it has no
  /// timeout of its own.
  package func abort() {
    aborted.store(true, ordering: .releasing)
    link.breakOff()
  }

  /// Waits until a peer of ours has read everything, or a stock peer's UDT has acknowledged everything (it can then still be
  /// read), at most the options' `linger`. False when that did not happen, or nobody knows.
  @discardableResult package func close() -> Bool {
    guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return true }
    if aborted.load(ordering: .acquiring) {
      library.ticker.bury(socket: socket)
      return false
    }
    link.stopReading()
    _ = link.endWriting()
    let isDelivered = link.waitUntilDelivered(linger: linger)
    library.ticker.remove(socket: socket)
    if isDelivered || link.peerIsOurs {
      link.sayGoodbye()
      parcel_udt_close(socket)
    } else {
      // A stock peer would take a goodbye for the end.
      parcel_udt_drop(socket)
    }
    return isDelivered
  }
}
