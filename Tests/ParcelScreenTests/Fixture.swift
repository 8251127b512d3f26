import ParcelCore

@testable import ParcelScreen

/// Fixed snapshots for tests.
enum Fixture {
  static let names = [
    "TCGA.ACC.mutect.abbe72a5.somatic.maf.gz", "TCGA.BLCA.mutect.0e239d8f.somatic.maf.gz",
    "TCGA.BRCA.mutect.995c0111.somatic.maf.gz", "TCGA.CESC.mutect.5ffa70b1.somatic.maf.gz",
    "TCGA.COAD.mutect.03652df4.somatic.maf.gz", "TCGA.DLBC.mutect.c3df46a7.somatic.maf.gz",
    "TCGA.ESCA.mutect.7f8e1e7c.somatic.maf.gz", "TCGA.GBM.mutect.da904cd3.somatic.maf.gz",
    "TCGA.HNSC.mutect.1aa33f25.somatic.maf.gz", "TCGA.KICH.mutect.ddca3fbe.somatic.maf.gz",
  ]

  static func info(_ index: Int, _ name: String? = nil) -> DownloadInfo {
    DownloadInfo(
      id: DownloadID(index), name: name ?? (index < names.count ? names[index] : "file-\(index).bam"),
      source: .url("https://api.example.org/data/\(index)"))
  }

  static func status(
    _ state: DownloadState, size: Int? = 100_000_000, received: Int = 0, hashed: Int = 0, rate: Double = 0,
    left: Double? = nil, connections: Int = 0, via: TransportKind? = nil, note: String? = nil,
    failure: Failure? = nil
  ) -> DownloadStatus {
    var status = DownloadStatus()
    status.state = state
    status.size = size
    status.received = received
    status.hashed = hashed
    status.rate = rate
    status.secondsLeft = left
    status.connections = connections
    status.transport = via
    status.note = note
    status.failure = failure
    return status
  }

  static let tokenFailure = Failure(
    .credentials, retry: .needsUser,
    "Could not fetch 'TCGA.DLBC.mutect.c3df46a7.somatic.maf.gz': the server refused the token (403).",
    remedy: "Choose a new token file with K, then press r.")

  /// Ten files, one in each state.
  static let statuses: [DownloadStatus] = [
    status(.verified, size: 1_590_000, received: 1_590_000, hashed: 1_590_000, via: .http),
    status(.complete, size: 38_200_000, received: 38_200_000, via: .udt),
    status(
      .running, size: 1_210_000_000, received: 726_000_000, hashed: 548_000_000, rate: 50_250_000, left: 9.6,
      connections: 2, via: .udt),
    status(
      .running, size: 812_440_000, received: 195_000_000, hashed: 195_000_000, rate: 42_500_000, left: 14.5,
      connections: 1, via: .http),
    status(.paused, size: 644_100_000, received: 77_300_000, hashed: 77_300_000),
    status(.needsUser, size: 21_770_000, note: "needs a new token: K", failure: tokenFailure),
    status(.waiting, size: 33_100_000),
    status(.retrying, size: nil, received: 4_200_000, note: "server asked to wait 37 s"),
    status(.verifying, size: 9_000_000, received: 9_000_000, hashed: 7_000_000, connections: 0, via: .http),
    status(
      .failed, size: 5_000_000,
      failure: Failure(
        .notFound, retry: .never, "Could not fetch 'TCGA.KICH': the server has no such file (404).")),
  ]

  static let history: [Double] = (0..<90).map { second in
    let wave = [20, 30, 46, 60, 72, 80, 74, 66, 70, 85, 92, 88, 76, 60, 52, 44]
    return Double(wave[second / 3 % wave.count]) * 1e6
  }

  static func snapshot(_ generation: UInt64 = 1) -> Snapshot {
    var snapshot = Snapshot(time: Instant(seconds: Double(generation)), generation: generation)
    snapshot.phase = .running
    snapshot.table = (0..<statuses.count).map { info($0) }
    snapshot.changed = statuses.enumerated().map {
      StatusChange(id: DownloadID($0.offset), status: $0.element)
    }
    snapshot.settings.title = "demo-manifest.tsv"
    snapshot.settings.server = "https://api.gdc.cancer.gov/data/"
    snapshot.totals = totals
    snapshot.log = [
      LogLine(clock: "14:02:31", level: .info, text: "Read 'demo-manifest.tsv': 10 files, 2.78 GB."),
      LogLine(clock: "14:02:40", level: .warning, text: "The server asked to wait 37 s."),
      LogLine(clock: "14:02:41", level: .error, text: tokenFailure.sentence),
    ]
    return snapshot
  }

  static var totals: Totals {
    var totals = Totals()
    totals.files = 10
    totals.done = 2
    totals.verified = 1
    totals.failed = 1
    totals.needsUser = 1
    totals.active = 3
    totals.paused = 1
    totals.bytes = 2_775_200_000
    totals.unsized = 1
    totals.received = 1_042_290_000
    totals.verifiedBytes = 1_590_000
    totals.rate = 92_750_000
    totals.secondsLeft = 25
    totals.connections = 3
    totals.history = history
    return totals
  }

  /// Of the third file.
  static var detail: DownloadDetail {
    var detail = DownloadDetail(
      id: DownloadID(2), target: "out/995c0111/TCGA.BRCA.mutect.995c0111.somatic.maf.gz")
    detail.resolvedURL = "https://cdn.example.org/995c0111"
    detail.digests = [Digest(.md5, hex: "995c0111aabbccddeeff00112233b0b1", source: .manifest)].compactMap {
      $0
    }
    detail.segments = [
      SegmentStatus(
        range: ByteRange(0, 860_000_000), received: 600_000_000, rate: 37_625_000, age: 19, retries: 0,
        activity: .receiving, transport: .udt),
      SegmentStatus(
        range: ByteRange(860_000_000, 1_210_000_000), received: 126_000_000, rate: 0, age: 9, retries: 1,
        activity: .stalled, transport: .udt),
    ]
    detail.stored = [ByteRange(0, 590_000_000), ByteRange(860_000_000, 980_000_000)]
    detail.history = Array(history.prefix(40))
    detail.validator = "\"5f3c-abc\""
    detail.rangesSupported = true
    return detail
  }

  /// The ten files, the third one selected, its detail there.
  static func model(_ columns: Int, _ rows: Int, charset: Charset = .unicode) -> Model {
    var model = Model(size: Size(columns: columns, rows: rows), charset: charset)
    model.send(.snapshot(snapshot()))
    model.press(.down, .down)
    var second = snapshot(2)
    second.table = nil
    second.changed = []
    second.log = []
    second.detail = detail
    model.send(.snapshot(second))
    return model
  }

  /// `count` waiting files.
  static func manyRows(_ count: Int, size: Size = Size(columns: 80, rows: 24)) -> Model {
    var snapshot = Snapshot(time: .zero, generation: 1)
    snapshot.table = (0..<count).map {
      DownloadInfo(id: DownloadID($0), name: "file-\($0).bam", source: .url("https://x/\($0)"))
    }
    snapshot.changed = (0..<count).map { StatusChange(id: DownloadID($0), status: status(.waiting)) }
    snapshot.totals.files = count
    var model = Model(size: size)
    model.send(.snapshot(snapshot))
    return model
  }
}

extension Model {
  @discardableResult
  mutating func send(_ event: Event, at seconds: Double = 0) -> [Effect] {
    update(&self, event, now: Instant(seconds: seconds))
  }

  /// What a check found, shown for long enough that keys count.
  mutating func open(
    _ report: PreflightReport, _ check: PreflightCheck = PreflightCheck(number: 1, files: 33)
  ) {
    send(.preflight(report, check))
    if case .preflight(var panel) = dialog {
      panel.deafUntil = .zero
      dialog = .preflight(panel)
    }
  }

  @discardableResult
  mutating func press(_ keys: Key...) -> [Effect] { keys.flatMap { send(.key($0)) } }

  @discardableResult
  mutating func type(keys text: String) -> [Effect] { text.flatMap { send(.key(.character($0))) } }

  /// New statuses for some rows, nothing else changed.
  @discardableResult
  mutating func change(_ changes: [Int: DownloadStatus]) -> [Effect] {
    var snapshot = Snapshot(time: .zero, generation: 0)
    snapshot.phase = phase
    snapshot.totals = totals
    snapshot.settings = settings
    snapshot.changed = changes.keys.sorted().compactMap { index in
      changes[index].map { StatusChange(id: DownloadID(index), status: $0) }
    }
    return send(.snapshot(snapshot))
  }
}
