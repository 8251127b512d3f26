// libudt 4 behind a C face: what a byte stream needs. A `socket` is UDT's number for one, never a file descriptor, and is not
// used again soon after it was closed. Calls answer -1 when they fail; parcel_udt_error_code and _text then say why, if asked
// on the same thread before its next call.
#ifndef CUDT_H
#define CUDT_H
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

// Error codes of libudt that callers act on.
static const int PARCEL_UDT_NO_ANSWER = 1001;  // connect: nobody answered within 3 s
static const int PARCEL_UDT_REJECTED = 1002;   // connect: the peer refused
static const int PARCEL_UDT_LOST = 2001;       // the peer closed, or the path broke
static const int PARCEL_UDT_GONE = 5004;       // no such socket (any more): libudt clears broken ones away by itself
static const int PARCEL_UDT_TIMEOUT = 6003;    // nothing within the slice

// What parcel_udt_accept answers when nobody came in time.
static const int PARCEL_UDT_NOBODY = -2;

// Fixed before the socket is bound: UDT takes them in this order, and some depend on those before.
struct parcel_udt_options {
  int maximum_segment;     // bytes of a whole IP packet
  int flow_window;         // packets, at least 32
  int send_buffer;         // bytes
  int receive_buffer;      // bytes; silently cut to the flow window
  int udp_send_buffer;     // bytes of the kernel's buffer
  int udp_receive_buffer;  // bytes of the kernel's buffer
  int linger_seconds;      // how long a close waits for what was sent to be acknowledged
  int slice_milliseconds;  // the longest time one send or receive waits
};

// Starts the library's threads, once however often it is called. Each success wants one parcel_udt_cleanup.
int parcel_udt_startup(void);
// The last one breaks all sockets and ends the threads, which takes up to a second.
void parcel_udt_cleanup(void);

// A new stream socket of AF_INET or AF_INET6.
int parcel_udt_socket(int family, const struct parcel_udt_options *options);
// Binds to `address` through a UDP socket of our own. Port 0: any free one. Answers 0, or -1 with `*system_error` set to
// errno when it was the system that refused, else 0.
int parcel_udt_bind(int socket, const struct sockaddr *address, socklen_t length, int *system_error);
int parcel_udt_listen(int socket, int backlog);
// Waits up to `milliseconds` for a connection: its socket, PARCEL_UDT_NOBODY or -1. It has the listener's options.
int parcel_udt_accept(int socket, int milliseconds);
// Blocks up to 3 s. `length` must be exactly that of the family.
int parcel_udt_connect(int socket, const struct sockaddr *address, socklen_t length);
// The own or the peer's address.
int parcel_udt_own_address(int socket, struct sockaddr_storage *address, socklen_t *length);
int parcel_udt_peer_address(int socket, struct sockaddr_storage *address, socklen_t *length);

// Both move at least one byte, or fail with PARCEL_UDT_TIMEOUT after the slice. One thread may send while another receives.
int parcel_udt_send(int socket, const void *bytes, int count);
int parcel_udt_receive(int socket, void *bytes, int count);

// Whether a socket that is PARCEL_UDT_LOST was closed by the peer: 1 yes; 0 it broke; -1 too late to tell.
int parcel_udt_peer_closed(int socket);

// Sends what is left (see linger_seconds), tells the peer and frees the socket.
int parcel_udt_close(int socket);
// Frees the socket without a word: the peer finds out that it is gone, instead of reading an end.
int parcel_udt_drop(int socket);

// Why the last call on this thread failed; the text is good until this thread's next call.
int parcel_udt_error_code(void);
const char *parcel_udt_error_text(void);

#ifdef __cplusplus
}
#endif
#endif
