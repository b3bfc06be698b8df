/* The process that reads letters, before anything else of Postern does: a mould from which readers
 * are cast (processes/lives), one sender's each. The mould loads the libraries, locks itself in and
 * never looks at a letter; its readers have still less: no copies of themselves, little memory, a
 * bounded time. */
#include "requests/inspector.h"

#include <poll.h>
#include <unistd.h>

#include "base/log.h"

#include "formats/openpgp/key.h"
#include "formats/smime/certificate.h"
#include "formats/stamp/stamp.h"
#include "host/thread.h"
#include "processes/lives.h"
#include "processes/reading.h"
#include "processes/roles.h"
#include "requests/metadata.h"
#include "requests/openpgp.h"
#include "requests/recipients.h"
#include "requests/secrets.h"
#include "requests/smime.h"
#include "stages/attachments/attachments.h"
#include "stages/inspection/inspection.h"

#define IDLE_MS 10000

/* For a question and its answer's body while they pass through. */
#define PASS_MAX (2 * IPC_BODY_MAX)

_Static_assert(LIVES_TAG_LEN == INSPECTOR_SENDER_LEN, "a life is one sender's");

/* What a reader must let go of when it is cast. */
struct mould {
    struct role *role;
    struct lives lives;
    int channel;   /* to the keeper; -1: none */
    int narrowing; /* filter of the system calls that a reader is left with */
};

static struct mould mould = {.channel = -1, .narrowing = -1};

bool inspector_prepare(struct role *r, struct error *e)
{
    (void)r;
    inspection_init();
    attachments_init();
    stamp_init();
    smime_init();
    openpgp_init();
    return sandbox_prepare_narrowing(SANDBOX_LIMITS, &mould.narrowing, e);
}

static void live(void *argument, int channel)
{
    struct mould *m = argument;
    struct error e;

    lives_forked(&m->lives);
    own_fd(&m->channel);
    role_forked(m->role);
    if (!sandbox_narrow(m->narrowing, &e)) {
        log_event(LOG_ERROR, "inspector.unconfined", LOG_TEXT("reason", e.text));
        return;
    }
    own_fd(&m->narrowing);
    reading_live(channel);
}

/* As the settings say now; the keeper waits twice as long for a letter. */
static void set_limits(struct mould *m)
{
    const struct process_settings *s = &role_settings(m->role)->process;

    m->lives.options.letters_max = (unsigned)s->inspector_letters;
    m->lives.options.letter_ms = s->inspector_timeout_ms;
}

/* What may be asked; each question's first member is its sender. */
static const struct ipc_message *const questions[] = {
    &inspector_inspect,         &inspector_stamp,        &inspector_key,
    &inspector_openpgp_prepare, &inspector_openpgp_seal, &inspector_smime_seal,
    &inspector_smime_judge,     &inspector_protect,      &inspector_smime_harvest,
    &inspector_clean,
};

/* Whose question this is: the one thing about it that is looked at here. */
static bool find_sender(const struct ipc_packet *ask, struct arena *arena,
                        uint8_t sender[static LIVES_TAG_LEN], struct error *e)
{
    struct slice found = SLICE_NONE;

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        const struct cbor_schema *schema = questions[i]->ask;
        void *question = questions[i]->id == ask->verb ? arena_alloc(arena, schema->size) : NULL;
        if (question && cbor_read(ask->body, schema, arena, question, e)) {
            (void)memcpy(&found, question, sizeof(found));
        }
    }
    if (found.len == LIVES_TAG_LEN) {
        (void)memcpy(sender, found.ptr, LIVES_TAG_LEN);
    }
    return found.len == LIVES_TAG_LEN;
}

/* One question of the keeper's, to the life of its sender and back. False when the keeper is gone or
 * asks what it may not. */
static bool pass(struct mould *m, struct arena *arena, struct error *e)
{
    struct ipc_packet ask = {.fd = -1};
    struct ipc_packet answer = {.fd = -1};
    uint8_t sender[LIVES_TAG_LEN];
    struct error why = {0};

    *e = (struct error){0};
    arena->wipes = true; /* a reader that is cast later inherits nothing of what passed */
    if (packet_receive(m->channel, arena, &ask, e) != PACKET_RECEIVED) {
        return false;
    }
    if (ask.status != ERROR_NONE || ask.fd < 0 || !find_sender(&ask, arena, sender, e)) {
        own_fd(&ask.fd);
        return error_set(e, ERROR_DENIED, "keeper asked for what is not in its table");
    }
    set_limits(m);
    if (!lives_ask(&m->lives, &ask, sender, arena, &answer, &why)) {
        answer = (struct ipc_packet){
            .verb = ask.verb, .status = (uint8_t)why.kind, .body = slice_text(why.text), .fd = -1};
    }
    own_fd(&ask.fd);
    bool sent = packet_send(m->channel, &answer, e);
    lives_wipe(&answer);
    return sent;
}

/* Serve one keeper until it is gone or the supervisor says stop. Everything starts afresh with the
 * next: what was asked on a channel is never answered on another. */
static void serve(struct mould *m)
{
    OWN(arena) struct arena arena = {.max = PASS_MAX};
    struct error e = {0};
    bool alive = true;

    while (alive) {
        struct pollfd fds[] = {
            {.fd = m->channel,            .events = POLLIN},
            {.fd = role_stop_fd(m->role), .events = POLLIN}
        };
        if (poll(fds, 2, lives_rest(&m->lives)) <= 0) {
            continue;
        }
        alive = fds[1].revents == 0 && (fds[0].revents == 0 || pass(m, &arena, &e));
        arena_reset(&arena);
    }
    if (e.kind == ERROR_DENIED) {
        log_event(LOG_WARNING, "ipc.breach", LOG_TEXT("peer", "keeper"),
                  LOG_TEXT("reason", e.text));
    }
    lives_done(&m->lives);
}

bool inspector_run(struct role *r, struct error *e)
{
    const struct lives_options options = {
        .live = live,
        .context = &mould,
        .idle_ms = IDLE_MS,
        .stop_fd = role_stop_fd(r),
    };
    const char *peer = NULL;

    (void)e;
    mould.role = r;
    lives_init(&mould.lives, &options);
    role_ready(r);
    thread_background(); /* and with it its readers; not before, as the start of others waits for ours */
    for (;;) {
        mould.channel = role_next_channel(r, &peer);
        if (mould.channel < 0) {
            return true;
        }
        serve(&mould);
        own_fd(&mould.channel);
    }
}
