/// What can happen in a simulation.
enum SimulatedEvent {
  /// A flow begins.
  case begin
  /// The sender's clock wakes it to send what is due.
  case wake
  /// A data packet reaches the receiver.
  case data(Int)
  /// A full acknowledgement reaches the sender.
  case acknowledgement(upTo: Int, report: Int)
  /// A light one: moves the window and says nothing to the controller.
  case light(upTo: Int)
  /// Our receiver's word on its newest packet reaches the sender.
  case arrived(newest: Int)
  /// A loss report reaches the sender.
  case lossReport(Int)
  /// The sender's answer to a full acknowledgement reaches the receiver.
  case answer(upTo: Int, sentAt: Int64)
  case senderTick
  case receiverTick
  case receiverRepairTick
  /// The link's rate changes to the number with this index.
  case change(Int)
  case sample
  /// The senders' machine becomes busy with something else.
  case stall

  /// Nothing of it happens while the senders' machine is busy with something else.
  var isOfSender: Bool {
    switch self {
    case .wake, .acknowledgement, .light, .arrived, .lossReport, .senderTick: true
    default: false
    }
  }
}

/// Events in the order of their time, those of one time in the order of their making.
struct SimulatedEvents {
  struct Entry {
    var time: Int64
    var order: Int
    var flow: Int
    var event: SimulatedEvent
  }

  private var heap: ContiguousArray<Entry> = []
  private var made = 0

  mutating func push(_ event: SimulatedEvent, flow: Int, at time: Int64) {
    made += 1
    let entry = Entry(time: time, order: made, flow: flow, event: event)
    heap.append(entry)
    var child = heap.count - 1
    heap.withUnsafeMutableBufferPointer { heap in
      while child > 0 {
        let parent = (child - 1) >> 1
        guard Self.isBefore(entry, heap[parent]) else { break }
        heap[child] = heap[parent]
        child = parent
      }
      heap[child] = entry
    }
  }

  mutating func pop() -> Entry? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    let count = heap.count
    guard count > 0 else { return top }
    heap.withUnsafeMutableBufferPointer { heap in
      var parent = 0
      while true {
        var child = parent * 2 + 1
        guard child < count else { break }
        if child + 1 < count, Self.isBefore(heap[child + 1], heap[child]) { child += 1 }
        guard Self.isBefore(heap[child], last) else { break }
        heap[parent] = heap[child]
        parent = child
      }
      heap[parent] = last
    }
    return top
  }

  @inline(__always)
  private static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
    a.time < b.time || a.time == b.time && a.order < b.order
  }
}
