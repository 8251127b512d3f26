import CCrypto
import ParcelCore

/// A whole-file digest in the making (OpenSSL EVP). One thread at a time.
final class DigestRun: @unchecked Sendable {
  let algorithm: Digest.Algorithm
  private let context: OpaquePointer
  private var saved: OpaquePointer?

  /// Looked up once: OpenSSL 3 searches its providers each time otherwise.
  private static let methods: [Digest.Algorithm: UInt] = Dictionary(
    uniqueKeysWithValues: Digest.Algorithm.allCases.compactMap { algorithm in
      EVP_MD_fetch(nil, algorithm.rawValue, nil).map { (algorithm, UInt(bitPattern: $0)) }
    })

  /// Nil when OpenSSL refuses the algorithm (MD5 on a machine in FIPS mode).
  init?(_ algorithm: Digest.Algorithm) {
    guard let method = Self.methods[algorithm].flatMap({ OpaquePointer(bitPattern: $0) }),
      let context = EVP_MD_CTX_new()
    else { return nil }
    self.algorithm = algorithm
    self.context = context
    EVP_DigestInit_ex2(context, method, nil)
  }

  deinit {
    EVP_MD_CTX_free(context)
    if let saved { EVP_MD_CTX_free(saved) }
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// Remembers the state, to come back to with `restore`.
  func save() {
    if saved == nil { saved = EVP_MD_CTX_new() }
    EVP_MD_CTX_copy_ex(saved, context)
  }

  func restore() { EVP_MD_CTX_copy_ex(context, saved) }

  /// Nothing may be added afterwards.
  func finish() -> [UInt8] {
    var result = [UInt8](repeating: 0, count: algorithm.byteCount)
    EVP_DigestFinal_ex(context, &result, nil)
    return result
  }

  static func of(_ bytes: UnsafeRawBufferPointer, _ algorithm: Digest.Algorithm) -> [UInt8]? {
    guard let run = DigestRun(algorithm) else { return nil }
    run.update(bytes)
    return run.finish()
  }
}

/// XXH3-64 of a block.
enum BlockDigest {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 { XXH3_64bits(bytes.baseAddress, bytes.count) }

  /// Of bytes that come in pieces.
  final class Run: @unchecked Sendable {
    private let state = XXH3_createState()
    init() { reset() }
    deinit { XXH3_freeState(state) }
    func reset() { XXH3_64bits_reset(state) }
    func update(_ bytes: UnsafeRawBufferPointer) { XXH3_64bits_update(state, bytes.baseAddress, bytes.count) }
    var value: UInt64 { XXH3_64bits_digest(state) }
  }

  /// Of a file's bytes, read again. Nil when the file ends before or cannot be read.
  static func reread(
    _ descriptor: Int32, _ range: ByteRange, scratch: UnsafeMutableRawBufferPointer,
    _ system: System
  ) -> UInt64? {
    let run = Run()
    var offset = range.start
    while offset < range.end {
      let piece = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(scratch.count, range.end - offset)])
      guard let count = try? system.read(descriptor, into: piece, at: offset), count == piece.count else {
        return nil
      }
      run.update(UnsafeRawBufferPointer(piece))
      offset += count
    }
    return run.value
  }
}
