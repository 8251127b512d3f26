import ArgumentParser
import ParcelUDT

/// What UDT's end offers, with the original programs' spellings too.
struct UDTArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Largest packet. (default: 1500; 1480 on IPv6)", valueName: "bytes"))
  var mss: Int?

  @Option(
    name: [.customLong("udt-buffer-size"), .customLong("udt_buffer_size")],
    help: ArgumentHelp("UDT's buffers of each connection.", valueName: "bytes"))
  var udtBufferSize: Int?

  @Option(
    name: [.customLong("udp-buffer-size"), .customLong("udp_buffer_size")],
    help: ArgumentHelp("The system's buffers of the UDP socket.", valueName: "bytes"))
  var udpBufferSize: Int?

  func validate() throws {
    if let mss, !(576...65_535).contains(mss) { throw ValidationError("--mss must be 576 to 65535 bytes.") }
    for (name, value) in [("--udt-buffer-size", udtBufferSize), ("--udp-buffer-size", udpBufferSize)] {
      guard let value else { continue }
      guard (65_536...2_000_000_000).contains(value) else {
        throw ValidationError("\(name) must be 65536 to 2000000000 bytes.")
      }
    }
  }

  var options: UDTOptions {
    var options = UDTOptions()
    options.maximumSegment = mss
    if let udtBufferSize {
      options.sendBuffer = udtBufferSize
      options.receiveBuffer = udtBufferSize
    }
    if let udpBufferSize {
      options.udpSendBuffer = udpBufferSize
      options.udpReceiveBuffer = udpBufferSize
    }
    return options
  }
}
