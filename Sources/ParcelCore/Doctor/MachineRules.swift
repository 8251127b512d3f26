/// What this machine's limits mean.
extension DoctorRules {
  /// Bytes of the kernel's buffers that UDT asks for.
  package static let wantedReceiveBuffer = 4 << 20
  package static let wantedSendBuffer = 2 << 20
  private static let enoughFiles = 1024

  package static func machine(_ one: MachineMeasurement) -> [Finding] {
    [buffers(one), files(one), program(one)]
  }

  private static func buffers(_ one: MachineMeasurement) -> Finding {
    guard let receive = one.receiveBufferLimit, let send = one.sendBufferLimit else {
      return .neutral(.machine, "Buffers", "the system does not say how large socket buffers may be")
    }
    let limits = [
      ("net.core.rmem_max", receive, wantedReceiveBuffer), ("net.core.wmem_max", send, wantedSendBuffer),
    ]
    let low = limits.filter { $0.1 < $0.2 }
    let said = "sockets may hold \(Grouped.text(receive)) bytes received and \(Grouped.text(send)) to send"
    let finding: Finding
    if low.isEmpty {
      finding = .good(.machine, "Buffers", said)
    } else {
      let settings = low.map { "\($0.0)=\($0.2)" }.joined(separator: " ")
      finding = .remark(
        .machine, "Buffers",
        "\(said); UDT asks for \(Grouped.text(wantedReceiveBuffer)) and \(Grouped.text(wantedSendBuffer))",
        "sudo sysctl -w \(settings); the same in /etc/sysctl.d/90-parcel.conf, one a line, to keep it.")
    }
    return finding.with("rmem_max", Double(receive)).with("wmem_max", Double(send))
  }

  private static func files(_ one: MachineMeasurement) -> Finding {
    guard let open = one.openFiles else {
      return .neutral(.machine, "Open files", "the system does not say how many may be open")
    }
    let hard =
      one.openFilesHard.flatMap { $0 > open ? " (up to \(Grouped.text($0)) with ulimit -n)" : nil } ?? ""
    let text = "\(Grouped.text(open)) at once\(hard)"
    let finding: Finding
    if open >= enoughFiles {
      finding = .good(.machine, "Open files", text)
    } else {
      let canRaise = (one.openFilesHard ?? open) >= enoughFiles
      finding = .remark(
        .machine, "Open files", text,
        canRaise
          ? "ulimit -n \(enoughFiles) before parcel starts."
          : "Have the administrator raise it (limits.conf), or use -n and -j.")
    }
    return finding.with("open_files", Double(open))
  }

  private static func program(_ one: MachineMeasurement) -> Finding {
    if let path = one.relayProgram { return .good(.machine, "UDT program", path) }
    return .remark(
      .machine, "UDT program",
      "parcel-tcp2udt is neither in \(one.relayProgramFolder), where parcel is, nor in PATH",
      "Install it beside parcel: without it nothing goes over UDT.")
  }
}
