import CUDT
import ParcelCore

/// libudt at work in this process: its threads run as long as one of these exists.
///
/// Streams and listeners keep theirs. Letting go of the last one takes up to a second, so programs hold one for as long as
/// they run. A process has at most one UDT socket per port number.
package final class UDTLibrary: Sendable {
  let ticker: Ticker

  /// Throws `Failure(.proxy, .later)` when the system gives no threads or memory.
  package init() throws(Failure) {
    func failure(_ cause: String) -> Failure {
      Failure(.proxy, retry: .later(after: nil), "Could not start UDT: \(cause).")
    }
    guard parcel_udt_startup() == 0 else { throw failure(LastError().cause) }
    do {
      ticker = try Ticker()
    } catch {
      parcel_udt_cleanup()
      throw failure(error.message)
    }
  }

  deinit {
    ticker.stop()
    parcel_udt_cleanup()
  }
}

/// Why libudt's last call on this thread failed.
struct LastError {
  let code: Int32
  /// libudt's words, without the full stop.
  let cause: String

  init() {
    code = parcel_udt_error_code()
    let text = parcel_udt_error_text().map { String(cString: $0) } ?? "error \(code)"
    cause = Printable.text(text.last == "." ? String(text.dropLast()) : text)
  }
}
