import CCurl
import ParcelCore

/// Gets header lines for the log.
final class DebugLog {
  private let log: @Sendable (String) -> Void
  init(_ log: @escaping @Sendable (String) -> Void) { self.log = log }

  /// One or many lines of a head, as libcurl gives them.
  /// `secrets`: what must not be shown wherever it stands.
  func take(_ text: UnsafeRawBufferPointer, isOutgoing: Bool, secrets: [String]) {
    for bytes in text.split(separator: 10) {
      var line = bytes
      while line.last == 13 { line.removeLast() }
      guard !line.isEmpty else { continue }
      let plain = Printable.text(String(decoding: line, as: UTF8.self))
      log((isOutgoing ? "> " : "< ") + Redaction.values(Redaction.headLine(plain), secrets))
    }
  }
}

/// The C functions libcurl calls. Their context is the transfer, which the loop keeps alive while it is open.
enum CurlCallbacks {
  static func connect(_ transfer: CurlTransfer, debug: DebugLog?) {
    let handle = transfer.handle
    let context = Unmanaged.passUnretained(transfer).toOpaque()
    parcel_curl_set_data_callback(handle.raw, CURLOPT_HEADERFUNCTION, onHead)
    handle.set(CURLOPT_HEADERDATA, pointer: context)
    parcel_curl_set_data_callback(handle.raw, CURLOPT_WRITEFUNCTION, onBody)
    handle.set(CURLOPT_WRITEDATA, pointer: context)
    guard let debug else { return }
    transfer.debug = debug
    handle.set(CURLOPT_VERBOSE, true)
    parcel_curl_set_debug_callback(handle.raw, onDebug)
    handle.set(CURLOPT_DEBUGDATA, pointer: context)
  }

  private static func transfer(_ context: UnsafeMutableRawPointer) -> CurlTransfer {
    Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  }

  /// Any number but the one given ends the transfer.
  private static func refusal(_ count: Int) -> Int { count == 0 ? 1 : 0 }

  private static let onHead: parcel_curl_data_callback = { data, size, count, context in
    guard let context else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    return transfer(context).take(headLine: bytes) ? bytes.count : refusal(bytes.count)
  }

  private static let onBody: parcel_curl_data_callback = { data, size, count, context in
    guard let context else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    if bytes.isEmpty { return 0 }
    switch transfer(context).take(body: bytes) {
    case .taken: return bytes.count
    case .pause: return parcel_curl_pause
    case .end: return refusal(bytes.count)
    }
  }

  private static let onDebug: parcel_curl_debug_callback = { _, kind, data, size, context in
    guard let context, kind == CURLINFO_HEADER_IN || kind == CURLINFO_HEADER_OUT else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let transfer = transfer(context)
    transfer.debug?.take(bytes, isOutgoing: kind == CURLINFO_HEADER_OUT, secrets: transfer.secrets)
    return 0
  }
}
