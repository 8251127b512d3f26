/// Finished files for the log: each by name while they are few, together when they come fast.
package struct FinishLog: Sendable {
  /// One file that is complete under its final name.
  package struct File: Hashable, Sendable {
    package var name: String
    package var bytes: Int
    package var isVerified: Bool
    /// What this run did for it; nil: nothing, it was here.
    package var fetched: FetchReport?

    package init(name: String, bytes: Int, isVerified: Bool, fetched: FetchReport?) {
      self.name = name
      self.bytes = bytes
      self.isVerified = isVerified
      self.fetched = fetched
    }
  }

  /// Files in one look that still get a line each.
  static let named = 3
  /// Seconds between two looks, and after one that found many.
  static let pause = 1.0
  static let longPause = 10.0

  private var files = 0
  private var verified = 0
  private var here = 0
  private var bytes = 0
  private var first: [File] = []
  private var next: Instant?

  package init() {}

  package mutating func add(_ file: File, now: Instant) {
    if files == 0, next.map({ $0 < now }) ?? true { next = now + Self.pause }
    files += 1
    bytes &+= file.bytes
    if file.isVerified { verified += 1 }
    if file.fetched == nil { here += 1 }
    if first.count < Self.named { first.append(file) }
  }

  /// What is due to be said; with `isLast` all that is left.
  package mutating func lines(now: Instant, isLast: Bool) -> [String] {
    guard files > 0, isLast || next.map({ now >= $0 }) ?? true else { return [] }
    defer { (files, verified, here, bytes, first) = (0, 0, 0, 0, []) }
    if files <= Self.named {
      next = now + Self.pause
      return first.map(Self.sentence)
    }
    next = now + Self.longPause
    return [together]
  }

  /// "'a.bam' is verified: 1.21 GB in 4m 12s, 38.4 Mbit/s on average."
  private static func sentence(_ file: File) -> String {
    let what = file.isVerified ? "is verified" : "is complete, no digest is known"
    let how =
      file.fetched.map { $0.words(of: file.bytes) } ?? Figures.bytes(file.bytes) + ", already here"
    return "'\(file.name)' \(what): \(how)."
  }

  /// "42 files are verified: 640.00 MB, 40 of them already here."
  private var together: String {
    let all = Figures.count(files, "file")
    let what =
      verified == files
      ? "\(all) are verified"
      : verified == 0
        ? "\(all) are complete, no digests are known"
        : "\(all) are complete, \(Grouped.text(verified)) of them verified"
    let known =
      here == 0 ? "" : here == files ? ", already here" : ", \(Grouped.text(here)) of them already here"
    return "\(what): \(Figures.bytes(bytes))\(known)."
  }
}

/// What a run did for one file.
package struct FetchReport: Hashable, Sendable {
  /// Bytes that came over the network; what came twice counts twice.
  package var bytes: Int
  /// Seconds in which a transfer was open.
  package var seconds: Double
  /// Bytes per second in its fastest second; nil when it had no whole second.
  package var peak: Double?
  package var usedHTTP: Bool
  package var usedUDT: Bool

  package init(bytes: Int, seconds: Double, peak: Double?, usedHTTP: Bool, usedUDT: Bool) {
    self.bytes = bytes
    self.seconds = seconds
    self.peak = peak
    self.usedHTTP = usedHTTP
    self.usedUDT = usedUDT
  }

  /// "http", "udt", "http and udt".
  package var transports: String {
    usedHTTP && usedUDT ? "http and udt" : usedUDT ? "udt" : "http"
  }

  /// Bytes per second; nil for a time too short to say.
  package var average: Double? { seconds >= 0.1 ? Double(bytes) / seconds : nil }

  /// "1.21 GB in 4m 12s, 38.4 Mbit/s on average" for a file of `size` bytes; when only a part came, how much.
  package func words(of size: Int) -> String {
    let amount = bytes == size ? Figures.bytes(size) : "\(Figures.bytes(size)), \(Figures.bytes(bytes)) of it"
    let fetched = bytes > size ? "\(Figures.bytes(size)), \(Figures.bytes(bytes)) fetched" : amount
    let pace = average.map { ", \(Figures.rate($0)) on average" } ?? ""
    return "\(fetched) in \(Figures.elapsed(seconds))\(pace)"
  }
}
