/// One line of text with a cursor, as a prompt edits it.
package struct LineEditor: Hashable, Sendable {
  package private(set) var characters: [Character] = []
  /// 0 ... characters.count.
  package private(set) var cursor = 0

  package init(_ text: String = "") { replace(text) }

  package var text: String { String(characters) }

  package mutating func replace(_ text: String) {
    characters = Array(text)
    cursor = characters.count
  }

  /// Inserts at the cursor. Line breaks and tabs of a paste become spaces, other control characters are dropped.
  package mutating func insert(_ text: String) {
    var clean: [Character] = []
    for character in text {
      if character.isNewline || character == "\t" {
        if clean.last != " " { clean.append(" ") }
      } else if !character.unicodeScalars.contains(where: {
        $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
      }) {
        clean.append(character)
      }
    }
    characters.insert(contentsOf: clean, at: cursor)
    cursor += clean.count
  }

  /// Every character becomes a star: for drawing what nobody should read.
  package mutating func cover() { characters = characters.map { _ in "*" } }

  package mutating func moveLeft() { cursor = max(0, cursor - 1) }
  package mutating func moveRight() { cursor = min(characters.count, cursor + 1) }
  package mutating func moveHome() { cursor = 0 }
  package mutating func moveEnd() { cursor = characters.count }

  package mutating func deleteBackward() {
    guard cursor > 0 else { return }
    cursor -= 1
    characters.remove(at: cursor)
  }

  package mutating func deleteForward() {
    guard cursor < characters.count else { return }
    characters.remove(at: cursor)
  }

  /// Deletes back to the beginning of the word or path part.
  package mutating func deleteWord() {
    let end = cursor
    while cursor > 0, isBreak(characters[cursor - 1]) { cursor -= 1 }
    while cursor > 0, !isBreak(characters[cursor - 1]) { cursor -= 1 }
    characters.removeSubrange(cursor..<end)
  }

  package mutating func deleteToStart() {
    characters.removeSubrange(0..<cursor)
    cursor = 0
  }

  private func isBreak(_ character: Character) -> Bool { character == " " || character == "/" }
}
