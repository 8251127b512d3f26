/// Where a download goes and what is known about it before the first answer.
package struct Target: Hashable, Sendable {
  /// Absolute path of the final file. Its folders are made when the first byte is to be written.
  package var path: String
  /// Size in bytes when known.
  package var size: Int?
  /// False: `size` is what the server says at the moment, and nobody asked for it. It is no reason to give up an earlier
  /// run's bytes of another size: whether the object changed, or something else answers in its place, is not the store's to say.
  package var sizeIsWanted = true
  /// Digests it must have. Empty: none known.
  package var digests: [Digest]
  /// Another file under the final name is replaced after the new one is verified; else it is a failure (`exists`).
  package var overwrite: Bool

  package init(path: String, size: Int?, digests: [Digest], overwrite: Bool = false) {
    self.path = path
    self.size = size
    self.digests = digests
    self.overwrite = overwrite
  }
}

/// The object on the server that the bytes on disk belong to. Bytes of two identities are never mixed.
package struct ObjectIdentity: Hashable, Sendable {
  /// Bytes; nil when the server does not say (then there is no resume).
  package var size: Int?
  /// Strong or weak, as the server wrote it, quotes included.
  package var etag: String?
  package var lastModified: String?

  package init(size: Int?, etag: String? = nil, lastModified: String? = nil) {
    self.size = size
    self.etag = etag
    self.lastModified = lastModified
  }

  /// What `If-Range` may carry: a strong ETag, else Last-Modified, else nil (RFC 9110, section 13.1.5).
  package var validator: String? {
    if let etag, !etag.hasPrefix("W/") { return etag }
    return lastModified
  }
}

/// What opening a target found.
package enum OpenResult: Sendable {
  /// Bytes can be written; `file.recovered` says what an earlier run left.
  case ready(any PartFile)
  /// The final file is there and its digest is right (or, with `verified` false, its size is right and no digest is known).
  case alreadyDone(size: Int, verified: Bool)
}

/// What an earlier run left of a download, after the check of its journal.
package struct Recovered: Sendable {
  /// Nil when nothing usable was there.
  package var identity: ObjectIdentity?
  /// Bytes that can be kept.
  package var ranges: ByteRangeSet
  /// A sentence for the log when something of the earlier run had to be dropped.
  package var remark: String?
  /// The file system has no holes: bytes written far ahead of the others would make it fill the gap first, so they
  /// should come in order.
  package var wantsOrder = false

  package init(identity: ObjectIdentity? = nil, ranges: ByteRangeSet = ByteRangeSet(), remark: String? = nil)
  {
    self.identity = identity
    self.ranges = ranges
    self.remark = remark
  }
}

/// How far the bytes of one download are, read by the engine a few times a second.
package struct PartProgress: Sendable {
  /// Bytes written to the file.
  package var stored: ByteRangeSet
  /// Bytes that are synced and in the journal, as a count.
  package var durable: Int
  /// End of the prefix that the whole-file digest covers.
  package var hashed: Int
  /// Bytes that the journal speaks of: what another run would find. Nil: the store does not tell them apart from `stored`.
  package var kept: ByteRangeSet?

  package init(stored: ByteRangeSet, durable: Int, hashed: Int, kept: ByteRangeSet? = nil) {
    self.stored = stored
    self.durable = durable
    self.hashed = hashed
    self.kept = kept
  }
}

/// What happens to a part file without being asked.
package enum PartEvent: Sendable {
  /// Bytes that were believed to be there are not right (digest of a block differs): fetch them again.
  case lost(ByteRange)
  /// While comparing: these bytes on disk were others than those that came, and were replaced.
  case replaced(ByteRange)
  /// Writing or syncing failed. Writers answer `.stop` from now on; what the journal says stays true.
  case failed(Failure)
}

/// A file system, by a number that is the same for all its files.
package struct VolumeID: Hashable, Sendable {
  package var number: UInt64
  package init(_ number: UInt64) { self.number = number }
}

/// How much room there is where somebody wants to write, and whether anything can be written there.
package struct VolumeSpace: Hashable, Sendable {
  package var volume: VolumeID
  /// Where it is mounted; printable.
  package var place: String
  /// Bytes that this user can still write; 0 also when there is no room for another file.
  package var free: Int
  /// The folder that was asked about, or the nearest one above it that is there.
  package var folder: String
  package var isReadOnly = false
  /// As far as can be seen without trying: new names can be made in `folder`.
  package var mayWrite = true

  package init(volume: VolumeID, place: String, free: Int, folder: String) {
    self.volume = volume
    self.place = place
    self.free = free
    self.folder = folder
  }
}

/// How a finished download ended.
package struct Finished: Sendable {
  package var size: Int
  /// The digest that was compared and is right; nil when none was known.
  package var verified: Digest?

  package init(size: Int, verified: Digest?) {
    self.size = size
    self.verified = verified
  }
}

/// The local side of downloads: files, journals, digests, locks. No call blocks its caller; completions come on the
/// store's threads, exactly once each.
package protocol DownloadStore: Sendable {
  /// Opens, or resumes, a target. One below `smallFileLimit` whose size is known, with nothing at its path yet, stays in
  /// memory until `finish`: no journal, syncs and renames batched with others. `events` may be called until `suspend`, `finish` or `discard` has completed.
  func open(
    _ target: Target, events: @escaping @Sendable (PartEvent) -> Void,
    completion: @escaping @Sendable (Result<OpenResult, Failure>) -> Void)

  /// Looks at what is there of a target and writes nothing, no lock and no folder either.
  func audit(_ target: Target, completion: @escaping @Sendable (Result<AuditResult, Failure>) -> Void)

  /// Called when a buffer is free again after a writer answered `.pause`.
  func onSpace(_ action: @escaping @Sendable () -> Void)

  /// How much room there is where `path` is, or would be. Quotas are not in the figure.
  func space(of path: String, completion: @escaping @Sendable (Result<VolumeSpace, Failure>) -> Void)

  /// Syncs and releases everything. Blocks until done; called once, after every part file was closed.
  func shutDown()
}

extension DownloadStore {
  package func space(of path: String, completion: @escaping @Sendable (Result<VolumeSpace, Failure>) -> Void)
  {
    completion(.failure(Failure(.disk, retry: .never, "How much room there is at '\(path)' is not known.")))
  }
}

extension PartFile {
  package var volumeID: VolumeID? { nil }
}

/// One download's bytes on disk: `NAME.part` and `NAME.parcel`.
package protocol PartFile: AnyObject, Sendable {
  var recovered: Recovered { get }

  /// The file system it is on; nil when that is not known before the file is made.
  var volumeID: VolumeID? { get }

  /// The object the bytes belong to, once the first answer named it. Before it no progress can be journaled; called
  /// again with the same value it does nothing. A different one needs `discard` first.
  func identify(_ identity: ObjectIdentity)

  /// A writer for bytes that nobody else is writing. `range.end` may be `Int.max` while the size is unknown.
  func writer(for range: ByteRange) -> any SegmentWriter

  func progress() -> PartProgress

  /// Everything was received (`size` bytes): waits for the writes and the digest, compares, syncs, renames, removes the
  /// journal. On a digest mismatch the part and its journal stay. Digests learned from the server are added here.
  func finish(
    size: Int, digests: [Digest], completion: @escaping @Sendable (Result<Finished, Failure>) -> Void)

  /// Writes what is buffered, syncs, journals, closes, releases the lock: the download can be opened again later.
  func suspend(completion: @escaping @Sendable (Failure?) -> Void)

  /// The digest of bytes that are on disk, read now.
  func digest(
    of range: ByteRange, _ algorithm: Digest.Algorithm,
    completion: @escaping @Sendable (Result<[UInt8], Failure>) -> Void)

  /// These bytes are wrong: out of the books, so that they can be written again. The file keeps its length.
  func drop(_ ranges: [ByteRange], completion: @escaping @Sendable (Failure?) -> Void)

  /// Gets ready for `comparer`s, until `finish`: nothing else reads or writes the file meanwhile.
  func prepareComparison(completion: @escaping @Sendable (Failure?) -> Void)

  /// A writer for bytes that are on disk already: where they differ, those on disk are replaced (`PartEvent.replaced`).
  func comparer(for range: ByteRange) -> any SegmentWriter

  /// Completes when everything that comparers took is compared.
  func settleComparison(completion: @escaping @Sendable (Failure?) -> Void)

  /// Forgets all bytes (the object changed and the user, or the machine, decided to start over); stays open, empty.
  func discard(completion: @escaping @Sendable (Failure?) -> Void)
}

extension DownloadStore {
  package func audit(
    _ target: Target, completion: @escaping @Sendable (Result<AuditResult, Failure>) -> Void
  ) { completion(.success(.missing)) }
}

/// For part files that never are on disk before they are right: there is nothing to compare.
extension PartFile {
  private var unsupported: Failure {
    Failure(.digest, retry: .never, "This file cannot be repaired in parts.")
  }

  package func digest(
    of range: ByteRange, _ algorithm: Digest.Algorithm,
    completion: @escaping @Sendable (Result<[UInt8], Failure>) -> Void
  ) { completion(.failure(unsupported)) }

  package func drop(_ ranges: [ByteRange], completion: @escaping @Sendable (Failure?) -> Void) {
    completion(unsupported)
  }

  package func prepareComparison(completion: @escaping @Sendable (Failure?) -> Void) {
    completion(unsupported)
  }

  package func comparer(for range: ByteRange) -> any SegmentWriter { writer(for: range) }

  package func settleComparison(completion: @escaping @Sendable (Failure?) -> Void) {
    completion(unsupported)
  }
}

/// Takes the bytes of one segment in order. `write` comes from the transport's thread; `shrink` from any.
package protocol SegmentWriter: AnyObject, Sendable {
  /// Copies `bytes` to the segment's next place. Bytes beyond the limit are not taken (`.enough`).
  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer

  /// First byte not yet taken. Any thread, wait-free.
  var position: Int { get }

  /// First byte this writer does not own. Any thread.
  var limit: Int { get }

  /// Takes away everything from `offset` on, but no byte that was already taken: returns the new limit (`offset`
  /// rounded up to a block boundary past `position`, or the old limit when there is nothing left to give). After it
  /// returns, this writer never writes at or after the returned limit.
  func shrink(to offset: Int) -> Int

  /// Raises the limit (an answer without ranges: the whole object comes).
  func extend(to offset: Int)

  /// No more `write` will come: what is buffered goes to the file.
  func close()
}

/// Below this many bytes a download is one transfer, without a journal of its own.
package let smallFileLimit = 1 << 20
