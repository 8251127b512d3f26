/// The lines of a document in memory: LF, CRLF or CR ends them, a BOM at the beginning is skipped.
struct ManifestLines {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  let bytes: Bytes
  private var position = 0
  /// Number of the line that `next` gave last, from 1.
  private(set) var number = 0

  init(_ bytes: Bytes) {
    self.bytes = bytes
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
  }

  /// The next line without its end, nil after the last. The slice is good as long as the document.
  mutating func next() -> Bytes? {
    guard position < bytes.count else { return nil }
    let start = position
    var end = start
    while end < bytes.count, bytes[end] != 10, bytes[end] != 13 { end += 1 }
    position = end + 1
    if end + 1 < bytes.count, bytes[end] == 13, bytes[end + 1] == 10 { position = end + 2 }
    number += 1
    return Bytes(rebasing: bytes[start..<end])
  }
}

/// A table's line cut into cells.
struct ManifestCells {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  let delimiter: UInt8
  /// The last line's cells; slices of the document, or of `unquoted` for CSV cells that held `""`.
  private(set) var cells: [Bytes] = []
  /// Keeps the copies of unquoted cells alive until the next line.
  private var copies: [UnsafeMutableBufferPointer<UInt8>] = []

  init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Cuts `line`; false when a quote is not closed. Quotes count in CSV only (RFC 4180), not across lines.
  mutating func cut(_ line: Bytes) -> Bool {
    cells.removeAll(keepingCapacity: true)
    free()
    if delimiter == UInt8(ascii: ","), line.contains(UInt8(ascii: "\"")) { return cutQuoted(line) }
    var start = 0
    for i in line.indices where line[i] == delimiter {
      cells.append(Bytes(rebasing: line[start..<i]))
      start = i + 1
    }
    cells.append(Bytes(rebasing: line[start...]))
    return true
  }

  private mutating func cutQuoted(_ line: Bytes) -> Bool {
    let quote = UInt8(ascii: "\"")
    var i = 0
    while true {
      var text: [UInt8] = []
      if i < line.count, line[i] == quote {
        i += 1
        while true {
          guard i < line.count else { return false }
          if line[i] != quote {
            text.append(line[i])
          } else if i + 1 < line.count, line[i + 1] == quote {
            text.append(quote)
            i += 1
          } else {
            break
          }
          i += 1
        }
        i += 1
        guard i >= line.count || line[i] == delimiter else { return false }
      } else {
        while i < line.count, line[i] != delimiter {
          text.append(line[i])
          i += 1
        }
      }
      keep(text)
      guard i < line.count else { return true }
      i += 1
    }
  }

  private mutating func keep(_ text: [UInt8]) {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    _ = copy.initialize(from: text)
    copies.append(copy)
    cells.append(Bytes(copy))
  }

  /// Frees the copies; the cells are not to be used after it.
  mutating func free() {
    for copy in copies { copy.deallocate() }
    copies.removeAll(keepingCapacity: true)
  }
}

/// Rules for a cell's bytes.
enum Cell {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// Without blanks at both ends.
  static func trimmed(_ cell: Bytes) -> Bytes {
    var start = 0
    var end = cell.count
    while start < end, cell[start] == 32 || cell[start] == 9 { start += 1 }
    while end > start, cell[end - 1] == 32 || cell[end - 1] == 9 { end -= 1 }
    return start == 0 && end == cell.count ? cell : Bytes(rebasing: cell[start..<end])
  }

  /// Empty or `NA`: the document does not know.
  static func isUnknown(_ cell: Bytes) -> Bool {
    cell.isEmpty || cell.count == 2 && ASCII.lower(cell[0]) == 110 && ASCII.lower(cell[1]) == 97
  }

  /// Decimal digits only, up to 2^63 - 1.
  static func number(_ cell: Bytes) -> Int? {
    guard !cell.isEmpty, cell.count <= 19 else { return nil }
    var value = 0
    for byte in cell {
      guard byte >= 48, byte <= 57 else { return nil }
      let (tens, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, more) = tens.addingReportingOverflow(Int(byte - 48))
      guard !over, !more else { return nil }
      value = sum
    }
    return value
  }

  /// Exactly `count` bytes as hexadecimal digits.
  static func hex(_ cell: Bytes, count: Int) -> [UInt8]? {
    guard cell.count == 2 * count else { return nil }
    var good = true
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      for i in 0..<count {
        guard let high = Hex.value(cell[2 * i]), let low = Hex.value(cell[2 * i + 1]) else {
          good = false
          return
        }
        buffer[i] = high << 4 | low
        filled = i + 1
      }
    }
    return good ? bytes : nil
  }

  /// `8-4-4-4-12` hexadecimal digits (RFC 9562).
  static func isUUID(_ cell: Bytes) -> Bool {
    guard cell.count == 36 else { return false }
    for i in 0..<36 {
      let isDash = i == 8 || i == 13 || i == 18 || i == 23
      if isDash ? cell[i] != UInt8(ascii: "-") : Hex.value(cell[i]) == nil { return false }
    }
    return true
  }

  static func text(_ cell: Bytes) -> String { String(decoding: cell, as: UTF8.self) }
}
