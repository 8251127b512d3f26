import ParcelCore
import Testing

/// One object of plain members on one line.
@Suite struct JSONReaderTests {
  @Test func allKindsOfMembersAreRead() throws {
    let record = try #require(
      JSONReader(#"{"s":"text","i":-12,"d":1.5e3,"t":true,"f":false,"n":null,"":"empty name"}"#))
    #expect(record.string("s") == "text")
    #expect(record.integer("i") == -12)
    #expect(record.number("d") == 1500)
    #expect(record.bool("t") == true)
    #expect(record.bool("f") == false)
    #expect(record.members["n"] == .null)
    #expect(record.string("") == "empty name")
    #expect(record.members.count == 7)
  }

  @Test func aMemberOfAnotherKindIsNotThere() throws {
    let record = try #require(JSONReader(#"{"a":"1","b":1.5,"c":1e300}"#))
    #expect(record.number("a") == nil)
    #expect(record.string("b") == nil)
    #expect(record.bool("b") == nil)
    #expect(record.integer("b") == nil)
    #expect(record.integer("c") == nil)
    #expect(record.string("d") == nil)
  }

  @Test func blanksMayStandBetweenAnything() throws {
    let record = try #require(JSONReader(" \t{ \"a\" :\r\n 1 , \"b\":\"x\" } \n"))
    #expect(record.integer("a") == 1)
    #expect(record.string("b") == "x")
    #expect(JSONReader(" { } ")?.members.isEmpty == true)
  }

  @Test func escapesAreUndone() throws {
    let record = try #require(JSONReader(#"{"a":"\"\\\/\b\f\n\r\t\u00fc\u65E5\ud83e\uddec"}"#))
    #expect(record.string("a") == "\"\\/\u{8}\u{c}\n\r\tü日🧬")
  }

  @Test func ofTwoMembersWithOneNameTheLastCounts() {
    #expect(JSONReader(#"{"a":1,"a":2}"#)?.integer("a") == 2)
  }

  @Test(arguments: [
    "", " ", "{", "}", "[]", "1", "\"a\"", "null", "{}{}", "{} x", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
    "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "{\"a\":01x}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":inf}",
    "{\"a\":NaN}",
    "{\"a\":0x10}", "{\"a\":1e}", "{\"a\":--1}", "{\"a\":tru}", "{\"a\":True}", "{\"a\":{}}", "{\"a\":[1]}",
    "{\"a\":\"x}", "{\"a\":\"\\\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\ud83e\"}", "{\"a\":\"\\ud83e\\u0041\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\u{1}\"}",
    "{\"a\":\"\n\"}",
  ])
  func whatIsNoSuchObjectIsRefused(text: String) {
    #expect(JSONReader(text) == nil)
  }

  @Test func itReadsWhatJSONObjectWrites() {
    var random = RelaySeeds(3)
    for _ in 0..<300 {
      let scalars = (0..<random.next(20)).compactMap { _ in
        Unicode.Scalar(UInt32(random.next(random.next(3) == 0 ? 0x11_0000 : 0x180)))
      }
      var text = ""
      text.unicodeScalars.append(contentsOf: scalars)
      let number = random.next(2_000_000_000) - 1_000_000_000
      var record = JSONObject()
      record.add("text", text)
      record.add("number", number)
      record.add("fraction", Double(number) / 1000, places: 3)
      record.add("flag", number > 0)
      record.addNull("none")
      let read = JSONReader(record.closed)
      #expect(read?.string("text").map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
      #expect(read?.integer("number") == number)
      #expect(read?.number("fraction") == Double(number) / 1000)
      #expect(read?.bool("flag") == (number > 0))
    }
  }
}
