import Glibc
import ParcelCore
import Synchronization

/// A receiver that keeps everything and notes every breach of the contract's order.
final class StrictReceiver: TransferReceiver {
  struct State {
    var head: ResponseHead?
    var body: [UInt8] = []
    var writes = 0
    var pauses = 0
    var end: TransferEnd?
    var breaches: [String] = []
    fileprivate var isInside = false
    fileprivate var offeredAgain: [UInt8]?
    fileprivate var thread: pthread_t?
  }

  private struct Waiter {
    var condition: @Sendable (State) -> Bool
    var continuation: CheckedContinuation<State, Never>
  }

  private struct Guarded {
    var state = State()
    var waiters: [Waiter] = []
  }

  private let guarded = Mutex(Guarded())
  private let decide: @Sendable (ResponseHead) -> BodyDecision
  private let answer: @Sendable (State, Int) -> WriteAnswer

  /// `answer` gets what is there already and the number of new bytes.
  init(
    decide: @escaping @Sendable (ResponseHead) -> BodyDecision = { _ in .receive },
    answer: @escaping @Sendable (State, Int) -> WriteAnswer = { _, _ in .more }
  ) {
    self.decide = decide
    self.answer = answer
  }

  var state: State { guarded.withLock { $0.state } }

  func until(_ condition: @escaping @Sendable (State) -> Bool) async -> State {
    await withCheckedContinuation { continuation in
      let now: State? = guarded.withLock { guarded in
        if condition(guarded.state) { return guarded.state }
        guarded.waiters.append(Waiter(condition: condition, continuation: continuation))
        return nil
      }
      if let now { continuation.resume(returning: now) }
    }
  }

  func ended() async -> State { await until { $0.end != nil } }

  func begin(_ head: ResponseHead) -> BodyDecision {
    inside("begin") { state in
      if state.head != nil { state.breaches.append("begin twice") }
      if state.writes > 0 { state.breaches.append("begin after write") }
      if head.status < 200 { state.breaches.append("begin with \(head.status)") }
      state.head = head
      return decide(head)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    inside("write") { state in
      if state.head == nil { state.breaches.append("write before begin") }
      if bytes.isEmpty { state.breaches.append("write without bytes") }
      state.writes += 1
      if let again = state.offeredAgain {
        let isSame = zip(again, bytes).allSatisfy { $0 == $1 }
        if !isSame { state.breaches.append("other bytes after a pause") }
        state.offeredAgain = nil
      }
      let result = answer(state, bytes.count)
      switch result {
      case .more, .enough: state.body += bytes
      case .pause:
        state.pauses += 1
        state.offeredAgain = Array(bytes)
      case .stop: break
      }
      return result
    }
  }

  func end(_ end: TransferEnd) {
    inside("end") { state in
      if state.end != nil { state.breaches.append("end twice") }
      state.end = end
    }
  }

  private func inside<Result>(_ call: String, _ body: (inout State) -> Result) -> Result {
    var ready: [Waiter] = []
    let (result, state) = guarded.withLock { guarded in
      note(call, &guarded.state)
      let result = body(&guarded.state)
      guarded.state.isInside = false
      let state = guarded.state
      ready = guarded.waiters.filter { $0.condition(state) }
      guarded.waiters.removeAll { $0.condition(state) }
      return (result, state)
    }
    for waiter in ready { waiter.continuation.resume(returning: state) }
    return result
  }

  private func note(_ call: String, _ state: inout State) {
    if state.isInside { state.breaches.append("\(call) inside another call") }
    state.isInside = true
    if state.end != nil { state.breaches.append("\(call) after the end") }
    let thread = pthread_self()
    if let known = state.thread, pthread_equal(known, thread) == 0 {
      state.breaches.append("\(call) on another thread")
    }
    state.thread = thread
  }
}

extension TransferEnd {
  var failure: Failure? {
    if case .failed(let failure) = reason { return failure }
    return nil
  }

  var word: String {
    switch reason {
    case .completed: "completed"
    case .stopped: "stopped"
    case .rejected: "rejected"
    case .failed(let failure): "failed: \(failure.text)"
    }
  }
}
