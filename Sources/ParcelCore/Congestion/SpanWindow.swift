/// UDT's window limits the span from the cumulative acknowledgement to the newest packet, not the packets on their way.
enum SpanWindow {
  /// The window that lets `flight` packets be on their way.
  ///
  /// What was proven beyond the acknowledgement has arrived and takes up span all the same, so the distance between the
  /// two is added. `unseen` are packets that have probably arrived since the last proof while the acknowledgement stands still.
  static func packets(flight: Double, acknowledged: Int, proven: Int, unseen: Double, peer: Int) -> Int {
    let wanted = flight + unseen + Double(proven - acknowledged)
    return max(Int(min(wanted.rounded(.up), Double(peer))), min(16, peer))
  }
}
