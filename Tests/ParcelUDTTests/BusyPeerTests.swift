import Foundation
import ParcelCore
import ParcelTesting
import Synchronization
import Testing

@testable import ParcelUDT

/// Peers that answer late, or not all, because their machine or ours is busy.
@Suite("A busy peer", .serialized, .timeLimit(.minutes(2)))
struct BusyPeerTests {
  /// Between clients and a listener. The first client gets the first answer after half a second, and the second one after 3.25: a moment
  /// after libudt's receive thread has given the attempt up, and before the thread that connects looks up. The others get theirs at once.
  fileprivate final class LatePath: @unchecked Sendable {
    private let front = LoopbackSocket()
    private let back = LoopbackSocket()
    private let state = Mutex(State())
    private var threads: [Background] = []
    var port: Int { front.port }
    var attempts: Int { state.withLock { $0.ports.count } }

    fileprivate struct State {
      /// Where each UDT socket sends from, by its number in network order.
      var ports: [[UInt8]: Int] = [:]
      var first: [UInt8] = []
      var began = Date()
      /// Of the first socket, the latest of each kind: what to send it when.
      var held: [(answer: [UInt8], delay: Double)] = []
    }

    init(to server: Int) {
      threads = [
        Background { [front, back, self] in
          guard let (bytes, port) = front.receive() else { return }
          back.send(bytes, to: server)
          // A handshake names the asker's socket.
          guard bytes.count == 64, bytes[0] == 0x80, bytes[1] == 0 else { return }
          self.state.withLock { state in
            let number = Array(bytes[40..<44])
            if state.ports.isEmpty { (state.first, state.began) = (number, Date()) }
            state.ports[number] = port
          }
        },
        Background { [front, back, self] in
          let came = back.receive()?.bytes
          for (answer, port) in self.state.withLock({ $0.answers(came) }) { front.send(answer, to: port) }
        },
      ]
    }

    func stop() { for thread in threads { thread.stop() } }
  }

  @Test("that answers when libudt has just given up is asked again, and the connection is whole")
  func lateAnswer() async throws {
    try await onThread {
      let library = try Shared.library()
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: library)
      let path = LatePath(to: listener.port)
      let streams = Locked<[UDTStream]>([])
      let server = Background {
        guard let stream = try? listener.accept(timeout: 0.1) else { return }
        streams.locked { $0.append(stream) }
        Thread.detachNewThread {
          if let bytes = try? stream.readToEnd() { try? stream.write(bytes) }
          stream.close()
        }
      }
      let client = try UDTStream.connect(host: "127.0.0.1", port: path.port, library: library)
      #expect(path.attempts == 2)
      let bytes = pattern(100_000, seed: 3)
      try client.write(bytes)
      _ = client.endWriting()
      #expect(try client.readToEnd() == bytes)
      client.close()
      server.stop()
      for stream in streams.locked({ $0 }) { stream.abort() }
      path.stop()
      listener.close()
    }
  }

  private static func silent(_ text: String) -> UDTStream.ConnectFailure {
    UDTStream.ConnectFailure(failure: Failure(.network, retry: .later(after: nil), text), isSilent: true)
  }

  @Test("that does not answer one connect while another gets through is asked again")
  func gateAsksAgain() throws {
    let gate = ConnectGate()
    var calls = 0
    let answer = try gate.enter { () throws(UDTStream.ConnectFailure) -> Int in
      calls += 1
      if calls < 4 {
        // Meanwhile somebody else does.
        _ = try gate.enter { 0 }
        throw Self.silent("no answer \(calls)")
      }
      return calls
    }
    #expect(answer == 4)
  }

  @Test("that nobody has reached is not asked again, and a refusal is final")
  func gateGivesUp() throws {
    let gate = ConnectGate()
    var calls = 0
    #expect(throws: UDTStream.ConnectFailure.self) {
      try gate.enter { () throws(UDTStream.ConnectFailure) -> Int in
        calls += 1
        throw Self.silent("nobody")
      }
    }
    #expect(calls == 1)
    _ = try gate.enter { 0 }
    #expect(throws: UDTStream.ConnectFailure.self) {
      try gate.enter { () throws(UDTStream.ConnectFailure) -> Int in
        calls += 1
        var refused = Self.silent("no")
        refused.isSilent = false
        throw refused
      }
    }
    #expect(calls == 2)
  }
}

extension BusyPeerTests.LatePath.State {
  /// What is to go out now, `came` included if it may.
  fileprivate mutating func answers(_ came: [UInt8]?) -> [(answer: [UInt8], port: Int)] {
    var out: [(answer: [UInt8], port: Int)] = []
    if let came, came.count >= 16 {
      let number = Array(came[12..<16])
      // The type of a handshake's answer: 1 to the first question, -1 to the second.
      let isFirst = came.count == 64 && came[39] == 1
      if number == first {
        if held.count == (isFirst ? 0 : 1) { held.append((came, isFirst ? 0.5 : 3.25)) }
      } else if let port = ports[number] {
        out.append((came, port))
      }
    }
    for index in held.indices where Date().timeIntervalSince(began) >= held[index].delay {
      guard let port = ports[first], !held[index].answer.isEmpty else { continue }
      out.append((held[index].answer, port))
      held[index].answer = []
    }
    return out
  }
}
