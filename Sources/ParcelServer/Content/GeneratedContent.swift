import ParcelCore
import Synchronization

/// Bytes made from a seed: any range of any size without a disk, always the same.
///
/// Byte k is byte k % 8 (little end first) of SplitMix64's output number k / 8.
package struct GeneratedBytes: Sendable {
  package var seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  private func word(_ index: UInt64) -> UInt64 {
    var z = seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// Fills `buffer` with the bytes from `offset` on.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) {
    guard let base = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count, (offset + done) % 8 != 0 {
      base.storeBytes(of: byte(at: offset + done), toByteOffset: done, as: UInt8.self)
      done += 1
    }
    var index = UInt64((offset + done) / 8)
    while done + 8 <= buffer.count {
      base.storeBytes(of: word(index).littleEndian, toByteOffset: done, as: UInt64.self)
      index &+= 1
      done += 8
    }
    while done < buffer.count {
      base.storeBytes(of: byte(at: offset + done), toByteOffset: done, as: UInt8.self)
      done += 1
    }
  }

  /// The byte at an offset.
  package func byte(at offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: word(UInt64(offset / 8)) >> (8 * UInt64(offset % 8)))
  }
}

/// Objects that exist only as name, size and seed.
package final class GeneratedContent: Content {
  /// One object to be.
  package struct Item: Sendable {
    package var path: String
    package var size: Int
    package var seed: UInt64

    package init(path: String, size: Int, seed: UInt64) {
      self.path = path
      self.size = size
      self.seed = seed
    }
  }

  private final class Body: ServedBody {
    let bytes: GeneratedBytes
    let size: Int
    var descriptor: Int32? { nil }

    init(_ item: Item) {
      bytes = GeneratedBytes(seed: item.seed)
      size = item.size
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let count = min(buffer.count, max(0, size - offset))
      bytes.fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), from: offset)
      return count
    }
  }

  private let items: [Item]
  private let indexByPath: [String: Int]
  private let indexByID: [String: Int]
  private let files: Mutex<[ServedFile]>

  /// Paths must differ. `lastModified` is what every object says, in seconds since 1970.
  package init(_ items: [Item], lastModified: Int = 1_714_521_600) {
    let items = items.sorted { $0.path < $1.path }
    let files = items.map { item in
      ServedFile(
        path: item.path, id: Hashes.uuid(item.path), size: item.size,
        etag: "\"g\(String(item.seed, radix: 16))-\(String(item.size, radix: 16))\"",
        lastModified: lastModified)
    }
    self.items = items
    indexByPath = Dictionary(files.enumerated().map { ($1.path, $0) }) { first, _ in first }
    indexByID = Dictionary(files.enumerated().map { ($1.id, $0) }) { first, _ in first }
    self.files = Mutex(files)
  }

  package func open(path: String) -> (ServedFile, any ServedBody)? { indexByPath[path].map(open) }
  package func open(id: String) -> (ServedFile, any ServedBody)? { indexByID[id].map(open) }

  private func open(_ index: Int) -> (ServedFile, any ServedBody) {
    (files.withLock { $0[index] }, Body(items[index]))
  }

  package func manifest() -> [ServedFile] {
    let todo = files.withLock { files in
      // The largest first, so that no thread is left alone with one at the end.
      files.indices.filter { files[$0].md5 == nil }.sorted { items[$0].size > items[$1].size }
    }
    Workers.forEach(todo) { index in
      let md5 = Hashes.digest(.md5, of: Body(self.items[index]), ByteRange(0, self.items[index].size))
      self.files.withLock { $0[index].md5 = md5 }
    }
    return files.withLock { $0 }
  }
}
