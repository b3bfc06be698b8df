/* processes/auth_exchange - sign-ins of several messages that are under way, between two messages.
 *
 * An exchange belongs to one connection and to nobody else: it is found by the connection and its own unguessable
 * id, and by being found it is taken out, so that no message answers it twice. A connection has one at most;
 * there are EXCHANGES_MAX in all, of which the oldest of a row gives way, and each ends by itself. No
 * secret is in them. Thread-safe but for an exchange itself, which is whose it is. Time is the caller's. */
#pragma once

#include "base/arena.h"
#include "base/own.h"

#include "formats/sasl/scram.h"

#define EXCHANGES_MAX     4096
#define EXCHANGE_ID_LEN   16
#define EXCHANGE_LASTS_MS 60000

struct exchange {
    uint8_t id[EXCHANGE_ID_LEN];
    uint8_t connection[EXCHANGE_ID_LEN];
    int64_t until_ms;
    struct arena arena; /* of the slices */
    struct slice user;  /* in lower case */
    struct slice mechanism;
    struct slice nonce; /* both parts */
    struct slice said;  /* the AuthMessage so far: what client and server said first */
    struct slice
        binding; /* gs2-header that the client must repeat, and with it the channel binding, but ... */
    bool end_point;      /* ... when that is of our certificate: it may be one of those in use */
    bool refused;        /* all that is left is to tell the client, which reads why before */
    uint64_t iterations; /* that the client was told */
    uint8_t salt[SCRAM_SALT_LEN];
};

struct exchanges;

/* Make a table with nothing under way. */
struct exchanges *exchanges_new(void) __attribute__((returns_nonnull));

/* NULL is fine, here and below. */
void exchanges_free(struct exchanges *t);

/* A new exchange of this connection, with an id, not in the table yet. */
struct exchange *exchange_new(const uint8_t connection[static EXCHANGE_ID_LEN], int64_t now_ms)
    __attribute__((returns_nonnull));
void exchange_free(struct exchange *x);

/* Put it into the table, which owns it from here on; another of the same connection ends. */
void exchanges_put(struct exchanges *t, struct exchange *x, int64_t now_ms);

/* Free those that are over; put and take do so as well, once a second at most. */
void exchanges_tidy(struct exchanges *t, int64_t now_ms);

/* How many are under way, those that are over and not freed included. */
size_t exchanges_count(struct exchanges *t);

/* Take it out: the caller's. NULL when there is none of this connection and id any more. */
struct exchange *exchanges_take(struct exchanges *t,
                                const uint8_t connection[static EXCHANGE_ID_LEN], struct slice id,
                                int64_t now_ms) __attribute__((warn_unused_result));

OWN_BY(exchanges, struct exchanges, exchanges_free)
OWN_BY(exchange, struct exchange, exchange_free)
