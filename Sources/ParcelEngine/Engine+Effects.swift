import ParcelCore

extension Engine {
  /// Does what a machine asks for. `host` is whose budget a new transfer was taken from.
  func run(_ effects: [DownloadEffect], for entry: Live, host: String? = nil, now: Instant) {
    for effect in effects {
      switch effect {
      case .openStore(let head): openStore(entry, nameFrom: head, now: now)
      case .openTransfer(let plan): open(plan, for: entry, host: host, now: now)
      case .attach(let id, let range):
        guard let writer = entry.part?.writer(for: range) else { break }
        entry.receivers[id]?.attach(writer)
        transport.resumePaused()
        tunnel?.resumePaused()
      case .stopTransfer(let id): carrier(entry.receivers[id]?.kind ?? .http).stop(id)
      case .shrink(let victim, let offset, let heir):
        guard let writer = entry.receivers[victim]?.writer else { break }
        let limit = writer.shrink(to: offset)
        run(
          entry.machine.split(victim: victim, limit: limit, heir: heir, kind: kind(of: entry), now: now),
          for: entry, host: host, now: now)
      case .release(let id):
        guard let writer = entry.receivers[id]?.writer else { break }
        let limit = writer.shrink(to: writer.position)
        run(
          entry.machine.released(id, limit: limit, position: writer.position), for: entry, host: host,
          now: now)
      case .identify(let identity): entry.part?.identify(identity)
      case .finish(let size, let digests): finish(entry, size: size, digests: digests)
      case .suspend: suspend(entry)
      case .digestPart, .drop, .prepareComparison, .settleComparison: repair(entry, effect)
      case .discard:
        let id = entry.id
        entry.part?.discard { [inbox] failure in inbox.post(.discarded(id, failure)) }
      case .log(let level, let text): note(level, text)
      }
    }
  }

  private func openStore(_ entry: Live, nameFrom head: ResponseHead?, now: Instant) {
    let id = entry.id
    var target: Target
    switch path(for: entry, head: head) {
    case .success(let path):
      entry.path = path
      target = Target(
        path: path, size: entry.machine.size, digests: options.verifies ? entry.machine.spec.digests : [],
        overwrite: options.overwrite)
      target.sizeIsWanted = entry.machine.spec.size != nil
    case .failure(let failure):
      inbox.post(.opened(id, .failure(failure)))
      return
    }
    if options.verifyOnly {
      return store.audit(target) { [inbox] result in inbox.post(.audited(id, result)) }
    }
    store.open(
      target, events: { [inbox] event in inbox.post(.part(id, event)) },
      completion: { [inbox] result in inbox.post(.opened(id, result)) })
  }

  /// The final path: the manifest's name, else Content-Disposition's, else the URL's; unique within the run.
  private func path(for entry: Live, head: ResponseHead?) -> Result<String, Failure> {
    if let path = entry.path { return .success(path) }
    let spec = entry.machine.spec
    let name =
      spec.name
      ?? SafeName.component(
        FileNaming.rawName(
          head: head,
          urls: [
            entry.machine.url, entry.machine.resolvedURL ?? "",
          ]))
    let relative = spec.folder.isEmpty ? name : spec.folder + "/" + name
    if let other = names.claim(relative, for: entry.id) {
      return .failure(
        Failure(
          .exists, retry: .never,
          "'\(spec.title)' would be written to '\(relative)', where '\(specs[other.index].title)' of this run goes.",
          remedy: "Fetch them into different folders."))
    }
    return .success(options.folder + "/" + relative)
  }

  private func open(_ plan: TransferPlan, for entry: Live, host: String?, now: Instant) {
    var headers: [HTTPHeader] = []
    var number: Int?
    if plan.trusted {
      // Without secrets there is nothing to ask about, and many small files would.
      let mayHaveSecrets = options.token != nil || !options.headers.isEmpty ? isTokenMeant(for: entry) : false
      headers = Credentials.headers(options.headers, areMeant: mayHaveSecrets)
      if let token = options.token, mayHaveSecrets {
        headers.append(HTTPHeader("X-Auth-Token", token))
        number = tokenNumber
      }
    }
    let asked = plan.whole ? nil : plan.range
    let validator = plan.range.start > 0 ? plan.expected?.validator : nil
    if let validator, asked != nil { headers.append(HTTPHeader("If-Range", validator)) }
    let writer = writer(for: plan, entry)
    if plan.question != nil { headers.append(HTTPHeader("Want-Content-Digest", "sha-256=10, sha-512=5")) }
    let expectation = ResponseExpectation(
      url: plan.url, range: asked, identity: plan.expected, size: entry.machine.spec.size)
    let receiver = Receiver(
      plan: plan, download: entry.id, host: host ?? "", asked: expectation, opened: now, writer: writer,
      token: number, inbox: inbox, epoch: epoch)
    if entry.receivers.isEmpty { filesWithTransfers += 1 }
    entry.receivers[plan.id] = receiver
    entry.meters[plan.id] = SpeedMeter(timeConstant: 3)
    opened(plan.kind, for: entry, 1)
    var request = TransferRequest(
      id: plan.id, url: plan.url, range: asked, headers: headers, shared: plan.shared,
      relay: plan.kind == .udt ? entry.route?.relay : nil, mayUseNetrc: plan.trusted)
    request.headOnly = plan.question == .head
    request.fresh = plan.fresh && plan.question == nil
    carrier(plan.kind).open(request, receiver: receiver)
  }

  /// Says it once for each server that gets none.
  private func isTokenMeant(for entry: Live) -> Bool {
    let url = entry.machine.url
    if Credentials.areMeant(for: entry.machine.spec, at: url, server: options.server) { return true }
    let hasSecrets = options.token != nil || options.headers.contains { Redaction.isSecret(header: $0.name) }
    let origin = entry.origin
    if hasSecrets, !withoutToken.contains(origin) {
      withoutToken.append(origin)
      note(
        .warning,
        "No token is sent to \(Printable.text(origin)): the manifest names it, and you did not. If it is meant for that "
          + "server, say so with -s \(Printable.text(origin)).")
    }
    return false
  }

  private func finish(_ entry: Live, size: Int, digests: [Digest]) {
    let id = entry.id
    guard let part = entry.part else { return }
    part.finish(size: size, digests: options.verifies ? digests : []) { [inbox] result in
      inbox.post(.finished(id, result))
    }
  }

  func suspend(_ entry: Live) {
    let id = entry.id
    guard let part = entry.part else {
      inbox.post(.closed(id, nil, kept: nil))
      return
    }
    part.suspend { [inbox] failure in inbox.post(.closed(id, failure, kept: part.progress().kept)) }
  }
}
