import Glibc
import ParcelCLI
import ParcelCore
import ParcelEngine
import ParcelSystem
import ParcelTerminal

/// `parcel-tui`, and `parcel` with nothing to do: the session on the terminal, the engine behind it.
struct FullScreen {
  let options: ClientOptions
  let program: String

  func run() async -> ParcelCore.ExitCode {
    do {
      return try await session()
    } catch {
      Descriptors.write(ErrorText.text(error, program: program) + "\n", to: 2)
      return ErrorText.exit(error)
    }
  }

  private func session() async throws(Failure) -> ParcelCore.ExitCode {
    let wanted = try Wanted(options.wanted)
    let token = TokenReading(options.access)
    if let failure = token.facts?.failure { throw failure }
    var records = try RunRecords(options.output)

    let (commands, asked) = AsyncStream.makeStream(of: Command.self)
    let loop = SessionLoop(options: terminalOptions) { asked.yield($0) }
    let queue = SnapshotQueue()
    let parts = PartPaths()
    let (debugged, debugLines) = AsyncStream.makeStream(of: String.self)
    let run = ClientRun(
      options, token: (token.value, token.facts?.path), waits: true, isSession: true,
      debug: { debugLines.yield($0) },
      publish: { snapshot in
        loop.post(snapshot)
        queue.post(snapshot)
      })
    records.begin(await run.engine.settings)
    if !options.asksForNothing {
      do throws(Failure) {
        try await run.prepare()
      } catch {
        await run.close()
        _ = records.stop(.failure(error), wanted, program: program)
        throw error
      }
    }
    async let recorded = Recorder.record(
      records, style: options.output.look.style(on: 1), program: program, from: queue, parts: parts)

    let engine = run.engine
    let debugger = Task { for await line in debugged { await engine.report(.info, line) } }
    defer { debugger.cancel() }
    for remark in wanted.remarks { await run.engine.report(.warning, remark) }
    await run.engine.add(wanted.downloads, title: wanted.title, unchecked: SessionStart.checks(options))
    // What the command line names was asked for; an empty session waits for Enter.
    if !options.asksForNothing { asked.yield(.start) }

    let watch = TokenWatches(run.engine)
    watch.follow(token.watch)
    defer { watch.stop() }
    let worker = Task {
      await Commands(options: options, run: run, loop: loop, watch: watch).perform(all: commands)
    }
    let outcome = await display(loop)
    asked.finish()
    if case .success(.finished) = outcome { await worker.value }
    if case .failure(let failure) = outcome {
      await run.close()
      queue.close()
      _ = await recorded
      throw failure
    }
    parts.set(await run.engine.partPaths())
    queue.close()
    return await recorded
  }

  /// Runs the loop on its own thread until it ends.
  private func display(_ loop: SessionLoop) async -> Result<SessionLoop.Outcome, Failure> {
    await withCheckedContinuation { continuation in
      loop.start { continuation.resume(returning: $0) }
    }
  }

  private var terminalOptions: TerminalOptions {
    var terminal = TerminalOptions()
    if options.output.look.ascii { terminal.glyphs = .ascii }
    terminal.colors = !options.output.look.noColor
    return terminal
  }
}

/// Does what the session asks for, one after the other: reading files here, everything else in the engine.
private struct Commands: Sendable {
  let options: ClientOptions
  let run: ClientRun
  let loop: SessionLoop
  let watch: TokenWatches

  func perform(all commands: AsyncStream<Command>) async {
    let start = SessionStart(options: options, run: run, loop: loop)
    for await command in commands {
      switch command {
      case .quit:
        await run.close()
        loop.finish()
        return
      case .start: await start.start()
      case .answer(let check, let answer): await start.answer(check, answer)
      case .openManifest, .add:
        await perform(command)
        await start.added()
      default: await perform(command)
      }
    }
  }

  private func perform(_ command: Command) async {
    do {
      switch command {
      case .openManifest(let path):
        let manifest = try await onThread { () throws(Failure) in
          let manifest = try Documents.manifest(Documents.absolute(path))
          FreeMemory.giveBack()
          return manifest
        }
        for remark in manifest.remarks { await run.engine.report(.warning, remark) }
        await run.engine.add(
          manifest.downloads, title: Wanted.title([path]), unchecked: SessionStart.checks(options))
        await run.engine.report(.info, "\(Wanted.title([path])): \(manifest.summary)")
      case .add(let text):
        await run.engine.add([try RowInput.spec(text)], unchecked: SessionStart.checks(options))
      case .setTokenFile(let path):
        let full = Documents.absolute(path)
        let stamp = TokenFileWatcher.stamp(full)
        let read = try await onThread { () throws(Failure) in try Documents.token(full) }
        if let warning = read.warning { await run.engine.report(.warning, warning) }
        watch.follow(WatchedToken(path: full, token: read.token, stamp: stamp))
        await run.engine.setToken(read.token, file: path)
      case .useToken(let secret):
        watch.stop()
        await run.engine.setToken(secret.value, file: nil)
        await run.engine.report(.info, "The new token is sent from now on; it is kept in memory only.")
      case .setFolder(let path): await run.engine.setFolder(Documents.absolute(path))
      case .setServer(let text):
        guard let server = ServerURL(argument: text) else {
          throw Failure(
            .input, retry: .never, "'\(Printable.text(text))' is no server.",
            remedy: "Expected a host or an http:// or https:// URL.")
        }
        await run.engine.setServer(server.text)
      default: await run.engine.perform(command)
      }
    } catch {
      let failure = error as? Failure ?? Failure(.input, retry: .never, "\(error)")
      await run.engine.report(.error, failure.text)
    }
  }

  /// Reading may wait for a slow disk, which tasks must not.
  private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread.start("parcel-read") {
        do {
          continuation.resume(returning: try body())
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }
}
