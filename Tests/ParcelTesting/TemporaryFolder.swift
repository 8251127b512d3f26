import Glibc

/// A new folder below the system's temporary one.
package struct TemporaryFolder: Sendable {
  package let path: String

  package init(_ prefix: String = "parcel-test") throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FixtureError("mkdtemp: \(errno)") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// A folder that is already there.
  package init(existing path: String) { self.path = path }

  package func write(_ bytes: some Collection<UInt8>, to name: String) throws {
    guard let file = fopen("\(path)/\(name)", "w") else { throw FixtureError("\(name): \(errno)") }
    defer { fclose(file) }
    let array = Array(bytes)
    guard fwrite(array, 1, array.count, file) == array.count else { throw FixtureError("\(name): \(errno)") }
  }

  package func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  package func makeFolder(_ name: String) throws {
    guard mkdir("\(path)/\(name)", 0o755) == 0 else { throw FixtureError("\(name): \(errno)") }
  }

  /// Removes the folder and everything in it.
  package func remove() { try? Spawn.run(["rm", "-rf", path]) }
}
