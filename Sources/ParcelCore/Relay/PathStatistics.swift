/// What a UDT path looks like from this end: of one connection, or of all to one relay together.
package struct PathStatistics: Hashable, Sendable {
  /// Connections that are open.
  package var connections = 0
  /// Seconds, as UDT smooths it; of several connections the mean. Nil before it was measured.
  package var roundTrip: Double?
  /// Bytes per second that arrive and leave now, without headers and what was sent twice.
  package var receiveRate: Double = 0
  package var sendRate: Double = 0
  /// Data packets received and sent since the connections opened, those sent again included.
  package var received = 0
  package var sent = 0
  /// Data packets found missing by this end, or reported missing by the peer.
  package var receiveLost = 0
  package var sendLost = 0
  /// Data packets sent again by this end.
  package var retransmitted = 0
  /// Of `receiveLost`, those that came after all: sent again by the peer.
  package var receiveRepaired = 0
  /// Share of the data packets of the last second or so that were lost on their way here, 0 ... 1.
  package var loss: Double = 0
  /// Packets that may be on their way at once, as the sender's control wants it; 0 when unknown.
  package var window = 0
  /// Datagrams that this machine dropped because the socket's buffer was full: not the path's loss.
  package var drops = 0

  package init() {}

  /// Data packets sent again by either end, as far as this end sees it.
  package var resent: Int { retransmitted + receiveRepaired }

  /// Share of the data packets lost on their way here since the connections opened, 0 ... 1: every lost one was sent again.
  package var meanLoss: Double {
    let all = received + receiveLost
    return all > 0 ? Double(receiveLost) / Double(all) : loss
  }
}
