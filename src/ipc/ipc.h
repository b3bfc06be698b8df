/* ipc/ipc - what one process may ask of another: messages, permission tables, the serving end.
 *
 * A message is known to both ends: number, name, schema of question and answer, what descriptor
 * goes along. A table belongs to the serving end: which messages this peer may send, how often, and
 * the function that answers. What is not in the table cannot be asked.
 *
 *     // requests/submit.h, shared            // processes/keeper.c, serving submission
 *     const struct ipc_message submit_letter  static const struct ipc_row rows[] = {
 *         = {1, "letter", &ask, &answer,          {&submit_letter, 0, letter_handler},
 *            .ask_fd = IPC_FD_SEALED};        };
 *                                             const struct ipc_table submission_table
 *                                                 = IPC_TABLE("submission", rows);
 *
 * One question at a time on a channel, a thread for every channel: no numbering of requests, no
 * sorting of answers. The asking end is ipc/pool. */
#pragma once

#include <stdatomic.h>

#include "base/buf.h"

#include "formats/cbor/cbor.h"
#include "ipc/packet.h"

#define IPC_ROWS_MAX  160                /* messages in a table */
#define IPC_ARENA_MAX ((size_t)64 << 20) /* bytes one request may take while it is answered */
#define IPC_PASS_LEN  32                 /* bytes of what a channel's peer showed */

/* What descriptor a question or answer carries. The receiver of a SEALED one knows that it is a
 * memory file which nobody can change any more (host/memfd). */
enum ipc_fd {
    IPC_FD_NONE,
    IPC_FD_SEALED,
    IPC_FD_SEALED_OPTIONAL,
    IPC_FD_ANY,
};

struct ipc_message {
    uint16_t id; /* 1 to 65535, unique within a table, never reused for another meaning */
    const char *name;
    const struct cbor_schema *ask;    /* NULL: no body */
    const struct cbor_schema *answer; /* NULL: no body */
    uint8_t ask_fd;                   /* enum ipc_fd */
    uint8_t answer_fd;
    bool secret;  /* passwords and the like: our copies of the packets are wiped after use */
    bool relayed; /* the peer passes on what another process answers, unread: an answer that breaks
                   * its schema is no reason to give up the channel */
};

/* One request while its handler runs. */
struct ipc_request {
    const void *ask; /* struct of message->ask; slices live as long as the request */
    void *answer;    /* zeroed struct of message->answer, for the handler to fill: what it points
                            at must live until the handler's thread is asked again (arena, static) */
    int fd;          /* what came along, or -1; closed after the handler unless it took it */
    int answer_fd;   /* -1; what the handler puts here is sent and then closed */
    int channel;     /* where it came from; for asking the kernel who is there */
    uint8_t *pass; /* IPC_PASS_LEN bytes of the channel's own, zero at first, for a handler to keep:
                      * what the peer showed of the person for whom it asks */
    void *caller;  /* what the gate made of that, in the arena; NULL without a gate */
    struct arena *arena; /* reset after the answer is sent */
};

/**
 * Answer one request.
 *
 * @param ctx  what ipc_server_init() was given: shared by the threads of all channels
 * @return     false with kind and sentence: the peer gets these instead of an answer, so the
 *             sentence says nothing that the peer may not know
 */
typedef bool ipc_handler(void *ctx, struct ipc_request *r, struct error *e);

/**
 * Decide whether this peer may ask this now: for peers that are people, whose rights differ.
 *
 * @param r  as the handler will get it, but for the answer; `caller` may be set
 * @return   false with kind and sentence, which the peer gets
 */
typedef bool ipc_gate(void *ctx, const struct ipc_message *m, struct ipc_request *r,
                      struct error *e);

struct ipc_row {
    const struct ipc_message *message;
    uint32_t per_minute; /* more are answered with ERROR_LIMIT; 0: as often as it likes */
    ipc_handler *handler;
};

struct ipc_table {
    const char *peer; /* who may ask, for sentences */
    const struct ipc_row *rows;
    size_t n_rows; /* up to IPC_ROWS_MAX */
};

#define IPC_TABLE(peer, rows)                                                                      \
    {                                                                                              \
        peer, rows, sizeof(rows) / sizeof((rows)[0])                                               \
    }

/* A table at work, with the rates of all channels of one peer. Shared by their threads. */
struct ipc_server {
    const struct ipc_table *table;
    void *ctx;
    ipc_gate *gate; /* asked before every handler; NULL: what is in the table may be asked */
    bool
        background; /* nobody waits for the answers in front of a screen: see thread_background() */

    struct ipc_meter {
        _Atomic int64_t minute; /* of the steady clock */
        _Atomic uint32_t count;
    } meters[IPC_ROWS_MAX];
};

/* The serving end of one channel; one thread's. */
struct ipc_channel {
    int fd;
    struct arena arena;
    struct buf out;
    uint8_t pass[IPC_PASS_LEN];
};

enum ipc_served {
    IPC_SERVED, /* one request was answered, with success or failure */
    IPC_CLOSED, /* the peer is gone */
    IPC_BREACH, /* the peer broke the rules: close the channel and say so */
};

/* ctx may be NULL; table and ctx outlive the server. */
void ipc_server_init(struct ipc_server *s, const struct ipc_table *table, void *ctx);

/**
 * Answer what comes in on `channel` until the peer closes it. The socket stays the caller's.
 *
 * @return  true when the peer closed; false with ERROR_DENIED when it asked for what is not in its
 *          table or broke the format: the sentence is for the log
 */
bool ipc_serve(struct ipc_server *s, int channel, struct error *e) MUST_CHECK;

/* Take over the socket. */
void ipc_channel_init(struct ipc_channel *c, int fd);

/* Close the socket and free the memory. */
void ipc_channel_done(struct ipc_channel *c);

/* Wait for one request and answer it; *e as ipc_serve() says when IPC_BREACH comes back. */
enum ipc_served ipc_serve_one(struct ipc_server *s, struct ipc_channel *c,
                              struct error *e) MUST_CHECK;

/**
 * Wait for the next request and look at it without taking it: for a process that must not live on
 * when the next question concerns somebody else.
 *
 * @param ask  set to the row's question struct (its message is in *message); lives until the
 *             channel's next use. A request that ipc_serve_one() would refuse gives *message NULL
 */
enum ipc_served ipc_peek(struct ipc_server *s, struct ipc_channel *c,
                         const struct ipc_message **message, const void **ask,
                         struct error *e) MUST_CHECK;

OWN_VALUE(ipc_channel, struct ipc_channel, ipc_channel_done)
