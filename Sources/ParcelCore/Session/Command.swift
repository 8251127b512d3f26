/// What a person or a program asks of a running session.
package enum Command: Hashable, Sendable {
  /// Begin with everything that waits; before it nothing is fetched.
  case start
  /// What is to become of the rows that a check found something wrong with (`PreflightCheck.number`).
  case answer(check: Int, PreflightAnswer)
  case pause([DownloadID])
  case resume([DownloadID])
  case pauseAll
  case resumeAll
  /// Try failed and stopped downloads again, now.
  case retry([DownloadID])
  /// Take rows out of the list. Partial data stays on disk.
  case remove([DownloadID])
  /// Read a manifest file and add its rows.
  case openManifest(path: String)
  /// Add one URL or file id.
  case add(String)
  case setTokenFile(path: String)
  /// Use this token from now on; it is kept in memory only.
  case useToken(Secret)
  case setFolder(path: String)
  case setServer(String)
  /// Connections a file, from 1; nil = adapts.
  case setConnections(Int?)
  /// How these downloads' next segments travel. A running segment ends at its next block.
  case setTransport([DownloadID], TransportChoice)
  /// The same for all, also those that come later.
  case setTransportAll(TransportChoice)
  /// Whose detail the snapshots carry.
  case select(DownloadID?)
  /// Stop, save, leave.
  case quit
}
