import Foundation
import ParcelCore
import Testing

@testable import ParcelServer

@Suite("Generated content")
struct GeneratedContentTests {
  @Test("Any range has the same bytes as the whole")
  func ranges() {
    let whole = generated(seed: 99, 0..<10_000)
    var random = Seeded(1)
    for _ in 0..<2000 {
      let start = random.next(10_000)
      let end = start + random.next(10_001 - start)
      #expect(generated(seed: 99, start..<end).elementsEqual(whole[start..<end]))
    }
    #expect(GeneratedBytes(seed: 99).byte(at: 77) == whole[77])
    #expect(generated(seed: 98, 0..<100) != Array(whole.prefix(100)))
  }

  @Test("The bytes never change from version to version: they are those of SplitMix64")
  func fixed() {
    // Steele, Lea, Flood: the first output for seed 0 is 0xE220A8397B1DCDAF.
    #expect(generated(seed: 0, 0..<8) == [0xAF, 0xCD, 0x1D, 0x7B, 0x39, 0xA8, 0x20, 0xE2])
    // Far into a large object, where 32 bits would not do.
    #expect(generated(seed: 5, 8_000_000_000_003..<8_000_000_000_011).count == 8)
  }

  @Test(
    "The demo has 42 different names, about 1.3 GB, and a manifest with true md5s that our own reader takes")
  func demo() throws {
    let items = Demo.items()
    #expect(items.count == 42)
    #expect(Set(items.map(\.path)).count == 42)
    #expect((1_150_000_000...1_400_000_000).contains(items.reduce(0) { $0 + $1.size }))
    let content = GeneratedContent(Demo.items(scale: 0.001))
    let files = content.manifest()
    let manifest = try Manifest.read(ContentManifest.text(files), source: "demo")
    #expect(manifest.format == .gdc && manifest.downloads.count == 42 && manifest.withDigest == 42)
    #expect(manifest.remarks.isEmpty)
    #expect(manifest.totalBytes == files.reduce(0) { $0 + $1.size })
    let folder = TemporaryFolder()
    let item = try #require(Demo.items(scale: 0.001).first { $0.path.hasSuffix(".bam") })
    try folder.write("x", generated(seed: item.seed, 0..<item.size))
    let sum = try run("md5sum", [folder.path + "/x"]).out.prefix(32)
    let row = try #require(manifest.downloads.first { $0.name == item.path })
    #expect(row.digests.first?.hex == String(sum))
  }

  @Test("Ids are version 5 UUIDs of the path, the same each time")
  func ids() {
    let id = Hashes.uuid("a/b")
    #expect(id == Hashes.uuid("a/b") && id != Hashes.uuid("a/c"))
    #expect(id.count == 36 && Array(id)[14] == "5" && "89ab".contains(Array(id)[19]))
  }
}

@Suite("A folder as content")
struct FolderContentTests {
  @Test("Links are followed inside the folder and never out of it; hidden and special files are not served")
  func boundaries() throws {
    let outside = TemporaryFolder()
    try outside.write("secret", Array("secret".utf8))
    try outside.write("folder/secret", Array("secret".utf8))
    let folder = TemporaryFolder()
    try folder.write("a", Array("hello".utf8))
    try folder.write("d/e/f", [])
    try folder.write(".hidden", [1])
    try folder.write(".\u{301}hidden", [1])
    let links = [
      ("inside", "d/e/f"), ("absolute", folder.path + "/a"), ("out", outside.path + "/secret"),
      ("up", "../" + URL(fileURLWithPath: outside.path).lastPathComponent + "/secret"),
      ("dir", outside.path + "/folder"),
      ("loop", "loop"), ("gone", "nothing"), ("passwd", "/etc/passwd"),
    ]
    for (name, target) in links {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/" + name, withDestinationPath: target)
    }
    mkfifo(folder.path + "/pipe", 0o600)
    // A folder whose name begins like the root's is not inside it.
    let sibling = folder.path + "-sibling"
    try FileManager.default.createDirectory(atPath: sibling, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: sibling) }
    try Data([1]).write(to: URL(fileURLWithPath: sibling + "/x"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/sib", withDestinationPath: sibling + "/x")

    let content = try FolderContent(root: folder.path)
    for path in [
      "out", "up", "dir/secret", "loop", "gone", "passwd", "pipe", ".hidden", ".\u{301}hidden", "d", "", "d/",
      "sib", "a/",
      "/a",
    ] {
      #expect(content.open(path: path) == nil, "\(path)")
    }
    #expect(content.open(path: "a")?.0.size == 5)
    #expect(content.open(path: "inside")?.0.size == 0)
    #expect(content.manifest().map(\.path) == ["a", "absolute", "d/e/f", "inside"])
  }

  @Test("The md5 is known after the manifest was made, and forgotten when the file changes")
  func digests() throws {
    let folder = TemporaryFolder()
    try folder.write("a", Array("hello".utf8))
    let content = try FolderContent(root: folder.path)
    #expect(content.open(path: "a")?.0.md5 == nil)
    let file = try #require(content.manifest().first)
    #expect(file.md5.map { Hex.encode($0) } == "5d41402abc4b2a76b9719d911017c592")
    #expect(content.open(id: file.id)?.0.md5 == file.md5)
    try folder.write("a", Array("HELLO!".utf8))
    let changed = try #require(content.open(path: "a")?.0)
    #expect(changed.md5 == nil && changed.etag != file.etag && changed.id == file.id)
  }

  @Test("A folder that is not there is a failure with its name")
  func missing() {
    #expect { try FolderContent(root: "/nonexistent/x") } throws: { error in
      (error as? Failure)?.sentence.contains("'/nonexistent/x'") == true
    }
  }
}
