/// What a file is called when no manifest says so.
package enum FileNaming {
  /// Content-Disposition's file name (RFC 6266), else the last part of the first URL that has one, else "download".
  /// Raw: it still has to go through `SafeName`. Folders in a server's name (object stores send whole keys) are cut.
  package static func rawName(head: ResponseHead?, urls: [String]) -> String {
    if let field = head?["content-disposition"], let name = ContentDisposition.fileName(field) {
      return lastComponent(name)
    }
    for url in urls {
      if let name = Address.fileName(of: url), !name.isEmpty { return name }
    }
    return "download"
  }

  private static func lastComponent(_ name: String) -> String {
    // By scalars: to Swift a slash with an accent is no slash.
    let parts = name.unicodeScalars.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    return parts.last.map { String($0) } ?? name
  }
}
