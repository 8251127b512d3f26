#include "CUDT.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>
#include <udt/core.h>
#include <udt/udt.h>
#include <unistd.h>

#include <mutex>

namespace {

std::mutex users_lock;
int users = 0;

// libudt knows whether a connection ended because the peer closed it or because it went silent, and does not say. Naming a
// private member in an explicit instantiation is allowed; the layout is right because header and static library are of one
// package.
template <volatile bool CUDT::*Member> struct Reveal {
  friend volatile bool CUDT::*shutdown_member() { return Member; }
};
volatile bool CUDT::*shutdown_member();
template struct Reveal<&CUDT::m_bShutdown>;

// Null when libudt has cleared the socket away. Good for a second at least: that is how long it keeps what it clears away.
CUDT *connection(int socket) { return CUDT::getUDTHandle(socket); }

bool set(int socket, UDT::SOCKOPT option, const void *value, int size) {
  return UDT::setsockopt(socket, 0, option, value, size) != UDT::ERROR;
}
bool set(int socket, UDT::SOCKOPT option, int value) { return set(socket, option, &value, sizeof value); }
bool set(int socket, UDT::SOCKOPT option, bool value) { return set(socket, option, &value, sizeof value); }

bool set_linger(int socket, int seconds) {
  linger value = {seconds > 0 ? 1 : 0, seconds};
  return set(socket, UDT_LINGER, &value, sizeof value);
}

bool set_all(int socket, const parcel_udt_options &o) {
  return set(socket, UDT_MSS, o.maximum_segment) && set(socket, UDT_FC, o.flow_window) &&
         set(socket, UDT_SNDBUF, o.send_buffer) && set(socket, UDT_RCVBUF, o.receive_buffer) &&
         set(socket, UDP_SNDBUF, o.udp_send_buffer) && set(socket, UDP_RCVBUF, o.udp_receive_buffer) &&
         set_linger(socket, o.linger_seconds) &&
         // Only now: later, setting any option waits for the calls that send and receive.
         set(socket, UDT_SNDTIMEO, o.slice_milliseconds) && set(socket, UDT_RCVTIMEO, o.slice_milliseconds) &&
         // Otherwise a port that is already in use here would take over its UDP socket, and ours would be lost.
         set(socket, UDT_REUSEADDR, false);
}

long long milliseconds_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// A bound UDP socket, or -1 with errno.
int udp_socket(const sockaddr *address, socklen_t length) {
  int udp = ::socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (udp < 0) return -1;
  // IPv6 takes IPv4 in too, whatever the system's default: ports are then unique among both, as libudt expects.
  int off = 0;
  if (address->sa_family == AF_INET6) setsockopt(udp, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(udp, address, length) == 0) return udp;
  int error = errno;
  ::close(udp);
  errno = error;
  return -1;
}

int copy_address(int socket, sockaddr_storage *address, socklen_t *length,
                 int (*get)(UDTSOCKET, sockaddr *, int *)) {
  int size = sizeof *address;
  if (get(socket, reinterpret_cast<sockaddr *>(address), &size) == UDT::ERROR) return -1;
  *length = socklen_t(size);
  return 0;
}

}  // namespace

int parcel_udt_startup(void) {
  std::lock_guard<std::mutex> guard(users_lock);
  if (users == 0 && UDT::startup() == UDT::ERROR) return -1;
  users++;
  return 0;
}

void parcel_udt_cleanup(void) {
  std::lock_guard<std::mutex> guard(users_lock);
  if (users > 0 && --users == 0) UDT::cleanup();
}

int parcel_udt_socket(int family, const parcel_udt_options *options) {
  UDTSOCKET socket = UDT::socket(family, SOCK_STREAM, 0);
  if (socket == UDT::INVALID_SOCK) return -1;
  if (set_all(socket, *options)) return socket;
  UDT::ERRORINFO error = UDT::getlasterror();
  UDT::close(socket);
  UDT::getlasterror() = error;
  return -1;
}

int parcel_udt_bind(int socket, const sockaddr *address, socklen_t length, int *system_error) {
  *system_error = 0;
  int udp = udp_socket(address, length);
  if (udp < 0) {
    *system_error = errno;
    return -1;
  }
  // From here on the UDP socket is libudt's, which closes it when this fails.
  return UDT::bind2(socket, udp) == UDT::ERROR ? -1 : 0;
}

int parcel_udt_listen(int socket, int backlog) {
  // An accept that blocks could not be bounded; a receive on a listener does not exist.
  if (!set(socket, UDT_RCVSYN, false)) return -1;
  return UDT::listen(socket, backlog) == UDT::ERROR ? -1 : 0;
}

int parcel_udt_accept(int socket, int milliseconds) {
  long long deadline = milliseconds_now() + milliseconds;
  while (true) {
    // Without room for the address: libudt would read it from a socket that may just have gone.
    UDTSOCKET accepted = UDT::accept(socket, nullptr, nullptr);
    if (accepted != UDT::INVALID_SOCK) {
      if (set(accepted, UDT_RCVSYN, true)) return accepted;
      UDT::close(accepted);  // it broke before it was ours: the next one
    } else if (UDT::getlasterror_code() != UDT::ERRORINFO::EASYNCRCV) {
      return -1;
    } else if (milliseconds_now() >= deadline) {
      return PARCEL_UDT_NOBODY;
    } else {
      // libudt's epoll loses events and a blocking accept has no timeout: look again, as its own select does.
      timespec nap = {0, 10 * 1000 * 1000};
      nanosleep(&nap, nullptr);
    }
  }
}

int parcel_udt_connect(int socket, const sockaddr *address, socklen_t length) {
  return UDT::connect(socket, address, int(length)) == UDT::ERROR ? -1 : 0;
}

int parcel_udt_own_address(int socket, sockaddr_storage *address, socklen_t *length) {
  return copy_address(socket, address, length, UDT::getsockname);
}

int parcel_udt_peer_address(int socket, sockaddr_storage *address, socklen_t *length) {
  return copy_address(socket, address, length, UDT::getpeername);
}

int parcel_udt_send(int socket, const void *bytes, int count) {
  return UDT::send(socket, static_cast<const char *>(bytes), count, 0);
}

int parcel_udt_receive(int socket, void *bytes, int count) {
  return UDT::recv(socket, static_cast<char *>(bytes), count, 0);
}

int parcel_udt_peer_closed(int socket) {
  CUDT *found = connection(socket);
  return found ? (found->*shutdown_member() ? 1 : 0) : -1;
}

int parcel_udt_close(int socket) { return UDT::close(socket) == UDT::ERROR ? -1 : 0; }

int parcel_udt_drop(int socket) {
  set_linger(socket, 0);
  // Believing that the peer has closed already, libudt does not tell it.
  if (CUDT *found = connection(socket)) found->*shutdown_member() = true;
  return parcel_udt_close(socket);
}

int parcel_udt_error_code(void) { return UDT::getlasterror_code(); }
const char *parcel_udt_error_text(void) { return UDT::getlasterror_desc(); }
