/* tests/scripted - a receiving server for tests that says and does what a script says.
 *
 * One thread, one connection after the other, a script each:
 *
 *     "> 220 mx.test ready"   say a line
 *     "< EHLO"                a line must come and begin so
 *     "= rest"                say octets as they are, without CRLF
 *     "TLS"                   shake hands
 *     "LETTER"                read up to CRLF.CRLF, keep the octets
 *     "PART"                  read some octets of a letter and keep none
 *     "DROP"                  close at once
 *     "WAIT"                  until the client closes
 *
 * A script's end closes the connection. Names of commands and what they hold are compared exactly. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"

#include "host/address.h"
#include "host/tls.h"

#define SCRIPTS_MAX 4

struct scripted {
    struct tls_server *tls;                  /* NULL: no script shakes hands */
    const char *const *scripts[SCRIPTS_MAX]; /* NULL-terminated steps of each connection */
    const char *at;         /* where to listen; NULL: "127.0.0.1" with a port that is free */
    struct address address; /* where it listens */
    pthread_t thread;
    int fd;
    atomic_size_t connections; /* taken so far */
    struct buf letter;         /* the last one, dots as they came */
    char breach[256];          /* what came instead of what the script wants, or empty */
};

/* Listen on loopback and begin. tls, scripts and at are set by the caller, the rest is zero. */
void scripted_start(struct scripted *s);

/* Wait until every script was played or failed, then free; the letter stays until
 * scripted_done(). */
void scripted_join(struct scripted *s);

void scripted_done(struct scripted *s);
