/// What is wrong with single rows: what their manifest says of them, their names, what is in their place.
extension PreflightRules {
  // MARK: What the manifest says

  /// States of files that can be fetched. Old GDC manifests say `submitted` of open files.
  private static let fetchable = [
    "released", "live", "submitted", "validated", "processed", "public", "available",
  ]
  /// States of files that were never given out, or not any more: GDC's file states and ENA's record states.
  private static let gone = [
    "cancelled", "canceled", "deleted", "draft", "embargoed", "error", "file_size_mismatch", "killed",
    "md5_mismatch", "md5mismatch", "obsolete", "private", "redacted", "registered", "replaced", "superseded",
    "suppressed", "temporary_suppressed", "unreleased", "uploading", "withdrawn",
  ]

  /// True: files in this state cannot be had. Case, blanks and dashes do not count.
  static func isGone(state: String) -> Bool {
    let word = ASCII.lowercased(ASCII.trimmed(state)).map { $0 == " " || $0 == "-" ? "_" : $0 }
    return gone.contains(String(word))
  }

  func manifestRows() -> [PreflightFinding] {
    var superseded: [Int] = []
    var states: [(word: String, rows: [Int])] = []
    for (index, spec) in facts.specs.enumerated() {
      if spec.successor != nil {
        superseded.append(index)
      } else if let state = spec.release, state != "released", Self.isGone(state: state) {
        let word = ASCII.lowercased(ASCII.trimmed(state))
        if let place = states.firstIndex(where: { $0.word == word }) {
          states[place].rows.append(index)
        } else {
          states.append((word, [index]))
        }
      }
    }
    var findings: [PreflightFinding] = []
    if !superseded.isEmpty {
      let by =
        superseded.count == 1
        ? facts.specs[superseded[0]].successor.map { " (\($0))" } ?? "" : " (column new_id)"
      findings.append(
        rows(
          superseded, .trouble, "Superseded", .changed,
          superseded.count == 1
            ? "1 file is superseded by a newer version\(by)"
            : "\(Grouped.text(superseded.count)) files are superseded by newer versions\(by)",
          "Get a new manifest, or make one of the newer ids."))
    }
    for (word, indices) in states {
      findings.append(
        rows(
          indices, .trouble, "Not public", .notFound,
          "\(Self.count(indices.count)) not given out: the manifest says '\(word)'",
          "Get a new manifest, or ask who made the data."))
    }
    return findings
  }

  // MARK: Names

  func names() -> [PreflightFinding] {
    var taken = UniqueNames()
    var folded: [String: Int] = [:]
    var doubles: [(row: Int, other: Int, path: String)] = []
    var clashes: [(row: Int, other: Int)] = []
    // Others count on behind the rows: they were there first and cannot be to blame.
    for (index, spec) in facts.others.enumerated() {
      guard let path = Self.path(spec) else { continue }
      _ = taken.claim(path, for: DownloadID(facts.specs.count + index))
    }
    for (index, spec) in facts.specs.enumerated() {
      guard let path = Self.path(spec) else { continue }
      if let other = taken.claim(path, for: DownloadID(index)) {
        doubles.append((index, other.index, path))
        continue
      }
      let lower = path.lowercased()
      if let other = folded[lower] { clashes.append((index, other)) } else { folded[lower] = index }
    }
    return twice(doubles) + clashing(clashes)
  }

  private func twice(_ doubles: [(row: Int, other: Int, path: String)]) -> [PreflightFinding] {
    guard let first = doubles.first else { return [] }
    if doubles.allSatisfy({ spec($0.row).source == spec($0.other).source }) {
      let text =
        doubles.count == 1
        ? "1 file is in the list already" : "\(Grouped.text(doubles.count)) files are in the list already"
      return [
        rows(doubles.map(\.row), .trouble, "Twice", .input, text, "Leave them out: nothing is missing then.")
      ]
    }
    let text =
      doubles.count == 1
      ? "'\(name(first.row))' and '\(name(first.other))' would both be written to '\(first.path)'"
      : "\(Grouped.text(doubles.count)) files would be written where others of the list go, first '\(first.path)'"
    return [
      rows(doubles.map(\.row), .trouble, "Twice", .input, text, "Fetch them into different folders.")
    ]
  }

  /// File systems for which `A` and `a` are one name.
  private static let caseless = ["vfat", "exfat", "ntfs", "smb", "cifs"]

  private func clashing(_ clashes: [(row: Int, other: Int)]) -> [PreflightFinding] {
    guard let first = clashes.first else { return [] }
    let isOne = facts.target.kind.map { Self.caseless.contains($0) } ?? false
    let names =
      "\(Self.count(clashes.count, "name differs", "names differ")) from another only in upper and lower case "
      + "('\(name(first.row))' and '\(name(first.other))')"
    if isOne {
      return [
        rows(
          clashes.map(\.row), .trouble, "Same name", .exists,
          names + ", which \(facts.target.kind ?? "this file system") takes for the same",
          "Fetch them into different folders, or onto another file system.")
      ]
    }
    return [
      rows(
        clashes.map(\.row), .remark, "Same name", nil, names,
        "They stay apart here; copied to Windows, macOS or a USB stick one would replace the other.")
    ]
  }

  /// Relative; nil when only the server knows the name.
  static func path(_ spec: DownloadSpec) -> String? {
    guard let name = spec.name else { return nil }
    return spec.folder.isEmpty ? name : spec.folder + "/" + name
  }

  // MARK: What is in the place

  func diskRows() -> [PreflightFinding] {
    guard facts.target.failure == nil else { return [] }
    return inTheWay() + badFolders() + tooLarge()
  }

  private func inTheWay() -> [PreflightFinding] {
    var other: [Int] = []
    var different: [(row: Int, size: Int)] = []
    var unknown: [Int] = []
    for found in facts.target.rows where facts.specs.indices.contains(found.row) {
      let spec = facts.specs[found.row]
      switch found.final {
      case .absent: break
      case .other: other.append(found.row)
      case .file(let size):
        guard !facts.overwrite else { break }
        if let wanted = spec.size {
          if wanted != size { different.append((found.row, size)) }
        } else if spec.digests.isEmpty {
          unknown.append(found.row)
        }
      }
    }
    var findings: [PreflightFinding] = []
    if !other.isEmpty {
      findings.append(
        rows(
          other, .trouble, "In the way", .exists,
          "\(Self.count(other.count, "target is", "targets are")) something else than an ordinary file",
          "Move it away, or fetch into another folder."))
    }
    if let first = different.first, let wanted = facts.specs[first.row].size {
      let example = "has \(Grouped.text(first.size)) bytes, and \(Grouped.text(wanted)) are wanted"
      findings.append(
        rows(
          different.map(\.row), .trouble, "In the way", .exists,
          different.count == 1
            ? "another file is in the place: it \(example)"
            : "other files are in the place of \(Grouped.text(different.count)): the first \(example)",
          "Move them away, or give --overwrite: a file is replaced once the new one is verified."))
    }
    if !unknown.isEmpty {
      findings.append(
        rows(
          unknown, .trouble, "In the way", .exists,
          "\(Self.count(unknown.count)) there already, and without a size or digest nobody can say whether "
            + "\(unknown.count == 1 ? "it is" : "they are") right",
          "Move them away, or give --overwrite."))
    }
    return findings
  }

  private func badFolders() -> [PreflightFinding] {
    facts.target.badFolders.compactMap { bad in
      let indices = facts.specs.indices.filter { index in
        Self.path(facts.specs[index]).map { $0.utf8.starts(with: (bad.path + "/").utf8) } ?? false
      }
      guard !indices.isEmpty else { return nil }
      return rows(
        indices, .trouble, "Writing", .disk,
        "\(Self.count(indices.count, "file", "files")) cannot be written into '\(bad.path)': \(bad.why)",
        "Have the permission changed, or fetch into another folder.")
    }
  }

  private func tooLarge() -> [PreflightFinding] {
    guard let largest = FileSystemKind.largestFile(facts.target.kind) else { return [] }
    let indices = facts.specs.indices.filter { facts.specs[$0].size ?? 0 > largest }
    guard !indices.isEmpty else { return [] }
    return [
      rows(
        indices, .trouble, "Too large", .disk,
        "\(Self.count(indices.count)) 4 GiB or larger, which vfat cannot hold",
        "Choose another file system with -d.")
    ]
  }
}
