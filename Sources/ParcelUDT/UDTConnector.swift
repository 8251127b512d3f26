import ParcelCore
import Synchronization

/// Connects, and remembers for each peer which packet size gets through and whether it is one of ours, which may have more
/// packets on their way.
///
/// A path may swallow large packets silently: the handshake is good and no data comes. The relay that sees it says so and
/// connects again, with smaller packets.
package final class UDTConnector: Sendable {
  private let options: UDTOptions
  private let library: UDTLibrary
  private let gates = Mutex<[String: ConnectGate]>([:])
  private let ladders = Mutex<[String: SegmentLadder]>([:])
  private let ours = KnownPeers()
  /// Streams with a wide window.
  private let wide = Mutex<[Weak]>([])
  private let streams = Mutex(Streams())

  /// A packet size in `options` is obeyed, and nothing is remembered.
  package init(options: UDTOptions = UDTOptions(), library: UDTLibrary) {
    self.options = options
    self.library = library
  }

  /// As `UDTStream.connect`.
  package func connect(host: String, port: Int) throws(UDTStream.ConnectFailure) -> UDTStream {
    var options = options
    if options.maximumSegment == nil {
      options.maximumSegment = ladders.withLock { $0["\(host) \(port)"]?.segment }
    }
    let origin = "\(host) \(port)"
    let isWide = ours.contains(origin) && hasRoomForWide
    if isWide { options.flowWindow = max(options.flowWindow, UDTOptions.ownWindow) }
    if enterCrowd() { options.flowWindow = min(options.flowWindow, UDTOptions.crowdedWindow) }
    defer { streams.withLock { $0.connecting -= 1 } }
    let stream = try gate(for: origin).enter { () throws(UDTStream.ConnectFailure) in
      try UDTStream.connect(host: host, port: port, options: options, library: library)
    }
    stream.whenOurs { [ours] in ours.insert(origin) }
    if isWide { wide.withLock { $0.append(Weak(stream: stream)) } }
    streams.withLock { $0.open.append(Weak(stream: stream)) }
    return stream
  }

  /// A wide window takes some megabytes from the beginning: some flows get one, not a thousand.
  private var hasRoomForWide: Bool {
    wide.withLock { wide in
      wide.removeAll { $0.stream == nil }
      return wide.count < 8
    }
  }

  /// One more begins to connect. True: there are many. What a peer sends and nobody reads stays here, a whole window of it for
  /// each connection.
  private func enterCrowd() -> Bool {
    streams.withLock { streams in
      defer { streams.connecting += 1 }
      guard streams.open.count + streams.connecting >= UDTOptions.crowd else { return false }
      streams.open.removeAll { $0.stream == nil }
      return streams.open.count + streams.connecting >= UDTOptions.crowd
    }
  }

  private struct Streams {
    /// All that are open, and some that were.
    var open: [Weak] = []
    var connecting = 0
  }

  private struct Weak {
    weak var stream: UDTStream?
  }

  private func gate(for peer: String) -> ConnectGate {
    gates.withLock { gates in
      if let gate = gates[peer] { return gate }
      if gates.count > 1000 { gates = [:] }
      let gate = ConnectGate()
      gates[peer] = gate
      return gate
    }
  }

  /// No data came over `stream` within 3 s, although some was sent. True: connecting again tries smaller packets. False: it
  /// is not the packet size, or that is fixed.
  package func noData(from stream: UDTStream) -> Bool {
    guard options.maximumSegment == nil, !stream.origin.isEmpty else { return false }
    return ladders.withLock { ladders in
      // A program talks to few relays; a bound all the same.
      if ladders.count > 1000 { ladders = [:] }
      return ladders[stream.origin, default: SegmentLadder()].noData(with: stream.requestedSegment)
    }
  }
}

/// Hosts and ports behind which a peer has said that it is ours.
private final class KnownPeers: Sendable {
  private let names = Mutex<Set<String>>([])

  func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }

  func insert(_ name: String) {
    names.withLock { names in
      // As for packet sizes.
      if names.count > 1000 { names = [] }
      names.insert(name)
    }
  }
}
