import Testing

@testable import ParcelCore

@Suite struct FigureTests {
  @Test func bytesArePowersOfTenWithTwoDigits() {
    #expect(Figures.bytes(0) == "0 B")
    #expect(Figures.bytes(999) == "999 B")
    #expect(Figures.bytes(1_000) == "1.00 kB")
    #expect(Figures.bytes(1_590_000) == "1.59 MB")
    #expect(Figures.bytes(812_440_000) == "812.44 MB")
    #expect(Figures.bytes(999_994) == "999.99 kB")
    #expect(Figures.bytes(999_996) == "1.00 MB")
    #expect(Figures.bytes(-5) == "0 B")
    #expect(Figures.bytes(999_995_000) == "1.00 GB")
    #expect(Figures.bytes(.max) == "9.22 EB")
  }

  @Test func noNumberIsWiderThanItsColumn() {
    var count = 1
    while count < Int.max / 7 {
      for value in [count - 1, count, count + 1] {
        #expect(Figures.bytes(value).unicodeScalars.count <= Figures.bytesWidth, "\(value)")
        #expect(Figures.rate(Double(value)).unicodeScalars.count <= Figures.rateWidth, "\(value)")
        #expect(Figures.duration(Double(value)).unicodeScalars.count <= Figures.durationWidth, "\(value)")
      }
      count = count * 7 / 5 + 1
    }
  }

  @Test func ratesAreMegabitsWithThreeDigits() {
    #expect(Figures.rate(0) == "0.00 Mbit/s")
    #expect(Figures.rate(526_250) == "4.21 Mbit/s")
    #expect(Figures.rate(5_262_500) == "42.1 Mbit/s")
    #expect(Figures.rate(50_250_000) == "402 Mbit/s")
    #expect(Figures.rate(.nan) == "0.00 Mbit/s")
  }

  @Test func durationsCountInTheUnitsPeopleUse() {
    #expect(Figures.duration(9.6) == "10 s")
    #expect(Figures.duration(59.6) == "1m 00s")
    #expect(Figures.duration(252) == "4m 12s")
    #expect(Figures.duration(7_500) == "2h 05m")
    #expect(Figures.duration(273_600) == "3d 04h")
    #expect(Figures.duration(.infinity) == ">999 d")
  }

  @Test func aTimeThatIsOverIsNeverZero() {
    #expect(Figures.elapsed(0) == "<0.1 s")
    #expect(Figures.elapsed(0.34) == "0.3 s")
    #expect(Figures.elapsed(9.94) == "9.9 s")
    #expect(Figures.elapsed(9.96) == "10 s")
    #expect(Figures.elapsed(75) == "1m 15s")
  }

  @Test func aHundredPercentMeansThatNothingIsMissing() {
    #expect(Figures.percent(999_999, of: 1_000_000) == "99 %")
    #expect(Figures.percent(1_000_000, of: 1_000_000) == "100 %")
    #expect(Figures.percent(0, of: 0) == "100 %")
  }

  @Test func partAndWholeShareAUnitAndAWidth() {
    #expect(Figures.bytes(1_910_000_000, of: 4_230_000_000) == "1.91 of 4.23 GB")
    #expect(Figures.bytes(0, of: 42_300_000_000, aligned: true) == " 0.00 of 42.30 GB")
    #expect(Figures.bytes(0, of: 42_300_000_000) == "0.00 of 42.30 GB")
    #expect(Figures.bytes(5, of: 10) == "5 of 10 B")
  }

  @Test func thousandsAreGrouped() {
    #expect(Grouped.text(999) == "999")
    #expect(Grouped.text(100_000) == "100,000")
    #expect(Figures.count(1, "file") == "1 file")
    #expect(Figures.count(1_234_567, "file") == "1,234,567 files")
  }
}
