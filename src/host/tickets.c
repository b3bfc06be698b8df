/* Session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1): the session, encrypted for
 * ourselves, kept by the client. Their keys live in memory only; every hour a new one takes over
 * and the one before it still opens what it closed, so a stolen key opens two hours at most of
 * TLS 1.2 traffic (TLS 1.3 always agrees on a fresh key). */

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/internal.h"

#define KEY_LIFE_MS ((int64_t)60 * 60 * 1000)
#define NAME_LEN    16
#define CIPHER      "AES-256-CBC"
#define KEY_LEN     32

struct ticket_key {
    uint8_t name[NAME_LEN];
    uint8_t cipher[KEY_LEN];
    uint8_t mac[KEY_LEN];
    int64_t until_ms; /* closes tickets until then, opens them for KEY_LIFE_MS more */
};

struct tickets {
    pthread_mutex_t lock;
    EVP_CIPHER *cipher;
    struct ticket_key now;    /* guarded by lock */
    struct ticket_key before; /* guarded by lock; until_ms 0: none */
};

static void key_make(struct ticket_key *k)
{
    if (RAND_bytes(k->name, NAME_LEN) <= 0 || RAND_priv_bytes(k->cipher, KEY_LEN) <= 0 ||
        RAND_priv_bytes(k->mac, KEY_LEN) <= 0) {
        arena_panic("no random numbers");
    }
    k->until_ms = clock_steady_ms() + KEY_LIFE_MS;
}

struct tickets *tickets_new(void)
{
    struct tickets *t = calloc(1, sizeof(*t));
    if (!t || !(t->cipher = EVP_CIPHER_fetch(remote_key_library(), CIPHER, NULL))) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    key_make(&t->now);
    return t;
}

/* Copy the key that a ticket of that name needs, or for name NULL the one for new tickets.
 * *renew: the ticket is still good, but a new one should take its place. */
static bool find_key(struct tickets *t, const uint8_t *name, struct ticket_key *out, bool *renew)
{
    bool found = true;
    *renew = false;
    (void)pthread_mutex_lock(&t->lock);
    int64_t now_ms = clock_steady_ms();
    if (now_ms > t->now.until_ms) {
        t->before = t->now;
        key_make(&t->now);
    }
    if (!name || memcmp(name, t->now.name, NAME_LEN) == 0) {
        *out = t->now;
    } else if (now_ms < t->before.until_ms + KEY_LIFE_MS &&
               memcmp(name, t->before.name, NAME_LEN) == 0) {
        *out = t->before;
        *renew = true;
    } else {
        found = false;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

static bool mac_init(EVP_MAC_CTX *mac, struct ticket_key *k)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params);
}

/* OpenSSL's answers: 1 go on, 0 do without the ticket, 2 go on and renew it, -1 failure. */
static int use_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int encrypt)
{
    struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key k;
    bool renew;
    bool ok;
    if (encrypt && SSL_get0_peer_certificate(ssl) && SSL_version(ssl) < TLS1_3_VERSION) {
        return 0; /* see accept_any() in tls.c */
    }
    if (!find_key(t, encrypt ? NULL : name, &k, &renew)) {
        return 0;
    }
    if (encrypt) {
        memcpy(name, k.name, NAME_LEN);
        ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) > 0 &&
             EVP_EncryptInit_ex2(cipher, t->cipher, k.cipher, iv, NULL) && mac_init(mac, &k);
    } else {
        ok = mac_init(mac, &k) && EVP_DecryptInit_ex2(cipher, t->cipher, k.cipher, iv, NULL);
    }
    OPENSSL_cleanse(&k, sizeof(k));
    return !ok ? -1 : renew ? 2 : 1;
}

bool tickets_attach(struct tickets *t, SSL_CTX *ctx)
{
    return SSL_CTX_set_app_data(ctx, t) && SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, use_ticket) &&
           SSL_CTX_set_num_tickets(ctx, 1);
}

void tickets_free(struct tickets *t)
{
    if (t) {
        EVP_CIPHER_free(t->cipher);
        (void)pthread_mutex_destroy(&t->lock);
        OPENSSL_cleanse(t, sizeof(*t));
        free(t);
    }
}
