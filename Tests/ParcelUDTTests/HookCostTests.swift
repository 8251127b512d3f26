import CUDT
import Foundation
import ParcelCore
import Testing

@testable import ParcelUDT

@Suite("What a packet costs in the hooks")
struct HookCostTests {
  /// Prints; asserts only what was done. A release build says what counts: swift test -c release -Xswiftc -enable-testing.
  @Test(
    "of the sender and of the receiver, with an acknowledgement for each 170 packets",
    arguments: [1, 3] as [Int32])
  func cost(law: Int32) throws {
    let place = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
    defer { place.deallocate() }
    // None of the calls below goes through to the connection.
    let sender = CongestionBridge(OpaquePointer(place))
    let receiver = CongestionBridge(OpaquePointer(place))
    var opening = parcel_udt_opening()
    (opening.first, opening.window, opening.payload) = (Int32.max - 1000, 16_384, 1456)
    (opening.congestion, opening.rate) = (law, 1e9)
    sender.opened(opening)
    receiver.opened(opening)
    let count = 200_000
    var sequence = PacketSequence(opening.first)
    let start = Date()
    for index in 0..<count {
      _ = sender.sent(sequence.value, size: 1456, backlog: 100)
      if index % 170 == 169 { _ = sender.acknowledged(sequence.value) }
      sequence = sequence.next
    }
    let middle = Date()
    sequence = PacketSequence(opening.first)
    for _ in 0..<count {
      _ = receiver.arrived(sequence.value, roundTrip: 0.1, variance: 0.01)
      sequence = sequence.next
    }
    let each = { (seconds: Double) in String(format: "%.0f ns", seconds / Double(count) * 1e9) }
    print(
      "law \(law): \(each(middle.timeIntervalSince(start))) sent, \(each(-middle.timeIntervalSinceNow)) received"
    )
    #expect((sender.condition?.rate ?? 0) > 0)
  }
}
