import ParcelCore
import ParcelTesting
import Testing

@Suite("Hostile names")
struct HostileNamesTests {
  @Test("There are 300 of them, each once")
  func count() {
    let texts = Set(HostileNames.all.map { Array($0.text.utf8) })
    #expect(HostileNames.all.count >= 300 && texts.count == HostileNames.all.count)
  }

  @Test("Each is refused, or becomes the path it must become", arguments: HostileNames.all)
  func fate(name: HostileName) {
    switch (SafeName.path(name.text), name.fate) {
    case (.failure(let reason), .refused): #expect(!reason.text.isEmpty)
    case (.success(let path), .path(let expected)):
      // By bytes: Swift takes two normalisations for equal.
      #expect(Array(path.utf8) == Array(expected.utf8), "\(name)")
      expectSafe(path, name)
    case (.success(let path), .shortened): expectSafe(path, name)
    case (let result, _): Issue.record("\(name) became \(result)")
    }
  }

  private func expectSafe(_ path: String, _ name: HostileName) {
    #expect(SafeName.path(path) == .success(path), "a safe name is left alone: \(name)")
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      #expect(!part.isEmpty && part != "." && part != ".." && !part.hasPrefix("."), "\(name)")
      #expect((part + ".parcel-lock").utf8.count <= 255, "\(name)")
      #expect(!part.unicodeScalars.contains { Printable.isHidden($0) }, "\(name)")
    }
  }

  /// A field's name is one component: what would lead elsewhere becomes a harmless name.
  @Test(
    "From Content-Disposition, in both its forms, and from a URL's path, it is one safe component",
    arguments: HostileNames.all)
  func fromAServer(name: HostileName) {
    let extended = "attachment; filename*=UTF-8''" + PercentCoding.encode(name.text)
    let quoted =
      "attachment; filename=\"" + name.text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    let heads = [extended, quoted].map {
      ResponseHead(status: 200, headers: [HTTPHeader("Content-Disposition", $0)])
    }
    var urls = ["https://h/" + PercentCoding.encode(name.text)]
    urls.append("https://h/" + PercentCoding.encode(name.text, keeping: "/"))
    let raws =
      heads.map { FileNaming.rawName(head: $0, urls: ["https://h/x"]) }
      + urls.map { FileNaming.rawName(head: nil, urls: [$0]) }
    for raw in raws {
      let safe = SafeName.component(raw)
      #expect(!safe.contains("/"))
      expectSafe(safe, name)
    }
    // Nothing is lost on the way: the server's own words come to the rules.
    if !name.text.isEmpty, !name.text.contains("/"), !name.text.contains("\\") {
      #expect(
        Array(raws[0].utf8) == Array(name.text.utf8) && Array(raws[1].utf8) == Array(name.text.utf8),
        "\(name)")
      #expect(Array(raws[2].utf8) == Array(name.text.utf8), "\(name)")
    }
  }

  @Test(
    "Overlong UTF-8 and half a percent sign in a URL decode to nothing that leads elsewhere",
    arguments: [
      "%c0%ae%c0%ae%c0%afx", "%e0%80%ae%e0%80%ae%e0%80%af", "%2e%2e%2fx", "..%2f..%2fx", "%2e%2e",
      "%252e%252e%252f", "%00",
      "a%00b", "%0d%0aSet-Cookie:x", "%ff%fe", "%1b[77m", "%e2%80%aex", "%", "%2", "%zz", "%5c..%5c",
      "%2f%2f", "%f0%82%82%ac",
      "%ed%a0%80", "..;/x",
    ])
  func urls(segment: String) {
    let safe = SafeName.component(FileNaming.rawName(head: nil, urls: ["https://h/a/" + segment]))
    #expect(!safe.contains("/") && !safe.hasPrefix(".") && !safe.isEmpty)
    #expect(!safe.unicodeScalars.contains { Printable.isHidden($0) })
    #expect(SafeName.component(safe) == safe)
  }

  @Test(
    "A name that takes the shape of our own files beside another download gets another",
    arguments: ["x.parcel-new", "X.PARCEL-NEW"])
  func journalsNewCopy(name: String) {
    // The journal of "x" is written as "x.parcel-new" before it gets its name: a download of that name would be overwritten.
    #expect(SafeName.component(name) == name + "_")
  }
}
