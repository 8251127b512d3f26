import Glibc

/// Expected texts in files beside the tests, readable in a review.
///
/// `PARCEL_UPDATE_GOLDENS=1 swift test` writes what the code draws now; the diff is then looked at like code.
package enum Goldens {
  /// Compares `text` with `Goldens/NAME.txt` beside the calling test's source. Nil when they are the same, else a sentence with the first
  /// line that differs.
  package static func difference(_ text: String, named name: String, file: String = #filePath) -> String? {
    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
      separator: "/")
    let path = "\(folder)/Goldens/\(name).txt"
    if getenv("PARCEL_UPDATE_GOLDENS") != nil {
      return write(text + "\n", path) ? nil : "Could not write '\(path)'."
    }
    guard let expected = read(path) else {
      return "There is no golden '\(path)'. PARCEL_UPDATE_GOLDENS=1 writes it."
    }
    if expected == text + "\n" { return nil }
    let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let lines = (text + "\n").split(separator: "\n", omittingEmptySubsequences: false)
    for index in 0..<max(expectedLines.count, lines.count) {
      let want = index < expectedLines.count ? expectedLines[index] : "(nothing)"
      let have = index < lines.count ? lines[index] : "(nothing)"
      if want != have { return "Golden '\(name)', line \(index + 1):\nexpected |\(want)\ndrawn    |\(have)" }
    }
    return "Golden '\(name)' differs in bytes that look the same."
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&block, 1, block.count, file)
      if count == 0 { break }
      bytes += block[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func write(_ text: String, _ path: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    let bytes = Array(text.utf8)
    let count = fwrite(bytes, 1, bytes.count, file)
    return fclose(file) == 0 && count == bytes.count
  }
}
