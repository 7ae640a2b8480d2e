/*
 * A DTLS 1.2 server on Mbed TLS (2.28 or 3) that sends everything back, one client after the other, on 127.0.0.1.
 *
 * Arguments: suite=<IANA name with hyphens>, and psk=<hex> identity=<text>, or chain=, key= and trust= (PEM files; the
 * client must show a certificate), and cid=<hex> when it is to have a connection id (RFC 9146).
 * Prints "ready <port> <version>", with " cid" behind it where the library knows connection ids of RFC 9146.
 */
#include <arpa/inet.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

/* Mbed TLS 2.28 has connection ids, if at all, under a number of an early draft. */
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) && MBEDTLS_TLS_EXT_CID == 54
#define HAS_CID 1
#else
#define HAS_CID 0
#endif

#define MOST 2048
#define IDLE_MS 60000

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static unsigned char own_cid[32];
static size_t own_cid_length;

static void check(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: -0x%04x\n", what, (unsigned) -result);
  exit(1);
}

static const char *option(int count, char **arguments, const char *name) {
  size_t length = strlen(name);
  for (int at = 1; at < count; at++)
    if (strncmp(arguments[at], name, length) == 0 && arguments[at][length] == '=') return arguments[at] + length + 1;
  return NULL;
}

static size_t unhex(const char *text, unsigned char *bytes, size_t most) {
  size_t length = 0;
  for (unsigned value; length < most && sscanf(text + 2 * length, "%2x", &value) == 1; length++)
    bytes[length] = (unsigned char) value;
  return length;
}

/* The way to whoever was heard last: with a connection id a client may come from elsewhere. */
struct way {
  int socket;
  struct sockaddr_in client;
};

static int way_send(void *context, const unsigned char *bytes, size_t length) {
  struct way *way = context;
  return (int) sendto(way->socket, bytes, length, 0, (struct sockaddr *) &way->client, sizeof way->client);
}

static int way_receive(void *context, unsigned char *bytes, size_t length, uint32_t timeout_ms) {
  struct way *way = context;
  struct pollfd one = {.fd = way->socket, .events = POLLIN};
  if (poll(&one, 1, timeout_ms == 0 ? IDLE_MS : (int) timeout_ms) <= 0) return MBEDTLS_ERR_SSL_TIMEOUT;
  socklen_t size = sizeof way->client;
  return (int) recvfrom(way->socket, bytes, length, 0, (struct sockaddr *) &way->client, &size);
}

static int open_way(struct way *way) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof own;
  way->socket = socket(AF_INET, SOCK_DGRAM, 0);
  check(bind(way->socket, (struct sockaddr *) &own, sizeof own), "bind");
  check(getsockname(way->socket, (struct sockaddr *) &own, &size), "getsockname");
  return ntohs(own.sin_port);
}

/* Waits for a client without taking its datagram, so that the cookie can be about its address. */
static void await_client(struct way *way) {
  unsigned char first[1];
  socklen_t size = sizeof way->client;
  recvfrom(way->socket, first, sizeof first, MSG_PEEK, (struct sockaddr *) &way->client, &size);
}

static int shake_hands(mbedtls_ssl_context *ssl, struct way *way) {
  for (;;) {
    await_client(way);
    mbedtls_ssl_session_reset(ssl);
#if HAS_CID
    if (own_cid_length > 0)
      check(mbedtls_ssl_set_cid(ssl, MBEDTLS_SSL_CID_ENABLED, own_cid, own_cid_length), "cid");
#endif
    mbedtls_ssl_set_client_transport_id(ssl, (unsigned char *) &way->client.sin_port, sizeof way->client.sin_port);
    int result;
    do result = mbedtls_ssl_handshake(ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (result != MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) return result;
  }
}

static void echo(mbedtls_ssl_context *ssl) {
  unsigned char bytes[MOST];
  for (;;) {
    int length = mbedtls_ssl_read(ssl, bytes, sizeof bytes);
    if (length == MBEDTLS_ERR_SSL_WANT_READ || length == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
    if (length <= 0) return;
    mbedtls_ssl_write(ssl, bytes, (size_t) length);
  }
}

int main(int count, char **arguments) {
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
  mbedtls_ssl_cookie_ctx cookies;
  mbedtls_timing_delay_context timer;
  mbedtls_x509_crt chain, trust;
  mbedtls_pk_context key;
  struct way way;

#if MBEDTLS_VERSION_MAJOR >= 3
  psa_crypto_init();
#endif
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  mbedtls_ssl_config_init(&config);
  mbedtls_ssl_init(&ssl);
  mbedtls_ssl_cookie_init(&cookies);
  mbedtls_x509_crt_init(&chain);
  mbedtls_x509_crt_init(&trust);
  mbedtls_pk_init(&key);
  check(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
  check(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT), "defaults");
  mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
  check(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &drbg), "cookies");
  mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);

  int suites[] = {mbedtls_ssl_get_ciphersuite_id(option(count, arguments, "suite")), 0};
  mbedtls_ssl_conf_ciphersuites(&config, suites);
  if (option(count, arguments, "psk") != NULL) {
    unsigned char psk[64];
    size_t length = unhex(option(count, arguments, "psk"), psk, sizeof psk);
    const char *identity = option(count, arguments, "identity");
    check(mbedtls_ssl_conf_psk(&config, psk, length, (const unsigned char *) identity, strlen(identity)), "psk");
  } else {
    check(mbedtls_x509_crt_parse_file(&chain, option(count, arguments, "chain")), "chain");
    check(mbedtls_x509_crt_parse_file(&trust, option(count, arguments, "trust")), "trust");
#if MBEDTLS_VERSION_MAJOR >= 3
    check(mbedtls_pk_parse_keyfile(&key, option(count, arguments, "key"), NULL, mbedtls_ctr_drbg_random, &drbg), "key");
#else
    check(mbedtls_pk_parse_keyfile(&key, option(count, arguments, "key"), NULL), "key");
#endif
    check(mbedtls_ssl_conf_own_cert(&config, &chain, &key), "own certificate");
    mbedtls_ssl_conf_ca_chain(&config, &trust, NULL);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
  }
  if (option(count, arguments, "cid") != NULL)
    own_cid_length = unhex(option(count, arguments, "cid"), own_cid, sizeof own_cid);
#if HAS_CID
  check(mbedtls_ssl_conf_cid(&config, own_cid_length, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), "cid");
#endif
  check(mbedtls_ssl_setup(&ssl, &config), "setup");
  mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
  mbedtls_ssl_set_bio(&ssl, &way, way_send, NULL, way_receive);
  mbedtls_ssl_conf_read_timeout(&config, IDLE_MS);

  printf("ready %d %s%s\n", open_way(&way), MBEDTLS_VERSION_STRING, HAS_CID ? " cid" : "");
  fflush(stdout);
  for (;;) {
    int result = shake_hands(&ssl, &way);
    if (result == 0) echo(&ssl);
    else printf("no handshake: -0x%04x\n", (unsigned) -result);
    fflush(stdout);
  }
}
