import ParcelCore
import Testing

private func safe(_ text: String) -> String {
  switch SafeName.path(text) {
  case .success(let name): name
  case .failure(let reason): "refused: \(reason.text)"
  }
}

@Suite("Safe names")
struct SafeNameTests {
  @Test(
    "Ordinary names stay as they are",
    arguments: [
      "a.bam", "d/e/f.vcf.gz", "x y (1).txt", "Résumé.pdf", "a..b", "x.part1", "C3L-07037_1~.tsv",
      "naïve/日本.gz",
    ])
  func unchanged(name: String) { #expect(safe(name) == name) }

  @Test(
    "Paths that lead elsewhere are refused",
    arguments: [
      ("", "is empty"), ("/etc/passwd", "is an absolute path"),
      ("a/../../b", "leads out of the folder ('..')"),
      ("..", "leads out of the folder ('..')"), ("a/", "names a folder, not a file"), (".", "holds no name"),
      ("../...", "leads out of the folder ('..')"), ("...", "holds no name"),
      (String(repeating: "a/", count: 1100) + "b", "is longer than 2048 bytes"),
    ])
  func refused(name: String, reason: String) { #expect(safe(name) == "refused: " + reason) }

  @Test(
    "Troublesome names are changed",
    arguments: [
      ("./a", "a"), ("a//b", "a/b"), ("..\\..\\x", "_._.._x"), (".bashrc", "_bashrc"), ("a. . ", "a"),
      (" a ", "a"), ("a\u{1B}[2Jb", "a_[2Jb"), ("a\u{202E}b", "a_b"), ("a\nb", "a_b"), ("a\u{200B}b", "a_b"),
      ("x.part", "x.part_"), ("x.PARCEL", "x.PARCEL_"), ("x.parcel-lock", "x.parcel-lock_"),
      ("\u{2028}", "_"),
      ("d /e", "d/e"), ("\u{A0}", "_"),
    ])
  func changed(name: String, expected: String) {
    #expect(safe(name) == expected)
    #expect(safe(expected) == expected, "a safe name is left alone")
  }

  @Test("A long component is shortened, keeps its ending and stays different from its like")
  func long() {
    let stem = String(repeating: "x", count: 300)
    let one = SafeName.component(stem + "1.vcf.gz")
    let two = SafeName.component(stem + "2.vcf.gz")
    #expect(one.utf8.count == 243 && one.hasSuffix(".vcf.gz"))
    #expect(one != two)
    let wide = SafeName.component(String(repeating: "é", count: 200) + ".bam")
    #expect(wide.utf8.count <= 243 && wide.hasSuffix(".bam") && !wide.contains("\u{FFFD}"))
    let own = SafeName.component(String(repeating: "y", count: 300) + ".part")
    #expect(own.utf8.count <= 243 && !own.hasSuffix(".part"))
    let slash = SafeName.component("a/b")
    #expect(slash == "a_b")
  }

  @Test("Whatever comes in, what comes out is a safe relative path", arguments: 0..<500)
  func random(seed: Int) {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    func next(_ n: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state >> 33) % n
    }
    let pieces = [
      ".", "..", "/", "\\", " ", ".part", ".parcel", "\u{202E}", "\u{7}", "é",
      String(repeating: "q", count: 240), "a",
    ]
    let text = (0..<next(12)).map { _ in pieces[next(pieces.count)] }.joined()
    guard case .success(let name) = SafeName.path(text) else { return }
    #expect(safe(name) == name)
    for part in name.split(separator: "/", omittingEmptySubsequences: false) {
      #expect(!part.isEmpty && part.utf8.count <= 243 && part != "." && part != "..")
      #expect(!part.hasPrefix(".") && !part.hasSuffix(".") && !part.hasSuffix(" ") && !part.hasPrefix(" "))
      #expect(!part.hasSuffix(".part") && !part.hasSuffix(".parcel") && !part.contains("\\"))
      #expect(!part.unicodeScalars.contains { Printable.isHidden($0) })
    }
  }
}

@Suite("Unique names")
struct UniqueNamesTests {
  @Test("A path belongs to one download until it is given back; case counts")
  func claims() {
    var names = UniqueNames()
    #expect(names.claim("d/a", for: DownloadID(0)) == nil)
    #expect(names.claim("d/A", for: DownloadID(1)) == nil)
    #expect(names.claim("d/a", for: DownloadID(2)) == DownloadID(0))
    #expect(names.claim("d/a", for: DownloadID(0)) == nil)
    names.release("d/a")
    #expect(names.claim("d/a", for: DownloadID(2)) == nil)
  }

  @Test("A file cannot be where another download needs a folder")
  func folders() {
    var names = UniqueNames()
    #expect(names.claim("d/e/f", for: DownloadID(0)) == nil)
    #expect(names.claim("d/e", for: DownloadID(1)) == DownloadID(0))
    #expect(names.claim("x", for: DownloadID(2)) == nil)
    #expect(names.claim("x/y", for: DownloadID(3)) == DownloadID(2))
    names.release("d/e/f")
    #expect(names.claim("d", for: DownloadID(1)) == nil)
  }
}

@Suite("Printable text")
struct PrintableTests {
  @Test("Controls and bidi overrides become visible marks, text stays")
  func marks() {
    #expect(Printable.text("plain ~ text") == "plain ~ text")
    #expect(Printable.text("é 日本") == "é 日本")
    #expect(Printable.text("a\u{1B}[31m\u{7}\n\tb\u{7F}") == "a␛[31m␇␊ b␡")
    #expect(Printable.text("\u{9B}31m\u{202E}x\u{200B}\u{2066}") == "\u{FFFD}31m\u{FFFD}x\u{FFFD}\u{FFFD}")
    #expect(Printable.text("é\u{1B}x", ascii: true) == "??x")
  }
}

@Suite("Rows typed in")
struct RowInputTests {
  @Test("A URL and a file id become downloads")
  func good() throws {
    #expect(try RowInput.spec(" https://Host/a%20b?q=1#x ").source == .url("https://Host/a%20b?q=1"))
    #expect(try RowInput.spec("HTTPS://[::1]:8443/é").source == .url("https://[::1]:8443/%C3%A9"))
    #expect(try RowInput.spec("http://u:p@h").source == .url("http://u:p@h"))
    let id = try RowInput.spec("578e63fe-1d86-4311-978e-24327e96e156")
    #expect(
      id.source == .id("578e63fe-1d86-4311-978e-24327e96e156")
        && id.folder == "578e63fe-1d86-4311-978e-24327e96e156")
  }

  @Test(
    "What is neither is refused with the reason",
    arguments: [
      ("", "neither a URL nor a file id"), ("a b", "neither a URL nor a file id"),
      ("ftp://h/x", "is not a URL"),
      ("https:///x", "has no host"), ("https://h:0/x", "no valid port"),
      ("https://h:99999/", "no valid port"),
      ("https://h/a b", "holds a blank"), ("https://h/\r\nX: y", "holds a blank"), ("../x", "is not a URL"),
      ("..", "neither a URL"), ("-rf", "neither a URL"), ("é", "neither a URL"),
      ("https://h\\@e/x", "cannot be in one"),
    ])
  func bad(text: String, reason: String) {
    do {
      let spec = try RowInput.spec(text)
      Issue.record("accepted: \(spec)")
    } catch {
      #expect(error.sentence.contains(reason))
      #expect(error.code == .input && error.retry == .never && !error.remedy.isEmpty)
    }
  }
}
