/// What the driver (the engine) must do for a download's machine.
package enum DownloadEffect: Sendable {
  /// Open the target; answer with `opened`. The head is the first answer's when the name has to come from it.
  case openStore(nameFrom: ResponseHead?)
  /// Open a transfer. With `writes` false its bytes wait until `attach`.
  case openTransfer(TransferPlan)
  /// The waiting first transfer may write its range.
  case attach(TransferID, ByteRange)
  /// End the transfer; `ended` follows.
  case stopTransfer(TransferID)
  /// Take everything from `offset` on away from `victim`, then call `split` with the limit that was reached.
  case shrink(victim: TransferID, offset: Int, heir: TransferID)
  /// Take everything after the block that `victim` is in away from it, then call `released`.
  case release(TransferID)
  /// The object on the server is known: the journal may begin.
  case identify(ObjectIdentity)
  /// All bytes are here: verify, sync, rename; answer with `finished`.
  case finish(size: Int, digests: [Digest])
  /// Save and close the part file; answer with `closed`.
  case suspend
  /// Compute the digest of bytes on disk; answer with `partDigested`.
  case digestPart(ByteRange, Digest.Algorithm)
  /// These bytes on disk are wrong: out of the journal; answer with `dropped`.
  case drop([ByteRange])
  /// From now on transfers are compared with what is on disk; answer with `comparisonPrepared`.
  case prepareComparison
  /// All transfers were compared: wait for the last byte; answer with `comparisonSettled`.
  case settleComparison
  /// Forget all bytes of the part file; answer with `discarded`.
  case discard
  /// A transfer failed and is tried again: for the log, with others of the same cause.
  case trouble(Failure)
  /// A line for the log.
  case log(LogLine.Level, String)
}

/// One transfer as the machine wants it.
package struct TransferPlan: Hashable, Sendable {
  package var id: TransferID
  package var kind: TransportKind
  package var url: String
  /// What to write where; `end` is `Int.max` while the size is unknown.
  package var range: ByteRange
  /// Ask without a `Range` header: the whole of a small file, or a server without ranges.
  package var whole: Bool
  /// False: the URL is on another host than the one the user named, and gets no token and no Authorization.
  package var trusted: Bool
  /// May share a connection with others (small files).
  package var shared: Bool
  /// False: bytes wait until `attach`, because the name, and so the file, is not known yet.
  package var writes: Bool
  /// True: nothing of the file is here and nothing else is on its way, so a server without ranges may send all of it.
  package var mayBeWhole: Bool
  /// What is known of the object: size, validators.
  package var expected: ObjectIdentity?
  /// Not for its bytes but for their digest; nil: an ordinary transfer.
  package var question: Repair.Question?
  /// Its bytes are compared with those on disk, which are replaced where they differ.
  package var compares = false
  /// On a connection that nothing came over before.
  package var fresh = false
}

/// How one transfer ended, as the machine needs to know it.
package struct TransferOutcome: Sendable {
  package var id: TransferID
  /// First byte of its range that was not taken.
  package var position: Int
  package var reason: TransferEnd.Reason
  /// What the rules said to the answer's head, when one came.
  package var verdict: ResponseVerdict?
  /// A failure of the way there and not of the download: tried again, and not counted.
  package var isFree: Bool
  /// `Content-Digest` of the answer.
  package var partDigests: [Digest] = []

  package init(
    id: TransferID, position: Int, reason: TransferEnd.Reason, verdict: ResponseVerdict?,
    isFree: Bool = false
  ) {
    self.id = id
    self.position = position
    self.reason = reason
    self.verdict = verdict
    self.isFree = isFree
  }

  /// Why it failed or was refused, nil when it did not.
  package var failure: Failure? {
    switch (reason, verdict) {
    case (.failed(let failure), _): failure
    case (.rejected, .refused(let failure)): failure
    default: nil
    }
  }
}
