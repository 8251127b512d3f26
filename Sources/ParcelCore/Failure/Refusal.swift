/// Why a server refused an object, in one of the kinds that a person can do something about. Read from what the answer
/// says: OAuth's header (RFC 6750), the codes of object stores (S3, Google, Azure), the sentences of GDC, Gen3 and the like.
package enum Refusal: String, Sendable, CaseIterable {
  /// The token was good once.
  case tokenExpired
  /// The server does not know the token, or cannot read it.
  case tokenRefused
  /// Nothing was sent, and something is wanted.
  case tokenMissing
  /// Known who it is, and this object is not for them: controlled data.
  case noAccess
  /// The object was taken back.
  case withdrawn
  /// A newer version took its place.
  case superseded
  /// There is no such object.
  case gone
  /// A signed URL's time is over.
  case linkExpired
  /// A signed URL's signature or key is wrong.
  case linkBroken
  /// In cold storage: somebody has to order it first.
  case archived
  /// The bucket's owner wants downloads paid by who asks.
  case requesterPays
  /// The two clocks are too far apart for signatures.
  case clock

  /// One sentence.
  package var sentence: String {
    switch self {
    case .tokenExpired: "The token has expired."
    case .tokenRefused: "The server does not accept the token."
    case .tokenMissing: "The server wants a token or password."
    case .noAccess: "You have no access to this object: it is controlled data, or not for you."
    case .withdrawn: "The file was withdrawn."
    case .superseded: "The file was superseded by a newer version."
    case .gone: "There is no such object."
    case .linkExpired: "The signed link has expired."
    case .linkBroken: "The signed link is not valid: it was changed, or its key is."
    case .archived: "The object is in cold storage and must be restored before it can be read."
    case .requesterPays: "The owner wants downloads paid by those who make them (requester pays)."
    case .clock: "This machine's clock and the server's are too far apart for a signed request."
    }
  }

  package var remedy: String {
    switch self {
    case .tokenExpired:
      "Get a new one where you got this one (GDC: in the portal, good for 30 days) and run again."
    case .tokenRefused: "Check that it is this server's token and complete, or get a new one."
    case .tokenMissing: "Give a token file (-t), or a user and password (--netrc)."
    case .noAccess:
      "Ask for access to the project (GDC: through dbGaP); after it was granted, get a new token."
    case .withdrawn: "Get a new manifest: it may name another file in its place."
    case .superseded: "Get a new manifest: it names the newer version."
    case .gone: "Check the id or URL: the object may have been replaced."
    case .linkExpired: "Get a new manifest or link where you got this one, and run again: what is here stays."
    case .linkBroken: "Copy the whole link again, with everything after the '?'."
    case .archived: "Ask the owner of the data to restore it."
    case .requesterPays: "Ask the owner for another way: parcel cannot be billed."
    case .clock: "Set this machine's clock (timedatectl set-ntp true)."
    }
  }

  /// What kind of failure that is.
  var code: Failure.Code {
    switch self {
    case .withdrawn, .superseded, .gone: .notFound
    default: .credentials
    }
  }

  var retry: Failure.Retry { code == .notFound ? .never : .needsUser }

  /// It would be the same for every other object of that server.
  package var concernsAll: Bool {
    switch self {
    case .tokenExpired, .tokenRefused, .tokenMissing, .clock: true
    default: false
    }
  }
}
