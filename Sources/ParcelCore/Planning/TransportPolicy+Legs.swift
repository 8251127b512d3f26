/// Legs that belong together, and the one that runs.
struct MeasuringSeries: Sendable {
  struct Leg: Sendable {
    enum Phase: Sendable {
      /// Transfers of the other kind are still ending.
      case clearing(since: Instant)
      /// No byte yet; `count` bytes were there before.
      case waiting(since: Instant, count: Int)
      /// The rate still grows; `last` is the last second's.
      case startingUp(since: Instant, last: Double)
      case measuring(since: Instant, samples: [Double])
    }
    var kind: TransportKind
    var phase: Phase
  }
  /// What comes after `leg`.
  var rest: [TransportKind]
  var leg: Leg
  /// Medians so far, bytes per second.
  var results: [(kind: TransportKind, rate: Double)] = []

  func rate(_ kind: TransportKind) -> Double? {
    let rates = results.filter { $0.kind == kind }.map(\.rate)
    return rates.isEmpty ? nil : rates.reduce(0, +) / Double(rates.count)
  }
}

/// Rates of whole seconds from a growing count.
struct LegSampler: Sendable {
  private var start: (count: Int, at: Instant)?

  mutating func take(_ count: Int, now: Instant) -> Double? {
    guard let start else {
      self.start = (count, now)
      return nil
    }
    let seconds = now - start.at
    guard seconds >= 1 else { return nil }
    self.start = (count, now)
    return Double(max(0, count - start.count)) / seconds
  }
}

extension [Double] {
  /// 0 for none; of an even number the mean of the middle two.
  var median: Double {
    guard !isEmpty else { return 0 }
    let sorted = sorted()
    let middle = count / 2
    return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension TransportPolicy {
  /// Starts three legs the first time, one of the other transport later.
  mutating func begin(now: Instant) {
    let kinds = measured == nil ? [decided, decided.other, decided] : [decided.other]
    var series = MeasuringSeries(
      rest: Array(kinds.dropFirst()),
      leg: MeasuringSeries.Leg(kind: kinds[0], phase: .clearing(since: now)))
    // The youngest seconds only: the rate may just have fallen.
    if measured != nil { series.results = [(decided, Array(recent.suffix(5)).median)] }
    self.series = series
    forget()
    reason = stage("running segments end first")
  }

  /// One look at the running leg.
  mutating func goOn(_ counters: TransportCounters, now: Instant, until: () -> String) -> [Change] {
    guard var leg = series?.leg else { return [] }
    guard counters.canMeasure else { return giveUp("not measured: something else is in the way", now: now) }
    let count = counters.bytes(leg.kind)
    switch leg.phase {
    case .clearing(let since):
      if counters.open(leg.kind.other) == 0 {
        leg.phase = .waiting(since: now, count: count)
        reason = stage("no byte yet")
      } else if now - since > rules.clearing {
        return giveUp("not measured: segments take too long to end", now: now)
      }
    case .waiting(let since, let first):
      if count > first {
        leg.phase = .startingUp(since: now, last: 0)
        reason = stage("gathering speed")
        sampler = LegSampler()
        _ = sampler.take(count, now: now)
      } else if now - since > rules.firstByte {
        guard leg.kind == .udt else { return giveUp("not measured: no byte came over http", now: now) }
        return giveUpUDT(Self.noAnswer, now: now, until: until())
      }
    case .startingUp(let since, let last):
      guard let sample = sampler.take(count, now: now) else { break }
      let isOver = sample <= last * rules.growth || now - since >= rules.startUp
      leg.phase = isOver ? .measuring(since: now, samples: []) : .startingUp(since: since, last: sample)
    case .measuring(let since, var samples):
      guard let sample = sampler.take(count, now: now) else { break }
      samples.append(sample)
      leg.phase = .measuring(since: since, samples: samples)
      let length = max(rules.leg, rules.roundTrips * (counters.roundTrip ?? 0))
      if now - since >= length { return conclude(leg.kind, samples.median, counters, now: now) }
      reason = stage("\(Int((length - (now - since)).rounded(.up))) s more")
    }
    series?.leg = leg
    return []
  }

  private mutating func conclude(
    _ kind: TransportKind, _ rate: Double, _ counters: TransportCounters, now: Instant
  ) -> [Change] {
    series?.results.append((kind, rate))
    guard let series, let next = series.rest.first else { return decide(now: now) }
    if Double(counters.left) < rules.littleLeft * max(rate, series.rate(decided) ?? 0) {
      return series.rate(decided.other) == nil
        ? giveUp("little left: not measured", now: now) : decide(now: now)
    }
    self.series?.rest.removeFirst()
    self.series?.leg = MeasuringSeries.Leg(kind: next, phase: .clearing(since: now))
    sampler = LegSampler()
    reason = stage("running segments end first")
    return []
  }

  /// What the running leg is at, and what the last one gave. Which transport it measures is said by `isMeasuring` and
  /// `kind`, wherever the reason stands.
  private func stage(_ words: String) -> String {
    guard let last = series?.results.last else { return words }
    let (unit, scale) = Self.unit(of: last.rate)
    return words + "; \(last.kind.rawValue) gave \(Self.number(last.rate / scale)) \(unit)"
  }

  /// Compares, and switches for enough gain.
  private mutating func decide(now: Instant) -> [Change] {
    guard let series, let present = series.rate(decided), let other = series.rate(decided.other) else {
      return giveUp("not measured yet", now: now)
    }
    let before = decided
    let isFirst = measured == nil
    if other > rules.gain * present {
      decided = before.other
      interval = rules.firstLook
    } else {
      interval = isFirst ? rules.firstLook : min(2 * interval, rules.longestLook)
    }
    measured = max(decided == before ? present : other, 0)
    decidedAt = now
    nextLook = now + interval
    self.series = nil
    forget()
    let rates = decided == before ? (present, other) : (other, present)
    reason = Self.comparison(decided, rates.0, against: rates.1, path: lastPath)
    return [Change(from: before, to: decided, reason: reason)]
  }

  /// Back to what was in use; tries again after the hold.
  private mutating func giveUp(_ why: String, now: Instant) -> [Change] {
    series = nil
    warmSince = nil
    notBefore = now + rules.hold
    forget()
    reason = why
    return []
  }

  /// UDP does not get through: http, for a known time.
  mutating func giveUpUDT(_ words: String, now: Instant, until: String) -> [Change] {
    let before = decided
    series = nil
    warmSince = nil
    decided = .http
    decidedAt = now
    let end = now + rules.silence
    deadUntil = end
    nextLook = end
    notBefore = end
    interval = rules.firstLook
    if before != .http { measured = nil }
    forget()
    reason = words + ", http until " + until
    return [Change(from: before, to: .http, reason: reason)]
  }

  // MARK: - Words

  /// "412 Mbit/s against 61 over http, loss 0.3 %, rtt 142 ms": which one is used stands beside it wherever it is shown.
  static func comparison(
    _ kind: TransportKind, _ rate: Double, against other: Double, path: PathStatistics?
  ) -> String {
    let (unit, scale) = unit(of: max(rate, other))
    let first = number(rate / scale)
    var text = "\(first) \(unit) against \(number(other / scale)) over \(kind.other.rawValue)"
    if let path, let roundTrip = path.roundTrip {
      text += ", loss \(Decimal.fixed(min(max(path.meanLoss, 0), 1) * 100, 1)) %"
      text += ", rtt \(Int(min(max(roundTrip, 0), 1000) * 1000)) ms"
    }
    return String(text.prefix(80))
  }

  private static func unit(of rate: Double) -> (String, Double) {
    switch rate * 8 {
    case ..<1e6: ("kbit/s", 1e3 / 8)
    case ..<1e10: ("Mbit/s", 1e6 / 8)
    default: ("Gbit/s", 1e9 / 8)
    }
  }

  private static func number(_ value: Double) -> String {
    let bounded = min(max(value, 0), 1e9)
    return bounded < 9.95 ? Decimal.fixed(bounded, 1) : Decimal.fixed(bounded, 0)
  }
}
