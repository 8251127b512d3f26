import Glibc
import ParcelCore
import ParcelSystem

/// An AF_UNIX socket that listens in a new folder that only this user may enter.
struct PrivateListener: Sendable {
  /// Bytes of a path that the system's address holds, without the zero at its end.
  static let longestPath = 107
  /// Connections that may wait, while a program is started again for example.
  private static let backlog: Int32 = 1024

  let path: String
  /// Closed on exec.
  let descriptor: Int32
  private let folder: PrivateFolder

  /// In $XDG_RUNTIME_DIR, else the temporary folder, else /tmp. Throws `Failure(.disk, .later)`.
  static func make() throws(Failure) -> PrivateListener {
    var error = Errno(code: ENOENT)
    for base in bases() {
      do throws(Errno) { return try PrivateListener(in: base) } catch let new { error = new }
    }
    throw Failure(
      .disk, retry: .later(after: nil),
      "Could not make a private folder for the relay's socket: \(error.message).",
      remedy: "Set XDG_RUNTIME_DIR or TMPDIR to a folder that this user can write to.")
  }

  private init(in base: String) throws(Errno) {
    folder = try PrivateFolder(in: base, room: Self.longestPath - PrivateFolder.socketName.utf8.count - 1)
    path = folder.path + "/" + PrivateFolder.socketName
    do throws(Errno) {
      descriptor = try Self.listen(at: path)
    } catch {
      folder.remove()
      throw error
    }
  }

  /// Removes socket and folder; the descriptor stays open. May be called again.
  func removeFolder() { folder.remove() }

  /// Takes what waits to be accepted and closes it.
  func turnAway() {
    while true {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, 0) == 1, poller.revents & Int16(POLLIN) != 0 else { return }
      let accepted = accept(descriptor, nil, nil)
      guard accepted >= 0 else { return }
      close(accepted)
    }
  }

  private static func bases() -> [String] {
    let names = ["XDG_RUNTIME_DIR", "TMPDIR"]
    let set = names.compactMap { name in getenv(name).map { String(cString: $0) } }
    return set.filter { $0.hasPrefix("/") } + ["/tmp"]
  }

  private static func listen(at path: String) throws(Errno) -> Int32 {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw .last }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(longestPath)) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, Glibc.listen(socket, backlog) == 0 else {
      let error = Errno.last
      close(socket)
      unlink(path)
      throw error
    }
    return socket
  }
}
