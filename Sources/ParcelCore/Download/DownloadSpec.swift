/// A download's number within one run: 0, 1, 2, … in the order they were added, never used twice.
package struct DownloadID: Hashable, Comparable, Sendable {
  package var index: Int
  package init(_ index: Int) { self.index = index }
  package static func < (a: DownloadID, b: DownloadID) -> Bool { a.index < b.index }
}

/// One wanted file as it was asked for: where from, where to, what it must be. Nothing learned later is in here.
package struct DownloadSpec: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// A file id, fetched from SERVER/ID.
    case id(String)
    /// A complete URL.
    case url(String)
  }

  package var source: Source
  /// The file's name when the manifest gives one, already safe (see `SafeName`); may hold `/` for sub-folders.
  /// Nil: the name comes from Content-Disposition, else from the URL.
  package var name: String?
  /// Folder below the target folder, already safe: the id for GDC manifests (`DIR/ID/NAME`), empty for none.
  package var folder: String
  /// Size in bytes when known.
  package var size: Int?
  /// Digests the file must have; empty when the manifest gives none.
  package var digests: [Digest]
  /// The row's `state` column (GDC: `released`, `submitted`, …), nil when the manifest has none.
  package var release: String?
  /// The id of the newer version that took its place, as the manifest says (`new_id`); nil for none.
  package var successor: String?
  /// The person typed it, so the token is meant for its server too. False for what a manifest says: that comes from others.
  package var isTyped = false

  package init(
    source: Source, name: String? = nil, folder: String = "", size: Int? = nil, digests: [Digest] = [],
    release: String? = nil, successor: String? = nil
  ) {
    self.source = source
    self.name = name
    self.folder = folder
    self.size = size
    self.digests = digests
    self.release = release
    self.successor = successor
  }

  /// What a list shows for it before a name is known.
  package var title: String {
    if let name { return name }
    switch source {
    case .id(let id): return id
    case .url(let url): return Redaction.url(url)
    }
  }
}

/// How the bytes travel.
package enum TransportKind: String, Sendable, CaseIterable {
  /// TCP, direct.
  case http
  /// Through a relay over UDT.
  case udt
}
