import ParcelCLI
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelUDT

// What the command line says, in the words of the relay and of UDT. For `parcel-server URL` too.

extension RelayOptions {
  /// Throws `Failure(.input)` for an `--allow` that is none.
  package func settings() throws(Failure) -> RelaySettings {
    var settings = RelaySettings()
    settings.maxConnections = maxConnections
    settings.maxPerSource = maxPerSource
    settings.limits.idle = idleTimeout > 0 ? idleTimeout : nil
    settings.allowed = try AddressRange.list(allow)
    return settings
  }

  /// `name`: the program's.
  package func program(_ name: String) -> RelayProgram.Options {
    var program = RelayProgram.Options(name: name)
    program.isVerbose = verbose
    program.metrics = metrics
    program.log = logPath
    program.drain = drain
    return program
  }
}

extension AddressRange {
  /// What `--allow` says. Throws `Failure(.input)` for what is none.
  package static func list(_ texts: [String]) throws(Failure) -> [AddressRange] {
    var ranges: [AddressRange] = []
    for text in texts {
      guard let range = AddressRange(text) else {
        throw Failure(
          .input, retry: .never, "--allow '\(Printable.text(text))' is no range of addresses.",
          remedy: "Write it as 192.0.2.0/24, 2001:db8::/32 or one address.")
      }
      ranges.append(range)
    }
    return ranges
  }
}

extension UDTOptions {
  /// A relay's: with what is said of addresses.
  package init(_ options: RelayOptions) {
    self.init(options.udt)
    isIPv4Only = options.onlyIPv4
  }

  /// What the command line leaves out stays as it is.
  package init(_ tuning: UDTTuning) {
    self.init()
    maximumSegment = tuning.mss
    congestion = tuning.congestion
    if let size = tuning.udtBuffer { (sendBuffer, receiveBuffer) = (size, size) }
    if let size = tuning.udpBuffer { (udpSendBuffer, udpReceiveBuffer) = (size, size) }
  }
}

extension RelayEnd {
  /// A UDT stream, with its path's figures.
  package init(udt: UDTStream) { self.init(udt, path: { udt.path() }, endsForGood: { !udt.peerIsOurs }) }
}
