/// What of an earlier run's journal can be believed, decided before any byte is read again.
package enum JournalRecovery: Equatable, Sendable {
  /// `trusted` can be kept as it is. `doubtful` blocks were written after the last sync under another start of the
  /// machine: each is kept if reading it again gives its digest. `validLength` is where the journal goes on.
  case keep(
    object: JournalObject, trusted: JournalState.Claim, doubtful: [Int: UInt64], state: JournalState,
    validLength: Int)
  /// Nothing can be kept; a sentence for the log.
  case refuse(String)

  /// - Parameters:
  ///   - journal: the journal's bytes, nil when there is none.
  ///   - partSize: size of the `.part` in bytes, nil when there is none.
  ///   - name: the final file's name, for sentences.
  package init(journal: [UInt8]?, partSize: Int?, target: Target, boot: String, name: String) {
    guard let journal else {
      self = .refuse("'\(name).part' has no journal, so its bytes cannot be trusted: starting over.")
      return
    }
    guard let partSize else {
      self = .refuse("'\(name).parcel' is there but '\(name).part' is missing: starting over.")
      return
    }
    switch Journal.replay(journal) {
    case .unreadable:
      self = .refuse("'\(name).parcel' is not a journal that can be read: starting over.")
    case .laterVersion(let version):
      self = .refuse(
        "'\(name).parcel' was written by a later version (journal \(version), this program reads "
          + "\(Journal.version)): starting over.")
    case .state(let state, let length):
      self = Self.judge(
        state, validLength: length, partSize: partSize, target: target, boot: boot, name: name)
    }
  }

  private static func judge(
    _ state: JournalState, validLength: Int, partSize: Int, target: Target, boot: String, name: String
  ) -> JournalRecovery {
    guard let object = state.object, let layout = state.layout else {
      return .refuse("'\(name).parcel' does not say how large the file is: starting over.")
    }
    if let conflict = conflict(object, target) {
      return .refuse("'\(name).part' belongs to another object (\(conflict)): starting over.")
    }
    let sameBoot = state.boot == boot
    let certain = sameBoot ? state.all : state.durable
    let needed = certain.ranges(layout).ranges.last?.end ?? 0
    guard partSize >= needed else {
      return .refuse(
        "'\(name).part' has \(partSize) bytes where its journal needs \(needed): starting over.")
    }
    let doubtful = sameBoot ? [:] : state.all.blocks.filter { state.durable.blocks[$0.key] != $0.value }
    return .keep(
      object: object, trusted: certain, doubtful: doubtful, state: state, validLength: validLength)
  }

  /// How the object of the journal differs from what is wanted now; nil when it does not.
  private static func conflict(_ object: JournalObject, _ target: Target) -> String? {
    if target.sizeIsWanted, let wanted = target.size, let size = object.identity.size, wanted != size {
      return "\(size) bytes, now \(wanted) are wanted"
    }
    for wanted in target.digests {
      for old in object.digests where old.algorithm == wanted.algorithm && old.bytes != wanted.bytes {
        return "\(old.algorithm.rawValue) \(old.hex), now \(wanted.hex) is wanted"
      }
    }
    return nil
  }
}
