import ParcelCore

/// The list's columns for a width. As the width shrinks they go in this order: via, time left, size, the state's word, rate.
package struct ListColumns: Hashable, Sendable {
  package struct Column: Hashable, Sendable {
    package var start: Int
    package var width: Int
    package var end: Int { start + width }
  }

  /// Selection and mark.
  package let marker = Column(start: 0, width: 2)
  /// The state's glyph, and its word where there is room.
  package let state: Column
  package let hasWord: Bool
  package let name: Column
  package let bar: Column
  package let percent: Column
  package let size: Column?
  package let rate: Column?
  package let left: Column?
  package let via: Column?

  package static let wordWidth = 9
  private static let gap = 2
  private static let percentWidth = 5
  private static let viaWidth = 8
  /// What name and bar need at least.
  private static let flexible = 28

  /// For a list `width` cells wide; columns count from its left edge.
  package init(width: Int) {
    let extras = [
      (Self.viaWidth, 5), (Figures.durationWidth, 4), (Figures.bytesWidth, 3), (Self.wordWidth, 2),
      (Figures.rateWidth, 1),
    ]
    // Marker, glyph, gap, name, gap, bar, gap, percent, margin.
    let fixed = 2 + 1 + Self.gap + Self.gap + 1 + Self.percentWidth + 1
    var shown = extras.count
    func needed(_ count: Int) -> Int {
      extras.suffix(count).reduce(fixed + Self.flexible) { $0 + $1.0 + Self.gap }
    }
    while shown > 0, needed(shown) > width { shown -= 1 }
    let hasWord = shown >= 2
    let spare = max(0, width - needed(shown) + Self.flexible)
    let barWidth = min(max(8, spare * 3 / 8), 24)

    self.hasWord = hasWord
    state = Column(start: 2, width: hasWord ? 2 + Self.wordWidth : 1)
    name = Column(start: state.end + Self.gap - 1, width: max(0, spare - barWidth + 1))
    bar = Column(start: name.end + Self.gap, width: barWidth)
    percent = Column(start: bar.end + 1, width: Self.percentWidth)
    var at = percent.end
    func next(_ isShown: Bool, _ width: Int) -> Column? {
      guard isShown else { return nil }
      defer { at += Self.gap + width }
      return Column(start: at + Self.gap, width: width)
    }
    size = next(shown >= 3, Figures.bytesWidth)
    rate = next(shown >= 1, Figures.rateWidth)
    left = next(shown >= 4, Figures.durationWidth)
    via = next(shown >= 5, Self.viaWidth)
  }

  /// Where a note of `width` cells stands: over rate, time left and via; over columns further left when it needs them.
  package func note(_ width: Int) -> Column {
    let end = (via ?? left ?? rate ?? percent).end
    let starts = [left == nil ? nil : rate?.start, size?.start, percent.start, bar.start].compactMap { $0 }
    let start = starts.first { end - $0 >= width } ?? bar.start
    return Column(start: start, width: end - start)
  }
}
