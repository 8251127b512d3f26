#ifndef CTLS_H
#define CTLS_H
// The server's side of TLS between two heaps of bytes in memory. OpenSSL's own types stay inside.
#include <stddef.h>

typedef struct parcel_tls_context parcel_tls_context;
typedef struct parcel_tls parcel_tls;

enum {
  PARCEL_TLS_MORE = 0,     // bytes of the peer are missing: give some, call again
  PARCEL_TLS_ENDED = -1,   // the peer said close_notify
  PARCEL_TLS_FAILED = -2,  // the connection is of no more use; parcel_tls_error says why
};

// A certificate chain and its key, PEM, from two files. NULL: parcel_tls_error says why. Never asks for a passphrase.
parcel_tls_context *parcel_tls_context_new(const char *certificate, const char *key);
// Connections made from it go on.
void parcel_tls_context_free(parcel_tls_context *context);

// NULL: no memory.
parcel_tls *parcel_tls_new(parcel_tls_context *context);
void parcel_tls_free(parcel_tls *tls);

// One thread at a time may call what follows for one connection.

// 1 when done, PARCEL_TLS_MORE or PARCEL_TLS_FAILED.
int parcel_tls_handshake(parcel_tls *tls);
// Plain bytes read, at least 1, or one of the three above.
int parcel_tls_read(parcel_tls *tls, void *buffer, int count);
// All of count, or PARCEL_TLS_FAILED. The records wait to be taken.
int parcel_tls_write(parcel_tls *tls, const void *bytes, int count);
// Says close_notify. 1, or PARCEL_TLS_FAILED.
int parcel_tls_end(parcel_tls *tls);

// Records of the peer in: 1, or PARCEL_TLS_FAILED.
int parcel_tls_give(parcel_tls *tls, const void *bytes, int count);
// How many bytes of records wait to be taken.
int parcel_tls_pending(parcel_tls *tls);
// Records for the peer out: bytes taken, 0 when there are none.
int parcel_tls_take(parcel_tls *tls, void *buffer, int count);

// Why this thread's last call failed: text of at most size bytes with its 0.
void parcel_tls_error(char *text, size_t size);
#endif
