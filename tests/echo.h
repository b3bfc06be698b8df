/* tests/echo - the far end of a connection in tests: a thread that sends back what it gets. */
#pragma once

#include <pthread.h>

#include "host/conn.h"

struct echo {
    struct tls_server *server; /* NULL: plain */
    pthread_t thread;
    int fd;
    const char *name; /* of the peer, which is looked for in its certificate */
    bool handshake_ok;
    bool named;
    bool exported;
    uint8_t exporter[TLS_EXPORTER_LEN];
    struct conn_tls facts;
    struct error e; /* why it ended; ERROR_NONE after a proper end */
};

/* Start the thread and return our own end of the socket pair. x->server is set by the caller. */
int echo_start(struct echo *x);

/* Wait until it has ended: after a half-close, a close or a failed handshake. */
void echo_join(struct echo *x);
