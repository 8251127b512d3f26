import ParcelCore

/// What a check before the start needs to know, and what comes of it.
package struct PreflightInput: Sendable {
  package var specs: [DownloadSpec]
  /// Of each row: it was taken out of the list.
  package var isRemoved: [Bool]
  /// Absolute path of the target folder.
  package var folder: String
  package var server: String
  package var token: String?
  package var tokenFile: String?
  package var headers: [HTTPHeader]
  package var overwrite: Bool
  package var transport: TransportChoice
  package var relay: RelayRule

  package init(
    specs: [DownloadSpec], isRemoved: [Bool] = [], folder: String, server: String, token: String?,
    tokenFile: String?, headers: [HTTPHeader], overwrite: Bool, transport: TransportChoice, relay: RelayRule
  ) {
    self.specs = specs
    self.isRemoved = isRemoved
    self.folder = folder
    self.server = server
    self.token = token
    self.tokenFile = tokenFile
    self.headers = headers
    self.overwrite = overwrite
    self.transport = transport
    self.relay = relay
  }
}

extension Engine {
  package var preflightInput: PreflightInput {
    PreflightInput(
      specs: specs, isRemoved: isRemoved, folder: options.folder, server: options.server,
      token: options.token,
      tokenFile: options.tokenFile, headers: options.headers, overwrite: options.overwrite,
      transport: options.transport, relay: options.relay)
  }

  /// Something that a 401 may be about was sent with requests to the hosts that the user named.
  var hasCredentials: Bool {
    options.token != nil || options.headers.contains { Redaction.isSecret(header: $0.name) }
  }

  /// Leaves rows out that have not begun: they count as failed, with the reason, and can be tried again one by one.
  package func skip(_ skips: [PreflightSkip]) {
    let now = self.now
    let waiting = skips.filter { skip in
      specs.indices.contains(skip.id.index) && !isRemoved[skip.id.index]
        && statuses[skip.id.index].state == .waiting
    }
    queue.remove(all: Set(waiting.map(\.id)))
    for skip in waiting {
      let entry = liveEntry(skip.id)
      let failure = skip.failure(title: specs[skip.id.index].title)
      run(entry.machine.rest(as: .failed(failure)), for: entry, now: now)
      follow(entry, now: now)
    }
    isDirty = true
    settle(now: now)
  }
}
