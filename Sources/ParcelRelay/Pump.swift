import ParcelCore
import ParcelNet
import ParcelSystem

/// Copies one direction of a connection, on a thread of its own.
struct Pump {
  let connection: RelayConnection
  /// Where the bytes come from.
  let side: RelayMachine.Side

  private var source: any ByteStream { connection.end(side).stream }
  private var sink: any ByteStream { connection.end(side.other).stream }
  /// How long a write may wait before the source is looked at: what it holds may have to be saved.
  private static let writeSlice = 1.0
  /// Seconds between two looks at a source whose sink takes bytes slowly.
  private static let lookInterval = 0.5

  /// Until the direction ends or the connection is over.
  func run() {
    guard let pages = Pages(connection.settings.chunk) else {
      return fail("no memory left")
    }
    var isUsed = false
    while !connection.isOver {
      let count: Int
      do throws(StreamEnd) {
        count = try source.read(into: pages.bytes, timeout: connection.readSlice)
      } catch {
        if case .broken(let why) = error { return fail(why) }
        // A thousand silent connections should need little memory.
        if isUsed { pages.giveBack() }
        isUsed = false
        connection.tell(.tick)
        continue
      }
      isUsed = true
      guard count > 0 else { return end() }
      connection.tell(.read(side, count))
      switch pass(pages.bytes, count, savesSource: true) {
      case .done: break
      case .over: return
      case .keep(let rest):
        return keep(UnsafeMutableRawBufferPointer(rebasing: pages.bytes[rest..<count]), pages.bytes)
      }
    }
  }

  private enum Passed {
    case done
    case over
    /// The source must be read at once; the bytes from that place on are not passed on yet.
    case keep(from: Int)
  }

  /// Hands `count` bytes to the sink.
  private func pass(_ bytes: UnsafeMutableRawBufferPointer, _ count: Int, savesSource: Bool) -> Passed {
    var done = 0
    var looked = MonotonicClock.seconds()
    while done < count {
      do throws(StreamEnd) {
        let taken = try sink.write(
          some: UnsafeRawBufferPointer(rebasing: bytes[done..<count]), timeout: Self.writeSlice)
        done += taken
        connection.tell(.written(side.other, taken))
      } catch {
        if case .broken(let why) = error {
          connection.tell(.unwritable(side.other, why))
          return .over
        }
        connection.tell(.waited(side.other))
      }
      if connection.isOver { return .over }
      let now = MonotonicClock.seconds()
      guard savesSource, done < count, now - looked >= Self.lookInterval else { continue }
      looked = now
      if source.isExpiring, connection.tell(.expiring(side)).contains(.keep(side)) {
        return .keep(from: done)
      }
    }
    return .done
  }

  /// Takes everything that the source still has, then feeds the sink from it.
  private func keep(_ first: UnsafeMutableRawBufferPointer, _ buffer: UnsafeMutableRawBufferPointer) {
    guard var backlog = Backlog(memory: connection.settings.memory, spool: connection.spool) else {
      return fail("no memory left")
    }
    do {
      try backlog.append(UnsafeRawBufferPointer(first))
      while !connection.isOver {
        let count = try source.read(into: buffer, timeout: connection.readSlice)
        if count == 0 { break }
        connection.tell(.read(side, count))
        try backlog.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      connection.addSpooled(backlog.spooled)
      connection.tell(.end(side, isFinal: true))
      while !connection.isOver {
        let count = try backlog.take(into: buffer)
        if count == 0 { break }
        guard case .done = pass(buffer, count, savesSource: false) else { return }
      }
    } catch let full as SpoolFull {
      return fail("what is left of it could not be kept: \(full.cause)")
    } catch StreamEnd.broken(let why) {
      return fail(why)
    } catch {
      return fail("it has closed and its last bytes did not come")
    }
    wait()
  }

  private func fail(_ why: String) { connection.tell(.unreadable(side, why)) }

  private func end() {
    connection.tell(.end(side, isFinal: source.isExpiring || connection.end(side).endsForGood()))
    wait()
    // A client that has left altogether, not only ended its side, wants no answer any more.
    guard let local = source as? TCPStream else { return }
    while !connection.isOver {
      guard local.isGone(within: 0.25) else { continue }
      connection.tell(.unwritable(side, "it has closed"))
      return
    }
  }

  /// Stays until the end was passed on: that is for the thread that writes.
  private func wait() {
    while connection.isDraining(side) {
      connection.pause(seconds: 0.02)
      connection.tell(.again(side))
    }
  }
}
