import ParcelCore

/// Waiting downloads in order, in two lanes: what has begun, or was asked for by the user, goes on before anything else
/// begins. Taking from the front is cheap, the rest costs the length of the lane.
struct WaitingQueue {
  enum Lane: CaseIterable {
    /// Begun before, or wanted next.
    case begun
    case new
  }

  private struct Line {
    var ids: [DownloadID] = []
    var head = 0

    var waiting: ArraySlice<DownloadID> { ids[head...] }

    mutating func change(_ body: (inout [DownloadID]) -> Void) {
      ids.removeFirst(head)
      head = 0
      body(&ids)
    }

    mutating func pop() {
      head += 1
      if head > 1024, head * 2 > ids.count { change { _ in } }
    }
  }

  private var begun = Line()
  private var new = Line()
  private var members: Set<DownloadID> = []

  var isEmpty: Bool { members.isEmpty }

  /// To the end of its lane.
  mutating func append(_ id: DownloadID, to lane: Lane) {
    guard members.insert(id).inserted else { return }
    switch lane {
    case .begun: begun.ids.append(id)
    case .new: new.ids.append(id)
    }
  }

  /// To the front of all.
  mutating func prepend(_ id: DownloadID) {
    remove(id)
    members.insert(id)
    begun.change { $0.insert(id, at: 0) }
  }

  mutating func remove(_ id: DownloadID) { remove(all: [id]) }

  /// Many at once, for the price of one.
  mutating func remove(all gone: Set<DownloadID>) {
    guard !members.isDisjoint(with: gone) else { return }
    begun.change { $0.removeAll(where: gone.contains) }
    new.change { $0.removeAll(where: gone.contains) }
    members.subtract(gone)
  }

  mutating func removeAll() { self = WaitingQueue() }

  /// The next ones, in order.
  func next(_ count: Int) -> [DownloadID] {
    let first = begun.waiting.prefix(count)
    return Array(first) + new.waiting.prefix(count - first.count)
  }

  func count(of lane: Lane) -> Int {
    switch lane {
    case .begun: begun.waiting.count
    case .new: new.waiting.count
    }
  }

  func first(of lane: Lane) -> DownloadID? {
    switch lane {
    case .begun: begun.waiting.first
    case .new: new.waiting.first
    }
  }

  mutating func pop(from lane: Lane) -> DownloadID? {
    guard let id = first(of: lane) else { return nil }
    switch lane {
    case .begun: begun.pop()
    case .new: new.pop()
    }
    members.remove(id)
    return id
  }
}
