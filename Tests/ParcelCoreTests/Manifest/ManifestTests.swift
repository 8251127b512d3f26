import Foundation
import ParcelCore
import Testing

private func read(_ text: String, source: String = "m.tsv") throws -> Manifest {
  try Manifest.read(Array(text.utf8), source: source)
}

private func failure(_ text: String, source: String = "m.tsv") -> String {
  do {
    let manifest = try read(text, source: source)
    return "no failure: \(manifest.summary)"
  } catch let failure as Failure {
    return failure.code == .input && failure.retry == .never ? failure.sentence : "wrong kind of failure"
  } catch {
    return "\(error)"
  }
}

private func fixture(_ name: String) throws -> Manifest {
  let url = try #require(Bundle.module.url(forResource: "Fixtures/manifests/\(name)", withExtension: nil))
  return try Manifest.read([UInt8](Data(contentsOf: url)), source: name)
}

private let a = "578e63fe-1d86-4311-978e-24327e96e156"
private let b = "d3c7b9b1-fca0-4324-a0ee-dcc265da89ad"
private let md5 = "497148897dc81d05c6e5983b2b838776"

@Suite("Manifests as they are published")
struct RealManifestTests {
  @Test("The open-access MAF manifest has 33 files with the sizes that awk adds up")
  func openMAFs() throws {
    let manifest = try fixture("gdc-open-mafs.txt")
    #expect(manifest.summary == "GDC manifest, 33 files, 545,775,975 bytes, digests for all")
    #expect(manifest.remarks == ["33 files have the state 'submitted', not 'released'"])
    let first = try #require(manifest.downloads.first)
    #expect(first.source == .id("abbe72a5-cb39-48e4-8df5-5fd2349f2bb2"))
    #expect(first.folder == "abbe72a5-cb39-48e4-8df5-5fd2349f2bb2")
    #expect(first.name == "TCGA.ACC.mutect.abbe72a5-cb39-48e4-8df5-5fd2349f2bb2.somatic.maf.gz")
    #expect(first.size == 1_589_730)
    #expect(first.digests.map(\.hex) == ["486a00a4b10525132ac193484c8186a5"])
    #expect(first.release == "submitted")
    #expect(manifest.downloads.last?.size == 264_468)
  }

  @Test("The portal's table has 56 files under its own column names")
  func portalTable() throws {
    let manifest = try fixture("gdc-portal-table-cptac3.txt")
    #expect(manifest.format == .gdcTable)
    #expect(manifest.downloads.count == 56)
    #expect(manifest.totalBytes == 132_634_264_010)
    #expect(manifest.withDigest == 56)
    #expect(manifest.remarks.isEmpty)
    #expect(manifest.downloads[1].size == 9_669_771_486)
  }

  @Test("The list of superseded files has 621, and says how many have a newer version")
  func superseded() throws {
    let manifest = try fixture("gdc-superseded-cmi-asc.tsv")
    #expect(manifest.format == .gdcSuperseded)
    #expect(manifest.downloads.count == 621)
    #expect(manifest.totalBytes == 51_540_845_027)
    #expect(manifest.remarks == ["597 files are superseded by newer versions (new_id)"])
    // The old file's own size and md5 count, not new_size and new_md5.
    let row = try #require(
      manifest.downloads.first { $0.source == .id("73340642-4a8e-41dc-85af-ce087b4a53a7") })
    #expect(row.size == 788_283)
    #expect(row.digests.first?.hex == "5c4539e3aac9f795a5a6d9725769437d")
  }
}

@Suite("Manifest formats")
struct ManifestFormatTests {
  @Test("Columns are found by name in any order, extra ones are left alone", arguments: ["\n", "\r\n", "\r"])
  func columnOrder(end: String) throws {
    let text = ["size\tnote\tMD5\tstate\tid\tfilename", "7\tx\t\(md5)\treleased\t\(a)\tx.bam", ""]
    let manifest = try read("\u{FEFF}" + text.joined(separator: end))
    let digest = try #require(Digest(.md5, hex: md5, source: .manifest))
    let expected = DownloadSpec(
      source: .id(a), name: "x.bam", folder: a, size: 7, digests: [digest], release: "released")
    #expect(manifest.downloads == [expected])
    #expect(manifest.format == .gdc)
    #expect(manifest.remarks.isEmpty)
  }

  @Test("A list of URLs may hold comments and blank lines")
  func urlList() throws {
    let manifest = try read("# mine\n\nhttps://h/a.gz\r\n  HTTP://h:8080/b?x=1#part\n", source: "urls")
    #expect(manifest.downloads.map(\.source) == [.url("https://h/a.gz"), .url("http://h:8080/b?x=1")])
    #expect(manifest.summary == "URL list, 2 files, sizes unknown, no digests")
  }

  @Test("A list of ids, with or without URLs between them, is understood")
  func idList() throws {
    #expect(try read("\(a)\n\(b)").format == .idList)
    let mixed = try read("\(a)\nhttps://h/x")
    #expect(mixed.format == .mixedList)
    #expect(mixed.downloads.map(\.folder) == [a, ""])
  }

  @Test("A CSV table with quoted cells gives URL, path, size and every digest")
  func csv() throws {
    let sha = String(repeating: "ab", count: 32)
    let manifest = try read(
      "url,path,bytes,sha256,md5\n\"https://h/a,b\",\"d/a \"\"1\"\".gz\",12,\(sha),\(md5)\nhttps://h/c,c.gz,,,NA\n"
    )
    #expect(manifest.format == .urlTable)
    #expect(manifest.downloads[0].source == .url("https://h/a,b"))
    #expect(manifest.downloads[0].name == "d/a \"1\".gz")
    #expect(manifest.downloads[0].digests.map(\.algorithm) == [.md5, .sha256])
    #expect(manifest.downloads[1].size == nil)
    #expect(manifest.downloads[1].digests.isEmpty)
    #expect(manifest.summary == "URL table, 2 files, 12 bytes and 1 of unknown size, digests for 1")
  }

  @Test("A name that is not safe as it is gets changed, and a remark says so")
  func changedName() throws {
    let manifest = try read("id\tfilename\n\(a)\tx\u{202E}gpj.part\n")
    #expect(manifest.downloads[0].name == "x_gpj.part_")
    #expect(manifest.remarks == ["1 name was changed to be safe, first 'x\u{FFFD}gpj.part' to 'x_gpj.part_'"])
  }

  @Test("A row that repeats an earlier one exactly is left out, with a remark")
  func repeatedRow() throws {
    let manifest = try read("id\tsize\n\(a)\t5\n\(b)\t6\n\(a)\t5\n")
    #expect(manifest.downloads.count == 2)
    #expect(manifest.totalBytes == 11)
    #expect(manifest.remarks == ["1 row repeats an earlier one"])
  }
}

@Suite("Manifest errors")
struct ManifestErrorTests {
  @Test("Errors name document, line, column and what was expected")
  func places() {
    #expect(
      failure("id\tmd5\n\(a)\tabc\n")
        == "m.tsv, line 2, column md5: 'abc' is not an md5 (32 hexadecimal digits expected)")
    #expect(
      failure("id\tsize\n\n\(a)\t-4\n")
        == "m.tsv, line 3, column size: '-4' is not a size (bytes as decimal digits expected)")
    #expect(
      failure("id\tsize\n\(a)\t9223372036854775808\n").hasPrefix(
        "m.tsv, line 2, column size: '9223372036854775808'"))
    #expect(
      failure("id\tfilename\n\(a)\t../../etc/passwd\n")
        == "m.tsv, line 2, column filename: '../../etc/passwd' leads out of the folder ('..')")
    #expect(failure("id\tfilename\n\(a)\t/etc/passwd\n").hasSuffix("'/etc/passwd' is an absolute path"))
    #expect(failure("id\tmd5\n\(a)\n") == "m.tsv, line 2: 1 cells, where the first line has 2")
    #expect(failure("id\n../x\n").hasPrefix("m.tsv, line 2, column id: '../x' is not a file id"))
    #expect(
      failure("url,name\nftp://h/x,y\n").hasPrefix("m.tsv, line 2, column url: 'ftp://h/x' is not a URL"))
    #expect(failure("https://h/x\nhello\n").hasPrefix("m.tsv, line 2: 'hello' is neither a URL"))
    #expect(failure("url,size\n\"https://h/x,5\n") == "m.tsv, line 2: a quoted cell is not closed")
    #expect(failure("id\tmd5\tmd5\n") == "m.tsv, line 1, column md5: the column occurs more than once")
  }

  @Test("Two different rows with one target path are an error that names both lines")
  func clash() {
    #expect(
      failure("url\tpath\nhttps://h/1\td/x\nhttps://h/2\td/x\n")
        == "m.tsv, line 3: the target 'd/x' is that of line 2, and the rows differ")
  }

  @Test("Of many errors the first 20 are written out and the rest counted")
  func many() {
    let rows = (0..<1234).map { "\(a)\tbad\($0)\n" }.joined()
    let lines = failure("id\tsize\n" + rows).split(separator: "\n")
    #expect(lines.count == 21)
    #expect(lines[19].contains("line 21") && lines[19].contains("'bad19'"))
    #expect(lines[20] == "1,214 more errors in m.tsv")
  }

  @Test("Documents of other kinds are called by their name")
  func otherKinds() throws {
    #expect(failure("").contains("is empty"))
    #expect(failure("# only this\n").contains("is empty"))
    #expect(failure("id\tmd5\n") == "m.tsv: no file is listed")
    #expect(failure("<html>").contains("looks like XML or HTML"))
    #expect(failure("[{\"id\":1}]").contains("looks like JSON"))
    #expect(failure("name\tmd5\n").contains("with a column 'id' or 'url'"))
    #expect(throws: Failure.self) { try Manifest.read([0x1F, 0x8B, 8, 0], source: "x") }
    #expect(throws: Failure.self) { try Manifest.read([0xFF, 0xFE, 0x69, 0], source: "x") }
    #expect(throws: Failure.self) { try Manifest.read([0x69, 0, 0x64, 0], source: "x") }
  }

  @Test("No escape sequence of a document reaches an error message")
  func escapes() {
    let text = failure("id\tsize\n\(a)\t\u{1B}[2J5\n", source: "m\u{1B}[31m.tsv")
    #expect(text.unicodeScalars.allSatisfy { $0.value >= 32 })
    #expect(text.contains("␛[2J5"))
  }

  @Test("Any bytes give a manifest or a failure, never a stop", arguments: 0..<300)
  func garbage(seed: Int) {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    func next() -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state >> 33)
    }
    let pieces = [
      "id", "url", "\t", ",", "\n", "\r", "\"", a, "https://h/x", "size", "\u{FEFF}", "..", "/", "#", md5,
      "9",
    ]
    var bytes = Array((seed % 2 == 0 ? "id\tfilename\tsize\n" : "url,path,md5\n").utf8)
    for _ in 0..<next() % 60 {
      if next() % 4 == 0 {
        bytes.append(UInt8(next() % 256))
      } else {
        bytes += pieces[next() % pieces.count].utf8
      }
    }
    if let manifest = try? Manifest.read(bytes, source: "g") {
      #expect(!manifest.downloads.isEmpty)
      for download in manifest.downloads {
        #expect(download.name.map { !$0.hasPrefix("/") && !$0.split(separator: "/").contains("..") } ?? true)
      }
    }
  }
}
