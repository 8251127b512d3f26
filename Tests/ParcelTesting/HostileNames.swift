import ParcelCore

/// A name that somebody may send us, and what must become of it.
package struct HostileName: Sendable, CustomStringConvertible {
  package enum Fate: Hashable, Sendable {
    /// Refused: it leads elsewhere, or names nothing.
    case refused
    /// The path below the target folder.
    case path(String)
    /// Shortened to something that fits: which is not written here.
    case shortened
  }

  package var family: String
  package var text: String
  package var fate: Fate

  package var description: String { "\(family): \(text.debugDescription)" }
}

/// Names from manifests, header fields and URLs that try something.
package enum HostileNames {
  /// At least 300 of them.
  package static let all: [HostileName] =
    leading + absolute + dots + controls + sequences + bidi + invisible + own + long + reserved + edges
    + twins + others

  private static func make(_ family: String, _ cases: [(String, String)]) -> [HostileName] {
    cases.map { HostileName(family: family, text: $0.0, fate: .path($0.1)) }
  }

  private static func refuse(_ family: String, _ texts: [String]) -> [HostileName] {
    texts.map { HostileName(family: family, text: $0, fate: .refused) }
  }

  // MARK: Ways out

  private static let leading = refuse(
    "leads out",
    [
      "..", "../x", "../../x", "../../../../../../../../etc/passwd", "a/..", "a/../b", "a/../../b",
      "a/b/../../../c",
      "./..", "./../x", "a/./../b", "a//../b", "../", "a/../", "../..", "../../", "..//x", ".././x",
      "x/..//..//y",
      "../.bashrc", "../.ssh/authorized_keys", "a/b/c/../../../..", "../out2/x", "..//", "../\u{0}",
      "../a\nb",
      "d/../../\u{202E}x", "../.part", "../x.parcel", "a/../a",
    ])

  private static let absolute = refuse(
    "absolute",
    [
      "/etc/passwd", "/", "//", "//host/share/x", "/x", "/../x", "///x", "/dev/null", "/tmp/x",
      "/proc/self/environ", "/.",
      "/..", "/ x", "/root/.ssh/authorized_keys", "/a/b/c", "/\u{1B}[2J", "/\u{202E}x", "//..", "/~",
      "/a/../b",
    ])

  private static let dots =
    refuse(
      "names nothing", ["", ".", "./", "...", "....", "./.", "././.", "a/", "a/b/", "./a/", ".//.", "a//"])
    + make(
      "dots",
      [
        ("./a", "a"), ("a/./b", "a/b"), ("a//b", "a/b"), (".../x", "_/x"), ("a/...", "a/_"), ("x...", "x"),
        (".a", "_a"),
        ("..a", "_.a"), ("...a", "_..a"), (".. ", "_"), (". .", "_"), (" ..", "_"), (" .. /x", "_/x"),
        ("a/.b/c", "a/_b/c"),
        (".bashrc", "_bashrc"), (".ssh/authorized_keys", "_ssh/authorized_keys"),
        (".git/config", "_git/config"),
        ("a..b", "a..b"), ("a.", "a"), ("a. . .", "a"), (".profile.", "_profile"), ("..\u{200B}", "_._"),
        ("\u{200B}..", "_"), (".\u{202E}.", "__"), (".\u{0}.", "__"),
      ])

  // MARK: What a terminal would obey

  /// C0, DEL and C1, each inside of a name.
  private static let controls: [HostileName] = ((0x00...0x1F).map { $0 } + [0x7F] + (0x80...0x9F).map { $0 })
    .map {
      (value: UInt32) in
      let mark = Unicode.Scalar(value).map(String.init) ?? ""
      return HostileName(family: "control", text: "c\(value)\(mark)x", fate: .path("c\(value)_x"))
    }

  /// 7777 in the numbers: no terminal's own sequence has it.
  private static let sequences = make(
    "escape sequence",
    [
      ("\u{1B}[7777;1H.txt", "_[7777;1H.txt"), ("a\u{1B}[2;7777Jb", "a_[2;7777Jb"),
      ("a\u{1B}[31;7777mred", "a_[31;7777mred"),
      ("\u{1B}]0;title7777\u{7}x", "_]0;title7777_x"),
      ("\u{1B}]52;c;cm0gLXJmIH4=\u{7}y", "_]52;c;cm0gLXJmIH4=_y"),
      ("\u{1B}]8;;http://evil7777\u{1B}\\k", "_]8;;http:/evil7777__k"),
      ("\u{1B}P7777q\u{1B}\\s", "_P7777q__s"),
      ("\u{1B}_7777\u{1B}\\a", "_" + "_7777__a"), ("\u{1B}^7777\u{1B}\\p", "_^7777__p"),
      ("\u{1B}X7777\u{1B}\\o", "_X7777__o"),
      ("\u{1B}c7777", "_c7777"), ("\u{1B}[?1049l7777", "_[?1049l7777"), ("\u{1B}[?1000h7777", "_[?1000h7777"),
      ("\u{9B}7777;31mC1", "_7777;31mC1"), ("\u{9D}0;t7777\u{9C}o", "_0;t7777_o"),
      ("\u{90}7777\u{9C}d", "_7777_d"),
      ("\u{1B}[6;7777n", "_[6;7777n"), ("\u{1B}[5;7777i", "_[5;7777i"), ("\u{1B}#87777", "_#87777"),
      ("\u{1B}(07777", "_(07777"),
      ("\u{1B}[201~7777", "_[201~7777"), ("x\u{8}\u{8}7777", "x__7777"), ("a\r7777", "a_7777"),
      ("a\n7777", "a_7777"),
      ("a\u{B}7777", "a_7777"),
      ("\u{E}7777", "_7777"), ("a\u{7}\u{7}\u{7}7777", "a___7777"), ("%s%n%x7777", "%s%n%x7777"),
      ("$(touch 7777)", "$(touch 7777)"),
      ("`id`7777", "`id`7777"), (";rm -rf 7777", ";rm -rf 7777"), ("a|7777", "a|7777"), ("a&7777", "a&7777"),
      ("*7777", "*7777"),
      ("?7777", "?7777"),
      ("\"7777\"", "\"7777\""), ("'7777'", "'7777'"), ("<7777>", "<7777>"), ("!7777", "!7777"),
      ("#7777", "#7777"),
    ])

  // MARK: What a reader does not see

  private static let bidi: [HostileName] = [
    0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069,
  ].flatMap { (value: UInt32) -> [HostileName] in
    let mark = Unicode.Scalar(value).map(String.init) ?? ""
    let number = String(value, radix: 16)
    return make(
      "bidi",
      [
        ("b\(number)\(mark)gpj.exe", "b\(number)_gpj.exe"), ("\(mark)b\(number)", "_b\(number)"),
        ("e\(number)\(mark)", "e\(number)_"),
      ])
  }

  private static let invisible: [HostileName] = [
    0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x180E, 0x200B, 0x200C, 0x200D, 0x2028, 0x2029, 0x2060, 0x2061,
    0x2063, 0x2064,
    0x206A, 0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9, 0xE000, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xF0000,
    0x10FFFF, 0xFFFE,
    0x0378,
  ].map { (value: UInt32) in
    let mark = Unicode.Scalar(value).map(String.init) ?? ""
    let number = String(value, radix: 16)
    return HostileName(family: "invisible", text: "i\(number)\(mark)x", fate: .path("i\(number)_x"))
  }

  // MARK: Our own files

  private static let own = make(
    "our own ending",
    [
      ("x.part", "x.part_"), ("x.PART", "x.PART_"), ("x.parcel", "x.parcel_"), ("x.Parcel", "x.Parcel_"),
      ("x.parcel-lock", "x.parcel-lock_"), ("x.parcel-new", "x.parcel-new_"),
      ("x.PARCEL-NEW", "x.PARCEL-NEW_"),
      ("x.parcel-ledger", "x.parcel-ledger_"), (".parcel-lock", "_parcel-lock"), (".parcel", "_parcel"),
      (".part", "_part"),
      (".parcel-stale.1.2", "_parcel-stale.1.2"), ("x.part.", "x.part_"), ("x.parcel ", "x.parcel_"),
      ("x.part. .", "x.part_"),
      ("d.part/x", "d.part_/x"), ("d.parcel/x", "d.parcel_/x"), ("d.parcel-lock/y", "d.parcel-lock_/y"),
      ("x.part.part", "x.part.part_"), ("x.parcel.part", "x.parcel.part_"), ("x.partial", "x.partial"),
      ("x.parcels", "x.parcels"), ("part", "part"), ("parcel", "parcel"), ("x.part\u{200B}", "x.part_"),
      ("x.par\u{0}t", "x.par_t"),
    ])

  // MARK: Too long, too odd

  private static let long: [HostileName] = {
    func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
    let fits = [repeated("k", 243), repeated("k", 239) + ".bam", repeated("é", 121)].map {
      HostileName(family: "long", text: $0, fate: .path($0))
    }
    let cut = [
      repeated("l", 244), repeated("l", 255), repeated("l", 256), repeated("l", 1000),
      repeated("l", 300) + ".vcf.gz",
      repeated("é", 122), repeated("é", 200) + ".bam", repeated("日", 100), repeated("𝄞", 80),
      repeated("l", 250) + ".part",
      repeated("l", 238) + ".part", repeated("l", 250) + ".parcel-lock", "e" + repeated("\u{301}", 200),
      repeated("l", 260) + "." + repeated("x", 200), repeated(".", 300) + "l",
      repeated("m", 250) + "/" + repeated("n", 250),
    ].map { HostileName(family: "long", text: $0, fate: .shortened) }
    return fits + cut
      + refuse(
        "long path",
        [
          repeated("a/", 1100) + "b", repeated(repeated("p", 200) + "/", 11) + "x",
          repeated("q/", 40_000) + "r",
        ])
  }()

  /// Ordinary on Linux; a folder that Windows shares has to be looked after there.
  private static let reserved: [HostileName] = [
    "CON", "con", "PRN", "AUX", "NUL", "nul.txt", "COM1", "com9.log", "LPT1", "CLOCK$", "CONIN$", "aux.h",
    "a:b", "x:stream:$DATA",
    "desktop.ini", "Thumbs.db", "a<b", "a>b", "a*b", "a?b",
  ].map { HostileName(family: "Windows", text: $0, fate: .path($0)) }

  private static let edges = make(
    "edge",
    [
      (" a", "a"), ("b ", "b"), ("  ", "_"), ("\u{A0}c", "c"), ("d\u{2003}", "d"), ("\u{3000}", "_"),
      ("e .", "e"),
      ("-rf", "-rf"), ("--help", "--help"), ("-", "-"), ("--", "--"), ("-o evil", "-o evil"), ("~", "~"),
      ("~root", "~root"),
      ("f /g", "f/g"), (" h/ i", "h/i"), ("j\\k", "j_k"), ("..\\..\\l", "_._.._l"),
      ("C:\\Windows\\m", "C:_Windows_m"),
      ("\\\\host\\share", "__host_share"),
      ("\\", "_"),
    ])

  /// Two that look alike, or that another file system takes for one: each stays what it is.
  private static let twins = make(
    "twins",
    [
      ("Twin.bam", "Twin.bam"), ("twin.bam", "twin.bam"), ("TWIN.BAM", "TWIN.BAM"),
      ("caf\u{E9}", "caf\u{E9}"),
      ("cafe\u{301}", "cafe\u{301}"), ("\u{212B}ng", "\u{212B}ng"), ("\u{C5}ng", "\u{C5}ng"),
      ("A\u{30A}ng", "A\u{30A}ng"),
      ("\u{FB01}le", "\u{FB01}le"), ("file", "file"), ("\u{430}bc", "\u{430}bc"), ("abc", "abc"),
      ("stra\u{DF}e", "stra\u{DF}e"),
      ("STRASSE", "STRASSE"), ("\u{131}", "\u{131}"), ("i", "i"),
      ("\u{2044}etc\u{2044}passwd", "\u{2044}etc\u{2044}passwd"),
      ("\u{2215}etc", "\u{2215}etc"), ("\u{FF0F}etc", "\u{FF0F}etc"),
      ("\u{FF0E}\u{FF0E}", "\u{FF0E}\u{FF0E}"),
      ("\u{2025}", "\u{2025}"), ("\u{2024}\u{2024}", "\u{2024}\u{2024}"),
    ])

  private static let others = make(
    "percent signs stay",
    [
      ("%2e%2e%2fx", "%2e%2e%2fx"), ("..%2fx", "_.%2fx"), ("%2e%2e", "%2e%2e"), ("%00", "%00"),
      ("a%0d%0ab", "a%0d%0ab"),
      ("%c0%ae%c0%ae%c0%afx", "%c0%ae%c0%ae%c0%afx"), ("a\u{FFFD}b", "a\u{FFFD}b"),
      ("z\u{300}\u{301}\u{302}", "z\u{300}\u{301}\u{302}"),
      ("index.html?x=1", "index.html?x=1"), ("a b\u{2009}c", "a b\u{2009}c"),
    ])
}
