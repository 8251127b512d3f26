import CUDT
import ParcelCore

/// How libudt's threads come to a connection's `PeerLink`. No reference is counted for a packet: libudt's control object holds one
/// until after its last call.
enum LibraryHooks {
  static func hooks(_ preset: CongestionPreset) -> parcel_udt_hooks {
    let law = CongestionLaw.forC(preset)
    return parcel_udt_hooks(
      make: { connection in
        guard let connection else { return nil }
        return Unmanaged.passRetained(PeerLink(connection)).toOpaque()
      },
      release: { context in
        if let context { Unmanaged<PeerLink>.fromOpaque(context).release() }
      },
      received: { context, words, count in
        guard let message = PeerMessage(words: UnsafeBufferPointer(start: words, count: Int(count)))
        else { return }
        LibraryHooks.link(context) { $0.received(message) }
      },
      opened: { context, opening in
        if let opening { LibraryHooks.link(context) { $0.congestion.opened(opening.pointee) } }
      },
      sent: { context, sequence, size, backlog in
        LibraryHooks.link(context) {
          if $0.congestion.sent(sequence, size: Int(size), backlog: Int(backlog)) { Pacer.shared.add($0) }
        }
      },
      arrived: { context, sequence, roundTrip, variance in
        LibraryHooks.link(context) {
          let isNews = $0.congestion.arrived(
            sequence, roundTrip: Double(roundTrip) / 1e6, variance: Double(variance) / 1e6)
          if isNews { Pacer.shared.add($0) }
        }
      },
      acknowledged: { context, sequence, pace in
        LibraryHooks.link(context) { LibraryHooks.set(pace, $0.congestion.acknowledged(sequence)) }
      },
      lost: { context, words, count, pace in
        let words = UnsafeBufferPointer(start: words, count: max(0, Int(count)))
        LibraryHooks.link(context) { LibraryHooks.set(pace, $0.congestion.lost(words)) }
      },
      timed_out: { context, pace in
        LibraryHooks.link(context) { LibraryHooks.set(pace, $0.congestion.timedOut()) }
      }, congestion: law.number, rate: law.rate)
  }

  @inline(__always)
  private static func link(_ context: UnsafeMutableRawPointer?, _ body: (PeerLink) -> Void) {
    if let context { Unmanaged<PeerLink>.fromOpaque(context)._withUnsafeGuaranteedRef(body) }
  }

  @inline(__always)
  private static func set(_ pace: UnsafeMutablePointer<parcel_udt_pace>?, _ value: parcel_udt_pace?) {
    if let value { pace?.pointee = value }
  }
}
