/// A list of wanted files read from a document, with what a person wants to know about it before starting.
package struct Manifest: Sendable {
  /// What kind of document it was.
  package enum Format: String, Sendable, CaseIterable {
    /// `id filename md5 size state`, in any order.
    case gdc = "GDC manifest"
    /// The same with `new_id`: files that a newer version replaced.
    case gdcSuperseded = "GDC manifest of superseded files"
    /// The portal's export: `id file_name file_size md5sum`.
    case gdcTable = "GDC portal table"
    /// A table with an `id` column and less than a GDC manifest has.
    case idTable = "id table"
    /// A table with a `url` column.
    case urlTable = "URL table"
    case urlList = "URL list"
    case idList = "id list"
    case mixedList = "list of URLs and ids"
  }

  /// The document's name, for messages.
  package var source: String
  package var format: Format
  /// In the document's order, rows that repeat an earlier one left out.
  package var downloads: [DownloadSpec]
  /// Sum of the known sizes in bytes; stays at `Int.max` when it would be more.
  package var totalBytes: Int
  /// Downloads whose size is unknown.
  package var unknownSizes: Int
  /// Downloads with at least one digest.
  package var withDigest: Int
  /// Sentences worth showing: rows repeated, superseded, not released, names changed.
  package var remarks: [String]

  /// "GDC manifest, 33 files, 545,775,975 bytes, digests for all".
  package var summary: String {
    let files = Figures.count(downloads.count, "file")
    var bytes = "\(Grouped.text(totalBytes)) bytes"
    if unknownSizes == downloads.count {
      bytes = "sizes unknown"
    } else if unknownSizes > 0 {
      bytes += " and \(Grouped.text(unknownSizes)) of unknown size"
    }
    let digests =
      withDigest == downloads.count
      ? "digests for all" : withDigest == 0 ? "no digests" : "digests for \(Grouped.text(withDigest))"
    return "\(format.rawValue), \(files), \(bytes), \(digests)"
  }

  /// Reads a document. The format is found by its content.
  ///
  /// `bytes` are borrowed for the call. `source` names the document in errors. Throws `Failure(.input, .never)` that
  /// lists the first 20 errors with line and column, and how many there are.
  package static func read(_ bytes: UnsafeRawBufferPointer, source: String) throws(Failure) -> Manifest {
    var reader = ManifestReader(bytes, source: source)
    return try reader.read()
  }

  /// The same for an array of bytes.
  package static func read(_ bytes: [UInt8], source: String) throws(Failure) -> Manifest {
    let result = bytes.withUnsafeBytes { buffer -> Result<Manifest, Failure> in
      do throws(Failure) { return .success(try read(buffer, source: source)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
