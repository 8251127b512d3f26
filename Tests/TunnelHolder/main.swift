// A process with tunnels in it, for what can only be seen from outside or in a process that does nothing else.
// PROGRAM may be -: where it is looked for.
//   hold PROGRAM HOST PORT       one tunnel, until killed
//   cycle PROGRAM HOST PORT N    N tunnels one after the other, each used and shut down; says what is left of them
//   given PROGRAM HOST PORT      says what the program was given, by a careless parent
import Glibc
import ParcelCore
import ParcelSystem
import ParcelTunnel

func say(_ text: String) { _ = text.withCString { write(1, $0, strlen($0)) } }

/// Open descriptors. One is the folder's own.
func descriptors() -> Int {
  (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 }
}

/// Connects to an AF_UNIX socket and reads to the end.
func use(_ path: String) {
  let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(client) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(client, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  var byte: UInt8 = 0
  while result == 0, read(client, &byte, 1) > 0 {}
}

/// The folder that a socket is in.
func folder(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) }

let arguments = CommandLine.arguments
let relay = Endpoint(host: arguments[3], port: Int(arguments[4]) ?? 0)
func tunnel() throws(Failure) -> Tunnel {
  try Tunnel(relay: relay, program: arguments[2] == "-" ? nil : arguments[2], log: { _ in })
}

switch arguments[1] {
case "hold":
  let held = try tunnel()
  say(held.path + "\n")
  while true { sleep(1000) }
case "cycle":
  let before = descriptors()
  var leftFolders = 0
  var stuck = 0
  for _ in 0..<(Int(arguments[5]) ?? 0) {
    let one = try tunnel()
    use(one.path)
    one.shutDown()
    if !one.waitUntilGone(seconds: 30) { stuck += 1 }
    if access(folder(of: one.path), F_OK) == 0 { leftFolders += 1 }
  }
  let children = waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD ? 0 : 1
  say("descriptors \(descriptors() - before), children \(children), folders \(leftFolders), stuck \(stuck)\n")
default:
  // What a careless program might do: open descriptors without a thought, ignore and block signals.
  for _ in 0..<20 { _ = open("/dev/null", O_RDONLY) }
  signal(SIGPIPE, SIG_IGN)
  signal(SIGHUP, SIG_IGN)
  var all = sigset_t()
  sigfillset(&all)
  pthread_sigmask(SIG_BLOCK, &all, nil)
  let one = try tunnel()
  let opened = MonotonicClock.now()
  use(one.path)
  let heard = Countdown()
  heard.enter()
  one.settle(opened: opened, original: nil) { failure in
    say((failure?.sentence ?? "nothing") + "\n")
    heard.leave()
  }
  _ = heard.wait(seconds: 30)
  one.shutDown()
  _ = one.waitUntilGone(seconds: 30)
}
