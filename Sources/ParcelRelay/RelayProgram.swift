import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem

/// What a relay program does besides relaying: signals, limits, logs, metrics, an orderly end.
///
/// Use: `prepare()` before anything makes a thread, then `init`, start the service, `run`.
package final class RelayProgram: Sendable {
  package struct Options: Sendable {
    /// For the lines on standard error: "parcel-udt2tcp".
    package var name: String
    package var isVerbose = false
    /// "HOST:PORT" or "unix:PATH".
    package var metrics: String?
    /// A file; "-" is standard output.
    package var log: String?
    /// Seconds that open connections have to end once the program is told to.
    package var drain = 30.0

    package init(name: String) { self.name = name }
  }

  private let options: Options
  private let log: RelayLog?

  /// Throws `Failure` when the log cannot be written.
  package init(_ options: Options) throws(Failure) {
    self.options = options
    if let path = options.log { log = try RelayLog(path: path) } else { log = nil }
  }

  /// Keeps the signals for `run`, and lets the program open as many descriptors as the system allows. Call it before any
  /// thread is made: they inherit it.
  package static func prepare() {
    var signals = endings
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    DescriptorLimit.raise()
  }

  private static var endings: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    return signals
  }

  /// To be given to the service.
  package func observe(_ notice: RelayNotice) {
    log?.write(notice)
    if options.isVerbose { say(RelayLog.text(notice)) }
  }

  package func say(_ text: String) {
    let bytes = Array("\(options.name): \(Printable.text(text))\n".utf8)
    _ = Glibc.write(2, bytes, bytes.count)
  }

  /// Says where it listens, waits for SIGTERM or SIGINT and ends in order; a second one ends at once. What the program
  /// is to exit with: 0, or 1 when connections had to be broken off. Throws when the metrics cannot be offered.
  package func run(_ service: RelayService, listening: String) throws(Failure) -> Int32 {
    var metrics: MetricsServer?
    if let address = options.metrics { metrics = try MetricsServer(address) { service.counters.metrics } }
    print("listening on \(listening)")
    if let metrics, metrics.port != 0 { print("metrics on port \(metrics.port)") }
    fflush(nil)
    var signals = Self.endings
    var signal: Int32 = 0
    sigwait(&signals, &signal)
    let open = service.openConnections
    if options.isVerbose { say("ending, \(open) connections are open") }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    let isClean = service.stop(deadline: options.drain)
    metrics?.stop()
    if !isClean { say("connections that did not end within \(Int(options.drain)) s were broken off") }
    return isClean ? 0 : 1
  }
}

/// UDT in, TCP to a fixed target out: `parcel-udt2tcp`, and `parcel-server URL`.
package enum UDTToTCP {
  /// The target's name is looked up for each connection, and all its addresses are tried.
  package static func service(
    target: Endpoint, _ settings: RelaySettings = RelaySettings(), onlyIPv4: Bool = false,
    observe: @escaping @Sendable (RelayNotice) -> Void = { _ in }
  ) -> RelayService {
    RelayService(target: target.text, settings, observe: observe) { () throws(RelayRefusal) in
      do throws(Failure) {
        return RelayEnd(
          try TCPStream.connect(host: target.host, port: target.port, timeout: 10, onlyIPv4: onlyIPv4))
      } catch {
        throw RelayRefusal(error)
      }
    }
  }
}
