/* places/places - backup targets on other machines as stores: SFTP servers and S3-compatible ones.
 *
 *     sftp://user@host[:port]/folder      the server's host key is pinned, SSH key or password by file
 *     https://host[:port]/bucket/prefix   S3 with paths; requests are signed here (Signature Version 4)
 *     http://...                          the same without TLS, to this machine itself alone
 *
 * Names are looked up by the caller's function, credentials are bytes, no file is opened: a confined
 * process can do it. A call that fails for the moment is made again some times. Not thread-safe: the
 * table below takes one question at a time. */
#pragma once

#include <pthread.h>

#include "host/address.h"
#include "ipc/ipc.h"
#include "ipc/pool.h"
#include "vault/store.h"

#define PLACES_ADDRESSES_MAX 8

struct places_options {
    struct slice url;
    struct slice
        credentials;       /* SFTP: an OpenSSH private key or a password; S3: "ACCESS-KEY SECRET" */
    struct slice host_key; /* SFTP: "SHA256:..." as ssh-keygen -l prints it */
    struct slice region;   /* S3 */
    struct slice trust;    /* PEM of authorities, for https */
    struct slice proxy;    /* URL, for https; or empty */
    int64_t lock_ms;       /* S3: objects are locked for so long when they are stored; 0: not */
    /* Addresses of a host, with this port; any number up to PLACES_ADDRESSES_MAX. */
    bool (*resolve)(void *context, struct slice host, uint16_t port, struct address *out,
                    size_t *count, struct error *e);
    void *context;
};

/* Whether a URL names such a place (or a folder: file:///...), as far as it can be told without asking. */
bool places_url(struct slice url, struct error *e) MUST_CHECK;

/* Load what the libraries load once, before the walls are up. */
bool places_init(struct error *e) MUST_CHECK;

struct places;

/* Take the options apart; nothing is connected before the first call. What they point at outlives the place.
 * ERROR_CONFIG. */
bool places_open(const struct places_options *options, struct places **out,
                 struct error *e) MUST_CHECK;
void places_close(struct places *p);

/* The host that it is on, and the port. */
void places_host(const struct places *p, struct slice *host, uint16_t *port);

/* Its store; lives as long as the place. */
struct store places_store(struct places *p);

/* ── by another process ── */

/* What answers requests/store: the context of the table. `open` is asked before each answer and gives the
 * place to use; it may give another after the settings changed. */
struct places_server {
    pthread_mutex_t lock;
    struct places *(*open)(void *context, struct error *e);
    void *context;
};

extern const struct ipc_table places_table;

/* The store behind such a server; the pool outlives it. */
struct store places_remote(struct ipc_pool *pool);

/* Visit the lines of an answered list. ERROR_INPUT. */
bool places_list_read(struct slice text, store_visit *visit, void *visitor,
                      struct error *e) MUST_CHECK;

OWN_BY(places, struct places, places_close)
