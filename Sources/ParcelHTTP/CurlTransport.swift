import CCurl
import ParcelCore
import ParcelSystem

/// Where the connections go instead of to the URL's host: to something that carries the bytes on (the UDT relay). HTTP, TLS
/// and certificate checks stay end to end with the data server. Proxies and their variables are left out: the way is given.
package enum ConnectThrough: Hashable, Sendable {
  /// An AF_UNIX socket.
  case path(String)
  /// An AF_UNIX socket by Linux's abstract name, without the leading zero byte.
  case abstract(String)
  /// A relay program that listens on TCP.
  case endpoint(Endpoint)
}

/// What `CurlTransport` can be told beyond the contract's `TransportOptions`.
package struct CurlSettings: Sendable {
  package var kind = TransportKind.http
  /// Nil: connect to the URL's host, or the proxy.
  package var connectThrough: ConnectThrough?
  /// Instead of `~/.netrc`, when `TransportOptions.netrc` is on.
  package var netrcFile: String?
  /// Gets header lines, secrets as stars, when `TransportOptions.debug` is on. Called on the transport's thread.
  package var log: (@Sendable (String) -> Void)?
  /// Asks about a host that libcurl found no address of. Called on a thread of its own, and may block.
  package var lookUp: @Sendable (String) -> NameLookup = { NameLookup.ask($0) }

  package init() {}
}

/// HTTP through libcurl: all transfers on one thread, which alone touches libcurl's handles.
///
/// Redirects are not followed: a 3xx answer goes to the receiver like any other.
package final class CurlTransport: Transport {
  package let kind: TransportKind
  private let inbox: Inbox

  package init(options: TransportOptions, settings: CurlSettings = CurlSettings()) {
    let loop = CurlLoop.make(options: options, settings: settings)
    kind = settings.kind
    inbox = loop.inbox
    Self.onThread { loop.run() }
  }

  deinit { inbox.shutDown() }

  package func open(_ request: TransferRequest, receiver: any TransferReceiver) {
    if inbox.open(request, receiver: receiver) { return }
    // The caller may hold a lock that `end` takes: not on its thread.
    Self.onThread { receiver.end(TransferEnd(reason: .stopped)) }
  }

  package func stop(_ id: TransferID) { inbox.stop(id) }
  package func resumePaused() { inbox.resumePaused() }
  package func setRateLimit(_ bytesPerSecond: Int?) { inbox.setRateLimit(bytesPerSecond) }
  package func shutDown() { inbox.shutDown() }

  /// Stops the program when the system refuses a thread. libcurl writes to sockets there, so it sees no SIGPIPE.
  private static func onThread(_ body: @escaping @Sendable () -> Void) {
    do { try OwnThread.start(blocking: .all, body) } catch {
      preconditionFailure("no thread for the transport: error \(error.code)")
    }
  }
}
