import Glibc
import ParcelSystem

/// The kernel's calls, for what is not a store's work.
extension System {
  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws(Errno) -> Int32 {
    try kernel.open(path, flags, mode: mode)
  }

  static func status(_ path: String, follow: Bool = false) throws(Errno) -> stat? {
    try kernel.status(path, follow: follow)
  }

  static func size(of descriptor: Int32) throws(Errno) -> Int { try kernel.size(of: descriptor) }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, written: inout Int
  ) throws(Errno) {
    try kernel.write(bytes, to: descriptor, at: offset, written: &written)
  }

  static func append(_ text: String, to descriptor: Int32) throws(Errno) {
    try kernel.append(text, to: descriptor)
  }

  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int)
    throws(Errno) -> Int
  {
    try kernel.read(descriptor, into: buffer, at: offset)
  }

  static func contents(_ path: String) throws(Errno) -> [UInt8]? { try kernel.contents(path) }
  static func syncData(_ descriptor: Int32) throws(Errno) { try kernel.syncData(descriptor) }
  static func syncFolder(_ path: String) throws(Errno) { try kernel.syncFolder(path) }
  static func syncFileSystem(of path: String) throws(Errno) { try kernel.syncFileSystem(of: path) }

  @discardableResult static func remove(_ path: String) throws(Errno) -> Bool { try kernel.remove(path) }

  static func rename(_ old: String, to new: String, replace: Bool) throws(Errno) {
    try kernel.rename(old, to: new, replace: replace)
  }

  static func makeFolders(_ path: String) throws(Errno) { try kernel.makeFolders(path) }
}
