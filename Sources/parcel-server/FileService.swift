import Glibc
import ParcelCore
import ParcelRelay
import ParcelRelayApp
import ParcelServer
import ParcelSystem
import ParcelUDT
import Synchronization

/// The file server with its listener for TCP, and one for UDT that has the same port number.
final class FileService: Sendable {
  let server: FileServer
  private let udt: UDTListener?
  private let accepting = Countdown()
  private let isStopping = Atomic<Bool>(false)
  private let paths = PathSampler()

  /// Any free port may be taken for UDP: so often is another one tried.
  private static let attempts = 20

  /// Serves when it returns. `udt` nil: over TCP only. Throws `Failure` when the port cannot be used for both.
  init(_ content: any Content, _ options: ServerOptions, udt: UDTOptions?) throws(Failure) {
    guard let udt else {
      server = try FileServer(content, options)
      self.udt = nil
      return
    }
    (server, self.udt) = try Self.twins(content, options, udt, try UDTLibrary())
    accepting.enter()
    let started = ServiceThread.start { [self] in
      accept()
      accepting.leave()
    }
    guard started else {
      accepting.leave()
      throw Failure(.network, retry: .needsUser, "Could not start a thread: the system has no more.")
    }
  }

  private static func twins(
    _ content: any Content, _ options: ServerOptions, _ udt: UDTOptions, _ library: UDTLibrary
  ) throws(Failure) -> (FileServer, UDTListener) {
    var attempt = 1
    while true {
      let server = try FileServer(content, options)
      do throws(Failure) {
        let listener = try UDTListener(
          host: server.host, port: server.port, options: udt, backlog: 1024, library: library)
        return (server, listener)
      } catch {
        server.stop(deadline: 0)
        attempt += 1
        if options.port == 0, attempt <= attempts { continue }
        var failure = error
        failure.remedy = "Choose another address or port, or serve over TCP only with --no-udt."
        throw failure
      }
    }
  }

  private func accept() {
    guard let udt else { return }
    var number = 0
    while !isStopping.load(ordering: .acquiring) {
      do throws(Failure) {
        guard let stream = try udt.accept(timeout: 0.5) else { continue }
        number += 1
        paths.add(number, near: RelayEnd(udt: stream))
        server.serve(stream, over: .udt, ended: { [paths, number] in paths.remove(number) })
      } catch {
        if error.code == .cancelled { return }
        Say.error("parcel-server: \(error.text)")
        usleep(1_000_000)  // others must let go of something first
      }
    }
  }

  /// For Prometheus.
  var metrics: String {
    let counters = server.counters
    var text = MetricsText(prefix: "parcel_server_")
    text.gauge("connections_open", "Connections that are open.", Double(counters.open))
    text.count("connections_total", "Connections accepted, those turned away included.", counters.total)
    text.count(
      "connections_refused_total", "Connections turned away: not allowed, or too many.", counters.refused)
    text.counts(
      "answers_total", "Answers by their status.", by: "status",
      counters.answers.sorted { $0.key < $1.key }.map { (String($0.key), $0.value) })
    text.count("answers_broken_total", "Answers that did not go out whole.", counters.brokenAnswers)
    text.count("bytes_sent_total", "Bytes of answers' bodies.", counters.sent)
    let (path, past) = paths.sums(now: MonotonicClock.seconds())
    text.udt(path, past: past)
    return text.text
  }

  /// Takes no more connections, lets running answers end for at most `deadline` seconds. Called once. True when nothing
  /// had to be broken off.
  func stop(deadline: Double) -> Bool {
    isStopping.store(true, ordering: .releasing)
    udt?.close()
    _ = accepting.wait(seconds: 5)
    return server.stop(deadline: deadline)
  }
}
