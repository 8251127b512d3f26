#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/syscall.h>
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

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

static long long left(unsigned long long hard, unsigned long long soft, unsigned long long used) {
  unsigned long long limit = hard ? hard : soft;
  if (!limit) return -1;
  return used >= limit ? 0 : (long long)(limit - used);
}

int cl_quota_left(int fd, int kind, unsigned int id, long long *bytes, long long *inodes) {
  struct dqblk block;
  memset(&block, 0, sizeof block);
  int command = QCMD(Q_GETQUOTA, kind ? GRPQUOTA : USRQUOTA);
  if (syscall(SYS_quotactl_fd, fd, command, id, &block) != 0) return errno;
  *bytes = block.dqb_valid & QIF_BLIMITS
               ? left(block.dqb_bhardlimit * 1024ULL, block.dqb_bsoftlimit * 1024ULL, block.dqb_curspace)
               : -1;
  *inodes = block.dqb_valid & QIF_ILIMITS
                ? left(block.dqb_ihardlimit, block.dqb_isoftlimit, block.dqb_curinodes)
                : -1;
  return 0;
}

void cl_give_back_memory(void) { malloc_trim(0); }
