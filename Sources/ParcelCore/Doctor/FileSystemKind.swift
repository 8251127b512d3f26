/// Kinds of file systems by the number in statfs(2), from Linux's magic.h and the vendors' headers.
package enum FileSystemKind {
  private static let names: [(magic: UInt32, name: String)] = [
    (0xEF53, "ext4"), (0x5846_5342, "xfs"), (0x9123_683E, "btrfs"), (0xF2F5_2010, "f2fs"),
    (0x2FC1_2FC1, "zfs"), (0xCA45_1A4E, "bcachefs"), (0x0102_1994, "tmpfs"), (0x8584_58F6, "ramfs"),
    (0x794C_7630, "overlay"), (0x6969, "nfs"), (0x517B, "smb"), (0xFF53_4D42, "cifs"), (0xFE53_4D42, "smb"),
    (0x0BD0_0BD0, "lustre"), (0x4750_4653, "gpfs"), (0x1983_0326, "beegfs"), (0x00C3_6400, "ceph"),
    (0x0102_1997, "9p"), (0x6573_5546, "fuse"), (0x4D44, "vfat"), (0x2011_BAB0, "exfat"),
    (0x7366_746E, "ntfs"), (0x9660, "iso9660"), (0x7371_7368, "squashfs"), (0xE0F5_E1E2, "erofs"),
  ]

  /// Nil for a number that is not known.
  package static func name(magic: UInt32) -> String? { names.first { $0.magic == magic }?.name }

  /// False: a byte written far behind the others makes the file system fill the gap first.
  package static func hasHoles(_ kind: String?) -> Bool {
    switch kind {
    case "vfat", "exfat": false
    default: true
    }
  }

  /// Bytes of the largest file, where a wanted file may be larger.
  package static func largestFile(_ kind: String?) -> Int? { kind == "vfat" ? 1 << 32 - 1 : nil }

  /// What a download should know about it; nil when there is nothing to say.
  static func remark(_ kind: String) -> (text: String, remedy: String)? {
    switch kind {
    case "tmpfs", "ramfs":
      ("in memory: files take RAM and are gone after a restart", "Choose a folder on a disk with -d.")
    case "overlay":
      (
        "a container's own layer: files are gone with the container",
        "Choose a folder that is mounted into the container with -d."
      )
    case "nfs", "smb", "cifs", "9p", "fuse":
      (
        "reached over a network or a helper program: syncs take longer, and other machines see files later",
        "Keep one parcel at a time on one folder; a local disk is faster."
      )
    case "vfat":
      ("no file can be 4 GiB or larger there", "Choose another file system for larger files.")
    default: nil
    }
  }
}
