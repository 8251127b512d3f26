/// Whether everything fits.
extension PreflightRules {
  /// What is still to be written, beyond what is on disk already.
  struct Demand: Equatable {
    /// Bytes; stays at `Int.max` when it would be more.
    var bytes = 0
    /// Files that are not complete.
    var files = 0
    /// Of those, files of unknown size.
    var unsized = 0
    /// Bytes that partial files have taken already.
    var here = 0
  }

  func demand() -> Demand {
    var demand = Demand()
    var found = facts.target.rows[...]
    for (index, spec) in facts.specs.enumerated() {
      var disk: RowOnDisk?
      if found.first?.row == index { disk = found.removeFirst() }
      if isComplete(spec, disk) { continue }
      demand.files += 1
      guard let size = spec.size else {
        demand.unsized += 1
        continue
      }
      let here = min(disk?.allocated ?? 0, size)
      demand.here += here
      let (sum, over) = demand.bytes.addingReportingOverflow(size - here)
      demand.bytes = over ? .max : sum
    }
    return demand
  }

  /// The rows to ask each server for, as far as asking pays: nothing that is here, or that its manifest calls gone.
  package static func origins(_ facts: PreflightFacts) -> Origins {
    let rules = PreflightRules(facts: facts, policy: Policy())
    let demand = rules.demand()
    guard asksServers(files: demand.files, bytes: demand.bytes) else {
      return Origins([], server: facts.server)
    }
    var found = facts.target.rows[...]
    return Origins(facts.specs, server: facts.server) { index in
      let spec = facts.specs[index]
      var disk: RowOnDisk?
      if found.first?.row == index { disk = found.removeFirst() }
      return !rules.isComplete(spec, disk) && spec.successor == nil && !isGone(state: spec.release ?? "")
    }
  }

  /// As far as can be said without reading it.
  private func isComplete(_ spec: DownloadSpec, _ disk: RowOnDisk?) -> Bool {
    guard case .file(let size) = disk?.final else { return false }
    return spec.size == size || spec.size == nil && !spec.digests.isEmpty
  }

  func room() -> [PreflightFinding] {
    guard facts.target.failure == nil else { return [] }
    let demand = demand()
    var findings: [PreflightFinding] = []
    if let free = facts.target.free, demand.bytes > max(0, free - facts.promised) {
      findings.append(tooLittle(free, demand))
    }
    if let inodes = facts.target.freeInodes, demand.files > inodes {
      findings.append(
        PreflightFinding(
          .batch, .trouble, "Inodes", .disk,
          "\(Grouped.text(demand.files)) files are to be made, and the file system of \(facts.target.existing) has "
            + "room for \(Grouped.text(inodes)) more, however small",
          "Remove files that are not needed, or choose another disk with -d."))
    }
    return findings
  }

  private func tooLittle(_ free: Int, _ demand: Demand) -> PreflightFinding {
    let here =
      demand.here > 0 ? " besides the \(Figures.bytes(demand.here)) that partial files hold" : ""
    let promised =
      facts.promised > 0 ? ", \(Figures.bytes(facts.promised)) more for what is in the list already" : ""
    let missing = demand.bytes - max(0, free - facts.promised)
    let unsized =
      demand.unsized > 0 ? ", \(Grouped.text(demand.unsized)) files of unknown size not counted" : ""
    let place = facts.target.existing
    let have =
      facts.target.isQuota
      ? "your quota leaves \(Figures.bytes(free)) in \(place)"
      : "\(Figures.bytes(free)) are free in \(place)"
    return PreflightFinding(
      .batch, .trouble, "Room", .disk,
      "\(Figures.bytes(demand.bytes)) are needed\(here)\(promised), and \(have)\(unsized)",
      "Free \(Figures.bytes(missing)), choose another disk with -d, or fetch a part of the list."
    )
  }
}
