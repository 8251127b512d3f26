import Glibc
import ParcelSystem

/// Threads that do jobs in the order they were submitted. With one thread it is a queue; threads start when needed.
final class Workers: @unchecked Sendable {
  /// A thread's own memory, `scratchBytes` long, for the time of the job.
  typealias Job = @Sendable (_ scratch: UnsafeMutableRawBufferPointer) -> Void

  private let monitor = Monitor()
  private let limit: Int
  private let scratchBytes: Int
  private var jobs: [Job?] = []
  private var next = 0
  private var idle = 0
  private var threads: [OwnThread] = []
  private var stopping = false

  init(threads limit: Int, scratchBytes: Int = 0) {
    self.limit = limit
    self.scratchBytes = scratchBytes
  }

  /// True when no job waits (one may be running).
  var isEmpty: Bool { monitor.locked { next == jobs.count } }

  func submit(_ job: @escaping Job) {
    monitor.locked {
      precondition(!stopping, "a job came after the threads were told to stop")
      jobs.append(job)
      if idle == 0, threads.count < limit {
        threads.append(startThread { [self] in run() })
      } else {
        monitor.wakeOne()
      }
    }
  }

  /// Returns when all jobs are done and the threads ended.
  func stop() {
    let running = monitor.locked {
      stopping = true
      monitor.wakeAll()
      return threads
    }
    for thread in running { thread.join() }
  }

  private func run() {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 4096)
    defer { scratch.deallocate() }
    while let job = take() { job(scratch) }
  }

  private func take() -> Job? {
    monitor.locked {
      while next == jobs.count {
        if stopping { return nil }
        idle += 1
        monitor.wait()
        idle -= 1
      }
      let job = jobs[next]
      jobs[next] = nil
      next += 1
      if next == jobs.count || next == 1024 {
        jobs.removeFirst(next)
        next = 0
      }
      return job
    }
  }
}

/// Starts a thread of the store, which must be joined once. Stops the program when the system refuses: nothing could be
/// written.
func startThread(_ body: @escaping @Sendable () -> Void) -> OwnThread {
  do {
    // Enough for system calls and digests.
    return try OwnThread.startJoinable(stackSize: 1 << 20, body)
  } catch {
    preconditionFailure("a thread cannot be started (error \(error.code))")
  }
}
