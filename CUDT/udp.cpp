// The UDP socket under a UDT socket, which is ours.
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <unistd.h>

#include "CUDT.h"

int parcel_udp_socket(const sockaddr *address, socklen_t length, const parcel_udt_instruction *filter, int count) {
  int udp = ::socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (udp < 0) return -1;
  static_assert(sizeof(parcel_udt_instruction) == sizeof(sock_filter), "the kernel's layout");
  sock_fprog program = {(unsigned short)count,
                        const_cast<sock_filter *>(reinterpret_cast<const sock_filter *>(filter))};
  // IPv6 takes IPv4 in too, whatever the system's default: ports are then unique among both, as libudt expects.
  int off = 0;
  if (address->sa_family == AF_INET6) setsockopt(udp, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  // Before the bind: no packet comes in that was not looked at.
  if (setsockopt(udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 && ::bind(udp, address, length) == 0)
    return udp;
  int error = errno;
  ::close(udp);
  errno = error;
  return -1;
}

void parcel_udp_set_buffers(int udp, int send, int receive) {
  // Past the system's limit where we may, else up to it.
  if (setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof send) != 0)
    setsockopt(udp, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
  if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0)
    setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
}

long long parcel_udp_drops(int udp) {
  uint32_t values[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof values;
  if (getsockopt(udp, SOL_SOCKET, SO_MEMINFO, values, &size) != 0) return 0;
  return values[SK_MEMINFO_DROPS];
}
