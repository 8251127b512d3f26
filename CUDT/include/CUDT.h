// libudt 4 behind a C face: what a byte stream needs. A `socket` is UDT's number for one, never a file descriptor, and is not
// used again soon after it was closed; a `udp` is a descriptor. Calls answer -1 when they fail; parcel_udt_error_code and
// _text then say why, if asked on the same thread before its next call.
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
static const int PARCEL_UDT_TIMEOUT = 6003;    // nothing within the time

// What parcel_udt_accept answers when nobody came in time.
static const int PARCEL_UDT_NOBODY = -2;

// The subtype of our messages, as PeerMessage has it.
static const int PARCEL_UDT_SUBTYPE = 0x5043;

// Fixed before the socket is bound: UDT takes them in this order, and some depend on those before.
struct parcel_udt_options {
  int maximum_segment;     // bytes of a whole IP packet
  int flow_window;         // packets, at least 32
  int send_buffer;         // bytes
  int receive_buffer;      // bytes; silently cut to the flow window
  int udp_send_buffer;     // bytes of the kernel's buffer
  int udp_receive_buffer;  // bytes of the kernel's buffer
  int slice_milliseconds;  // the longest time one send waits
};

// A connection beside its socket. Counted: it lives as long as somebody holds it, longer than libudt's side of it.
struct parcel_udt_connection;
typedef struct parcel_udt_connection parcel_udt_connection;

// Who decides how fast a connection sends: libudt's own law, or the hooks.
static const int PARCEL_UDT_NATIVE = 0;

// What a sender must keep to.
struct parcel_udt_pace {
  double period;  // microseconds between two packets, as libudt counts them; 0: as fast as possible
  double window;  // packets from the cumulative acknowledgement on
};

// A connection as it is when it begins.
struct parcel_udt_opening {
  int32_t first;   // the number of the first data packet sent, and of the first received
  int window;      // packets that the peer takes
  int payload;     // bytes of data in a full packet
  int congestion;  // as in the hooks
  double rate;     // as in the hooks
};

// Called by libudt's threads. `context` is the Swift side of one connection.
struct parcel_udt_hooks {
  void *(*make)(parcel_udt_connection *connection);  // a new context, for a connection that is just being made
  void (*release)(void *context);                    // libudt has destroyed its side
  void (*received)(void *context, const uint32_t *words, int count);  // the receive thread: a message of ours came in

  // Connected: whoever connects, or the receive thread. Before all that follow.
  void (*opened)(void *context, const struct parcel_udt_opening *opening);
  // The send thread, inside a lock of libudt's: a data packet is about to leave. Must not call anything of this header.
  // `backlog`: packets written and never sent yet besides this one.
  void (*sent)(void *context, int32_t sequence, int size, int backlog);
  // The receive thread, no lock held: a data packet has come and was kept. Microseconds.
  void (*arrived)(void *context, int32_t sequence, int round_trip, int round_trip_variance);
  // The receive thread, no lock held; not with PARCEL_UDT_NATIVE. `pace` is then what holds.
  void (*acknowledged)(void *context, int32_t sequence, struct parcel_udt_pace *pace);
  void (*lost)(void *context, const int32_t *words, int count, struct parcel_udt_pace *pace);
  void (*timed_out)(void *context, struct parcel_udt_pace *pace);

  // Given to `opened`. PARCEL_UDT_NATIVE, or whatever the hooks understand.
  int congestion;
  double rate;
};

// Of a connection: what libudt counts and estimates.
struct parcel_udt_facts {
  int is_shut_down;         // the peer has closed
  int is_broken;            // no more can be sent
  int readable;             // bytes wait to be read
  int unacknowledged;       // packets that were written and that the peer's UDT does not have
  int payload;              // bytes of data in a full packet
  int expirations;          // time-outs since the last packet from the peer, from 1 on
  int round_trip;           // microseconds
  int round_trip_variance;  // microseconds
  double window;            // packets that may be on their way
  int64_t heard;            // packets from the peer; keep-alives and light acknowledgements are not counted
  int64_t sent;             // data packets
  int64_t received;         // data packets
  int send_lost;
  int receive_lost;
  int retransmitted;
};

// What both ends agreed on.
struct parcel_udt_negotiated {
  int segment;  // bytes of an IP packet
  int window;   // packets, as the peer allows them
};

// An instruction of the kernel's packet filter.
struct parcel_udt_instruction {
  uint16_t code;
  uint8_t jump_true;
  uint8_t jump_false;
  uint32_t value;
};

// Starts the library's threads, once however often it is called. Each success wants one parcel_udt_cleanup.
int parcel_udt_startup(void);
// The last one breaks all sockets and ends the threads, which takes up to a second.
void parcel_udt_cleanup(void);

// Microseconds by libudt's clock, from no particular moment on. After parcel_udt_startup.
int64_t parcel_udt_clock(void);
// How often libudt's 100 ms of sleep before main were left out in this process: 1, but 0 where libudt counts no ticks.
int parcel_udt_naps_left_out(void);

// A bound UDP socket that drops what the filter does not admit; -1 with errno. The caller closes it.
int parcel_udp_socket(const struct sockaddr *address, socklen_t length, const struct parcel_udt_instruction *filter,
                      int count);
// Bytes, past the system's limit where the process may.
void parcel_udp_set_buffers(int udp, int send, int receive);
// Datagrams that this machine dropped: the buffer was full, or the filter did not admit them.
long long parcel_udp_drops(int udp);

// A new stream socket of AF_INET or AF_INET6.
int parcel_udt_socket(int family, const struct parcel_udt_options *options, const struct parcel_udt_hooks *hooks);
// Puts `socket` on `udp`, of which it keeps a copy. Answers 0, or -1 with `*system_error` set to errno when it was the
// system that refused, else 0.
int parcel_udt_bind(int socket, int udp, const struct parcel_udt_options *options, int *system_error);
int parcel_udt_listen(int socket, int backlog);
// Waits up to `milliseconds` for a connection: its socket, PARCEL_UDT_NOBODY or -1. It has the listener's options.
int parcel_udt_accept(int socket, int milliseconds);
// Blocks up to 3 s. `length` must be exactly that of the family.
int parcel_udt_connect(int socket, const struct sockaddr *address, socklen_t length);
// After connect or accept, once: the context that hooks.make made, not retained, or null when the socket is gone already.
void *parcel_udt_attach(int socket, parcel_udt_connection **connection, struct parcel_udt_negotiated *negotiated);
// The own or the peer's address.
int parcel_udt_own_address(int socket, struct sockaddr_storage *address, socklen_t *length);
int parcel_udt_peer_address(int socket, struct sockaddr_storage *address, socklen_t *length);

// Both move at least one byte, or fail with PARCEL_UDT_TIMEOUT. One thread may send while another receives.
int parcel_udt_send(int socket, const void *bytes, int count);
// Waits up to `milliseconds`, 250 at most.
int parcel_udt_receive(int socket, parcel_udt_connection *connection, void *bytes, int count, int milliseconds);

// Frees the socket at once: what is not acknowledged is lost. The peer is told.
int parcel_udt_close(int socket);
// Frees the socket without a word: the peer finds out that it is gone, instead of reading an end.
int parcel_udt_drop(int socket);

void parcel_udt_retain(parcel_udt_connection *connection);
void parcel_udt_release(parcel_udt_connection *connection);
// Any thread. -1: libudt has closed it, and these are the last facts.
int parcel_udt_look(parcel_udt_connection *connection, struct parcel_udt_facts *facts);
// Sends a message of at most 16 words, which may be lost. -1: not connected any more.
int parcel_udt_tell(parcel_udt_connection *connection, const uint32_t *words, int count);
// Tells the peer that we close, as closing does: for it may be lost.
void parcel_udt_say_goodbye(parcel_udt_connection *connection);
// Makes a parcel_udt_receive that waits, or the next one, return early.
void parcel_udt_wake(parcel_udt_connection *connection);

// For repair and pace, by any thread that holds no lock a hook takes. All do nothing once libudt has closed the connection.

// Reports packets missing, in the words of a loss report: at most 256.
void parcel_udt_report_missing(parcel_udt_connection *connection, const int32_t *words, int count);
// Has these packets sent again, in their turn. Those that are acknowledged, or were never sent, are left out.
void parcel_udt_send_again(parcel_udt_connection *connection, const int32_t *sequences, int count);
// Sets the pace between two events, and goes on sending if the window allows.
void parcel_udt_steer(parcel_udt_connection *connection, const struct parcel_udt_pace *pace);
// Wakes the thread that sends for this connection: left alone it sleeps through up to 10 ms of sending times and then makes up
// for them at once. Answers which thread it is, null when there is none any more.
const void *parcel_udt_beat(parcel_udt_connection *connection);
// Packets that libudt takes from writers before they wait. Never more than the send buffer's size as it was fixed.
void parcel_udt_limit_backlog(parcel_udt_connection *connection, int packets);

// Why the last call on this thread failed; the text is good until this thread's next call.
int parcel_udt_error_code(void);
const char *parcel_udt_error_text(void);

#ifdef __cplusplus
}
#endif
#endif
