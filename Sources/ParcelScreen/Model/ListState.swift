import ParcelCore

/// The list's view of the rows: which are shown, which is selected, where the window stands.
///
/// The selection is an id, so it never jumps when rows come, go or change; the selected row keeps its line on screen.
package struct ListState: Sendable {
  /// Indices of the rows that match the filter, ascending. Rebuilt when rows come or go, or when the filter changes.
  private var matching: [Int32] = []
  /// `matching` without the hidden ones, ascending. What the list shows.
  package private(set) var visible: [Int32] = []
  package private(set) var selected: DownloadID?
  /// Position in `visible` of the first line on screen.
  package private(set) var top = 0
  package private(set) var filter = ""
  package private(set) var hidesDone = false
  package var marked: Set<DownloadID> = []

  /// Position of the selected row in `visible`, nil when there is none.
  package var position: Int? { selected.flatMap { position(of: $0) } }

  private func position(of id: DownloadID) -> Int? {
    let at = firstPosition(atOrAfter: id)
    return at < visible.count && visible[at] == Int32(id.index) ? at : nil
  }

  private func firstPosition(atOrAfter id: DownloadID) -> Int {
    var low = 0
    var high = visible.count
    while low < high {
      let middle = (low + high) / 2
      if visible[middle] < Int32(id.index) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  package func id(at position: Int) -> DownloadID { DownloadID(Int(visible[position])) }

  // MARK: What is shown

  /// Rows came or went.
  package mutating func rowsChanged(_ rows: RowTable) {
    match(rows)
    refresh(rows)
  }

  package mutating func setFilter(_ text: String, _ rows: RowTable) {
    guard text != filter else { return }
    filter = text
    rowsChanged(rows)
  }

  package mutating func setHidesDone(_ on: Bool, _ rows: RowTable) {
    hidesDone = on
    refresh(rows)
  }

  /// Some row became done or stopped being done.
  package mutating func donenessChanged(_ rows: RowTable) {
    if hidesDone { refresh(rows) }
  }

  private mutating func match(_ rows: RowTable) {
    matching.removeAll(keepingCapacity: true)
    let needle = Array(filter.lowercased().utf8)
    for index in 0..<rows.count where !rows.gone[index] {
      if needle.isEmpty || Self.contains(rows.infos[index].name, needle) { matching.append(Int32(index)) }
    }
  }

  /// Whether `name` contains the lower-case bytes `needle`; ASCII letters match in both cases, others as they are.
  private static func contains(_ name: String, _ needle: [UInt8]) -> Bool {
    var name = name
    return name.withUTF8 { bytes in
      guard bytes.count >= needle.count else { return false }
      let wide = needle.contains { $0 >= 0x80 }
      if wide { return search(Array(String(decoding: bytes, as: UTF8.self).lowercased().utf8)[...], needle) }
      return search(bytes, needle)
    }
  }

  private static func search<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes, _ needle: [UInt8]) -> Bool
  where Bytes.Index == Int {
    guard bytes.count >= needle.count else { return false }
    for start in bytes.startIndex...(bytes.endIndex - needle.count) {
      var matched = 0
      while matched < needle.count {
        let byte = bytes[start + matched]
        let lower = byte >= 65 && byte <= 90 ? byte + 32 : byte
        if lower != needle[matched] { break }
        matched += 1
      }
      if matched == needle.count { return true }
    }
    return false
  }

  /// Builds `visible` anew. The selected row stays visible even when it is done and done rows are hidden: it goes when
  /// the selection moves on.
  private mutating func refresh(_ rows: RowTable) {
    let line = (position ?? 0) - top
    let before = position ?? 0
    if hidesDone {
      visible = matching.filter { index in
        !rows.statuses[Int(index)].state.isDone || DownloadID(Int(index)) == selected
      }
    } else {
      visible = matching
    }
    if let id = selected, position(of: id) == nil {
      selected = nearest(to: id, before: before)
    } else if selected == nil, !visible.isEmpty {
      selected = id(at: 0)
    }
    top = max(0, (position ?? 0) - line)
  }

  private func nearest(to id: DownloadID, before: Int) -> DownloadID? {
    guard !visible.isEmpty else { return nil }
    return self.id(at: min(firstPosition(atOrAfter: id), visible.count - 1))
  }

  // MARK: Moving

  /// Selects the row at `position`, at the nearest end when that is outside.
  package mutating func select(position: Int, _ rows: RowTable) {
    guard !visible.isEmpty else { return }
    let target = id(at: max(0, min(visible.count - 1, position)))
    let leavesDone = hidesDone && target != selected && selected.map { rows.status($0).state.isDone } == true
    selected = target
    if leavesDone { refresh(rows) }
  }

  package mutating func move(by lines: Int, _ rows: RowTable) {
    select(position: (position ?? 0) + lines, rows)
  }

  /// Moves the window so that the selected row is in it and no line stays empty without need.
  package mutating func reveal(lines: Int) {
    guard lines > 0 else { return }
    let at = position ?? 0
    top = max(min(top, at), at - lines + 1)
    top = max(0, min(top, visible.count - lines))
  }

  /// What an action applies to: the marked rows in the list's order, else the selected one.
  package var targets: [DownloadID] { marked.isEmpty ? [selected].compactMap { $0 } : marked.sorted() }
}
