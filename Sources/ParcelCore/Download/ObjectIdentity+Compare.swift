extension ObjectIdentity {
  /// Whether this, just heard from the server, may be another object than `old`, of which bytes are on disk.
  ///
  /// Stricter than the check of a later answer in the same run: whoever says nothing that can be compared has not said
  /// that it is the same object. A sign-in page with status 200 has another size and no ETag. Without a validator only
  /// the size can tell.
  func differs(from old: ObjectIdentity) -> Bool {
    if size != old.size { return true }
    if old.validator == nil { return false }
    return etag != old.etag || (etag == nil && lastModified != old.lastModified)
  }
}
