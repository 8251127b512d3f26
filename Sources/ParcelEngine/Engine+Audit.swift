import ParcelCore

extension Engine {
  /// `--verify-only`: what is there of one target. Nothing was opened and nothing will be.
  func audited(_ id: DownloadID, _ result: Result<AuditResult, Failure>, now: Instant) {
    guard let entry = live[id] else { return }
    let opened: Result<OpenResult, Failure>
    switch result {
    case .failure(let failure): opened = .failure(failure)
    case .success(.finished(let size, let verified)):
      opened = .success(.alreadyDone(size: size, verified: verified))
    case .success(let found):
      if case .partial(let audit) = found { entry.audit = audit }
      let path = Printable.text(entry.path ?? entry.machine.spec.title)
      let unknown = Failure(.notFound, retry: .never, "'\(path)' is not there.")
      opened = .failure(found.failure(path: path) ?? unknown)
    }
    run(entry.machine.opened(opened, now: now), for: entry, now: now)
    follow(entry, now: now)
  }
}
