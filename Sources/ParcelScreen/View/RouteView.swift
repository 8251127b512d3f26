import ParcelCore

/// How a server is reached, in the words of the header and the detail.
struct RouteView {
  var route: RouteStatus

  /// Nil where only plain http is used and nothing else was asked for: not worth a word.
  init?(_ route: RouteStatus?) {
    guard let route else { return nil }
    switch route.choice {
    case .http where route.current == .http && !route.isMeasuring: return nil
    case .auto where route.current == .http && route.relay == nil: return nil
    default: self.route = route
    }
  }

  /// "auto: udt", "udt", "measuring: udt"; "udt wanted: http" while it cannot be had.
  var short: String {
    let current = route.current.rawValue
    if route.isMeasuring { return "measuring: " + current }
    if route.choice == .auto { return "auto: " + current }
    return route.choice.rawValue == current ? current : route.choice.rawValue + " wanted: " + current
  }

  /// "auto: udt since 14:02". A measurement has no time of its own.
  var long: String {
    if route.isMeasuring { return (route.choice == .auto ? "auto, " : "") + short }
    return short + (route.clock.isEmpty ? "" : " since " + route.clock)
  }

  /// "loss  0.3 %   rtt  142 ms", of fixed width; nil without a connection over UDT.
  var path: String? {
    guard let path = route.path else { return nil }
    let roundTrip = path.roundTrip.map(Figures.milliseconds) ?? Figures.none
    return "loss " + Figures.padLeft(Figures.share(path.loss), Figures.shareWidth) + "   rtt "
      + Figures.padLeft(roundTrip, Figures.millisecondsWidth - 1)
  }
}

extension Model {
  /// The route that the header speaks of: the selected file's where it is known, else the first one in use.
  var shownRoute: RouteView? {
    let own = detail?.id == list.selected ? detail?.route : nil
    return RouteView(own ?? routes.first)
  }
}

extension Charset {
  /// `text` in at most `lines` lines of `width` cells; what is too long ends with an ellipsis after a whole word.
  func wrap(_ text: String, to width: Int, lines: Int) -> [String] {
    let all = wrap(text, to: width)
    guard all.count > lines, lines > 0, width > 1 else { return Array(all.prefix(lines)) }
    var last = all[lines - 1]
    while self.width(last) + 2 > width, let space = last.lastIndex(of: " ") { last = String(last[..<space]) }
    return all.prefix(lines - 1) + [
      self.width(last) + 2 > width ? clipEnd(last + "…", to: width) : last + " …"
    ]
  }
}
