import CLinux

/// Memory that was used for a moment.
package enum FreeMemory {
  /// Gives what is free back to the system. Reading and checking a list of 100,000 files leaves tens of megabytes free in small
  /// pieces, which the allocator would keep for days. Takes some milliseconds: not in a loop. Any thread.
  package static func giveBack() { cl_give_back_memory() }
}
