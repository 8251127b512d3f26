#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

int cl_rename_noreplace(const char *from, const char *to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

int cl_syncfs(int fd) { return syncfs(fd) == 0 ? 0 : errno; }

int cl_file_system_magic(const char *path, unsigned int *magic) {
  struct statfs status;
  if (statfs(path, &status) != 0) return errno;
  *magic = (unsigned int)status.f_type;
  return 0;
}

int cl_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
  return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
