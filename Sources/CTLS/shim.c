#include "CTLS.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The two are OpenSSL's own objects under other names.
static SSL_CTX *context_of(parcel_tls_context *context) { return (SSL_CTX *)context; }
static SSL *ssl_of(parcel_tls *tls) { return (SSL *)tls; }

static int no_passphrase(char *buffer, int size, int writing, void *data) {
  (void)buffer, (void)size, (void)writing, (void)data;
  return 0;
}

// http/1.1 or nothing (RFC 7301): a client that offers only others is told so by an alert.
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                           unsigned int count, void *data) {
  static const unsigned char ours[] = "\x08http/1.1";
  (void)ssl, (void)data;
  unsigned char *out;
  if (SSL_select_next_proto(&out, length, ours, sizeof ours - 1, offered, count) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

parcel_tls_context *parcel_tls_context_new(const char *certificate, const char *key) {
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (!context) return NULL;
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
      SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(context) == 1)
    return (parcel_tls_context *)context;
  SSL_CTX_free(context);
  return NULL;
}

void parcel_tls_context_free(parcel_tls_context *context) { SSL_CTX_free(context_of(context)); }

parcel_tls *parcel_tls_new(parcel_tls_context *context) {
  SSL *ssl = SSL_new(context_of(context));
  BIO *in = BIO_new(BIO_s_mem());
  BIO *out = BIO_new(BIO_s_mem());
  if (!ssl || !in || !out) {
    SSL_free(ssl);
    BIO_free(in);
    BIO_free(out);
    return NULL;
  }
  // Nothing there is not the end: more may come.
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(ssl, in, out);
  SSL_set_accept_state(ssl);
  return (parcel_tls *)ssl;
}

void parcel_tls_free(parcel_tls *tls) { SSL_free(ssl_of(tls)); }

static int outcome(SSL *ssl, int result) {
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return PARCEL_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return PARCEL_TLS_ENDED;
    default: return PARCEL_TLS_FAILED;
  }
}

int parcel_tls_handshake(parcel_tls *tls) {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_of(tls));
  if (result == 1) return 1;
  result = outcome(ssl_of(tls), result);
  return result == PARCEL_TLS_ENDED ? PARCEL_TLS_FAILED : result;
}

int parcel_tls_read(parcel_tls *tls, void *buffer, int count) {
  ERR_clear_error();
  int result = SSL_read(ssl_of(tls), buffer, count);
  return result > 0 ? result : outcome(ssl_of(tls), result);
}

int parcel_tls_write(parcel_tls *tls, const void *bytes, int count) {
  ERR_clear_error();
  return SSL_write(ssl_of(tls), bytes, count) == count ? count : PARCEL_TLS_FAILED;
}

int parcel_tls_end(parcel_tls *tls) {
  ERR_clear_error();
  // 0: said, and the peer has not answered yet. The answer is read as the end of the stream.
  return SSL_shutdown(ssl_of(tls)) >= 0 ? 1 : PARCEL_TLS_FAILED;
}

int parcel_tls_give(parcel_tls *tls, const void *bytes, int count) {
  return BIO_write(SSL_get_rbio(ssl_of(tls)), bytes, count) == count ? 1 : PARCEL_TLS_FAILED;
}

int parcel_tls_pending(parcel_tls *tls) { return (int)BIO_ctrl_pending(SSL_get_wbio(ssl_of(tls))); }

int parcel_tls_take(parcel_tls *tls, void *buffer, int count) {
  int result = BIO_read(SSL_get_wbio(ssl_of(tls)), buffer, count);
  return result > 0 ? result : 0;
}

void parcel_tls_error(char *text, size_t size) {
  // The first error is the cause; the others say who was told about it.
  unsigned long code = ERR_get_error();
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  if (code && ERR_SYSTEM_ERROR(code))
    snprintf(text, size, "%s", strerror(ERR_GET_REASON(code)));
  else
    snprintf(text, size, "%s", reason ? reason : "the TLS library gives no reason");
  ERR_clear_error();
}
