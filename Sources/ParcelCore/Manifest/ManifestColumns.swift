/// Which column of a table says what, found by the names in its first line.
struct ManifestColumns {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// A column's place, from 0, and its name as the document writes it.
  struct Column {
    var index: Int
    var name: String
  }

  var names: [String] = []
  var id: Column?
  var url: Column?
  var name: Column?
  var size: Column?
  var digests: [(column: Column, algorithm: Digest.Algorithm)] = []
  var state: Column?
  var newID: Column?

  private static let digestNames: [(Digest.Algorithm, [String])] = [
    (.md5, ["md5", "md5sum"]), (.sha1, ["sha1", "sha1sum"]), (.sha256, ["sha256", "sha256sum"]),
    (.sha512, ["sha512", "sha512sum"]),
  ]

  /// Takes the header's cells; nil when none of them is called `id` or `url`.
  init?(_ cells: [Bytes]) {
    names = cells.map { ASCII.lowercased(ASCII.trimmed(Cell.text($0))) }
    id = first(["id", "file_id"])
    url = first(["url"])
    name = first(["path", "filename", "file_name"])
    size = first(["size", "bytes", "file_size"])
    state = first(["state"])
    newID = first(["new_id"])
    for (algorithm, words) in Self.digestNames {
      if let column = first(words) { digests.append((column, algorithm)) }
    }
    guard id != nil || url != nil else { return nil }
  }

  private func first(_ words: [String]) -> Column? {
    for word in words {
      if let index = names.firstIndex(of: word) { return Column(index: index, name: word) }
    }
    return nil
  }

  /// A name that we use and that occurs twice: then nobody can say which column is meant.
  var repeated: String? {
    let used = [id, url, name, size, state, newID].compactMap { $0 } + digests.map(\.column)
    return used.first { column in names.filter { $0 == column.name }.count > 1 }?.name
  }

  var format: Manifest.Format {
    if url != nil { return .urlTable }
    if newID != nil { return .gdcSuperseded }
    guard name != nil, size != nil, digests.contains(where: { $0.algorithm == .md5 }) else { return .idTable }
    return name?.name == "file_name" ? .gdcTable : .gdc
  }
}
