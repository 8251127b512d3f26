import ParcelCore

/// How a run is set up. Some of it can be changed while it runs (see `Engine`).
package struct EngineOptions: Sendable {
  /// Base URL for file ids, with scheme.
  package var server = "https://api.gdc.cancer.gov/data/"
  /// Absolute path of the target folder.
  package var folder = "."
  /// Sent as `X-Auth-Token` to the hosts that the user named.
  package var token: String?
  /// Shown instead of the token.
  package var tokenFile: String?
  /// Sent with every request to the hosts that the user named.
  package var headers: [HTTPHeader] = []
  /// How a new token comes, for sentences ("N gives it", "the file is watched"); nil: none will come in this run.
  package var tokenRenewal: String?
  /// True: downloads that wait for room or a token do so for ever. False: only while others run.
  package var waitsForEver = false
  /// Connections a file; nil = adapts.
  package var connections: Int?
  /// Files at once; nil = adapts.
  package var files: Int?
  /// Connections a host over all files.
  package var perHost = 16
  package var overwrite = false
  /// False: digests are not checked (`--no-verify`).
  package var verifies = true
  /// True: nothing is fetched; files that are there are checked.
  package var verifyOnly = false
  /// True: nothing starts before `Command.start`.
  package var waits = false
  /// Every change of state is kept for the snapshots (`Snapshot.transitions`).
  package var keepsTransitions = false
  package var insecure = false
  package var rateLimit: Int?
  /// How the bytes travel, unless a download was set otherwise.
  package var transport = TransportChoice.auto
  /// Where the UDT end points are.
  package var relay = RelayRule.unknown
  package var policy = DownloadMachine.Policy()
  package var seed: UInt64 = 1

  package init() {}
}
