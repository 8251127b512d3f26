/// Makes names that came from a server or a manifest fit to be paths below the target folder.
///
/// What would lead elsewhere (`..`, an absolute path) is refused; what is only troublesome is changed: control, bidi
/// and invisible characters and backslashes become `_`, blanks at both ends and dots at the end go, a dot at the
/// beginning becomes `_` (no hidden files), our own endings get a `_`, long names are shortened.
package enum SafeName {
  /// Why a name cannot be used. `text` goes on after the quoted name: "… is an absolute path".
  package struct Reason: Error, Hashable, Sendable {
    package var text: String
  }

  /// Bytes of one component: 255, what Linux file systems take, less the longest ending we put after a name.
  package static let componentLimit = 255 - ".parcel-lock".utf8.count
  /// Bytes of a whole relative path.
  package static let pathLimit = 2048

  /// Endings of our own files beside a download: `.part`, `.parcel`, and `.parcel-…` for what else there may be.
  private static func hasOwnEnding(_ name: String) -> Bool {
    let bytes = Array(ASCII.lowercased(name).utf8)
    if bytes.suffix(5).elementsEqual(".part".utf8) { return true }
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")) else { return false }
    let tail = bytes[dot...]
    guard tail.starts(with: ".parcel".utf8) else { return false }
    // Letters only: nothing that shortening or this rule itself leaves behind looks so.
    return tail.count == 7
      || tail[dot + 7] == UInt8(ascii: "-") && tail[(dot + 8)...].allSatisfy { $0 >= 97 && $0 <= 122 }
  }

  /// A relative path; `/` separates folders.
  package static func path(_ text: String) -> Result<String, Reason> {
    if isPlain(text) { return .success(text) }
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty else { return .failure(Reason(text: "is empty")) }
    let slash = UInt8(ascii: "/")
    if bytes[0] == slash { return .failure(Reason(text: "is an absolute path")) }
    if bytes[bytes.count - 1] == slash { return .failure(Reason(text: "names a folder, not a file")) }
    var parts: [String] = []
    for part in bytes.split(separator: slash) {
      if part.elementsEqual("..".utf8) { return .failure(Reason(text: "leads out of the folder ('..')")) }
      if part.elementsEqual(".".utf8) { continue }
      parts.append(component(String(decoding: part, as: UTF8.self)))
    }
    guard bytes.contains(where: { $0 != slash && $0 != UInt8(ascii: ".") }), !parts.isEmpty else {
      return .failure(Reason(text: "holds no name"))
    }
    let path = parts.joined(separator: "/")
    guard path.utf8.count <= pathLimit else {
      return .failure(Reason(text: "is longer than \(pathLimit) bytes"))
    }
    return .success(path)
  }

  /// One path component, never refused: `/` becomes `_` too, and a name of which nothing is left is `_`.
  package static func component(_ text: String) -> String {
    if isPlain(text) { return text }
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isBad = scalar == "/" || scalar == "\\" || Printable.isHidden(scalar)
      scalars.append(isBad ? "_" : scalar)
    }
    // Trimming may lay bare what the next rule is about, so each goes round until nothing changes.
    while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
    while let last = scalars.last, isBlank(last) || last == "." { scalars.removeLast() }
    if scalars.first == "." { scalars.replaceSubrange(scalars.startIndex...scalars.startIndex, with: ["_"]) }
    var name = String(scalars)
    if name.isEmpty { name = "_" }
    if name.utf8.count > componentLimit { name = shortened(name) }
    if hasOwnEnding(name) {
      name += "_"
      if name.utf8.count > componentLimit { name = shortened(name) }
    }
    return name
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

  /// True for what nearly all names are: plain ASCII of harmless characters, nothing to change.
  private static func isPlain(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      guard let first = bytes.first, let last = bytes.last, bytes.count <= componentLimit else {
        return false
      }
      let dot = UInt8(ascii: ".")
      guard first != dot, last != dot, first != 32, last != 32 else { return false }
      for byte in bytes where byte < 32 || byte > 126 || byte == 47 || byte == 92 { return false }
      // The slow way looks at those that have ".pa" in them, as our own endings do.
      var i = bytes.startIndex
      while i + 2 < bytes.endIndex {
        if bytes[i] == dot, ASCII.lower(bytes[i + 1]) == 112, ASCII.lower(bytes[i + 2]) == 97 { return false }
        i += 1
      }
      return true
    }
  }

  /// Cuts the middle out, keeps the ending (`.vcf.gz`), and puts in eight digits of the whole name, so that two long
  /// names that differ at the end stay different.
  private static func shortened(_ name: String) -> String {
    let bytes = Array(name.utf8)
    var hash: UInt32 = 0x811C_9DC5  // FNV-1a
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    let mark = "~" + Hex.encode((0..<4).map { UInt8(truncatingIfNeeded: hash >> (24 - 8 * $0)) })
    let ending = String(decoding: bytes[endingStart(bytes)...], as: UTF8.self)
    var keep = componentLimit - mark.utf8.count - ending.utf8.count
    while keep > 0, bytes[keep] & 0xC0 == 0x80 { keep -= 1 }  // not inside a character
    return String(decoding: bytes[..<keep], as: UTF8.self) + mark + ending
  }

  /// Where the last one or two dotted parts begin; they count as an ending up to 32 bytes.
  private static func endingStart(_ bytes: [UInt8]) -> Int {
    var start = bytes.count
    var dots = 0
    for i in bytes.indices.reversed() where bytes[i] == UInt8(ascii: ".") {
      guard bytes.count - i <= 32, i > 0, dots < 2 else { break }
      start = i
      dots += 1
    }
    return start
  }
}
