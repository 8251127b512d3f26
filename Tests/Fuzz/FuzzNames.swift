import ParcelCore

/// A path that is put behind the target folder's name never leaves it, never is one of our own files beside another
/// download, fits into a file system, and can be shown.
func requireSafe(path: String) {
  require(path.utf8.count <= SafeName.pathLimit, "a path of \(path.utf8.count) bytes")
  // By bytes: to Swift a slash with an accent is no slash.
  let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  for part in parts.map({ Substring($0) }) {
    require(!part.isEmpty && part != "." && part != "..", "an empty or dotted part: \(path)")
    require(
      !part.hasPrefix(".") && !part.hasPrefix(" ") && !part.hasSuffix(" ") && !part.hasSuffix("."),
      "edges: \(path)")
    require(!part.utf8.contains(UInt8(ascii: "\\")) && !part.utf8.contains(0), "a backslash or zero: \(path)")
    require((part + ".parcel-lock").utf8.count <= 255, "a component of \(part.utf8.count) bytes")
    let lower = ASCII.lowercased(part)
    for ending in [".part", ".parcel", ".parcel-lock", ".parcel-new"] {
      require(!lower.hasSuffix(ending), "one of our own endings: \(path)")
    }
    requireShowable(String(part), "a safe name")
  }
}

/// Names from manifests, from fields and from URLs.
@Sendable func fuzzNames(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let kind = input.byte()
  let text = input.text()
  if case .success(let path) = SafeName.path(text) {
    requireSafe(path: path)
    require(SafeName.path(path) == .success(path), "a safe path is not left alone: \(path)")
  }
  let component = SafeName.component(text)
  requireSafe(path: component)
  require(!component.utf8.contains(UInt8(ascii: "/")), "a folder: \(component)")
  require(SafeName.component(component) == component, "a safe name is not left alone: \(component)")
  let head = ResponseHead(status: 200, headers: [HTTPHeader("Content-Disposition", text)])
  let url = "https://host/" + PercentCoding.encode(text, keeping: kind & 1 == 0 ? "/%" : "")
  for raw in [FileNaming.rawName(head: head, urls: [url]), FileNaming.rawName(head: nil, urls: [url, text])] {
    require(!raw.isEmpty, "no name at all")
    requireSafe(path: SafeName.component(raw))
  }
  requireUnique(text)
}

/// No two downloads get one path, and none gets a folder of another.
private func requireUnique(_ text: String) {
  var names = UniqueNames()
  var taken: [String] = []
  for (index, part) in text.split(separator: ";").prefix(40).enumerated() {
    guard case .success(let path) = SafeName.path(String(part)) else { continue }
    let clash = taken.contains { $0 == path || isFolder($0, of: path) || isFolder(path, of: $0) }
    let owner = names.claim(path, for: DownloadID(index))
    require((owner != nil) == clash, "\(path) after \(taken)")
    if owner == nil { taken.append(path) }
  }
}

/// By bytes where a name ends, and by Swift's comparison, which takes both normal forms for one, what it is.
private func isFolder(_ folder: String, of path: String) -> Bool {
  path.utf8.indices.contains { path.utf8[$0] == UInt8(ascii: "/") && path[..<$0] == folder }
}
