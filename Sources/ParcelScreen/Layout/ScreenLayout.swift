/// Where everything stands: a function of the size and of what is shown, nothing else.
package struct ScreenLayout: Hashable, Sendable {
  package static let smallest = Size(columns: 40, rows: 10)

  package var isTooSmall = false
  /// Name, counts, bytes; the second line has rate, time left and transport where there is no room beside the graph.
  package var header: Rect
  /// The total throughput graph with its axis; nil where there is no room.
  package var graph: Rect?
  /// Rate, time left, transport beside the graph.
  package var side: Rect?
  /// The line above the body: what is filtered, marked, hidden.
  package var bodyRule: Int
  /// The line below the header: warnings. The same as `bodyRule` without a graph.
  package var topRule: Int
  /// The page without its rule: list header and rows, or detail, log, help.
  package var body: Rect
  /// The list with its header line.
  package var list: Rect
  /// The selected file's detail below or beside the list, its title line included.
  package var pane: Rect?
  /// A prompt or a question, its title line included.
  package var dialog: Rect?
  package var bottomRule: Int
  package var footer: Int

  /// Rows of downloads that the list shows.
  package var listLines: Int { max(0, list.rows - 1) }

  /// `dialogRows` is what a prompt or question wants, its title line included.
  package init(size: Size, page: Model.Page, hasRows: Bool, dialogRows: Int) {
    let columns = size.columns
    isTooSmall = columns < Self.smallest.columns || size.rows < Self.smallest.rows
    let wide = columns >= 100
    let hasGraph = page == .list && hasRows && size.rows >= 20
    let hasSide = wide && hasGraph
    header = Rect(row: 0, column: 0, rows: hasSide ? 1 : 2, columns: columns)
    topRule = header.bottom
    bodyRule = topRule
    if hasGraph {
      let sideColumns = hasSide ? 34 : 0
      let rows = size.rows >= 30 ? 5 : 4
      graph = Rect(row: topRule + 1, column: 0, rows: rows, columns: columns - sideColumns)
      if hasSide {
        side = Rect(row: topRule + 1, column: columns - sideColumns, rows: rows, columns: sideColumns)
      }
      bodyRule = topRule + 1 + rows
    }
    footer = size.rows - 1
    bottomRule = size.rows - 2
    let room = bottomRule - bodyRule - 1
    // In a low terminal a question counts more than the list.
    let asked = min(dialogRows, max(0, room < 10 ? room : room - 2))
    if asked > 0 { dialog = Rect(row: bottomRule - asked, column: 0, rows: asked, columns: columns) }
    body = Rect(row: bodyRule + 1, column: 0, rows: room - asked, columns: columns)
    list = body
    if page == .list && hasRows { placePane(size) }
  }

  private mutating func placePane(_ size: Size) {
    if size.columns >= 170 && body.rows >= 8 {
      let columns = min(96, size.columns * 9 / 20)
      list.columns = body.columns - columns - 1
      pane = Rect(row: body.row, column: list.right + 1, rows: body.rows, columns: columns)
    } else if size.rows >= 30 && body.rows >= 16 {
      let rows = min(14, body.rows * 9 / 20)
      list.rows = body.rows - rows
      pane = Rect(row: list.bottom, column: 0, rows: rows, columns: body.columns)
    }
  }
}
