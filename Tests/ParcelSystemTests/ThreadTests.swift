import Glibc
import ParcelSystem
import Synchronization
import Testing

/// True for the signals that the calling thread blocks.
private func blocks(_ number: Int32) -> Bool {
  var mask = sigset_t()
  pthread_sigmask(SIG_BLOCK, nil, &mask)
  return sigismember(&mask, number) == 1
}

@Suite struct ThreadTests {
  /// What a thread started like this blocks of SIGINT, SIGPIPE, SIGUSR1.
  private func blocked(_ signals: OwnThread.BlockedSignals) throws -> [Bool] {
    let seen = Mutex<[Bool]>([])
    let thread = try OwnThread.startJoinable(stackSize: 512 << 10, blocking: signals) {
      seen.withLock { $0 = [SIGINT, SIGPIPE, SIGUSR1].map(blocks) }
    }
    thread.join()
    return seen.withLock { $0 }
  }

  @Test func `a thread blocks the signals it was told to`() throws {
    #expect(try blocked(.all) == [true, true, true])
    #expect(try blocked(.also([SIGPIPE])) == [blocks(SIGINT), true, blocks(SIGUSR1)])
  }

  @Test func `starting a thread leaves the starter's own signals as they were`() throws {
    let before = [SIGINT, SIGPIPE, SIGUSR1].map(blocks)
    #expect(try blocked(.inherited) == before)
    _ = try blocked(.all)
    #expect([SIGINT, SIGPIPE, SIGUSR1].map(blocks) == before)
  }

  @Test func `a thread that the system refuses is an error, and its work never runs`() {
    let hasRun = Mutex(false)
    // More than the address space has.
    #expect(throws: Errno(code: EAGAIN)) {
      try OwnThread.start(stackSize: 1 << 60) { hasRun.withLock { $0 = true } }
    }
    #expect(hasRun.withLock { $0 } == false)
  }

  @Test func `a monitor's wait ends with a wake or at its deadline`() throws {
    let monitor = Monitor()
    let isReady = Mutex(false)
    monitor.locked {
      while monitor.wait(until: MonotonicClock.nanoseconds()) {}
    }
    try OwnThread.start {
      monitor.locked {
        isReady.withLock { $0 = true }
        monitor.wakeAll()
      }
    }
    monitor.locked {
      while !isReady.withLock({ $0 }) { monitor.wait() }
    }
  }

  @Test func `an error number says what the system says`() {
    #expect(Errno(code: ENOSPC).message == "No space left on device")
    errno = ENOENT
    #expect(Errno.last.message == "No such file or directory")
  }
}
