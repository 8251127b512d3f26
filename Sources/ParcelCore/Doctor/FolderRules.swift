/// What the target folder's file system means.
extension DoctorRules {
  private static let littleRoom = 1_000_000_000
  private static let fewInodes = 10_000
  private static let largestOnFAT = 4_294_967_295

  /// `needed`: bytes of the object that the URL names; nil when not known.
  package static func folder(_ one: FolderMeasurement, needed: Int?) -> [Finding] {
    if let failure = one.failure {
      return [
        .trouble(
          .folder, "Folder", .disk, "\(one.path) cannot be used: \(lowercasedFirst(failure))",
          "Choose another with -d.")
      ]
    }
    return [room(one, needed: needed), inodes(one), writing(one), kind(one, needed: needed)]
  }

  /// The file system did not answer.
  package static func hungFolder(_ path: String, seconds: Double) -> [Finding] {
    [
      .trouble(
        .folder, "Folder", .disk, "no answer from the file system of \(path) within \(Int(seconds)) s",
        "Its server or disk hangs: choose another folder with -d.")
    ]
  }

  private static func room(_ one: FolderMeasurement, needed: Int?) -> Finding {
    guard let free = one.free else {
      return .neutral(.folder, "Room", "the file system does not say how much is free")
    }
    let text = "\(Figures.bytes(free)) free" + (one.size.map { " of \(Figures.bytes($0))" } ?? "")
    let remedy = "Free some, or choose another disk with -d."
    let finding: Finding
    if let needed, needed > free {
      finding = .trouble(
        .folder, "Room", .disk, "\(text), and the object has \(Figures.bytes(needed))", remedy)
    } else if free < 1_000_000 {
      finding = .trouble(.folder, "Room", .disk, text, remedy)
    } else if free < littleRoom {
      finding = .remark(.folder, "Room", text, remedy)
    } else {
      finding = .good(.folder, "Room", text)
    }
    return finding.with("free_bytes", Double(free))
  }

  private static func inodes(_ one: FolderMeasurement) -> Finding {
    guard let free = one.freeInodes else { return .neutral(.folder, "Inodes", "no fixed number") }
    let text = free == 0 ? "none free: no further file can be made" : "\(Grouped.text(free)) free"
    let remedy = "Remove files that are not needed: each takes one, however small."
    let finding: Finding =
      free == 0
      ? .trouble(.folder, "Inodes", .disk, text, remedy)
      : free < fewInodes ? .remark(.folder, "Inodes", text, remedy) : .good(.folder, "Inodes", text)
    return finding.with("free_inodes", Double(free))
  }

  private static func writing(_ one: FolderMeasurement) -> Finding {
    if let failure = one.writeFailure {
      let why = one.isReadOnly ? "the file system is mounted read-only" : lowercasedFirst(failure)
      return .trouble(
        .folder, "Writing", .disk, "no file can be made in \(one.existing): \(why)",
        "Choose another folder with -d, or have the permission changed.")
    }
    guard one.path != one.existing else {
      return .good(.folder, "Writing", "a file could be made there, and is gone again")
    }
    return .good(
      .folder, "Writing", "a file could be made in \(one.existing); the folder itself is not there yet")
  }

  private static func kind(_ one: FolderMeasurement, needed: Int?) -> Finding {
    let sparse =
      switch one.sparse {
      case true?: ", sparse files"
      case false?: ", no sparse files: room is taken at once"
      case nil: ""
      }
    guard let kind = one.kind else {
      return .neutral(.folder, "File system", "of a kind not known here\(sparse)")
    }
    if kind == "vfat", let needed, needed > largestOnFAT {
      return .trouble(
        .folder, "File system", .disk, "vfat: no file can be 4 GiB or larger, and the object is",
        "Choose another file system with -d.")
    }
    guard let remark = FileSystemKind.remark(kind) else {
      return .good(.folder, "File system", kind + sparse)
    }
    return .remark(.folder, "File system", "\(kind)\(sparse); \(remark.text)", remark.remedy)
  }
}
