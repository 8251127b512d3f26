// libudt's calls behind a C face.
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "connection.h"

namespace {

std::mutex users_lock;
int users = 0;

bool set(int socket, UDT::SOCKOPT option, const void *value, int size) {
  return UDT::setsockopt(socket, 0, option, value, size) != UDT::ERROR;
}
bool set(int socket, UDT::SOCKOPT option, int value) { return set(socket, option, &value, sizeof value); }
bool set(int socket, UDT::SOCKOPT option, bool value) { return set(socket, option, &value, sizeof value); }

bool set_linger(int socket, int seconds) {
  linger value = {seconds > 0 ? 1 : 0, seconds};
  return set(socket, UDT_LINGER, &value, sizeof value);
}

bool set_control(int socket, const parcel_udt_hooks *hooks) {
  CCCVirtualFactory *factory = parcel_udt_control_factory(hooks);
  bool done = set(socket, UDT_CC, factory, sizeof *factory);  // it keeps a clone
  delete factory;
  return done;
}

bool set_all(int socket, const parcel_udt_options &o) {
  return set(socket, UDT_MSS, o.maximum_segment) && set(socket, UDT_FC, o.flow_window) &&
         set(socket, UDT_SNDBUF, o.send_buffer) && set(socket, UDT_RCVBUF, o.receive_buffer) &&
         set(socket, UDP_SNDBUF, o.udp_send_buffer) && set(socket, UDP_RCVBUF, o.udp_receive_buffer) &&
         // Whoever closes waits by itself before.
         set_linger(socket, 0) &&
         // Only now: later, setting any option waits for the calls that send and receive. A receive waits by itself before.
         set(socket, UDT_SNDTIMEO, o.slice_milliseconds) && set(socket, UDT_RCVTIMEO, 0) &&
         // Otherwise a port that is already in use here would take over its UDP socket, and ours would be lost.
         set(socket, UDT_REUSEADDR, false);
}

long long milliseconds_now(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int copy_address(int socket, sockaddr_storage *address, socklen_t *length,
                 int (*get)(UDTSOCKET, sockaddr *, int *)) {
  int size = sizeof *address;
  if (get(socket, reinterpret_cast<sockaddr *>(address), &size) == UDT::ERROR) return -1;
  *length = socklen_t(size);
  return 0;
}

bool has_something(CUDT *cudt) {
  return inside::is_broken(cudt) || inside::is_closing(cudt) || !inside::is_connected(cudt) ||
         inside::receive_buffer(cudt)->getRcvDataSize() > 0;
}

// As libudt's own recv waits, on the same condition and holding the same lock against its collector, but parcel_udt_wake ends
// it too.
void wait_for_data(int socket, parcel_udt_connection *connection, int milliseconds) {
  CUDT *cudt = inside::find(socket);
  if (!cudt || has_something(cudt)) return;
  long long deadline = milliseconds_now(CLOCK_REALTIME) + milliseconds;  // the condition's clock
  timespec time = {time_t(deadline / 1000), long(deadline % 1000) * 1000000};
  pthread_mutex_lock(&inside::receive_lock(cudt));
  pthread_mutex_lock(&inside::data_lock(cudt));
  while (!has_something(cudt) && !connection->woken)
    if (pthread_cond_timedwait(&inside::data_condition(cudt), &inside::data_lock(cudt), &time) != 0) break;
  connection->woken = false;
  pthread_mutex_unlock(&inside::data_lock(cudt));
  pthread_mutex_unlock(&inside::receive_lock(cudt));
}

}  // namespace

int parcel_udt_startup(void) {
  std::lock_guard<std::mutex> guard(users_lock);
  if (users == 0) {
    parcel_udt_set_clock();
    if (UDT::startup() == UDT::ERROR) return -1;
  }
  users++;
  return 0;
}

void parcel_udt_cleanup(void) {
  std::lock_guard<std::mutex> guard(users_lock);
  if (users > 0 && --users == 0) UDT::cleanup();
}

int parcel_udt_socket(int family, const parcel_udt_options *options, const parcel_udt_hooks *hooks) {
  UDTSOCKET socket = UDT::socket(family, SOCK_STREAM, 0);
  if (socket == UDT::INVALID_SOCK) return -1;
  if (set_all(socket, *options) && set_control(socket, hooks)) return socket;
  UDT::ERRORINFO error = UDT::getlasterror();
  UDT::close(socket);
  UDT::getlasterror() = error;
  return -1;
}

namespace {

// A copy of the descriptor, for libudt, with a number that nothing else gets and that is not used again soon.
//
// When libudt takes an end point down it closes the descriptor first and then waits for the thread that reads from it. Between
// the two, that thread reads from whatever has the number by then. With the lowest free number, as usual, that was another
// connection's UDP socket, not set up yet, on which it waited for ever with libudt's locks held; it could as well be a TCP
// connection, whose bytes it would swallow. Descriptors of the program start at 0, these in the middle of what is allowed,
// each with the next number.
int copy_for_libudt(int udp) {
  static std::atomic<unsigned> turn{0};
  rlimit limit = {1024, 1024};
  getrlimit(RLIMIT_NOFILE, &limit);
  const unsigned top = limit.rlim_cur < 65536 ? unsigned(limit.rlim_cur) : 65536;
  const unsigned base = top / 2;
  for (int attempt = 0; attempt < 64; attempt++) {
    // The lowest free number from there on: at the top there may be none.
    int copy = fcntl(udp, F_DUPFD_CLOEXEC, base + turn++ % (top - base));
    if (copy >= 0 || (errno != EMFILE && errno != EINVAL)) return copy;
  }
  return fcntl(udp, F_DUPFD_CLOEXEC, 0);
}

}  // namespace

int parcel_udt_bind(int socket, int udp, const parcel_udt_options *options, int *system_error) {
  *system_error = 0;
  int copy = copy_for_libudt(udp);
  if (copy < 0) {
    *system_error = errno;
    return -1;
  }
  // From here on the copy is libudt's, which closes it when this fails.
  if (UDT::bind2(socket, copy) == UDT::ERROR) return -1;
  // libudt has set its own, which the system may have cut.
  parcel_udp_set_buffers(udp, options->udp_send_buffer, options->udp_receive_buffer);
  return 0;
}

int parcel_udt_listen(int socket, int backlog) {
  // An accept that blocks could not be bounded; a receive on a listener does not exist.
  if (!set(socket, UDT_RCVSYN, false)) return -1;
  return UDT::listen(socket, backlog) == UDT::ERROR ? -1 : 0;
}

int parcel_udt_accept(int socket, int milliseconds) {
  long long deadline = milliseconds_now(CLOCK_MONOTONIC) + milliseconds;
  while (true) {
    // Without room for the address: libudt would read it from a socket that may just have gone.
    UDTSOCKET accepted = UDT::accept(socket, nullptr, nullptr);
    if (accepted != UDT::INVALID_SOCK) {
      if (set(accepted, UDT_RCVSYN, true)) return accepted;
      UDT::close(accepted);  // it broke before it was ours: the next one
    } else if (UDT::getlasterror_code() != UDT::ERRORINFO::EASYNCRCV) {
      return -1;
    } else if (milliseconds_now(CLOCK_MONOTONIC) >= deadline) {
      return PARCEL_UDT_NOBODY;
    } else {
      // libudt's epoll loses events and a blocking accept has no timeout: look again, as its own select does.
      timespec nap = {0, 10 * 1000 * 1000};
      nanosleep(&nap, nullptr);
    }
  }
}

int parcel_udt_connect(int socket, const sockaddr *address, socklen_t length) {
  bool succeeds = UDT::connect(socket, address, int(length)) != UDT::ERROR;
  CUDT *cudt = inside::find(socket);
  if (succeeds && (!cudt || inside::is_connected(cudt))) return 0;
  // libudt's receive thread ends an attempt after 3 s by itself. When the peer's answer is looked at only then, on a busy machine, libudt
  // calls that a success.
  if (succeeds) UDT::getlasterror() = UDT::ERRORINFO(1, 1, 0);
  // And it leaves such a socket in the list of those that are to be connected; closing does not take it out. The thread would go on
  // looking at it when it is destroyed already, and crash if it comes to that before it ends.
  if (cudt && inside::receive_queue(cudt)) inside::remove_connector(inside::receive_queue(cudt), socket);
  return -1;
}

void *parcel_udt_attach(int socket, parcel_udt_connection **connection, parcel_udt_negotiated *negotiated) {
  CUDT *cudt = inside::find(socket);
  if (!cudt || !inside::control(cudt)) return nullptr;
  void *context = parcel_udt_attach_control(cudt, connection);
  negotiated->segment = inside::segment(cudt);
  negotiated->window = (*connection)->offered_window;
  return context;
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

int parcel_udt_receive(int socket, parcel_udt_connection *connection, void *bytes, int count, int milliseconds) {
  wait_for_data(socket, connection, milliseconds);
  return UDT::recv(socket, static_cast<char *>(bytes), count, 0);
}

int parcel_udt_close(int socket) { return UDT::close(socket) == UDT::ERROR ? -1 : 0; }

int parcel_udt_drop(int socket) {
  // Believing that the peer has closed already, libudt does not tell it.
  if (CUDT *found = inside::find(socket)) inside::is_shut_down(found) = true;
  return parcel_udt_close(socket);
}

int parcel_udt_error_code(void) { return UDT::getlasterror_code(); }
const char *parcel_udt_error_text(void) { return UDT::getlasterror_desc(); }
