import CUDT
import Glibc
import ParcelSystem
import ParcelUDT
import Testing

@Suite("libudt's clock")
struct ClockTests {
  @Test("It goes as fast as the system's, although nobody slept for it before main")
  func rate() throws {
    #if arch(x86_64)
      #expect(parcel_udt_naps_left_out() == 1)
    #endif
    let library = try UDTLibrary()
    // However long the pause gets on a busy machine: both clocks see the same.
    let before = pair()
    usleep(20_000)
    let after = pair()
    let ratio = Double(after.udt - before.udt) / Double(after.system - before.system)
    // The two are read one after the other: a thread may lose its processor in between, so not every try is good.
    #expect(before.spread + after.spread > 100 || (0.99...1.01).contains(ratio))
    withExtendedLifetime(library) {}
  }

  @Test("Other sleeps are as long as asked for, of the same length too")
  func sleeps() throws {
    let start = MonotonicClock.seconds()
    var time = timespec(tv_sec: 0, tv_nsec: 100_000_000)
    #expect(nanosleep(&time, nil) == 0)
    #expect(MonotonicClock.seconds() - start >= 0.0999)
    time.tv_nsec = -1
    #expect(nanosleep(&time, nil) == -1)
    #expect(errno == EINVAL)
  }

  /// Microseconds by both clocks, and how many passed between the two looks.
  private func pair() -> (udt: Int64, system: Int64, spread: Int64) {
    let before = MonotonicClock.now().nanoseconds / 1000
    let udt = parcel_udt_clock()
    let after = MonotonicClock.now().nanoseconds / 1000
    return (udt, (before + after) / 2, after - before)
  }
}
