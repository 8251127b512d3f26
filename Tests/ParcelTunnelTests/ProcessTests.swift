import Glibc
import ParcelCore
import ParcelTesting
import Testing

/// The program as a process: what it is given, when it goes, what is left.
@Suite(.serialized) struct ProcessTests {
  @Test func theProgramIsGivenTwoSocketsAndNothingElseOfOurs() async throws {
    let holder = try startHolder(["given", Built.relay, "inspect", "1"], environment: ["SECRET=token"])
    defer { close(holder.output) }
    #expect(
      await text(from: holder.output)
        == "Could not reach the relay 'inspect:1' over UDP: fds 0 1 2 3 4; secret 0; blocked 0; ignored 0; own group 1.\n"
    )
    await bury(holder.pid)
  }

  @Test func theProgramIsFoundBesideThisOneElseInPATH() async throws {
    let (own, other) = (try TemporaryFolder(), try TemporaryFolder())
    defer {
      own.remove()
      other.remove()
    }
    try Spawn.run(["cp", Built.holder, own.path + "/holder"])
    try Spawn.run(["cp", Built.relay, other.path + "/parcel-tcp2udt"])
    func said(_ path: String) async throws -> String {
      let holder = try startHolder(
        ["given", "-", "refuse=it runs", "1"], environment: ["PATH=\(path)"], program: own.path + "/holder")
      defer { close(holder.output) }
      let text = await text(from: holder.output)
      await bury(holder.pid)
      return text
    }
    #expect(
      try await said("/nonexistent")
        == "Could not start 'parcel-tcp2udt', which carries UDT: it is neither beside this program nor in PATH.\n"
    )
    #expect(try await said("relative::\(other.path)").hasSuffix(": it runs.\n"))
    try Spawn.run(["mv", other.path + "/parcel-tcp2udt", own.path])
    #expect(try await said("/nonexistent").hasSuffix(": it runs.\n"))
  }

  @Test func nothingIsLeftOfTunnelsThatWereShutDown() async throws {
    // The first brings up what stays for the life of a process.
    let holder = try startHolder(["cycle", Built.relay, "refuse", "1", "50"])
    defer { close(holder.output) }
    #expect(await text(from: holder.output) == "descriptors 0, children 0, folders 0, stuck 0\n")
    await bury(holder.pid)
  }

  @Test func nothingIsLeftOfTunnelsWhoseProgramIsMissing() async throws {
    let holder = try startHolder(["cycle", "/nonexistent/relay", "x", "1", "20"])
    defer { close(holder.output) }
    #expect(await text(from: holder.output) == "descriptors 0, children 0, folders 0, stuck 0\n")
    await bury(holder.pid)
  }

  @Test func theProgramGoesWhenThisProcessIsKilled() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let fifo = try Fifo(in: folder)
    let holder = try startHolder(
      ["hold", Built.relay, "fifo=\(fifo.path)", "1"], environment: ["XDG_RUNTIME_DIR=\(folder.path)"])
    defer { close(holder.output) }
    let path = await text(from: holder.output, line: true)
    #expect(path.hasPrefix(folder.path + "/parcel-"))
    let program = await fifo.program()
    #expect(program.map { kill($0, 0) } == 0)
    kill(holder.pid, SIGKILL)
    await bury(holder.pid)
    #expect(await fifo.isLeft())
  }

  @Test func theFolderIsThisUsersAlone() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let holder = try startHolder(
      ["hold", Built.relay, "refuse", "1"], environment: ["XDG_RUNTIME_DIR=\(folder.path)"])
    defer { close(holder.output) }
    let path = await text(from: holder.output, line: true)
    var status = stat()
    #expect(stat(String(path.dropLast("/relay".count)), &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    kill(holder.pid, SIGKILL)
    await bury(holder.pid)
  }

  @Test func theNextProcessRemovesTheFoldersOfKilledOnesAndOnlyThose() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let place = ["XDG_RUNTIME_DIR=\(folder.path)"]
    var paths: [String] = []
    var holders: [(pid: pid_t, output: Int32)] = []
    for _ in 0..<3 {
      let holder = try startHolder(["hold", Built.relay, "refuse", "1"], environment: place)
      holders.append(holder)
      paths.append(await text(from: holder.output, line: true))
    }
    kill(holders[0].pid, SIGKILL)
    await bury(holders[0].pid)
    #expect(paths.map { access($0, F_OK) } == [0, 0, 0])
    let next = try startHolder(["cycle", Built.relay, "refuse", "1", "1"], environment: place)
    _ = await text(from: next.output)
    await bury(next.pid)
    #expect(paths.map { access($0, F_OK) } == [-1, 0, 0])
    #expect(access(String(paths[0].dropLast("/relay".count)), F_OK) == -1)
    for holder in holders[1...] {
      kill(holder.pid, SIGKILL)
      await bury(holder.pid)
    }
    for holder in holders + [next] { close(holder.output) }
  }

  @Test func aFolderTooDeepForASocketIsPassedOver() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let deep = folder.path + "/" + String(repeating: "x", count: 120)
    mkdir(deep, 0o700)
    let holder = try startHolder(
      ["hold", Built.relay, "refuse", "1"],
      environment: ["XDG_RUNTIME_DIR=\(deep)", "TMPDIR=\(folder.path)"])
    defer { close(holder.output) }
    let path = await text(from: holder.output, line: true)
    #expect(path.hasPrefix(folder.path + "/parcel-"))
    kill(holder.pid, SIGKILL)
    await bury(holder.pid)
  }
}
