import CCurl

/// One libcurl easy handle with its error text. Used on the transport's thread only; reused for many transfers.
final class EasyHandle {
  let raw: UnsafeMutableRawPointer
  private let errorText: UnsafeMutablePointer<CChar>
  private var headers: UnsafeMutablePointer<curl_slist>?
  private var connectTo: UnsafeMutablePointer<curl_slist>?

  /// Nil when libcurl has no memory.
  init?() {
    guard let raw = curl_easy_init() else { return nil }
    self.raw = raw
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(raw)
    curl_slist_free_all(headers)
    curl_slist_free_all(connectTo)
    errorText.deallocate()
  }

  /// Back to libcurl's defaults; connections and names stay with the multi handle.
  func reset() {
    curl_easy_reset(raw)
    curl_slist_free_all(headers)
    headers = nil
    curl_slist_free_all(connectTo)
    connectTo = nil
    errorText[0] = 0
    parcel_curl_set_pointer(raw, CURLOPT_ERRORBUFFER, errorText)
  }

  func set(_ option: CURLoption, _ value: Int) { parcel_curl_set_long(raw, option, value) }
  func set(_ option: CURLoption, _ value: Bool) { parcel_curl_set_long(raw, option, value ? 1 : 0) }
  func set(_ option: CURLoption, _ value: String?) { parcel_curl_set_string(raw, option, value) }
  func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) {
    parcel_curl_set_pointer(raw, option, pointer)
  }

  /// Request headers, one line each; libcurl keeps the pointer, this object keeps the list.
  func set(headerLines: [String]) {
    for line in headerLines {
      if let longer = curl_slist_append(headers, line) { headers = longer }
    }
    parcel_curl_set_list(raw, CURLOPT_HTTPHEADER, headers)
  }

  /// One entry of CURLOPT_CONNECT_TO, HOST:PORT:HOST:PORT; this object keeps it.
  func set(connectTo entry: String) {
    if let longer = curl_slist_append(connectTo, entry) { connectTo = longer }
    parcel_curl_set_list(raw, CURLOPT_CONNECT_TO, connectTo)
  }

  func long(_ info: CURLINFO) -> Int { parcel_curl_get_long(raw, info) }
  func microseconds(_ info: CURLINFO) -> Int { Int(parcel_curl_get_offset(raw, info)) }

  /// libcurl's own words about the last failure, empty when it had none. May hold host names.
  var error: String { String(cString: errorText) }
}
