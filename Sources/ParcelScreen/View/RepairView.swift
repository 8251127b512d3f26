import ParcelCore

extension Model {
  /// What was wrong on disk, and what is being done about it.
  func repairLines(_ repair: RepairReport, _ status: DownloadStatus, _ width: Int) -> [DetailLine] {
    let found =
      "\(Figures.count(repair.blocks, "bad block"))\(repair.bad.isEmpty ? "" : " (\(repair.blockNames()))")"
    let amount = "\(Figures.bytes(repair.fetched)) fetched again"
    // It stays said once all is right.
    if status.state.isDone { return field("repaired", "\(found), \(amount)", width, .quiet) }
    var text: String
    switch repair.step {
    case .disk: text = "blocks that changed on the disk are fetched again"
    case .server: text = "comparing parts with the server's digests"
    case .compare: text = "fetching everything again, to replace what differs"
    }
    if status.state.isSettled || status.state == .paused { text = "stopped" }
    if repair.round > 0 { text += ", round \(repair.round) of \(Repair.mostRounds)" }
    return field("repair", "\(text); \(found), \(amount)", width, .warning)
  }
}
