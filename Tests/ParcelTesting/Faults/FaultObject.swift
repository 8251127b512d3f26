import ParcelCore

/// What a `FaultServer` serves.
package struct FaultObject: Sendable {
  package enum Validator: String, Sendable { case strong, weak, date, none }

  package var bytes: [UInt8]
  package var etag = "v1"
  package var validator = Validator.strong
  /// False: every answer is a 200 with everything.
  package var ranges = true
  /// False: no Content-Length in a 200, the body ends with the connection.
  package var announcesLength = true
  package var type = "application/octet-stream"
  /// Further header lines, without line end.
  package var headers: [String] = []

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package init(size: Int, seed: UInt64 = 1) { self.init(bytes: Self.content(size, seed: seed)) }

  /// Bytes of which no two places look alike, the same for each seed.
  package static func content(_ size: Int, seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      var offset = 0
      while offset + 8 <= size {
        raw.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      while offset < size {
        raw[offset] = UInt8(truncatingIfNeeded: offset)
        offset += 1
      }
      count = size
    }
  }

  var validatorLines: [String] {
    switch validator {
    case .strong: ["ETag: \"\(etag)\"", "Last-Modified: \(date)"]
    case .weak: ["ETag: W/\"\(etag)\""]
    case .date: ["Last-Modified: \(date)"]
    case .none: []
    }
  }

  /// Whether a part may be sent: RFC 9110, section 13.1.5.
  func fits(ifRange: String?) -> Bool {
    guard let ifRange else { return true }
    switch validator {
    case .strong: return ifRange == "\"\(etag)\"" || ifRange == date
    case .date: return ifRange == date
    case .weak, .none: return false
    }
  }

  /// The date of a version: versions are minutes apart.
  private var date: String {
    let minute = etag.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 60 }
    return "Tue, 01 Apr 2025 10:\(minute < 10 ? "0" : "")\(minute):00 GMT"
  }
}
