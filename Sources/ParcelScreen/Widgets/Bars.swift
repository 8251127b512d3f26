import ParcelCore

/// Progress bars: what is covered by the digest, what is received, what is missing, each with a glyph and a shade of its own.
package enum Bars {
  /// From one eighth to seven.
  private static let eighths: [Unicode.Scalar] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  package static let hashed: Unicode.Scalar = "█"
  package static let received: Unicode.Scalar = "▓"
  package static let inFlight: Unicode.Scalar = "▒"
  package static let missing: Unicode.Scalar = "░"
  /// Of finished files: thin, so that they do not outshine what still moves.
  package static let done: Unicode.Scalar = "━"

  /// A bar of `width` cells. `hashed` and `received` are bytes of `whole`, `hashed <= received`; the end of what is received
  /// is drawn to an eighth of a cell where all of it is hashed, else to a cell.
  package static func draw(
    _ frame: inout Frame, _ row: Int, _ column: Int, width: Int, hashed: Int, received: Int, whole: Int,
    style: Style
  ) {
    guard width > 0 else { return }
    let steps = eighthSteps(received, of: whole, width: width)
    let full = steps / 8
    let dark = received <= hashed ? full : min(full, eighthSteps(hashed, of: whole, width: width) / 8)
    frame.fill(row, column, dark, self.hashed, style)
    frame.fill(row, column + dark, full - dark, self.received, style)
    var used = full
    if steps % 8 > 0, dark == full {
      frame.set(row, column + full, eighths[steps % 8 - 1], style)
      used += 1
    } else if steps % 8 >= 4 {
      // A solid piece of a cell after a shade would look like something of its own.
      frame.set(row, column + full, self.received, style)
      used += 1
    }
    frame.fill(row, column + used, width - used, missing, .quiet)
  }

  /// Eighths of cells for a part; something received always shows, and only everything fills the bar.
  private static func eighthSteps(_ part: Int, of whole: Int, width: Int) -> Int {
    guard whole > 0 else { return width * 8 }
    if part <= 0 { return 0 }
    if part >= whole { return width * 8 }
    return min(width * 8 - 1, max(1, Int(Double(part) / Double(whole) * Double(width * 8))))
  }
}

/// The whole file as one line of cells.
package enum BlockMap {
  package enum Part: Sendable {
    case hashed, received, inFlight, missing

    package var glyph: Unicode.Scalar {
      switch self {
      case .hashed: Bars.hashed
      case .received: Bars.received
      case .inFlight: Bars.inFlight
      case .missing: Bars.missing
      }
    }

    package var style: Style { self == .missing ? .quiet : .accent }

    package var word: String {
      switch self {
      case .hashed: "hashed"
      case .received: "received"
      case .inFlight: "in flight"
      case .missing: "missing"
      }
    }
  }

  /// What each of `width` cells of a file of `size` bytes shows: the stage that more than half of its bytes have reached, or in flight
  /// when a transfer works there. `stored` is sorted and disjoint, `segments` ascending.
  package static func parts(
    size: Int, hashed: Int, stored: [ByteRange], segments: [SegmentStatus], width: Int
  ) -> [Part] {
    guard size > 0, width > 0 else { return Array(repeating: .missing, count: max(0, width)) }
    var held = ByteRangeSet(stored)
    for segment in segments where segment.received > 0 {
      held.insert(
        ByteRange(segment.range.start, min(segment.range.end, segment.range.start + segment.received)))
    }
    return (0..<width).map { index in
      let start = offset(index, width, size)
      let cell = ByteRange(start, max(start + 1, offset(index + 1, width, size)))
      if min(max(0, hashed - cell.start), cell.count) * 2 > cell.count { return .hashed }
      if held.count(in: cell) * 2 > cell.count { return .received }
      let isBusy = segments.contains { $0.range.overlaps(cell) && $0.range.start + $0.received < cell.end }
      return isBusy ? .inFlight : .missing
    }
  }

  private static func offset(_ index: Int, _ width: Int, _ size: Int) -> Int {
    let (quotient, remainder) = size.quotientAndRemainder(dividingBy: width)
    return quotient * index + remainder * index / width
  }
}
