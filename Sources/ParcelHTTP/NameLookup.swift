import Glibc
import ParcelCore

/// Why a host's name has no address: libcurl says only that it could not look it up.
package enum NameLookup: Sendable {
  /// Whoever knows the name says that there is no such host, or that it has no address: so it will be the next time.
  case denied
  /// No answer now, or an address after all.
  case unclear

  /// Asks the system's resolver. Blocks, for many seconds where no name server answers.
  package static func ask(_ host: String) -> NameLookup {
    // libcurl translates such names first.
    guard host.utf8.allSatisfy({ $0 < 128 }) else { return .unclear }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    freeaddrinfo(list)
    // <netdb.h>: EAI_NODATA is glibc's own, and Swift does not see it.
    let noData: Int32 = -5
    return code == EAI_NONAME || code == noData ? .denied : .unclear
  }
}

/// Transfers whose host has no address, while the resolver is asked why. Used on the transport's thread only.
struct NamelessTransfers {
  struct Waiting {
    var opening: Opening
    /// What it ends with unless the name is denied.
    var end: TransferEnd
  }

  private var hosts: [(name: String, waiting: [Waiting])] = []

  /// True when nobody is being asked about that host yet.
  mutating func add(_ waiting: Waiting, host: String) -> Bool {
    if let index = hosts.firstIndex(where: { $0.name == host }) {
      hosts[index].waiting.append(waiting)
      return false
    }
    hosts.append((host, [waiting]))
    return true
  }

  /// Those that waited for that host.
  mutating func take(host: String) -> [Waiting] {
    guard let index = hosts.firstIndex(where: { $0.name == host }) else { return [] }
    return hosts.remove(at: index).waiting
  }

  mutating func take(_ id: TransferID) -> Waiting? {
    for index in hosts.indices {
      guard let place = hosts[index].waiting.firstIndex(where: { $0.opening.request.id == id }) else {
        continue
      }
      return hosts[index].waiting.remove(at: place)
    }
    return nil
  }

  mutating func takeAll() -> [Waiting] {
    defer { hosts = [] }
    return hosts.flatMap(\.waiting)
  }
}
