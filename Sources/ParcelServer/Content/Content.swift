import ParcelCore

/// One object of the server and what is known about it.
package struct ServedFile: Sendable {
  /// Relative to the root, `/` between folders.
  package var path: String
  /// Made from the path, so it stays the same over restarts.
  package var id: String
  package var size: Int
  /// Strong, quotes included.
  package var etag: String
  /// Seconds since 1970.
  package var lastModified: Int
  /// 16 bytes once it was computed.
  package var md5: [UInt8]?

  /// The last part of the path.
  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// An open object's bytes. Used by one thread; frees its resources with itself.
package protocol ServedBody: AnyObject {
  /// A descriptor that `sendfile` can read, nil when there is none.
  var descriptor: Int32? { get }

  /// Fills `buffer` from `offset` on; fewer bytes only at the end, 0 when the object ended or broke.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int
}

/// Where objects come from. Any thread may call; calls may block on the disk.
package protocol Content: Sendable {
  /// `path` is decoded and has no `.` or `..` parts. Nil: there is no such object.
  func open(path: String) -> (ServedFile, any ServedBody)?

  /// By the id of the manifest.
  func open(id: String) -> (ServedFile, any ServedBody)?

  /// Every object, sorted by path, with its md5: computes what is not known yet, on several threads.
  func manifest() -> [ServedFile]
}

/// The content as a GDC manifest.
package enum ContentManifest {
  /// Objects whose name has a tab or line end cannot be in a table and are left out.
  package static func text(_ files: [ServedFile]) -> [UInt8] {
    var out = Array("id\tfilename\tmd5\tsize\tstate\n".utf8)
    for file in files where !file.name.utf8.contains(where: { $0 == 9 || $0 == 10 || $0 == 13 }) {
      let md5 = file.md5.map { Hex.encode($0) } ?? "NA"
      out += "\(file.id)\t\(file.name)\t\(md5)\t\(file.size)\treleased\n".utf8
    }
    return out
  }
}
