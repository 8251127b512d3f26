/// What is wrong with a document: the first few in full, all of them counted.
struct ManifestProblems {
  /// How many are written out.
  static let shown = 20

  let source: String
  private(set) var count = 0
  private var texts: [String] = []

  init(source: String) { self.source = Printable.text(source) }

  /// `line` from 1; nil when the whole document is meant. `text` is made only when it will be shown.
  mutating func add(line: Int?, column: String? = nil, _ text: @autoclosure () -> String) {
    count += 1
    guard texts.count < Self.shown else { return }
    var place = source
    if let line { place += ", line \(line)" }
    if let column { place += ", column \(Printable.text(column))" }
    texts.append("\(place): \(text())")
  }

  /// One error a line, and how many more there are.
  var failure: Failure {
    var sentence = texts.joined(separator: "\n")
    if count > texts.count { sentence += "\n\(Grouped.text(count - texts.count)) more errors in \(source)" }
    return Failure(.input, retry: .never, sentence, remedy: "Correct the manifest or get it again.")
  }

  /// A cell's bytes in quotes for a message: printable, at most 60 characters.
  static func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    let text = Printable.text(String(decoding: bytes.prefix(400), as: UTF8.self))
    return text.count > 60 ? "'\(text.prefix(57))...'" : "'\(text)'"
  }
}
