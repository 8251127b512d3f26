/// Which rows are fetched from which server.
package struct Origins: Sendable {
  package struct One: Sendable {
    /// "https://data.example:443"
    package var origin: String
    /// Ascending.
    package var rows: [Int]
  }

  /// In the order of first use.
  package private(set) var all: [One] = []

  /// `isWanted` says which rows count.
  package init(_ specs: [DownloadSpec], server: String, where isWanted: (Int) -> Bool = { _ in true }) {
    var places: [String: Int] = [:]
    // URLs are parsed once for each beginning: 100,000 rows mostly share a few.
    var known: [Substring: String] = [:]
    var ids: String?
    for (index, spec) in specs.enumerated() where isWanted(index) {
      let origin: String
      switch spec.source {
      case .id(let id):
        origin = ids ?? Address.origin(of: Address.join(server: server, id: id))
        ids = origin
      case .url(let url):
        let head = Self.head(of: url)
        origin = known[head] ?? Address.origin(of: url)
        known[head] = origin
      }
      if let place = places[origin] {
        all[place].rows.append(index)
      } else {
        places[origin] = all.count
        all.append(One(origin: origin, rows: [index]))
      }
    }
  }

  /// Scheme, user, host and port as they are written.
  private static func head(of url: String) -> Substring {
    var slashes = 0
    for index in url.utf8.indices {
      let byte = url.utf8[index]
      if byte == UInt8(ascii: "/") { slashes += 1 }
      if slashes == 3 || slashes == 2 && (byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")) {
        return url[..<index]
      }
    }
    return url[...]
  }
}
