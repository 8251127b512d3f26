import Glibc
import ParcelCore
import ParcelSystem

/// What each error of the system means where a download's bytes go: why, what to do, and whether it goes on by itself.
struct DiskRule {
  var cause: String
  var remedy: String
  var retry: Failure.Retry

  private init(_ cause: String, _ remedy: String, _ retry: Failure.Retry = .needsUser) {
    (self.cause, self.remedy, self.retry) = (cause, remedy, retry)
  }

  init(_ error: Errno, folder: String) {
    self =
      switch error.code {
      case ENOSPC:
        DiskRule(
          "no space left on '\(folder)'", "Free some space: it goes on by itself then. Progress is kept.",
          .held(.space))
      case EDQUOT:
        DiskRule(
          "the disk quota of '\(folder)' is used up",
          "Free some space, or ask for a larger quota: it goes on by itself then. Progress is kept.",
          .held(.quota))
      case EROFS:
        DiskRule(
          "'\(folder)' is read-only", "Make it writable, or choose another folder. Progress is kept.",
          .held(.readOnly))
      case EACCES, EPERM:
        DiskRule(
          "permission denied", "Check who may write to '\(folder)'. Progress is kept.", .held(.permission))
      case EFBIG:
        DiskRule("the file is larger than '\(folder)' or a limit allows", "Choose another file system.")
      case ELOOP:
        DiskRule(
          "a symbolic link stands where a file of ours must be", "Look where it leads, remove it and resume.")
      case ENAMETOOLONG: DiskRule("the name is too long for '\(folder)'", "Choose a shorter name.")
      default: Self.broken(error)
      }
  }

  /// The disk, or the way to it, does not work. Never tried again blindly: what a failing disk took once, it may lose.
  private static func broken(_ error: Errno) -> DiskRule {
    switch error.code {
    case EIO:
      DiskRule(
        "the disk reports an input/output error",
        "Check the disk ('dmesg' may say more); what was safe before is kept. Then run it again.", .never)
    case ENXIO, ENODEV:
      DiskRule("the disk is gone", "Connect it again, then run it again: what was safe is kept.", .never)
    case ESTALE:
      DiskRule(
        "the file server does not know this file any more (stale handle)",
        "Check the mount, then run it again: what was safe is kept.", .never)
    case ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ECONNRESET, ENOTCONN, EREMOTEIO:
      DiskRule(
        "the file server does not answer (\(error.message.lowercasedFirst))",
        "Check the mount, then run it again: what was safe is kept.", .never)
    default: DiskRule(error.message.lowercasedFirst, "Progress is saved; resume when the cause is gone.")
    }
  }
}

extension Failure {
  /// What a system call's error means for a download.
  /// - Parameters:
  ///   - attempt: "write", "open", "sync", …
  ///   - at: byte offset, where there is one.
  static func disk(_ attempt: String, _ path: String, at offset: Int? = nil, _ error: Errno) -> Failure {
    let place = offset.map { " at byte \(Grouped.text($0))" } ?? ""
    let folder = Path.folder(path)
    var rule = DiskRule(error, folder: folder)
    // Who may not read a file does not wait for the right to write.
    if attempt == "read", rule.retry == .held(.permission) {
      (rule.remedy, rule.retry) = ("Check who may read it, and resume.", .needsUser)
    }
    return Failure(
      .disk, retry: rule.retry, "Could not \(attempt) '\(path)'\(place): \(rule.cause).", remedy: rule.remedy)
  }

  static func cancelled(_ path: String) -> Failure {
    Failure(.cancelled, retry: .never, "Stopped working on '\(path)'.")
  }
}

extension String {
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
