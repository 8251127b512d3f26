import ParcelCore

/// All rows: fixed data and the latest status, by `DownloadID.index`.
package struct RowTable: Sendable {
  package private(set) var infos: [DownloadInfo] = []
  package private(set) var statuses: [DownloadStatus] = []
  /// True for rows that were taken out of the list; their place stays, ids are never used twice.
  package private(set) var gone: [Bool] = []

  package var count: Int { infos.count }
  package var isEmpty: Bool { infos.isEmpty }

  /// Takes a snapshot's table. Statuses stay; new rows travel as `choice` says until a snapshot says otherwise.
  package mutating func setTable(_ table: [DownloadInfo], choice: TransportChoice = .auto) {
    infos = table
    guard table.count > statuses.count else { return }
    statuses.reserveCapacity(table.count)
    for info in table[statuses.count...] {
      var status = info.firstStatus
      status.choice = choice
      statuses.append(status)
    }
    gone.append(contentsOf: repeatElement(false, count: table.count - gone.count))
  }

  package mutating func remove(_ id: DownloadID) {
    if gone.indices.contains(id.index) { gone[id.index] = true }
  }

  /// Answers whether the row became done or stopped being done.
  package mutating func set(_ id: DownloadID, _ status: DownloadStatus) -> Bool {
    guard statuses.indices.contains(id.index) else { return false }
    let flipped = statuses[id.index].state.isDone != status.state.isDone
    statuses[id.index] = status
    return flipped
  }

  /// What was asked for all rows, before the engine has said so of each.
  package mutating func setChoice(_ choice: TransportChoice) {
    for index in statuses.indices { statuses[index].choice = choice }
  }

  package func contains(_ id: DownloadID) -> Bool { infos.indices.contains(id.index) && !gone[id.index] }
  package func info(_ id: DownloadID) -> DownloadInfo { infos[id.index] }
  package func status(_ id: DownloadID) -> DownloadStatus { statuses[id.index] }
}
