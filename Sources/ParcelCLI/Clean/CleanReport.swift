import ParcelCore

/// What `parcel clean` found, and what became of it.
package struct CleanReport: Sendable {
  package enum Outcome: Hashable, Sendable {
    /// Nothing was asked for.
    case listed
    case removed
    /// In use, or not ours.
    case left
    case failed(Failure)
  }

  package var folder: String
  package var items: [(leftover: Leftover, outcome: Outcome)]
  /// `--yes` was given.
  package var removes: Bool
  /// Seconds since 1970.
  package var now: Int

  package init(folder: String, items: [(leftover: Leftover, outcome: Outcome)], removes: Bool, now: Int) {
    self.folder = folder
    self.items = items
    self.removes = removes
    self.now = now
  }

  package var exit: ExitCode {
    items.contains { if case .failed = $0.outcome { true } else { false } } ? .disk : .success
  }

  /// Bytes on disk of what may be removed, or was.
  private var mine: [Leftover] {
    items.filter { $0.outcome == .removed || $0.outcome == .listed }.map(\.leftover)
  }

  // MARK: For people

  package func lines(_ style: PlainStyle) -> [String] {
    guard !items.isEmpty else {
      return ["No unfinished download has left anything in '\(Printable.text(folder))'."]
    }
    return ["In \(Printable.text(folder)):"] + items.flatMap { lines($0.leftover, $0.outcome, style) } + [""]
      + conclusion(style)
  }

  private func lines(_ one: Leftover, _ outcome: Outcome, _ style: PlainStyle) -> [String] {
    let bytes = style.charset.right(Figures.bytes(one.allocated), Figures.bytesWidth)
    let age = style.charset.right(Self.age(now - one.modified), 10)
    let first = "  \(bytes)  \(age)  \(Printable.text(one.name))"
    var why = Self.word(one.kind) + ": " + one.reason
    if let size = one.size, let kept = one.kept {
      why += ", \(Figures.bytes(kept, of: size)) would be kept"
    }
    var color: PlainStyle.Color?
    switch outcome {
    case .removed: why += "; removed"
    case .failed(let failure):
      why += "; NOT removed: \(failure.sentence)"
      color = .red
    case .listed, .left:
      switch one.fate {
      case .free: break
      case .held(let who):
        why += "; left alone: \(who)"
        color = .yellow
      case .foreign where outcome == .listed: why += "; not known to be parcel's"
      case .foreign:
        why += "; not known to be parcel's, left alone unless --all"
        color = .yellow
      }
    }
    return [first, Figures.blanks(Figures.bytesWidth + 16) + style.paint(Printable.text(why), color)]
  }

  private func conclusion(_ style: PlainStyle) -> [String] {
    let mine = self.mine
    let bytes = Figures.bytes(mine.reduce(0) { $0 + $1.allocated })
    let others = items.count - mine.count
    let rest = others == 0 ? "" : " \(Grouped.text(others)) left alone."
    let what = Figures.count(mine.count, "thing")
    if removes { return [style.paint("Removed \(what), \(bytes).\(rest)", exit == .success ? .green : .red)] }
    guard !mine.isEmpty else { return ["Nothing can be removed.\(rest)"] }
    return ["\(what), \(bytes), can be removed with --yes.\(rest) Nothing was changed."]
  }

  static func word(_ kind: Leftover.Kind) -> String {
    switch kind {
    case .partial: "partial file"
    case .spoiled: "partial file of no use"
    case .journal: "journal alone"
    case .small: "partial file"
    case .lock: "lock"
    case .draft: "draft"
    case .unknown: "partial file"
    case .later: "partial file"
    }
  }

  /// "12 s", "5 min", "3 h", "12 days"
  static func age(_ seconds: Int) -> String {
    switch max(0, seconds) {
    case let s where s < 120: "\(s) s"
    case let s where s < 7200: "\(s / 60) min"
    case let s where s < 172_800: "\(s / 3600) h"
    case let s: "\(Grouped.text(s / 86_400)) days"
    }
  }

  // MARK: For programs

  package var json: String {
    var object = JSONObject()
    object.add("version", 1)
    object.add("type", "clean")
    object.add("dir", folder)
    object.add("exit", Int(exit.rawValue))
    object.add("removes", removes)
    object.add("removable_bytes", mine.reduce(0) { $0 + $1.allocated })
    object.add("items", items.map { record($0.leftover, $0.outcome) })
    return object.closed
  }

  private func record(_ one: Leftover, _ outcome: Outcome) -> JSONObject {
    var object = JSONObject()
    object.add("name", one.name)
    object.add("kind", one.kind.rawValue)
    object.add("files", one.files)
    object.add("bytes_on_disk", one.allocated)
    object.add("kept", one.kept)
    object.add("size", one.size)
    object.add("age_s", max(0, now - one.modified))
    object.add("reason", one.reason)
    var held: String?
    if case .held(let who) = one.fate { held = who }
    object.add("held_by", held)
    object.add("ours", one.fate != .foreign)
    var failure: String?
    switch outcome {
    case .listed: object.add("outcome", "listed")
    case .removed: object.add("outcome", "removed")
    case .left: object.add("outcome", "left")
    case .failed(let why):
      object.add("outcome", "failed")
      failure = why.text
    }
    object.add("failure", failure)
    return object
  }
}
