/* stages/submission/scene_test - what the tests of the stage share: the stage with peers that say
 * what a test wants, and a client on a real TCP connection. For one thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "config/settings.h"
#include "host/conn.h"
#include "requests/auth.h"
#include "requests/keeper.h"
#include "stages/submission/submission.h"
#include "tests/certificates.h"
#include "tests/test.h"

#define SCENE_CHANNELS 4
#define SCENE_PEERS    3
#define SCENE_TEXT     512

struct scene {
    /* What a test may set before it begins. */
    const char *settings_text; /* lines of postern.conf behind domain and hostname */
    uint64_t bytes_in_flight;  /* smaller than postern.conf may say; 0: its default */

    /* What it may set at any time. */
    _Atomic uint64_t verdict; /* of auth; 0: by password, which is "correct" */
    _Atomic uint64_t delay_ms;
    _Atomic uint64_t code; /* of keeper; 0: it fails */
    _Atomic(const char *) text;
    _Atomic uint64_t submit_ms; /* how long the keeper takes */
    atomic_bool sign_for_all;   /* the signer signs with its key whatever key is named */

    /* What the peers saw last; read it after the client's reply. */
    struct buf letter;
    char reverse_path[SCENE_TEXT];
    char recipients[SCENE_TEXT]; /* "a@b notify=1 orcpt=;c@d" */
    char envelope_id[SCENE_TEXT];
    char client[SCENE_TEXT];
    char tls_version[SCENE_TEXT];
    char helo[SCENE_TEXT];
    uint64_t dsn_return;
    bool smtputf8, body_8bit;
    atomic_size_t logins, letters, ends;

    struct submission *submission;
    struct settings settings;
    struct arena arena;
    struct certificate *certificate;
    struct certificate_keys keys;
    struct tls_client *trust;
    int listener;
    struct address address;
    int stop_fd;
    struct ipc_pool *pools[SCENE_PEERS];
    struct ipc_server servers[SCENE_PEERS];
    pthread_t threads[SCENE_PEERS * SCENE_CHANNELS];
    size_t n_threads;
};

/* The letter handles and certificate that the scene's peers know. */
#define SCENE_PASSWORD "correct"
#define SCENE_HANDLE   "0123456789abcdef0123456789abcdef"

/* Start the service with peers that answer as the scene says. */
void scene_begin(struct scene *s);

/* Wait for every session, then free all. */
void scene_end(struct scene *s);

/* The supervisor said stop. */
void scene_stop(struct scene *s);

/* One client: its connection and the last reply, all its lines with CRLF. */
struct visitor {
    struct scene *scene;
    struct conn *conn;
    struct buf in;
    char reply[4096];
};

/* Connect; over implicit TLS the handshake is done. The greeting is not read. */
void visitor_come(struct visitor *v, struct scene *s, bool implicit_tls);

/* Send as it is. */
void visitor_send(struct visitor *v, const char *text);
void visitor_send_slice(struct visitor *v, struct slice bytes);

/* Read a reply and see that its last line begins so. */
#define visitor_expect(v, start) visitor_expect_at(v, start, __FILE__, __LINE__)
void visitor_expect_at(struct visitor *v, const char *start, const char *file, int line);

/* Send a line and expect a reply to it. */
#define visitor_ask(v, line, start)                                                                \
    do {                                                                                           \
        visitor_send(v, line "\r\n");                                                              \
        visitor_expect(v, start);                                                                  \
    } while (0)

/* See that the server closes without another word. */
#define visitor_expect_end(v) visitor_expect_end_at(v, __FILE__, __LINE__)
void visitor_expect_end_at(struct visitor *v, const char *file, int line);

/* Become TLS behind a 220 to STARTTLS. */
bool visitor_secure(struct visitor *v, struct error *e) MUST_CHECK;

/* Over TLS: greeting, EHLO, AUTH. */
void visitor_sign_in(struct visitor *v);

/* To the 354. */
void visitor_begin_letter(struct visitor *v);

/* Close the connection without a word. */
void visitor_leave(struct visitor *v);
