import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

/// Locks of processes that really run, are really dead, or could be anybody's.
@Suite struct LockHolderTests {
  /// A process that runs until it is killed.
  private final class Sleeper {
    let process: pid_t
    private var isGone = false

    init() throws {
      process = try Spawn.start(["sleep", "120"])
    }

    func kill() {
      guard !isGone else { return }
      isGone = true
      Glibc.kill(process, SIGKILL)
      var status: Int32 = 0
      waitpid(process, &status, 0)
    }

    deinit { kill() }

    /// Dead, and its parent has not looked yet.
    func makeZombie() {
      Glibc.kill(process, SIGKILL)
      var info = siginfo_t()
      waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT)
    }
  }

  private func holder(of process: pid_t) throws -> LockFile.Holder {
    var holder = LockFile.Holder.current()
    holder.process = Int(process)
    let stat = String(decoding: try #require(try System.contents("/proc/\(process)/stat")), as: UTF8.self)
    let fields = stat[try #require(stat.lastIndex(of: ")"))...].dropFirst().split(separator: " ")
    holder.started = try #require(Int(fields[19]))
    return holder
  }

  private func state(_ holder: LockFile.Holder, _ lab: Lab) throws -> String {
    try lab.put(holder.text.utf8, "lock")
    switch LockFile.look(lab.path("lock"), for: "it") {
    case .free: return "free"
    case .stale: return "stale"
    case .held(_, let failure): return failure.text
    }
  }

  @Test func `a lock names program, process, host and since when`() throws {
    let lab = Lab()
    let sleeper = try Sleeper()
    var other = try holder(of: sleeper.process)
    other.program = "parcel-tui"
    other.since = Int(time(nil)) - 3600
    let said = try state(other, lab)
    #expect(
      said.hasPrefix(
        "Could not work on 'it': parcel-tui, process \(sleeper.process) on '\(other.host)', has been working on it since 20"
      ))
    #expect(said.contains("(60 minutes)") && said.contains("kill \(sleeper.process)"), "\(said)")
  }

  @Test func `a process that was killed holds nothing, even before its parent has looked`() throws {
    let lab = Lab()
    let sleeper = try Sleeper()
    let other = try holder(of: sleeper.process)
    #expect(try state(other, lab).hasPrefix("Could not work on"))
    sleeper.makeZombie()
    #expect(try state(other, lab) == "stale")
    sleeper.kill()
    #expect(try state(other, lab) == "stale")
    guard case .success(let lock) = LockFile.take(lab.path("lock"), for: "it") else {
      Issue.record("not taken over")
      return
    }
    #expect(lab.names == ["lock"])
    lock.release()
  }

  @Test func `another program that got the same process number does not hold the lock`() throws {
    let lab = Lab()
    let sleeper = try Sleeper()
    var other = try holder(of: sleeper.process)
    other.started -= 1
    #expect(try state(other, lab) == "stale")
  }

  @Test func `after a restart of the machine old locks are stale, young ones are another machine's`() throws {
    let lab = Lab()
    var other = LockFile.Holder.current()
    other.boot = "00000000-0000-0000-0000-000000000000"
    // Younger than this start of the machine: somebody else with this host's name made it.
    let said = try state(other, lab)
    #expect(said.contains("remove '\(lab.path("lock"))'"), "\(said)")
    var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
    #expect(utimes(lab.path("lock"), &times) == 0)
    guard case .stale = LockFile.look(lab.path("lock"), for: "it") else {
      Issue.record("an old lock of an earlier start is not stale")
      return
    }
  }

  @Test func `a container's process cannot be judged from outside`() throws {
    let lab = Lab()
    var other = LockFile.Holder.current()
    other.process = 999_999_999
    other.namespace = "pid:[1]"
    #expect(try state(other, lab).contains("another container of this machine"))
    other.namespace = LockFile.Holder.current().namespace
    #expect(try state(other, lab) == "stale")
  }

  @Test func `locks of versions that said less are understood`() throws {
    let lab = Lab()
    let sleeper = try Sleeper()
    let now = try holder(of: sleeper.process)
    let old = LockFile.Holder(host: now.host, process: now.process, started: now.started, boot: now.boot)
    #expect(old.text.split(separator: "\n").count == 4)
    #expect(try state(old, lab).contains("another parcel, process \(sleeper.process) on "))
    sleeper.kill()
    #expect(try state(old, lab) == "stale")
  }

  @Test func `a lock is whole when it has its name, and one of two who want it gets it`() async throws {
    let lab = Lab()
    let path = lab.path("lock")
    let winners = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          await withCheckedContinuation { continuation in
            _ = try? OwnThread.start {
              if case .success = LockFile.take(path, for: "it") {
                continuation.resume(returning: true)
              } else {
                continuation.resume(returning: false)
              }
            }
          }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(winners == 1)
    #expect(lab.names == ["lock"])
    #expect(LockFile.Holder(text: lab.text("lock"))?.process == Int(getpid()))
  }
}
