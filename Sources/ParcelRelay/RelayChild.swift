import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// The relay as a supervised child: it reports to its parent on a socket and does what it says there.
///
/// A parent that does not read loses reports and delays nothing; a parent that is gone ends everything at once.
package final class RelayChild: Sendable {
  private let control: Int32
  private let version: String
  /// What is left of a line that went out in part: lines must stay whole.
  private let unsent = Mutex<[UInt8]>([])

  /// `control`: a connected stream socket, both ways. Call it before any thread is made.
  package init(control: Int32, version: String) {
    self.control = control
    self.version = version
    _ = fcntl(control, F_SETFD, FD_CLOEXEC)
    // The terminal's keys are for the parent.
    for number in [SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGPIPE] { signal(number, SIG_IGN) }
    setpgid(0, 0)
    // A core file would hold what was relayed.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    DescriptorLimit.raise()
  }

  /// To be given to the service.
  package func observe(_ notice: RelayNotice) {
    switch notice {
    case .connected(_, _, let seconds): report(.connected(seconds: seconds))
    case .refused(_, let refusal):
      report(.refused(reason: refusal.failure.sentence, isSilent: refusal.isSilent))
    case .denied(_, let reason): report(.refused(reason: reason, isSilent: false))
    case .ended(let record):
      guard let reason = record.reason else { return }
      // What the client broke off itself, by leaving or by ending the relay, is no news for it.
      switch record.outcome {
      case .broken(.near, _), .stopped: break
      default: report(.broken(reason: reason))
      }
    }
  }

  private func report(_ report: RelayReport) {
    unsent.withLock { unsent in
      if !unsent.isEmpty { Self.send(&unsent, to: control) }
      guard unsent.isEmpty else { return }
      unsent = Array((report.line + "\n").utf8)
      let count = unsent.count
      Self.send(&unsent, to: control)
      // Nothing of it went out: it need not be kept.
      if unsent.count == count { unsent = [] }
    }
  }

  /// As much as there is room for.
  private static func send(_ bytes: inout [UInt8], to socket: Int32) {
    let count = Glibc.send(socket, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    if count > 0 { bytes.removeFirst(count) }
  }

  /// Reports and obeys until it is told to stop, or until the parent is gone; what to exit with.
  package func run(_ service: RelayService) -> Int32 {
    report(.ready(version: version))
    var text: [UInt8] = []
    var reported = 0
    while true {
      var poller = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, 500)
      if ready > 0 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(control, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 {
          text += buffer[..<count]
          if obey(&text) { stop(service) }
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
          service.breakOff()
          usleep(200_000)
          return 0
        }
        continue
      }
      let path = service.counters.path
      if service.openConnections > 0 || reported > 0 { report(.path(path)) }
      reported = service.openConnections
    }
  }

  /// True when a line says stop.
  private func obey(_ text: inout [UInt8]) -> Bool {
    var isStop = false
    while let end = text.firstIndex(of: 10) {
      let line = String(decoding: text[..<end], as: UTF8.self)
      text.removeSubrange(...end)
      if JSONReader(line)?.string("type") == "stop" { isStop = true }
    }
    if text.count > 65_536 { text = [] }
    return isStop
  }

  /// Lets connections end for a moment, beside the thread that would see the parent go, and ends the program.
  private func stop(_ service: RelayService) {
    let started = ServiceThread.start {
      service.stop(deadline: 2)
      _exit(0)
    }
    if !started { _exit(0) }
  }
}
