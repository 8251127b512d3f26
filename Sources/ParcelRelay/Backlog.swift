import Glibc
import ParcelCore

/// Memory straight from the system: it costs what was touched, and can be given back without being given up.
struct Pages: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  /// Nil when there is none left.
  init?(_ count: Int) {
    let place = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let place, place != MAP_FAILED else { return nil }
    bytes = UnsafeMutableRawBufferPointer(start: place, count: count)
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  /// The content is lost, the memory is the system's until it is touched again.
  func giveBack() { madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) }
}

/// First in, first out: a bounded piece of memory, and the spool after it.
struct Backlog: ~Copyable {
  private let pages: Pages
  private let spool: Spool
  private var end = 0
  private var start = 0
  private var extents: [Spool.Extent] = []
  private(set) var spooled = 0

  /// Nil when there is no memory.
  init?(memory: Int, spool: Spool) {
    guard let pages = Pages(memory) else { return nil }
    self.pages = pages
    self.spool = spool
  }

  deinit { if spooled > 0 { spool.leave() } }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(SpoolFull) {
    var rest = bytes
    // Once something is in the spool, all that follows goes there.
    if spooled == 0 {
      let fits = min(rest.count, pages.bytes.count - end)
      UnsafeMutableRawBufferPointer(rebasing: pages.bytes[end...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<fits]))
      end += fits
      rest = UnsafeRawBufferPointer(rebasing: rest[fits...])
    }
    guard !rest.isEmpty else { return }
    if spooled == 0 { spool.enter() }
    spooled += rest.count
    let extent = try spool.append(rest)
    if let last = extents.last, last.offset + last.count == extent.offset {
      extents[extents.count - 1].count += extent.count
    } else {
      extents.append(extent)
    }
  }

  /// Moves bytes from the front into `buffer`; 0 when nothing is left.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) throws(SpoolFull) -> Int {
    if start < end {
      let count = min(buffer.count, end - start)
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: pages.bytes[start..<start + count]))
      start += count
      if start == end { pages.giveBack() }
      return count
    }
    guard let extent = extents.first else { return 0 }
    let count = try spool.read(extent, into: buffer)
    extents[0].offset += count
    extents[0].count -= count
    if extents[0].count == 0 { extents.removeFirst() }
    return count
  }
}
