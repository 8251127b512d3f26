import Glibc
import ParcelCore
import ParcelSystem

/// Writing to file descriptors, and what a terminal says about itself.
package enum Descriptors {
  /// Writes all of the text; waits when the reader is slow. False when the reader is gone or the disk refuses: `errno` says why.
  @discardableResult
  package static func write(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// True when both lead to the same file, pipe or terminal.
  package static func isSame(_ a: Int32, _ b: Int32) -> Bool {
    var first = stat()
    var second = stat()
    guard fstat(a, &first) == 0, fstat(b, &second) == 0 else { return false }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino
  }

  /// Columns and rows of a terminal; 80 and 24 when it does not say.
  package static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

/// A whole small file, written so that a reader sees the old one or the new one and never a piece.
package enum WholeFile {
  /// A new file beside the target, synced and renamed over it. What is no regular file (a pipe, `/dev/stdout`) is written
  /// to directly. Failures are `disk`, `never`.
  package static func write(_ text: String, to path: String) throws(Failure) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      try writeThrough(text, path, flags: O_WRONLY)
      return
    }
    let draft = path + ".tmp-\(getpid())"
    do {
      try writeThrough(text, draft, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    } catch {
      unlink(draft)
      throw error
    }
    guard rename(draft, path) == 0 else {
      let failure = refused(path, errno)
      unlink(draft)
      throw failure
    }
  }

  /// Throws what `write` would, as far as that can be said before. Leaves nothing behind.
  package static func check(_ path: String) throws(Failure) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      if status.st_mode & S_IFMT == S_IFDIR { throw refused(path, EISDIR) }
      guard access(path, W_OK) == 0 else { throw refused(path, errno) }
      return
    }
    let draft = path + ".tmp-\(getpid())"
    let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw refused(path, errno) }
    close(file)
    unlink(draft)
  }

  private static func writeThrough(_ text: String, _ path: String, flags: Int32) throws(Failure) {
    let file = open(path, flags | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw refused(path, errno) }
    guard Descriptors.write(text, to: file), fsync(file) == 0 || errno == EINVAL || errno == EROFS else {
      let failure = refused(path, errno)
      close(file)
      throw failure
    }
    guard close(file) == 0 else { throw refused(path, errno) }
  }

  private static func refused(_ path: String, _ number: Int32) -> Failure {
    Failure(
      .disk, retry: .never, "Could not write '\(Printable.text(path))': \(Errno(code: number).message).",
      remedy: "Choose another place for it.")
  }
}
