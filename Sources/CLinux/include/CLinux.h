// Linux calls that Swift's Glibc module does not show (they need _GNU_SOURCE). Each returns 0, or an errno value.
#ifndef CLINUX_H
#define CLINUX_H
#include <stdint.h>

// renameat2(2) with RENAME_NOREPLACE on two paths. EINVAL or ENOSYS where the file system cannot do it.
int cl_rename_noreplace(const char *from, const char *to);

// syncfs(2): everything dirty of the file system that `fd` is on.
int cl_syncfs(int fd);

// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: starts writing out, does not wait, says nothing about safety.
int cl_start_writeout(int fd, int64_t offset, int64_t count);
#endif
