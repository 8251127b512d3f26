import Glibc
import ParcelScreen
import Testing

@testable import ParcelTerminal

@Suite struct InputTests {
  private func keys(_ codes: [UInt32]) -> [Key] {
    var decoder = KeyDecoder()
    return codes.compactMap { code in
      if case .key(let key)? = decoder.decode(code, isFunctionKey: false) { return key }
      return nil
    }
  }

  @Test func codesBecomeKeys() {
    #expect(keys([13, 10, 9, 27, 127, 8]) == [.enter, .enter, .tab, .escape, .backspace, .backspace])
    #expect(keys([3, 26, 12]) == [.control("c"), .control("z"), .control("l")])
    #expect(keys([0x20, 0x71, 0xE9]) == [.character(" "), .character("q"), .character("é")])
    #expect(keys([0, 28, 31]) == [])
  }

  @Test func aPasteIsOneEventAndItsLettersAreNoKeys() {
    var decoder = KeyDecoder()
    for code in [UInt32(2000), 0x71, 13, 0x79] {
      let event = decoder.decode(code, isFunctionKey: code == 2000)
      #expect(event == nil, "\(code)")
    }
    guard case .paste(let text)? = decoder.decode(2001, isFunctionKey: true) else {
      Issue.record("no paste")
      return
    }
    #expect(text == "q\ry")
    guard case .key(.character("q"))? = decoder.decode(0x71, isFunctionKey: false) else {
      Issue.record("keys did not come back after the paste")
      return
    }
  }

  @Test func pathsAreCompletedFromTheFolder() {
    var template = Array("/tmp/parcel-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      Issue.record("no temporary folder")
      return
    }
    let folder = String(cString: made)
    defer {
      for name in ["a.tsv", "ab.tsv", ".ahidden"] { unlink("\(folder)/\(name)") }
      rmdir("\(folder)/abc")
      rmdir(folder)
    }
    for name in ["ab.tsv", "a.tsv", ".ahidden"] {
      close(open("\(folder)/\(name)", O_CREAT | O_WRONLY, 0o600))
    }
    mkdir("\(folder)/abc", 0o700)
    let found = PathCompletion.candidates(for: "\(folder)/a")
    #expect(found.map(\.path) == ["a.tsv", "ab.tsv", "abc"].map { "\(folder)/\($0)" })
    #expect(found.map(\.isFolder) == [false, false, true])
    #expect(PathCompletion.candidates(for: "\(folder)/.").map(\.name) == [".ahidden"])
    #expect(PathCompletion.candidates(for: "\(folder)/nothing/x").isEmpty)
  }

  @Test func theHomeFolderIsOnlyExpandedAtTheBeginning() {
    setenv("HOME", "/home/somebody", 1)
    #expect(PathCompletion.expandHome("~/x") == "/home/somebody/x")
    #expect(PathCompletion.expandHome("~") == "/home/somebody")
    #expect(PathCompletion.expandHome("a~/x") == "a~/x")
    #expect(PathCompletion.expandHome("~other") == "~other")
  }
}
