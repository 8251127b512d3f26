import Glibc
import ParcelCore
import ParcelSystem

extension Failure {
  /// What a system call's error means for a download.
  /// - Parameters:
  ///   - attempt: "write", "open", "sync", …
  ///   - at: byte offset, where there is one.
  static func disk(_ attempt: String, _ path: String, at offset: Int? = nil, _ error: Errno) -> Failure {
    let place = offset.map { " at byte \(grouped($0))" } ?? ""
    let folder = Path.folder(path)
    let (cause, remedy) =
      switch error.code {
      case ENOSPC: ("no space left on '\(folder)'", "Progress is saved; free some space and resume.")
      case EDQUOT:
        ("the disk quota of '\(folder)' is used up", "Progress is saved; free some space and resume.")
      case EROFS: ("'\(folder)' is read-only", "Choose another folder, or make it writable, and resume.")
      case EACCES, EPERM: ("permission denied", "Check who may write to '\(folder)' and resume.")
      case EIO:
        ("the disk reports an input/output error", "Check the disk ('dmesg' may say more) and resume.")
      case EFBIG: ("the file is larger than '\(folder)' or a limit allows", "Choose another file system.")
      case ENAMETOOLONG: ("the name is too long for '\(folder)'", "Choose a shorter name.")
      case ELOOP:
        ("a symbolic link stands where a file of ours must be", "Look where it leads, remove it and resume.")
      default: (error.message.lowercasedFirst, "Progress is saved; resume when the cause is gone.")
      }
    return Failure(
      .disk, retry: .needsUser, "Could not \(attempt) '\(path)'\(place): \(cause).", remedy: remedy)
  }

  static func cancelled(_ path: String) -> Failure {
    Failure(.cancelled, retry: .never, "Stopped working on '\(path)'.")
  }

  /// 524288000 as "524,288,000".
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}

extension String {
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
