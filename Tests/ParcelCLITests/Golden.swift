import Glibc
import ParcelCore
import Testing

/// Compares text with the file of that name in `Goldens/` beside this file.
///
/// After a wanted change run the tests once with `PARCEL_UPDATE_GOLDENS=1` and read the difference before committing it.
func expectGolden(_ text: String, _ name: String, _ location: SourceLocation = #_sourceLocation) {
  let path = goldenFolder + name
  if getenv("PARCEL_UPDATE_GOLDENS") != nil {
    #expect(writeWhole(text, path), "could not write \(path)", sourceLocation: location)
    return
  }
  guard let golden = readWhole(path) else {
    Issue.record("no golden \(path): run once with PARCEL_UPDATE_GOLDENS=1", sourceLocation: location)
    return
  }
  let got = text.split(separator: "\n", omittingEmptySubsequences: false)
  let want = golden.split(separator: "\n", omittingEmptySubsequences: false)
  for (line, pair) in zip(got, want).enumerated() where pair.0 != pair.1 {
    Issue.record("\(name), line \(line + 1):\n  got  \(pair.0)\n  want \(pair.1)", sourceLocation: location)
    return
  }
  #expect(got.count == want.count, "\(name) has another number of lines", sourceLocation: location)
}

private let goldenFolder: String = {
  let here = #filePath
  return String(here[...(here.lastIndex(of: "/") ?? here.startIndex)]) + "Goldens/"
}()

/// The whole of a small file as text, nil when it cannot be opened.
func readWhole(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}

private func writeWhole(_ text: String, _ path: String) -> Bool {
  guard let file = fopen(path, "w") else { return false }
  let bytes = Array(text.utf8)
  let done = fwrite(bytes, 1, bytes.count, file) == bytes.count
  return fclose(file) == 0 && done
}
