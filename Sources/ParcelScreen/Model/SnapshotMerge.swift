import ParcelCore

extension Snapshot {
  /// Takes in a newer snapshot: its totals, phase, settings, routes and detail replace; its rows, transitions, changes of routes, repairs
  /// and waits, and log lines are added.
  package mutating func absorb(_ newer: Snapshot) {
    var merged = newer
    merged.table = newer.table ?? table
    merged.removed = removed + newer.removed
    merged.changed = Self.merge(changed, newer.changed)
    merged.transitions = transitions + newer.transitions
    merged.routeChanges = routeChanges + newer.routeChanges
    merged.repairs = repairs + newer.repairs
    merged.holdChanges = holdChanges + newer.holdChanges
    merged.log = log + newer.log
    self = merged
  }

  /// Both ascending by id; of the same row the newer wins.
  private static func merge(_ old: [StatusChange], _ new: [StatusChange]) -> [StatusChange] {
    if old.isEmpty { return new }
    if new.isEmpty { return old }
    var result: [StatusChange] = []
    result.reserveCapacity(old.count + new.count)
    var at = 0
    for change in new {
      while at < old.count, old[at].id < change.id {
        result.append(old[at])
        at += 1
      }
      if at < old.count, old[at].id == change.id { at += 1 }
      result.append(change)
    }
    result.append(contentsOf: old[at...])
    return result
  }
}
