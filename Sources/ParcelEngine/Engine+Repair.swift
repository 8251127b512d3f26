import ParcelCore

/// What a repair asks of the part file.
extension Engine {
  func repair(_ entry: Live, _ effect: DownloadEffect) {
    guard let part = entry.part else { return }
    let id = entry.id
    let inbox = inbox
    switch effect {
    case .digestPart(let range, let algorithm):
      part.digest(of: range, algorithm) { inbox.post(.partDigested(id, range, $0)) }
    case .drop(let ranges): part.drop(ranges) { inbox.post(.dropped(id, $0)) }
    case .prepareComparison: part.prepareComparison { inbox.post(.comparisonPrepared(id, $0)) }
    case .settleComparison: part.settleComparison { inbox.post(.comparisonSettled(id, $0)) }
    default: break
    }
  }

  /// Where a transfer's bytes go; nil: nowhere, or not yet.
  func writer(for plan: TransferPlan, _ entry: Live) -> (any SegmentWriter)? {
    guard plan.writes, plan.question == nil else { return nil }
    return plan.compares ? entry.part?.comparer(for: plan.range) : entry.part?.writer(for: plan.range)
  }
}
