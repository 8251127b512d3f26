import CCurl
import ParcelCore
import Synchronization

/// Set by any thread, looked at by the write callback: one `curl_multi_perform` may deliver many megabytes, and a stop
/// must not wait for them.
final class StopFlag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// A transfer as `open` leaves it for the thread.
struct Opening: Sendable {
  var request: TransferRequest
  var receiver: any TransferReceiver
  var stopFlag: StopFlag
}

/// What other threads want from the transport's thread, in the order they said it.
final class Inbox: Sendable {
  enum Command: Sendable {
    case open(Opening)
    case stop(TransferID)
    case setRateLimit(Int?)
    /// What the resolver said about a host.
    case lookedUp(String, NameLookup)
  }

  struct Batch {
    var commands: [Command] = []
    var resumePaused = false
    var shutDown = false
    var isEmpty: Bool { commands.isEmpty && !resumePaused && !shutDown }
  }

  private struct State {
    var batch = Batch()
    var stopFlags: [TransferID: StopFlag] = [:]
    /// Nil once the thread is gone.
    var multi: Wakeable?
  }

  /// The multi handle, for `curl_multi_wakeup` only: the one call that is allowed from any thread.
  private struct Wakeable: @unchecked Sendable {
    var multi: UnsafeMutableRawPointer
  }

  private let state: Mutex<State>

  init(waking multi: UnsafeMutableRawPointer) {
    let wakeable = Wakeable(multi: multi)
    state = Mutex(State(multi: wakeable))
  }

  /// False when the thread is gone.
  func open(_ request: TransferRequest, receiver: any TransferReceiver) -> Bool {
    let opening = Opening(request: request, receiver: receiver, stopFlag: StopFlag())
    return send { state in
      state.stopFlags[request.id] = opening.stopFlag
      state.batch.commands.append(.open(opening))
    }
  }

  func stop(_ id: TransferID) {
    send { state in
      guard let flag = state.stopFlags[id] else { return }
      flag.set()
      state.batch.commands.append(.stop(id))
    }
  }

  func resumePaused() { send { $0.batch.resumePaused = true } }
  func setRateLimit(_ limit: Int?) { send { $0.batch.commands.append(.setRateLimit(limit)) } }

  func lookedUp(_ host: String, _ answer: NameLookup) {
    send { $0.batch.commands.append(.lookedUp(host, answer)) }
  }

  /// Every open transfer's flag is set, so that a thread busy with bytes notices.
  func shutDown() {
    send { state in
      state.batch.shutDown = true
      for flag in state.stopFlags.values { flag.set() }
    }
  }

  /// What came in since the last call. Called by the thread.
  func take() -> Batch {
    state.withLock { state in
      defer { state.batch = Batch() }
      return state.batch
    }
  }

  /// The transfer has ended. Called by the thread.
  func forget(_ id: TransferID) { state.withLock { _ = $0.stopFlags.removeValue(forKey: id) } }

  /// Nothing is accepted from now on; what came in since the last `take`. Called by the thread as its last.
  func close() -> Batch {
    state.withLock { state in
      state.multi = nil
      state.stopFlags = [:]
      defer { state.batch = Batch() }
      return state.batch
    }
  }

  /// Wakes the thread when it may be asleep: the first command of a batch does. False when the thread is gone.
  @discardableResult
  private func send(_ change: (inout State) -> Void) -> Bool {
    state.withLock { state in
      guard let wakeable = state.multi else { return false }
      let wasEmpty = state.batch.isEmpty
      change(&state)
      if wasEmpty, !state.batch.isEmpty { curl_multi_wakeup(wakeable.multi) }
      return true
    }
  }
}
