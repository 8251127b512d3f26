import ParcelCore

extension Model {
  /// What was wrong on disk, and what is being done about it.
  func repairLines(_ repair: RepairReport, _ status: DownloadStatus, _ width: Int) -> [DetailLine] {
    var text: String
    switch repair.step {
    case .disk: text = "blocks that changed on the disk are fetched again"
    case .server: text = "comparing parts with the server's digests"
    case .compare: text = "fetching everything again, to replace what differs"
    }
    if status.state.isSettled || status.state == .paused { text = status.state.isDone ? "done" : "stopped" }
    if repair.round > 0 { text += ", round \(repair.round) of \(Repair.mostRounds)" }
    text += "; \(Figures.count(repair.blocks, "bad block"))"
    if !repair.bad.isEmpty { text += " (\(repair.blockNames()))" }
    text += ", \(Figures.bytes(repair.fetched)) fetched again"
    return field("repair", text, width, status.state.isDone ? .quiet : .warning)
  }
}
