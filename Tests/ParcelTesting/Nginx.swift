import Glibc

/// A real nginx on loopback with its own folder, stopped by `stop` and by this process's death.
///
/// What it serves, from `root`:
/// - `/NAME`: the file, with ranges, ETag and Last-Modified
/// - `/norange/NAME`: the file without ranges; `/auth/NAME`: Basic auth, user `user`, password `secret`
/// - `/slow/NAME`: `slowRate` bytes a second; `/gzip/NAME`: gzipped when the client allows it
/// - `/gzipped/NAME`: `NAME.gz` as it is on disk, with `Content-Encoding: gzip`, whatever the client allows
/// - `/forbidden`: 403 and `forbiddenBody`; `/status/500`, `/status/429` (with `Retry-After: 7`), `/status/503` (the same)
/// - `/elsewhere/NAME`: 302 to `/NAME` on the second server; `/echo`: what headers came, one a line
/// Every answer says in `X-Connection` and `X-Requests` on which connection it came, and as which request there.
package final class Nginx: Sendable {
  package static let slowRate = 64 << 10
  package static let forbiddenBody = "You may not have this object."

  /// The folder that is served.
  package let root: TemporaryFolder
  /// `http://127.0.0.1:PORT`
  package let http: String
  /// The second server: another port, another origin. `http://127.0.0.1:PORT`
  package let second: String
  /// HTTP/2 and 1.1 over TLS, with a certificate for `localhost` only: `https://localhost:PORT`
  package let https: String
  /// The same server under a name its certificate does not have: `https://127.0.0.1:PORT`
  package let httpsWrongName: String
  /// With an expired certificate: `https://localhost:PORT`
  package let httpsExpired: String
  /// PEM file of the authority that signed the certificates.
  package let authority: String
  /// Path of an AF_UNIX socket with the first server behind it. There once an answer has come over TCP.
  package let unixSocket: String
  private let process: GuardedProcess
  private let home: TemporaryFolder

  /// Starts it; when this returns, connections are accepted.
  package init() throws {
    home = try TemporaryFolder("parcel-nginx")
    do {
      try home.makeFolder("root")
      try Certificates.make(in: home)
      // The sockets are ours before nginx starts: no port can be lost to another program, and there is nothing to wait for.
      let sockets = try (0..<4).map { _ in try ListeningSocket() }
      defer { for socket in sockets { close(socket.descriptor) } }
      let ports = sockets.map(\.port)
      try home.write(NginxConfiguration(home: home.path, ports: ports).text, to: "nginx.conf")
      try home.write("user:{PLAIN}secret\n", to: "passwords")
      let inherited = sockets.indices.map { "\(3 + $0);" }.joined()
      process = try GuardedProcess(
        ["nginx", "-p", home.path, "-e", "\(home.path)/error.log", "-c", "\(home.path)/nginx.conf"],
        environment: ["NGINX=\(inherited)"], inherited: sockets.map(\.descriptor),
        cleanUp: "rm -rf '\(home.path)'")
      root = TemporaryFolder(existing: home.path + "/root")
      authority = home.path + "/ca.pem"
      unixSocket = home.path + "/socket"
      http = "http://127.0.0.1:\(ports[0])"
      second = "http://127.0.0.1:\(ports[1])"
      https = "https://localhost:\(ports[2])"
      httpsWrongName = "https://127.0.0.1:\(ports[2])"
      httpsExpired = "https://localhost:\(ports[3])"
    } catch {
      home.remove()
      throw error
    }
  }

  /// Kills it at once, in the middle of whatever it does, and removes its folder.
  package func stop() { process.stop() }
}

/// A TCP socket that listens on a free port of 127.0.0.1.
package struct ListeningSocket {
  package let descriptor: Int32
  package let port: Int

  package init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = self.descriptor
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, size) == 0 && listen(descriptor, 512) == 0
          && getsockname(descriptor, generic, &size) == 0
      }
    }
    guard descriptor >= 0, result else { throw FixtureError("no listening socket: \(errno)") }
    port = Int(UInt16(bigEndian: address.sin_port))
  }
}

/// A test authority and certificates, made with the `openssl` program.
enum Certificates {
  /// `ca.pem`; `server.pem`/`server.key` for localhost; `expired.pem`, the same, but its time is over.
  static func make(in folder: TemporaryFolder) throws {
    let path = folder.path
    try folder.write("subjectAltName=DNS:localhost\n", to: "names")
    for name in ["ca", "server"] {
      try Spawn.run([
        "openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(path)/\(name).key",
      ])
    }
    try Spawn.run([
      "openssl", "req", "-x509", "-new", "-key", "\(path)/ca.key", "-days", "2", "-subj", "/CN=parcel test",
      "-out", "\(path)/ca.pem",
    ])
    try Spawn.run([
      "openssl", "req", "-new", "-key", "\(path)/server.key", "-subj", "/CN=localhost",
      "-out", "\(path)/server.csr",
    ])
    for (name, days) in [("server", "2"), ("expired", "-1")] {
      try Spawn.run([
        "openssl", "x509", "-req", "-in", "\(path)/server.csr", "-CA", "\(path)/ca.pem",
        "-CAkey", "\(path)/ca.key", "-CAcreateserial", "-days", days, "-extfile", "\(path)/names",
        "-out", "\(path)/\(name).pem",
      ])
    }
  }
}
