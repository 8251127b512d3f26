import CLinux
import Glibc

/// What the store asks of the kernel, one call each. Answers are those of the C functions, with the error number
/// negated in place of -1 and `errno`. Any thread; each call may block, may be interrupted (EINTR) and may do less than
/// it was asked to. Tests put a disk that fails or forgets behind it.
package protocol SystemCalls: Sendable {
  /// A descriptor.
  func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32
  func close(_ descriptor: Int32) -> Int32
  /// `follow` false: of a symbolic link itself.
  func status(_ path: String, follow: Bool, _ result: inout stat) -> Int32
  func status(_ descriptor: Int32, _ result: inout stat) -> Int32
  /// The count, 0 at the file's end. Without `offset` from where the descriptor is.
  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int?) -> Int
  /// The count. Without `offset` where the descriptor is, or at the file's end (O_APPEND).
  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Int
  func truncate(_ descriptor: Int32, to size: Int) -> Int32
  /// The file's bytes and what is needed to read them.
  func syncData(_ descriptor: Int32) -> Int32
  /// A folder's names.
  func syncFolder(_ descriptor: Int32) -> Int32
  /// Everything of the file system that `descriptor` is on.
  func syncFileSystem(_ descriptor: Int32) -> Int32
  func unlink(_ path: String) -> Int32
  func rename(_ old: String, _ new: String) -> Int32
  /// EEXIST when `new` is there; EINVAL or ENOSYS where the file system cannot do it.
  func renameNoReplace(_ old: String, _ new: String) -> Int32
  func link(_ old: String, _ new: String) -> Int32
  func makeFolder(_ path: String) -> Int32
  /// Advice: these bytes are not needed in memory.
  func leaveCache(_ descriptor: Int32, _ start: Int, _ count: Int)
}

/// The kernel's own.
package struct KernelCalls: SystemCalls {
  package init() {}

  private func answer(_ result: Int32) -> Int32 { result == -1 ? -errno : result }
  private func answer(_ result: Int) -> Int { result == -1 ? -Int(errno) : result }

  package func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    answer(Glibc.open(path, flags, mode))
  }

  package func close(_ descriptor: Int32) -> Int32 { answer(Glibc.close(descriptor)) }

  package func status(_ path: String, follow: Bool, _ result: inout stat) -> Int32 {
    answer(follow ? stat(path, &result) : lstat(path, &result))
  }

  package func status(_ descriptor: Int32, _ result: inout stat) -> Int32 {
    answer(fstat(descriptor, &result))
  }

  package func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int?) -> Int {
    guard let offset else { return answer(Glibc.read(descriptor, buffer.baseAddress, buffer.count)) }
    return answer(pread(descriptor, buffer.baseAddress, buffer.count, offset))
  }

  package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Int {
    guard let offset else { return answer(Glibc.write(descriptor, bytes.baseAddress, bytes.count)) }
    return answer(pwrite(descriptor, bytes.baseAddress, bytes.count, offset))
  }

  package func truncate(_ descriptor: Int32, to size: Int) -> Int32 { answer(ftruncate(descriptor, size)) }
  package func syncData(_ descriptor: Int32) -> Int32 { answer(fdatasync(descriptor)) }
  package func syncFolder(_ descriptor: Int32) -> Int32 { answer(fsync(descriptor)) }
  package func syncFileSystem(_ descriptor: Int32) -> Int32 { -cl_syncfs(descriptor) }
  package func unlink(_ path: String) -> Int32 { answer(Glibc.unlink(path)) }
  package func rename(_ old: String, _ new: String) -> Int32 { answer(Glibc.rename(old, new)) }
  package func renameNoReplace(_ old: String, _ new: String) -> Int32 { -cl_rename_noreplace(old, new) }
  package func link(_ old: String, _ new: String) -> Int32 { answer(Glibc.link(old, new)) }
  package func makeFolder(_ path: String) -> Int32 { answer(mkdir(path, 0o777)) }

  package func leaveCache(_ descriptor: Int32, _ start: Int, _ count: Int) {
    posix_fadvise(descriptor, start, count, POSIX_FADV_DONTNEED)
  }
}
