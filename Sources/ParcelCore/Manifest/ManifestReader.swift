/// Reads a document's bytes into downloads. Works on bytes: a `Character` is never looked at, because 100,000 rows must
/// take well under a second.
struct ManifestReader {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// What two downloads must not share. Both strings share their storage with the download.
  private struct Key: Hashable {
    var folder: String
    var name: String?
  }

  private let source: String
  private var lines: ManifestLines
  private var problems: ManifestProblems

  private var downloads: [DownloadSpec] = []
  /// Index into `downloads` and the line, by target.
  private var seen: [Key: (index: Int, line: Int)] = [:]
  private var total = 0
  private var unknownSizes = 0
  private var withDigest = 0
  private var repeated = 0
  private var superseded = 0
  private var renamed = 0
  private var firstRenamed = ""
  private var unreleased: [(state: String, count: Int)] = []

  init(_ bytes: UnsafeRawBufferPointer, source: String) {
    self.source = source
    lines = ManifestLines(bytes.bindMemory(to: UInt8.self))
    problems = ManifestProblems(source: source)
  }

  mutating func read() throws(Failure) -> Manifest {
    try refuseOtherKinds()
    var first: Bytes?
    var isHeader = false
    let atStart = lines
    while let line = lines.next() {
      let text = Cell.trimmed(line)
      if text.isEmpty || text[0] == UInt8(ascii: "#") { continue }
      first = line
      isHeader = !startsWithURL(text) && !Cell.isUUID(text)
      break
    }
    guard let first else {
      problems.add(
        line: nil, "the document is empty; a GDC manifest, a table with a 'url' column or a list was expected"
      )
      throw problems.failure
    }
    let format: Manifest.Format
    if isHeader {
      format = try readTable(header: first)
    } else {
      lines = atStart
      format = readList()
    }
    if problems.count == 0, downloads.isEmpty { problems.add(line: nil, "no file is listed") }
    guard problems.count == 0 else { throw problems.failure }
    return Manifest(
      source: source, format: format, downloads: downloads, totalBytes: total, unknownSizes: unknownSizes,
      withDigest: withDigest, remarks: remarks)
  }

  /// Things that are no text table or list get a sentence that says what they are.
  private mutating func refuseOtherKinds() throws(Failure) {
    let bytes = lines.bytes
    let head = bytes.prefix(4096)
    let first = head.first { $0 > 32 }
    if head.starts(with: [0x1F, 0x8B]) {
      problems.add(line: nil, "the document is compressed (gzip); unpack it first")
    } else if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
      problems.add(line: nil, "the document is UTF-16; UTF-8 was expected")
    } else if head.contains(0) {
      problems.add(line: nil, "the document is not text; a GDC manifest, a table or a list was expected")
    } else if first == UInt8(ascii: "<") || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      let kind = first == UInt8(ascii: "<") ? "XML or HTML" : "JSON"
      problems.add(
        line: nil, "the document looks like \(kind); a GDC manifest, a table or a list was expected")
    }
    guard problems.count == 0 else { throw problems.failure }
  }

  private func startsWithURL(_ line: Bytes) -> Bool {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, colon + 2 < line.count else {
      return false
    }
    let slash = UInt8(ascii: "/")
    let isScheme = line[..<colon].allSatisfy {
      let byte = ASCII.lower($0)
      return byte >= 97 && byte <= 122 || byte >= 48 && byte <= 57
    }
    return isScheme && line[colon + 1] == slash && line[colon + 2] == slash
  }
}

// MARK: - Lists

extension ManifestReader {
  /// One URL or one id a line; `#` begins a comment line.
  private mutating func readList() -> Manifest.Format {
    var urls = 0
    while let line = lines.next() {
      let text = Cell.trimmed(line)
      if text.isEmpty || text[0] == UInt8(ascii: "#") { continue }
      if startsWithURL(text) {
        switch RowInput.url(Cell.text(text)) {
        case .success(let url):
          urls += 1
          add(DownloadSpec(source: .url(url)))
        case .failure(let reason):
          problems.add(line: lines.number, "\(ManifestProblems.quoted(text)) \(reason.text)")
        }
      } else if Cell.isUUID(text) {
        let id = Cell.text(text)
        add(DownloadSpec(source: .id(id), folder: id))
      } else {
        problems.add(
          line: lines.number,
          "\(ManifestProblems.quoted(text)) is neither a URL (http:// or https:// expected) nor a file id (UUID)"
        )
      }
    }
    return urls == downloads.count ? .urlList : urls == 0 ? .idList : .mixedList
  }
}

// MARK: - Tables

extension ManifestReader {
  private mutating func readTable(header: Bytes) throws(Failure) -> Manifest.Format {
    let tab = UInt8(ascii: "\t")
    let isTSV = header.contains(tab) || !header.contains(UInt8(ascii: ","))
    var cells = ManifestCells(delimiter: isTSV ? tab : UInt8(ascii: ","))
    defer { cells.free() }
    guard cells.cut(header), let columns = ManifestColumns(cells.cells) else {
      problems.add(
        line: lines.number,
        "\(ManifestProblems.quoted(header)) is neither a URL, nor a file id (UUID), nor a table's first line with a column 'id' or 'url'"
      )
      throw problems.failure
    }
    if let name = columns.repeated {
      problems.add(line: lines.number, column: name, "the column occurs more than once")
      throw problems.failure
    }
    while let line = lines.next() {
      if Cell.trimmed(line).isEmpty { continue }
      guard cells.cut(line) else {
        problems.add(line: lines.number, "a quoted cell is not closed")
        continue
      }
      readRow(cells.cells, columns)
    }
    return columns.format
  }

  private mutating func readRow(_ cells: [Bytes], _ columns: ManifestColumns) {
    let expected = columns.names.count
    guard cells.count >= expected, cells[expected...].allSatisfy({ Cell.trimmed($0).isEmpty }) else {
      problems.add(line: lines.number, "\(cells.count) cells, where the first line has \(expected)")
      return
    }
    let before = problems.count
    guard var spec = source(cells, columns) else { return }
    spec.name = name(cells, columns)
    spec.size = size(cells, columns)
    spec.digests = digests(cells, columns)
    if let column = columns.state {
      let state = Cell.trimmed(cells[column.index])
      if !Cell.isUnknown(state) { spec.release = Cell.text(state) }
    }
    if let column = columns.newID {
      let newer = Cell.trimmed(cells[column.index])
      if !Cell.isUnknown(newer) { spec.successor = Printable.text(Cell.text(newer)) }
    }
    guard problems.count == before else { return }
    guard add(spec) else { return }
    if spec.successor != nil { superseded += 1 }
    if let state = spec.release, state != "released" { countUnreleased(state) }
  }

  /// The row's URL or id, nil after a problem was noted.
  private mutating func source(_ cells: [Bytes], _ columns: ManifestColumns) -> DownloadSpec? {
    if let column = columns.url {
      let cell = Cell.trimmed(cells[column.index])
      switch RowInput.url(Cell.text(cell)) {
      case .success(let url): return DownloadSpec(source: .url(url))
      case .failure(let reason):
        problems.add(
          line: lines.number, column: column.name, "\(ManifestProblems.quoted(cell)) \(reason.text)")
        return nil
      }
    }
    guard let column = columns.id else { return nil }
    let cell = Cell.trimmed(cells[column.index])
    guard RowInput.isID(cell) else {
      problems.add(
        line: lines.number, column: column.name,
        "\(ManifestProblems.quoted(cell)) is not a file id (\(RowInput.idRule))")
      return nil
    }
    let id = Cell.text(cell)
    return DownloadSpec(source: .id(id), folder: SafeName.component(id))
  }

  private mutating func name(_ cells: [Bytes], _ columns: ManifestColumns) -> String? {
    guard let column = columns.name else { return nil }
    let cell = cells[column.index]
    guard !Cell.isUnknown(Cell.trimmed(cell)) else { return nil }
    let text = Cell.text(cell)
    switch SafeName.path(text) {
    case .success(let safe):
      if safe != text {
        renamed += 1
        if renamed == 1 { firstRenamed = "\(ManifestProblems.quoted(cell)) to '\(safe)'" }
      }
      return safe
    case .failure(let reason):
      problems.add(line: lines.number, column: column.name, "\(ManifestProblems.quoted(cell)) \(reason.text)")
      return nil
    }
  }

  private mutating func size(_ cells: [Bytes], _ columns: ManifestColumns) -> Int? {
    guard let column = columns.size else { return nil }
    let cell = Cell.trimmed(cells[column.index])
    if Cell.isUnknown(cell) { return nil }
    if let size = Cell.number(cell) { return size }
    problems.add(
      line: lines.number, column: column.name,
      "\(ManifestProblems.quoted(cell)) is not a size (bytes as decimal digits expected)")
    return nil
  }

  private mutating func digests(_ cells: [Bytes], _ columns: ManifestColumns) -> [Digest] {
    var digests: [Digest] = []
    for (column, algorithm) in columns.digests {
      let cell = Cell.trimmed(cells[column.index])
      if Cell.isUnknown(cell) { continue }
      if let bytes = Cell.hex(cell, count: algorithm.byteCount),
        let digest = Digest(algorithm, bytes: bytes, source: .manifest)
      {
        digests.append(digest)
      } else {
        let article = algorithm == .md5 ? "an" : "a"
        problems.add(
          line: lines.number, column: column.name,
          "\(ManifestProblems.quoted(cell)) is not \(article) \(algorithm) (\(2 * algorithm.byteCount) hexadecimal digits expected)"
        )
      }
    }
    return digests
  }
}

// MARK: - Rows together

extension ManifestReader {
  /// Takes a download unless an earlier row has its target. False when it was not taken.
  @discardableResult
  private mutating func add(_ spec: DownloadSpec) -> Bool {
    let key: Key
    switch spec.source {
    case .url(let url) where spec.name == nil: key = Key(folder: url, name: nil)
    default: key = Key(folder: spec.folder, name: spec.name)
    }
    let line = lines.number
    if let (index, earlier) = seen[key] {
      if downloads[index] == spec {
        repeated += 1
      } else {
        problems.add(
          line: line,
          "the target '\(Printable.text(Self.path(spec)))' is that of line \(earlier), and the rows differ")
      }
      return false
    }
    seen[key] = (downloads.count, line)
    if let size = spec.size {
      let (sum, over) = total.addingReportingOverflow(size)
      total = over ? Int.max : sum
    } else {
      unknownSizes += 1
    }
    if !spec.digests.isEmpty { withDigest += 1 }
    downloads.append(spec)
    return true
  }

  private static func path(_ spec: DownloadSpec) -> String {
    spec.folder.isEmpty ? spec.title : spec.name.map { "\(spec.folder)/\($0)" } ?? spec.folder
  }

  private mutating func countUnreleased(_ state: String) {
    if let i = unreleased.firstIndex(where: { $0.state == state }) {
      unreleased[i].count += 1
    } else if unreleased.count < 10 {
      unreleased.append((state, 1))
    } else {
      unreleased[9] = ("other", unreleased[9].count + 1)
    }
  }

  private var remarks: [String] {
    func rows(_ count: Int, _ one: String, _ many: String) -> String {
      count == 1 ? "1 \(one)" : "\(Grouped.text(count)) \(many)"
    }
    var remarks: [String] = []
    if repeated > 0 {
      remarks.append(rows(repeated, "row repeats an earlier one", "rows repeat earlier ones"))
    }
    if superseded > 0 {
      remarks.append(
        rows(superseded, "file is superseded by a newer version", "files are superseded by newer versions")
          + " (new_id)")
    }
    for (state, count) in unreleased {
      remarks.append(
        rows(count, "file has", "files have") + " the state '\(Printable.text(state))', not 'released'")
    }
    if renamed > 0 {
      remarks.append(
        rows(renamed, "name was changed", "names were changed") + " to be safe, first \(firstRenamed)")
    }
    return remarks
  }
}
