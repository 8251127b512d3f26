import Glibc

/// A system call's error number.
package struct Errno: Error, Equatable {
  package var code: Int32

  package init(code: Int32) { self.code = code }

  /// Of this thread's last failed call; to be read before the next call.
  package static var last: Errno { Errno(code: errno) }

  /// "No space left on device"
  package var message: String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
}
