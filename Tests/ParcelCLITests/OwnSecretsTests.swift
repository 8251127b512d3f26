import ParcelCLI
import Testing

@Suite struct OwnSecretsTests {
  private func masked(_ arguments: String...) -> [String] {
    OwnSecrets.masked(["parcel"] + arguments).dropFirst().map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `values that are secret become stars of the same length, the rest stays`() {
    #expect(masked("-T", "abc", "-d", "out") == ["-T", "***", "-d", "out"])
    #expect(masked("--token", "abc") == ["--token", "***"])
    #expect(masked("--token=abc", "-Tabc", "-vT", "é") == ["--token=***", "-T***", "-vT", "**"])
    #expect(masked("--header", "A: b", "--header=A: b") == ["--header", "****", "--header=****"])
    #expect(masked("-t", "token.txt", "-n", "8") == ["-t", "token.txt", "-n", "8"])
    #expect(
      masked("https://u:p@h:1/a@b", "--proxy=http://u@h") == ["https://***@h:1/a@b", "--proxy=http://*@h"])
    #expect(
      masked("https://h/a?x=1", "https://h/a?x=1&sig=ab") == ["https://h/a?x=1", "https://h/a?**********"])
    #expect(masked("-T") == ["-T"])
    #expect(OwnSecrets.masked(["-T", "a"]).map(\.count) == [2, 1], "the first is the program's name")
  }
}
