import ParcelCLI
import ParcelCore

/// Everything the command line asks for, read.
struct Wanted {
  var downloads: [DownloadSpec] = []
  /// Name of the first manifest and how many more.
  var title = ""
  /// What manifests said that is worth showing.
  var remarks: [String] = []

  /// Reads the manifests, then the ids and URLs, in that order.
  init(_ options: WantedOptions) throws(Failure) {
    for path in options.manifests { try add(manifest: path) }
    for item in options.items {
      switch item {
      case .id(let text), .url(let text): downloads.append(try RowInput.spec(text))
      }
    }
    title = Self.title(options.manifests)
  }

  private mutating func add(manifest path: String) throws(Failure) {
    let manifest = try Documents.manifest(path)
    remarks += manifest.remarks.map { "\(manifest.source): \($0)" }
    if downloads.isEmpty { downloads = manifest.downloads } else { downloads += manifest.downloads }
  }

  static func title(_ manifests: [String]) -> String {
    guard let first = manifests.first else { return "" }
    let name = first == "-" ? "standard input" : first.split(separator: "/").last.map(String.init) ?? first
    return manifests.count == 1 ? name : "\(name) +\(manifests.count - 1)"
  }
}
