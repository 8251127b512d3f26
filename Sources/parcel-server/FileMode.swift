import Glibc
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelRelayApp
import ParcelServer
import ParcelSystem
import ParcelUDT

extension ServerCommand {
  /// Serves until a signal ends it.
  func serveFiles() throws(Failure) {
    // Before any thread is made, so that all have them blocked and only the wait below gets them.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
    if serving.cert != nil { sigaddset(&signals, SIGHUP) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    DescriptorLimit.raise()

    let content = try content()
    if demo || manifest != nil {
      let files = content.manifest()
      if let manifest { try TextFile.replace(manifest, with: ContentManifest.text(files)) }
      if verbose {
        Say.error("\(files.count) files, \(Grouped.text(files.reduce(0) { $0 + $1.size })) bytes")
      }
    }
    let options = try options()
    let service = try FileService(
      content, options, udt: serving.noUdt ? nil : UDTOptions(udt))
    var metrics: MetricsServer?
    if let address = serving.metrics { metrics = try MetricsServer(address) { service.metrics } }
    print("listening on \(service.server.url)")
    if let metrics, metrics.port != 0 { print("metrics on port \(metrics.port)") }
    fflush(nil)
    if verbose, !serving.noUdt { Say.error("UDT has the same port") }
    sigdelset(&signals, SIGPIPE)
    wait(for: &signals, options.certificate)
    if verbose { Say.error("ending") }
    // A second signal ends at once.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    let isClean = service.stop(deadline: serving.drain)
    metrics?.stop()
    guard isClean else {
      Say.error("parcel-server: some answers had to be broken off.")
      // Threads that could not be stopped may be inside of libraries: their clean-up would wait or fall over them.
      _exit(1)
    }
  }

  /// Returns when one comes that ends the program.
  private func wait(for signals: inout sigset_t, _ certificate: TLSCertificate?) {
    while true {
      var signal: Int32 = 0
      sigwait(&signals, &signal)
      guard signal == SIGHUP, let certificate else { return }
      do throws(Failure) {
        try certificate.reload()
        if verbose { Say.error("read the certificate again") }
      } catch { Say.error("parcel-server: \(error.text)") }
    }
  }

  private func content() throws(Failure) -> any Content {
    guard let root else { return GeneratedContent(Demo.items(scale: demoScale)) }
    guard let path = serving.digestCache else { return try FolderContent(root: root) }
    return try FolderContent(root: root, digests: try DigestCache(path: path))
  }

  private func options() throws(Failure) -> ServerOptions {
    var options = ServerOptions()
    // "::" takes IPv4 too.
    options.host = serving.onlyIPv4 && host == "::" ? "0.0.0.0" : host
    options.port = listeningPort
    options.allowed = try AddressRange.list(serving.allow)
    if let rate { options.rate = try RateText.bytesPerSecond(rate) }
    if let connectionRate { options.connectionRate = try RateText.bytesPerSecond(connectionRate) }
    if let tokenFile { options.token = try TokenFile.read(tokenFile) }
    options.allowsCleartext = serving.allowCleartext
    if let cert = serving.cert {
      options.certificate = try TLSCertificate(certificate: cert, key: serving.key ?? cert)
    }
    if let endpoint = serving.advertise.flatMap({ Endpoint($0) }) {
      options.advertised = .at(endpoint)
    } else if !serving.noUdt {
      options.advertised = .samePort
    }
    options.log = log ?? (serving.logJson ? "-" : nil)
    options.limits.connections = serving.maxConnections
    options.limits.idleTimeout = serving.idleTimeout
    return options
  }
}

/// Words to whoever started the program.
enum Say {
  /// A line on standard error.
  static func error(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = Glibc.write(2, bytes, bytes.count)
  }
}

enum TextFile {
  /// Writes a new file and renames it over the old one, so that nobody reads half a manifest.
  static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    var isGood = file >= 0
    var done = 0
    while isGood, done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done)
      }
      isGood = count > 0
      done += count
    }
    if file >= 0, close(file) != 0 { isGood = false }
    if isGood, rename(temporary, path) == 0 { return }
    let cause = Errno.last.message
    unlink(temporary)
    throw Failure(.disk, retry: .needsUser, "Could not write '\(Printable.text(path))': \(cause).")
  }
}
