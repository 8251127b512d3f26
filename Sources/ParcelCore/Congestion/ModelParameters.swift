/// The numbers of a model-based controller, and where they come from.
struct ModelParameters: Sendable {
  /// Pacing in start-up: 4 ln 2, which doubles the rate each round (draft-ietf-ccwg-bbr, "Startup").
  var startUpGain = 2.77
  /// Share of loss beyond the earlier rounds' that ends start-up.
  var startUpLoss = 0.03
  /// Pacing while the start-up's queue drains (BBRv3: 0.5).
  var drainGain = 0.5
  /// Pacing while probing for more (BBR: 1.25), and while its queue drains again.
  var upGain = 1.25
  var downGain = 0.75
  /// The most by which a probe sends faster.
  var mostExcess = 0.4
  var cruiseGain = 1.0
  /// Packets on their way at most, in bandwidth-delay products, beside what clocks need.
  var flightGain = 2.0
  /// Rounds between two probes; drawn between both.
  var cruiseRounds = 4...8
  /// Rounds for which a delivery rate is believed. Two flows of ours share the better the sooner the one with more forgets what it had:
  /// simulated, the first keeps 40 to 58 % with 6 rounds (56 seeds), 44 to 65 % with 10 (24 seeds).
  var rateRounds = 6
  /// The background loss that is believed at most; 0 takes every loss for congestion. Beyond it pacing is not compensated:
  /// 10 % makes at most 1.11 of the delivery rate.
  var backgroundCap = 0.10
  /// Share of loss beyond the background that is too much.
  var excessLoss = 0.02
  /// Too much loss counts only with a second sign: a queue, a plateau or a link to our probing.
  var needsEvidence = true
  /// What is left of rate after too much loss, unless more was delivered.
  var lossResponse = 0.7
  /// Seconds without a sample near the minimum round trip, after which the pipe is emptied to see it.
  var roundTripExpiry = 10.0

  /// The default: built for 0.1 to 10 % of loss that is not congestion.
  static let model = ModelParameters()

  /// The thresholds of BBRv3: any loss above 2 % is congestion. Its share beside loss-based flows is smaller.
  static let fair: ModelParameters = {
    var fair = ModelParameters()
    fair.startUpLoss = 0.02
    fair.upGain = 1.25
    fair.downGain = 0.9
    fair.cruiseGain = 0.99
    fair.flightGain = 1.5
    fair.cruiseRounds = 16...24
    fair.rateRounds = 24
    fair.backgroundCap = 0
    fair.needsEvidence = false
    return fair
  }()
}
