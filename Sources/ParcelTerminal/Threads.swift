import ParcelSystem

/// Runs `body` on a thread of its own: blocking work never sits on Swift's shared pool.
func detachThread(_ body: @escaping @Sendable () -> Void) {
  // Without a thread there is only this one: late is better than never.
  do { try OwnThread.start(body) } catch { body() }
}
