import CNcurses
import Glibc
import ParcelCore
import ParcelScreen

/// The terminal as a place for frames and a source of keys. The only user of curses.
///
/// Every call belongs to one thread, the one that called `start`. Not `Sendable` for that reason.
package final class Terminal {
  /// Where keys come from: stdin, or the terminal itself when stdin is a pipe (a manifest, say).
  package private(set) var input: Int32 = 0
  package private(set) var charset = Charset.ascii
  private let options: TerminalOptions
  private var palette: Palette?
  /// What the terminal shows.
  private var shown: Frame?
  private var run: [wchar_t] = []
  private var keys = KeyDecoder()

  package init(options: TerminalOptions = TerminalOptions()) { self.options = options }

  /// Opens the full screen. Throws a sentence when this terminal cannot do it; nothing was changed then.
  package func start() throws(Failure) {
    guard isatty(1) == 1 else {
      throw Self.cannot("the output is not a terminal", "Run parcel for plain output.")
    }
    if isatty(0) != 1 {
      input = open("/dev/tty", O_RDWR | O_CLOEXEC)
      guard input >= 0 else {
        throw Self.cannot("there is no terminal to read keys from", "Run parcel for plain output.")
      }
    }
    let name = getenv("TERM").map { String(cString: $0) } ?? ""
    switch cn_check_terminal(1) {
    case 1:
      throw Self.cannot(
        "TERM='\(name)' is not known on this machine", "Set TERM, for example to xterm-256color.")
    case 2:
      throw Self.cannot("a terminal of type '\(name)' cannot move its cursor", "Run parcel for plain output.")
    default: break
    }
    setlocale(LC_CTYPE, "")
    charset = chooseCharset()
    guard cn_open(input) == 0 else {
      throw Self.cannot("curses could not use a terminal of type '\(name)'", "")
    }
    palette = Palette(colors: options.colors && !hasNoColor ? Int(cn_colors()) : 0)
    shown = nil
  }

  private static func cannot(_ cause: String, _ remedy: String) -> Failure {
    Failure(.input, retry: .never, "Could not open the full-screen session: \(cause).", remedy: remedy)
  }

  /// https://no-color.org: present and not empty.
  private var hasNoColor: Bool { getenv("NO_COLOR").map { $0.pointee != 0 } ?? false }

  private func chooseCharset() -> Charset {
    switch options.glyphs {
    case .ascii: return .ascii
    case .unicode:
      // Curses needs a UTF-8 locale to write them.
      if !isUTF8 { setlocale(LC_CTYPE, "C.UTF-8") }
      return isUTF8 ? .unicode : .ascii
    case .automatic: return isUTF8 ? .unicode : .ascii
    }
  }

  private var isUTF8: Bool {
    guard let name = nl_langinfo(Int32(CODESET)) else { return false }
    return String(cString: name).uppercased() == "UTF-8"
  }

  /// Gives the terminal back. May be called twice.
  package func stop() { cn_close() }

  /// The terminal's size now; 80x24 when it does not say.
  package var size: Size {
    var rows: Int32 = 0
    var columns: Int32 = 0
    guard cn_size(1, &rows, &columns) == 0 else { return Size(columns: 80, rows: 24) }
    return Size(columns: Int(columns), rows: Int(rows))
  }

  /// Tells curses of a new size.
  package func resize(_ size: Size) {
    cn_resize(Int32(size.rows), Int32(size.columns))
    repaint()
  }

  /// Draws every cell again with the next frame.
  package func repaint() {
    shown = nil
    cn_repaint()
  }

  /// Stops the process for the shell's job control; returns when it is continued.
  package func suspend() {
    cn_suspend()
    shown = nil
  }

  /// The process was stopped and continued from outside.
  package func continued() {
    cn_continued()
    shown = nil
  }

  // MARK: Frames

  /// Shows a frame: writes the cells that differ from what is shown, then one refresh.
  package func present(_ frame: Frame) {
    let old = shown?.size == frame.size ? shown : nil
    let columns = frame.size.columns
    for row in 0..<frame.size.rows {
      var column = 0
      while column < columns {
        let index = row * columns + column
        if let old, isSame(frame, old, index) {
          column += 1
        } else {
          column = writeRun(frame, old, row, column)
        }
      }
    }
    if let cursor = frame.cursor {
      cn_cursor(Int32(cursor.row), Int32(cursor.column))
    } else {
      cn_cursor(-1, 0)
    }
    cn_refresh()
    shown = frame
  }

  private func isSame(_ new: Frame, _ old: Frame, _ index: Int) -> Bool {
    let cell = new.cells[index]
    let before = old.cells[index]
    if cell.code & Cell.cluster == 0 { return cell == before }
    return cell.style == before.style && before.code & Cell.cluster != 0
      && new.scalars(cell) == old.scalars(before)
  }

  /// Writes changed cells of one style from `column` on; answers the column after them. A run ends after each
  /// character whose width the terminal may see otherwise, so that a disagreement moves nothing else.
  private func writeRun(_ frame: Frame, _ old: Frame?, _ row: Int, _ column: Int) -> Int {
    let columns = frame.size.columns
    var at = column
    // The right half of a wide character is written with its left half.
    while at > 0, frame.cells[row * columns + at].code == 0 { at -= 1 }
    let start = at
    let style = frame.cells[row * columns + at].style
    run.removeAll(keepingCapacity: true)
    while at < columns {
      let cell = frame.cells[row * columns + at]
      if cell.style != style { break }
      if at > column, let old, isSame(frame, old, row * columns + at) { break }
      let isWide = at + 1 < columns && frame.cells[row * columns + at + 1].code == 0
      for scalar in frame.scalars(cell) { run.append(wchar_t(bitPattern: scalar)) }
      at += isWide ? 2 : 1
      if isWide || cell.code & Cell.cluster != 0 { break }
    }
    if let look = palette?[style] {
      cn_put(Int32(row), Int32(start), run, Int32(run.count), look.attributes, look.pair)
    }
    return max(at, column + 1)
  }

  // MARK: Keys

  /// Everything that was typed or pasted since the last call. Never waits.
  package func readInput() -> [Event] {
    var events: [Event] = []
    var code: wint_t = 0
    while true {
      let result = cn_key(&code)
      if result == ERR { break }
      if let event = keys.decode(code, isFunctionKey: result == KEY_CODE_YES) { events.append(event) }
    }
    return events
  }
}
