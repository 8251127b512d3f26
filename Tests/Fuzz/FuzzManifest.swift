import ParcelCore

/// A document: either a failure in showable words, or downloads whose names are safe and that read the same when they are
/// written down again.
@Sendable func fuzzManifest(_ bytes: [UInt8]) {
  let manifest: Manifest
  do throws(Failure) { manifest = try Manifest.read(bytes, source: "fuzz") } catch {
    require(
      error.code == .input && !error.sentence.isEmpty && !error.remedy.isEmpty, "a failure without words")
    requireShowable(error.text, lines: true, "a manifest's failure")
    return
  }
  require(!manifest.downloads.isEmpty, "no download and no failure")
  requireShowable(manifest.summary, "the summary")
  for remark in manifest.remarks { requireShowable(remark, "a remark") }
  var sizes = 0
  for spec in manifest.downloads {
    if let name = spec.name { requireSafe(path: name) }
    if !spec.folder.isEmpty { requireSafe(path: spec.folder) }
    if let successor = spec.successor { requireShowable(successor, "what replaced a file") }
    if let size = spec.size { require(size >= 0, "a negative size") } else { sizes += 1 }
    switch spec.source {
    case .url(let url):
      require(URLReference(url)?.isFetchable == true, "a URL that nobody can fetch: \(url)")
      require(url.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "a URL with a control character: \(url)")
    case .id(let id):
      require(
        URLReference(Address.join(server: "https://host/data", id: id))?.path == "/data/\(id)", "id \(id)")
    }
  }
  require(sizes == manifest.unknownSizes, "unknown sizes are miscounted")
  requireStable(manifest)
}

/// Written as a table and read again, it is the same list.
private func requireStable(_ manifest: Manifest) {
  let urls = manifest.downloads.filter { if case .url = $0.source { true } else { false } }
  // A table has one kind of source; in a list an id is its own folder, as in a table.
  guard urls.isEmpty || urls.count == manifest.downloads.count else { return }
  let algorithms = Digest.Algorithm.allCases
  var text =
    (urls.isEmpty ? "id" : "url") + "\tpath\tsize\t" + algorithms.map(\.rawValue).joined(separator: "\t")
  for spec in manifest.downloads {
    switch spec.source {
    case .url(let url): text += "\n" + url
    case .id(let id): text += "\n" + id
    }
    // A name that means "unknown" in a table cannot be written in one.
    if let name = spec.name, ASCII.lowercased(name) == "na" { return }
    text += "\t" + (spec.name ?? "") + "\t" + (spec.size.map(String.init) ?? "")
    for algorithm in algorithms {
      text += "\t" + (spec.digests.first { $0.algorithm == algorithm }?.hex ?? "")
    }
  }
  do throws(Failure) {
    let again = try Manifest.read(Array(text.utf8), source: "again").downloads
    require(again.count == manifest.downloads.count, "rows got lost: \(text)")
    for (one, two) in zip(manifest.downloads, again) {
      var one = one
      // A table of ours has no column for the state and for what replaced a file.
      one.release = nil
      one.successor = nil
      require(
        Set(one.digests) == Set(two.digests) && one.digests.count == two.digests.count, "digests of \(one)")
      one.digests = two.digests
      require(one == two, "\(one) became \(two)")
    }
  } catch {
    require(false, "what was written cannot be read: \(error.sentence)")
  }
}
