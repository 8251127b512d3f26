import ParcelCore

extension Model {
  /// The targets' next segments travel the next way, counted from the first target's.
  mutating func changeTransport() -> [Effect] {
    let targets = reroutable
    guard let first = targets.first else { return [] }
    let choice = rows.status(first).choice.next
    let isRunning = targets.contains { rows.status($0).state.isActive }
    for id in targets {
      // A second press goes on from here, before the engine has answered the first.
      var status = rows.status(id)
      status.choice = choice
      _ = rows.set(id, status)
    }
    let names = targets.count == 1 ? targetWords : Figures.count(targets.count, "file")
    let when =
      isRunning ? " from \(targets.count == 1 ? "its" : "their") next block on." : " when it goes on."
    sayTransport(choice, of: names, when: when, routes: knownRoutes(of: targets))
    return [.perform(.setTransport(targets, choice))]
  }

  mutating func changeTransportOfAll() -> [Effect] {
    settings.transport = settings.transport.next
    rows.setChoice(settings.transport)
    sayTransport(settings.transport, of: "all files", when: " from their next block on.", routes: routes)
    return [.perform(.setTransportAll(settings.transport))]
  }

  private mutating func sayTransport(
    _ choice: TransportChoice, of names: String, when: String, routes: [RouteStatus]
  ) {
    guard choice == .udt, !routes.contains(where: { $0.relay != nil }) else {
      say("Transport of \(names): \(choice.rawValue)\(when)")
      return
    }
    // Before the first transfer nothing is known of any server.
    say(
      routes.isEmpty
        ? "Transport of \(names): udt, if a relay is known (--relay HOST gives one)."
        : "No relay is known: --relay HOST gives one. Until then http for \(names).",
      routes.isEmpty ? .plain : .warning)
  }

  /// The routes of these files' servers as far as they are known, else all.
  private func knownRoutes(of ids: [DownloadID]) -> [RouteStatus] {
    if ids.count == 1, let detail, detail.id == ids.first, let own = detail.route { return [own] }
    let own = routes.filter { route in
      ids.contains { id in
        let url = rows.info(id).url(server: settings.server)
        return url == route.origin || url.hasPrefix(route.origin + "/")
      }
    }
    return own.isEmpty ? routes : own
  }
}

extension TransportChoice {
  /// http, udt, auto, and again.
  var next: TransportChoice {
    switch self {
    case .http: .udt
    case .udt: .auto
    case .auto: .http
    }
  }
}
