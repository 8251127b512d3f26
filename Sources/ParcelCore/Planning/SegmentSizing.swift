/// How many bytes a connection asks for at once.
///
/// Each request boundary idles a connection for about one round trip, so a segment should last for many of them; a
/// segment that lasts long keeps the prefix, and with it the whole-file digest, waiting. Forty round trips cost 2.5 %
/// at most; between a quarter of a second (local networks) and eight seconds.
package struct SegmentSizing: Sendable {
  /// Bytes.
  package var smallest = 4 << 20
  /// Bytes.
  package var largest = 256 << 20
  package var roundTrips = 40.0
  /// Seconds.
  package var shortest = 0.25
  package var longest = 8.0
  /// Bytes: how far behind the end of the prefix a segment may begin.
  package var window = 1 << 30

  package init() {}

  /// Bytes for the next segment of a connection that runs at `rate` bytes per second (0 = not known yet) over a path
  /// of `roundTrip` seconds.
  package func length(rate: Double, roundTrip: Double) -> Int {
    let seconds = min(max(roundTrips * roundTrip, shortest), longest)
    return min(max(Int(min(rate, 1e12) * seconds), smallest), largest)
  }
}
