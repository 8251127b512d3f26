// Linux calls that Swift's Glibc module does not show (they need _GNU_SOURCE). Each returns 0, or an errno value.
#ifndef CLINUX_H
#define CLINUX_H

#include <spawn.h>

// renameat2(2) with RENAME_NOREPLACE on two paths. EINVAL or ENOSYS where the file system cannot do it.
int cl_rename_noreplace(const char *from, const char *to);

// syncfs(2): everything dirty of the file system that `fd` is on.
int cl_syncfs(int fd);

// statfs(2): the number that says of what kind the file system of `path` is.
int cl_file_system_magic(const char *path, unsigned int *magic);

// posix_spawn_file_actions_addclosefrom_np(3): in the new program, close `from` and every descriptor above.
int cl_spawn_close_from(posix_spawn_file_actions_t *actions, int from);

// quotactl_fd(2): what the quota of user (kind 0) or group (kind 1) `id` leaves on the file system that `fd` is on. -1 where it sets
// no limit. ESRCH, EOPNOTSUPP, ENOSYS: there is no quota, or nobody says.
int cl_quota_left(int fd, int kind, unsigned int id, long long *bytes, long long *inodes);

// malloc_trim(3), which Swift does not see: gives free memory back to the system.
void cl_give_back_memory(void);
#endif
