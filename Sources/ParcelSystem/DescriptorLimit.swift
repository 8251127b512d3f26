import Glibc

/// How many descriptors this process may have open.
package enum DescriptorLimit {
  /// Raises it to what the system allows: a connection has two or three descriptors, and the usual limit of 1,024 is for
  /// programs that use `select`. Returns what holds from now on; nil when the system does not say.
  @discardableResult package static func raise() -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    return Int(clamping: limit.rlim_cur)
  }
}
