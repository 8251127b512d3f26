import CUDT
import Glibc
import ParcelCore
import ParcelNet

/// A UDP socket of ours, with a packet filter on it from before its first packet. libudt works on a copy of its descriptor.
final class UDPSocket: Sendable {
  private let descriptor: Int32

  /// Throws the system's reason.
  init(boundTo address: SocketAddress, filter: PacketFilter) throws(Cause) {
    let program = BPFProgram.compile(filter).map {
      parcel_udt_instruction(
        code: $0.code, jump_true: $0.jumpTrue, jump_false: $0.jumpFalse, value: $0.value)
    }
    descriptor = address.withPointer {
      parcel_udp_socket($0, address.length, program, Int32(program.count))
    }
    if descriptor < 0 { throw Cause(system: errno) }
  }

  deinit { close(descriptor) }

  /// Its own, with the port that the system chose.
  var address: SocketAddress? {
    SocketAddress { storage, length in
      UnsafeMutableRawPointer(storage).withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, length)
      }
    }
  }

  /// Datagrams that this machine dropped, those that the filter did not admit included.
  var drops: Int { Int(parcel_udp_drops(descriptor)) }

  /// A new UDT socket on this one; throws the reason.
  func udtSocket(_ options: UDTOptions, isIPv6: Bool) throws(Cause) -> Int32 {
    var values = options.forC(isIPv6: isIPv6)
    var hooks = LibraryHooks.hooks(options.congestion)
    let socket = parcel_udt_socket(isIPv6 ? AF_INET6 : AF_INET, &values, &hooks)
    guard socket >= 0 else { throw Cause(LastError().cause) }
    var systemError: Int32 = 0
    guard parcel_udt_bind(socket, descriptor, &values, &systemError) == 0 else {
      let cause = systemError == 0 ? Cause(LastError().cause) : Cause(system: systemError)
      parcel_udt_close(socket)
      throw cause
    }
    return socket
  }
}
