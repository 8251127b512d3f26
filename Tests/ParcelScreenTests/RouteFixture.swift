import ParcelCore

@testable import ParcelScreen

/// Routes for tests: one server, `https://api.example.org`.
extension Fixture {
  static let routeHistory: [Double] = (0..<60).map { second in
    let wave = [88, 92, 90, 93, 40, 86, 91, 92, 93, 90]
    return second < 12 ? 0 : Double(wave[second / 2 % wave.count]) * 1e6
  }

  static var path: PathStatistics {
    var path = PathStatistics()
    path.connections = 2
    path.roundTrip = 0.142
    path.receiveRate = 92_750_000
    path.received = 12_345_678
    path.receiveLost = 37_037
    path.retransmitted = 12
    path.receiveRepaired = 37_025
    path.loss = 0.003
    path.window = 16_384
    return path
  }

  /// In use over udt since 14:02.
  static var udtRoute: RouteStatus {
    var route = RouteStatus(origin: "https://api.example.org", choice: .auto, since: .zero)
    route.relay = Endpoint(host: "relay.example.org", port: 9000)
    route.current = .udt
    route.clock = "14:02"
    route.reason = "742 Mbit/s against 61 over http"
    route.path = path
    route.history = routeHistory
    return route
  }

  static var measuringRoute: RouteStatus {
    var route = udtRoute
    route.isMeasuring = true
    route.reason = "3 s more; http gave 61 Mbit/s"
    route.path?.loss = 0
    route.history = Array(routeHistory.prefix(20))
    return route
  }

  /// A relay is known and does not answer.
  static var blockedRoute: RouteStatus {
    var route = RouteStatus(origin: "https://api.example.org", choice: .auto, since: .zero)
    route.relay = Endpoint(host: "relay.example.org", port: 9000)
    route.clock = "14:02"
    route.reason = "no answer over UDP from relay.example.org:9000, http until 14:12"
    return route
  }

  static var httpRoute: RouteStatus {
    var route = RouteStatus(origin: "https://api.example.org", choice: .auto, since: .zero)
    route.clock = "14:02"
    route.reason = "no relay is known"
    return route
  }

  /// `model`, reached by `route`.
  static func model(_ columns: Int, _ rows: Int, route: RouteStatus, charset: Charset = .unicode) -> Model {
    var model = model(columns, rows, charset: charset)
    model.send(.snapshot(snapshot(route: route)))
    return model
  }

  /// A later snapshot with a route.
  static func snapshot(route: RouteStatus) -> Snapshot {
    var snapshot = snapshot(3)
    snapshot.table = nil
    snapshot.log = []
    snapshot.routes = [route]
    snapshot.detail = detail
    snapshot.detail?.route = route
    return snapshot
  }
}
