import Glibc
import ParcelCore

/// What libFuzzer calls. `PARCEL_FUZZ` names the target: one program for all of them, because linking a dozen takes longer
/// than running them for a minute. Built by `script/fuzz` only.

/// One input's property that does not hold, or a crash, ends the program: libFuzzer keeps the input.
private let targets: [String: @Sendable ([UInt8]) -> Void] = [
  "manifest": fuzzManifest,
  "names": fuzzNames,
  "journal": fuzzJournal,
  "fields": fuzzFields,
  "answer": fuzzAnswer,
  "url": fuzzURL,
  "json": fuzzJSON,
  "filter": fuzzFilter,
  "peer": fuzzPeer,
  "text": fuzzText,
]

private let chosen: @Sendable ([UInt8]) -> Void = {
  let name = getenv("PARCEL_FUZZ").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else {
    say("PARCEL_FUZZ names no target: \(targets.keys.sorted().joined(separator: " "))\n")
    exit(2)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  chosen(Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size)))
  return 0
}

/// Ends the program with a sentence: `assert` says nothing in a release build, and `precondition` not why.
func require(_ condition: Bool, _ why: @autoclosure () -> String) {
  if condition { return }
  say("PROPERTY: \(why())\n")
  abort()
}

private func say(_ text: String) {
  let bytes = Array(text.utf8)
  _ = write(2, bytes, bytes.count)
}

/// Text as it will be shown: nothing in it can move a cursor or hide. `lines`: line ends may stay.
func requireShowable(_ text: String, lines: Bool = false, _ what: String) {
  for scalar in text.unicodeScalars where !(lines && scalar == "\n") {
    require(!Printable.isHidden(scalar), "\(what) shows \(scalar.value): \(text.debugDescription)")
  }
}
