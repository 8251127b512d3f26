/// When downloads that cannot write where they should may go on: their file system is full, over its quota or read-only,
/// or their folder is closed to this user. One value for each file system, and for each closed folder; the engine looks there and tells it.
///
///     off ─ began ─► on ─ looked: room ─► off ─ began soon after, nothing gained ─► on, with a longer pause
///
/// Free space and the right to write are known, so they are looked at every few seconds. A used-up quota shows no figure: there
/// trying is the only way to know, with pauses that grow. They grow, too, where a look finds nothing wrong and writing does not work.
package struct VolumeWait: Sendable {
  package struct Rules: Sendable {
    /// Seconds between two looks.
    package var look = 3.0
    /// Room, in bytes, with which it pays to go on although more is needed.
    package var quantum = 64 << 20
    /// Bytes beside the file's own: journal, folder, metadata.
    package var reserve = 1 << 20
    /// The first pause in seconds where only trying helps, and the longest.
    package var firstPause = 5.0
    package var longestPause = 300.0
    /// Bytes that must have been stored since the last time, for that to have been worth it.
    package var gain = 1 << 20

    package init() {}
  }

  package let volume: VolumeID
  /// Only what makes names in this folder waits; nil: everything on the file system.
  package let folder: String?
  /// Mount point or folder, printable.
  package let place: String
  package let rules: Rules
  package private(set) var kind = Failure.Hold.space
  package private(set) var isOn = false
  /// Bytes that can be written; nil when unknown.
  package private(set) var free: Int?
  /// Bytes that unfinished downloads lack there.
  package private(set) var needed = 0
  /// Bytes that the one of them lacks that lacks least.
  private var least = 0
  /// Nothing goes on before this moment, whatever the figures say.
  package private(set) var notBefore = Instant.zero
  private var nextLook = Instant.zero
  /// Goes in a row that gained nothing.
  private var futile = 0
  /// Bytes stored when it went on last.
  private var storedThen: Int?

  package init(volume: VolumeID, folder: String? = nil, place: String, rules: Rules = Rules()) {
    self.volume = volume
    self.folder = folder
    self.place = place
    self.rules = rules
  }

  /// A download could not write there. True when that is news.
  ///
  /// `stored`: bytes that all downloads have on disk.
  package mutating func began(_ kind: Failure.Hold, free: Int?, needed: Int, stored: Int, now: Instant)
    -> Bool
  {
    self.free = kind == .space ? free : nil
    self.needed = needed
    if isOn { return false }
    self.kind = kind
    isOn = true
    if let storedThen { futile = stored - storedThen >= rules.gain ? 0 : futile + 1 }
    let doublings = min(kind == .quota ? futile : futile - 1, 20)
    notBefore = doublings < 0 ? now : now + min(rules.firstPause * Double(1 << doublings), rules.longestPause)
    nextLook = now + rules.look
    return true
  }

  /// Whether the free space should be looked at now. Answers true once for each turn.
  package mutating func takeLook(now: Instant) -> Bool {
    guard isOn, now >= nextLook else { return false }
    nextLook = now + rules.look
    return true
  }

  /// What a look found; `free` nil: there was no answer. True when the downloads may go on.
  ///
  /// `least`: what the one that lacks least needs; nil: as much as all. `mayWrite`: what a look at the mount and the folder says.
  package mutating func looked(
    free: Int?, needed: Int, least: Int? = nil, mayWrite: Bool = true, stored: Int, now: Instant
  ) -> Bool {
    guard isOn else { return false }
    self.needed = needed
    self.least = least ?? needed
    if kind == .space { self.free = free }
    guard now >= notBefore else { return false }
    switch kind {
    case .space, .token: guard hasRoom else { return false }
    case .readOnly, .permission: guard mayWrite else { return false }
    case .quota: break
    }
    isOn = false
    storedThen = stored
    return true
  }

  /// The user would not wait, or none of its downloads is left.
  package mutating func end() { isOn = false }

  private var hasRoom: Bool {
    guard let free else { return false }
    return free >= min(least, rules.quantum) + rules.reserve
  }

  /// `files`: downloads that wait.
  package func status(files: Int, now: Instant) -> HoldStatus {
    HoldStatus(
      kind: kind, place: place, files: files, free: free,
      needed: needed > 0 && kind != .readOnly && kind != .permission ? needed : nil,
      text: text(now: now))
  }

  private func text(now: Instant) -> String {
    switch kind {
    case .quota:
      let seconds = Int(max(1, (max(notBefore, nextLook) - now).rounded(.up)))
      return "the disk quota on \(place) is used up: trying again in \(seconds) s"
    case .readOnly: return "waiting for write access to \(place): it is mounted read-only"
    case .permission: return "waiting for write access to \(place): permission denied"
    case .space, .token:
      let room = free.map { ByteText.short($0) + " free" } ?? "free space unknown"
      let need = needed > 0 ? ", \(ByteText.short(needed)) needed" : ""
      return "waiting for space on \(place): \(room)\(need)"
    }
  }
}
