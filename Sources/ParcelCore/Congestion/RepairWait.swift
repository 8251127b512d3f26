/// How long a repair waits before it acts.
enum RepairWait {
  /// `seconds` in whole microseconds, from none to a minute: they are made of a round trip that a peer may have said, and a hostile
  /// one says anything.
  static func microseconds(_ seconds: Double) -> UInt32 { UInt32(max(0, min(60, seconds)) * 1e6) }
}
