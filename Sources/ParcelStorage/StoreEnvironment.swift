import ParcelSystem

/// The world that a store lives in: the kernel's calls, the clock, and which start of which machine this is. Tests have
/// worlds of their own.
package struct StoreEnvironment: Sendable {
  var system: System
  /// Nanoseconds; never goes back.
  var clock: @Sendable () -> Int64
  /// Which start of the machine this is: what was not synced does not survive another one.
  var boot: String
  var holder: LockFile.Holder
  /// False: nothing happens with time but what is asked for (`FileStore.tick`).
  var ticks: Bool

  static func kernel() -> StoreEnvironment {
    StoreEnvironment(
      system: .kernel, clock: { MonotonicClock.nanoseconds() }, boot: System.bootID(), holder: .current(),
      ticks: true)
  }

  /// A world with other calls, clock and machine.
  package init(
    calls: any SystemCalls, boot: String, ticks: Bool = false,
    clock: @escaping @Sendable () -> Int64 = { MonotonicClock.nanoseconds() }
  ) {
    var holder = LockFile.Holder.current()
    holder.boot = boot
    self.init(system: System(calls: calls), clock: clock, boot: boot, holder: holder, ticks: ticks)
  }

  private init(
    system: System, clock: @escaping @Sendable () -> Int64, boot: String, holder: LockFile.Holder, ticks: Bool
  ) {
    self.system = system
    self.clock = clock
    self.boot = boot
    self.holder = holder
    self.ticks = ticks
  }
}
