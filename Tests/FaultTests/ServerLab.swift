import Glibc
import ParcelCore
import ParcelEngine
import ParcelHTTP
import ParcelSystem
import ParcelTesting
import Synchronization

@testable import ParcelStorage

/// The real engine, store and client between a server that lies and a disk in memory. Time runs fifty times as fast as it
/// does, so that waits are short.
final class ServerLab: Sendable {
  static let size = (3 << 20) + 12_345
  static let content = FaultObject.content(size, seed: 5)
  static let digest = StoreLab.md5(content)
  static let path = "/disk/out/a.bin"

  let server: FaultServer
  private let transport: CurlTransport

  init() throws {
    server = try FaultServer(FaultObject(bytes: Self.content))
    var options = TransportOptions()
    options.proxy = ""
    options.connectTimeout = 2
    transport = CurlTransport(options: options)
  }

  func end() {
    transport.shutDown()
    server.stop()
  }

  /// What a run came to.
  struct Result: Sendable {
    var status = DownloadStatus()
    var log: [LogLine] = []
  }

  /// After how many seconds (fiftieths of a second) without a byte a request counts as stalled. Where no fault needs that, so late
  /// that a busy machine does not do it by itself.
  private static func patience(_ faults: [Fault]) -> Double {
    faults.contains { [.stall, .stallhead, .shorter].contains($0.kind) } ? 30 : 1500
  }

  /// One run to its end. `hasDigest` false: the file is wanted by its URL alone.
  func run(
    _ disk: any SystemCalls, hasDigest: Bool = true, hasSize: Bool? = nil, boot: String = "first",
    speed: Int64 = 50, _ change: (inout EngineOptions) -> Void = { _ in }
  ) async -> Result {
    var options = EngineOptions()
    options.folder = "/disk/out"
    options.connections = 2
    options.policy.retry.limit = 4
    options.policy.stallTimeout = Self.patience(server.faults)
    options.policy.sizing.smallest = 1 << 20
    options.policy.sizing.largest = 1 << 20
    change(&options)
    let store = FileStore(
      FileStore.Options(root: "/disk/out"), in: StoreLab.world(disk, boot: boot, process: Int(getpid())))
    let seen = Mutex(Result())
    let start = MonotonicClock.nanoseconds()
    let engine = Engine(
      options: options, store: store, transport: transport,
      clock: { Instant(nanoseconds: (MonotonicClock.nanoseconds() - start) * speed) },
      wallClock: { "12:00:00" },
      epoch: { time(nil) }, tickInterval: 0.005,
      publish: { snapshot in
        seen.withLock { seen in
          for change in snapshot.changed { seen.status = change.status }
          seen.log += snapshot.log
        }
      })
    let spec = DownloadSpec(
      source: .url(server.url + "/a.bin"), name: "a.bin", size: hasSize ?? hasDigest ? Self.size : nil,
      digests: hasDigest ? [Self.digest] : [])
    await engine.add([spec])
    await engine.waitUntilFinished()
    await engine.stop()
    await withCheckedContinuation { continuation in
      _ = try? OwnThread.start {
        store.shutDown()
        continuation.resume()
      }
    }
    return seen.withLock { $0 }
  }

  /// What is wrong about a run with faults and the clean run after it; nil when nothing is.
  ///
  /// `again`: bytes that may have been fetched twice for what broke off.
  func check(
    _ faults: [Fault], hasDigest: Bool = true, again: Int = 1 << 20, object: FaultObject? = nil,
    mustSucceed: Bool = false
  ) async -> (problem: String?, requests: Int, status: DownloadStatus) {
    let disk = MemoryDisk()
    let first = object ?? FaultObject(bytes: Self.content)
    server.reset(first, faults: faults)
    let result = await run(disk, hasDigest: hasDigest)
    let requests = server.requests.count
    let last = server.object
    func answer(_ problem: String?) -> (problem: String?, requests: Int, status: DownloadStatus) {
      let why = problem.map { $0 + " [\(result.status.state) \(result.status.failure?.sentence ?? "")]" }
      return (why, requests, result.status)
    }
    let final = disk.bytes(Self.path)
    if result.status.state.isDone {
      guard let final else { return answer("done was said, and there is no file") }
      let isRight = same(final, first.bytes) || (!hasDigest && same(final, last.bytes))
      if !isRight { return answer("a wrong file under its final name") }
      let left = disk.names.filter {
        $0 != Self.path && !$0.hasSuffix("/.parcel-lock") && !StoreLab.isLockDraft($0)
      }
      if !left.isEmpty { return answer("something is left: \(left)") }
      return answer(nil)
    }
    if final != nil { return answer("not done, and there is a final file") }
    if result.status.failure == nil { return answer("not done, and no reason") }
    if mustSucceed { return answer("a fault that passes ended the download") }
    // The next run finds a server without faults.
    server.reset(first)
    // A digest that does not match says that what came was not what is wanted: it is kept as it came.
    let isMismatch = result.status.failure?.code == .digest
    let (claimed, problem) = isMismatch ? (0, nil) : await claim(disk, hasDigest)
    if let problem { return answer(problem) }
    let next = await run(disk, hasDigest: hasDigest) { $0.policy.restartsChanged = true }
    if isMismatch, next.status.failure?.code == .digest { return answer(nil) }
    guard next.status.state.isDone, let bytes = disk.bytes(Self.path), same(bytes, first.bytes) else {
      return answer(
        "the next run came to \(next.status.state) \(next.status.failure?.sentence ?? "") \(next.log)")
    }
    if server.sent > Self.size - claimed + again, claimed > 0 {
      return answer("\(claimed) bytes were safe, and the next run fetched \(server.sent)")
    }
    return answer(nil)
  }

  /// How many bytes the journal claims, and whether they are those of the object.
  private func claim(_ disk: MemoryDisk, _ hasDigest: Bool) async -> (Int, String?) {
    guard let part = disk.bytes(Self.path + ".part"), let text = disk.bytes(Self.path + ".parcel"),
      case .state(let state, _) = Journal.replay(text), let layout = state.layout
    else { return (0, nil) }
    let ranges = state.all.ranges(layout)
    // Of another version of the object they say something else, and rightly.
    guard state.object?.identity.etag.map({ $0.contains("v1\"") }) ?? true else { return (0, nil) }
    for range in ranges.ranges where range.end > part.count || !same(part, Self.content, range) {
      return (0, "the journal claims \(range), and that is not what is there")
    }
    return (ranges.count, nil)
  }
}

func same(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.count == b.count && same(a, b, ByteRange(0, a.count)) }

func same(_ a: [UInt8], _ b: [UInt8], _ range: ByteRange) -> Bool {
  guard range.end <= b.count, range.end <= a.count else { return false }
  return a.withUnsafeBytes { a in
    b.withUnsafeBytes { b in
      range.isEmpty || memcmp(a.baseAddress! + range.start, b.baseAddress! + range.start, range.count) == 0
    }
  }
}
