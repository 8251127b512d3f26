import Glibc

/// Two network namespaces joined by a cable, as two machines. Needs root and iproute2; `isPossible` says whether they are there.
///
/// Everything in them ends with them: `stop` kills what still runs inside and takes both down.
package final class TwoHosts: Sendable {
  package static let addressA = "10.77.0.1"
  package static let addressB = "10.77.0.2"
  /// Of a third host, behind `b`.
  package static let addressBehind = "10.78.0.2"
  package let a: String
  package let b: String

  /// False for ordinary users and where the kernel or a container forbids namespaces.
  package static var isPossible: Bool {
    guard geteuid() == 0 else { return false }
    let name = "parcel-try-\(getpid())"
    guard (try? Spawn.run(["ip", "netns", "add", name])) != nil else { return false }
    try? Spawn.run(["ip", "netns", "del", name])
    return true
  }

  package init(_ tag: String) throws {
    a = "parcel-\(getpid())-\(tag)-a"
    b = "parcel-\(getpid())-\(tag)-b"
    // Names of interfaces have at most 15 characters, and these exist outside for a moment only.
    let (left, right) = ("pa\(getpid())", "pb\(getpid())")
    do {
      for name in [a, b] { try Spawn.run(["ip", "netns", "add", name]) }
      try Spawn.run([
        "ip", "link", "add", left, "netns", a, "type", "veth", "peer", "name", right, "netns", b,
      ])
      for (name, link, address) in [(a, left, Self.addressA), (b, right, Self.addressB)] {
        try Spawn.run(["ip", "-n", name, "addr", "add", address + "/24", "dev", link])
        try Spawn.run(["ip", "-n", name, "link", "set", link, "up"])
        try Spawn.run(["ip", "-n", name, "link", "set", "lo", "up"])
      }
    } catch {
      stop()
      throw error
    }
  }

  /// Cuts the cable, or joins it again.
  package func connect(_ isConnected: Bool) throws {
    try Spawn.run(["ip", "-n", b, "link", "set", "pb\(getpid())", isConnected ? "up" : "down"])
  }

  /// The longest packet that `b` takes; longer ones from `a` vanish without a word.
  package func limitPackets(to bytes: Int) throws {
    try Spawn.run(["ip", "-n", b, "link", "set", "pb\(getpid())", "mtu", "\(bytes)"])
  }

  /// A third host behind `b`, which becomes a router: it takes packets of that many bytes at most, and says so. There `program` runs, its
  /// address added to its arguments; back once it listens there.
  package func relayBehindARouter(packets: Int, _ program: [String]) throws -> RunningProgram {
    let (left, right) = ("pr\(getpid())", "pc\(getpid())")
    for command in [
      ["ip", "netns", "add", behind],
      ["ip", "link", "add", left, "netns", b, "type", "veth", "peer", "name", right, "netns", behind],
      ["ip", "-n", b, "addr", "add", "10.78.0.1/24", "dev", left],
      ["ip", "-n", behind, "addr", "add", Self.addressBehind + "/24", "dev", right],
      ["ip", "-n", b, "link", "set", left, "mtu", "\(packets)", "up"],
      ["ip", "-n", behind, "link", "set", right, "up"],
      ["ip", "-n", a, "route", "add", "10.78.0.0/24", "via", Self.addressB],
      ["ip", "-n", behind, "route", "add", "default", "via", "10.78.0.1"],
      ["ip", "netns", "exec", b, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"],
    ] { try Spawn.run(command) }
    let running = try RunningProgram("ip", ["netns", "exec", behind] + program + [Self.addressBehind])
    _ = try running.line(after: "listening on ")
    return running
  }

  private var behind: String { a + "-behind" }

  package func stop() {
    for name in [a, b, behind] {
      try? Spawn.run(["sh", "-c", "ip netns pids \(name) | xargs -r kill -KILL"])
      try? Spawn.run(["ip", "netns", "del", name])
    }
  }
}
