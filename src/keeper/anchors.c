#include "keeper/anchors.h"

#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include "formats/stamp/stamp.h"
#include "host/memfd.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "ledger/checkpoint.h"
#include "requests/courier.h"
#include "requests/inspector.h"

#define LOOK_EVERY_US  500000
#define FIRST_PAUSE_MS 5000 /* after a failure; doubled with each further one */
#define LAST_PAUSE_MS  (INT64_C(30) * 60 * 1000)
#define ALARM_AGAIN_MS (INT64_C(24) * 3600 * 1000)
#define FETCH_MS       20000
#define ARENA_BYTES    ((size_t)8 << 20)
#define METHOD_POST    2 /* of host/fetch */
#define HTTP_OK        200
#define STATE_LEN      32
#define KINDS          (ANCHOR_TIMESTAMP + 1)

/* One kind's story. The first four are kept in the state. */
struct story {
    int64_t wanted_at; /* wall clock: since when it is configured */
    int64_t at;        /* wall clock: the last act */
    uint64_t size;     /* leaves that its note is over */
    uint64_t after;    /* records of the ledger when it was done */
    int64_t next_at;   /* steady clock: not before */
    int64_t pause_ms;
    int64_t alarmed_at; /* steady clock; 0: it is not late */
    bool hurried;
};

struct anchors {
    struct keeper *k;
    pthread_mutex_t lock; /* guards what follows */
    struct story stories[KINDS];
};

static const char *const names[KINDS] =
    {[ANCHOR_FILE] = "file", [ANCHOR_MAIL] = "mail", [ANCHOR_TIMESTAMP] = "time stamp"};
static const struct slice keys[KINDS] = {
    [ANCHOR_FILE] = SLICE_INIT("anchor/file"),
    [ANCHOR_MAIL] = SLICE_INIT("anchor/mail"),
    [ANCHOR_TIMESTAMP] = SLICE_INIT("anchor/timestamp"),
};

/* ── what is remembered ── */

/* What cannot be written comes again with the next act: all it costs is one anchor too many. */
static void remember(struct anchors *a, enum anchor_kind kind)
{
    uint8_t value[STATE_LEN];
    struct error e;

    (void)pthread_mutex_lock(&a->lock);
    const struct story s = a->stories[kind];
    (void)pthread_mutex_unlock(&a->lock);
    put64(value, (uint64_t)s.wanted_at);
    put64(value + 8, (uint64_t)s.at);
    put64(value + 16, s.size);
    put64(value + 24, s.after);
    if (!state_value_put(a->k->state, keys[kind], SLICE_ARRAY(value), &e)) {
        log_event(LOG_WARNING, "anchor.unremembered", LOG_TEXT("reason", e.text));
    }
}

static void recall(struct anchors *a, enum anchor_kind kind)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct story *s = &a->stories[kind];
    struct slice value;
    bool found = false;
    struct error e;

    if (state_value_get(a->k->state, keys[kind], &arena, &value, &found, &e) && found &&
        value.len == STATE_LEN) {
        s->wanted_at = (int64_t)get64(value.ptr);
        s->at = (int64_t)get64(value.ptr + 8);
        s->size = get64(value.ptr + 16);
        s->after = get64(value.ptr + 24);
    }
}

struct anchors *anchors_new(struct keeper *k)
{
    struct anchors *a = calloc(1, sizeof(*a));

    if (!a) {
        arena_panic("out of memory");
    }
    a->k = k;
    (void)pthread_mutex_init(&a->lock, NULL);
    for (enum anchor_kind kind = ANCHOR_FILE; kind <= ANCHOR_TIMESTAMP; kind++) {
        recall(a, kind);
    }
    return a;
}

void anchors_free(struct anchors *a)
{
    if (a) {
        (void)pthread_mutex_destroy(&a->lock);
        free(a);
    }
}

void anchors_done(struct anchors *a, enum anchor_kind kind, uint64_t size)
{
    struct story *s = &a->stories[kind];
    struct ledger_head head;

    ledger_head(a->k->ledger, &head);
    (void)pthread_mutex_lock(&a->lock);
    s->at = clock_wall_ms();
    s->size = size;
    s->after = head.size;
    s->pause_ms = s->next_at = s->alarmed_at = 0;
    s->hurried = false;
    (void)pthread_mutex_unlock(&a->lock);
    remember(a, kind);
    log_event(LOG_INFO, "ledger.anchored", LOG_TEXT("by", names[kind]), LOG_NUMBER("size", size));
}

int64_t anchors_last(struct anchors *a, enum anchor_kind kind)
{
    (void)pthread_mutex_lock(&a->lock);
    int64_t at = a->stories[kind].at;
    (void)pthread_mutex_unlock(&a->lock);
    return at;
}

void anchors_hurry(struct anchors *a)
{
    (void)pthread_mutex_lock(&a->lock);
    struct story *s = &a->stories[ANCHOR_TIMESTAMP];
    s->hurried = true;
    s->next_at = s->pause_ms = 0; /* a person may have put right what failed */
    (void)pthread_mutex_unlock(&a->lock);
}

/* ── time stamps ── */

struct stamping {
    struct keeper *k;
    struct slice note;
    uint8_t digest[STAMP_DIGEST_LEN];
    uint8_t nonce[STAMP_NONCE_LEN];
    struct arena *arena;
};

static bool ask_authority(struct stamping *s, struct slice url, int *response, struct error *e)
{
    struct slice type = SLICE("Content-Type: application/timestamp-query");
    const struct courier_ask ask = {
        .method = METHOD_POST,
        .url = url,
        .headers = {&type, 1},
        .answer_max = STAMP_RESPONSE_MAX,
        .timeout_ms = FETCH_MS
    };
    OWN(buf) struct buf request = {.max = STAMP_RESPONSE_MAX};
    OWN(fd) int fd = -1;
    OWN(fd) int got = -1;
    struct courier_answer answer;

    keyring_random_bytes(s->nonce, sizeof(s->nonce));
    s->nonce[0] |= 1; /* a number that says all its bytes */
    if (!stamp_request(s->digest, s->nonce, &request, e) ||
        !memfd_from("request", buf_slice(&request), &fd, e) ||
        !ipc_call(s->k->options.courier, &courier_fetch, &ask, fd, &answer, &got, s->arena,
                  FETCH_MS + KEEPER_ASK_MS, e)) {
        return false;
    }
    if (answer.status != HTTP_OK) {
        return error_set(e, ERROR_BUSY, "it answers with status %u", (unsigned)answer.status);
    }
    *response = TAKE(got, -1);
    return true;
}

/* The courier may lie about what it fetched, and the response may be made to harm who reads it: an
 * inspector that never lives on reads it. */
static bool stamp_by(struct stamping *s, struct slice url, struct checkpoint_record *record,
                     struct error *e)
{
    struct inspector_stamp_answer answer;
    OWN(fd) int response = -1;

    if (!ask_authority(s, url, &response, e)) {
        return false;
    }
    const struct inspector_stamp_ask ask = {
        .sender = SLICE_ARRAY(s->nonce),
        .digest = SLICE_ARRAY(s->digest),
        .trust = s->k->options.timestamp_trust(s->k->options.context),
    };
    if (!ipc_call(s->k->options.inspector, &inspector_stamp, &ask, response, &answer, NULL,
                  s->arena, KEEPER_ASK_MS, e)) {
        return false;
    }
    *record = (struct checkpoint_record){.note = s->note,
                                         .anchored_to = url,
                                         .kind = ANCHOR_TIMESTAMP,
                                         .token = answer.token,
                                         .token_at = answer.time};
    return true;
}

/* By the first authority that gives one. */
static bool stamp(struct keeper *k, struct slice note, struct arena *arena, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *urls = settings->archive.timestamp_url.items;
    struct stamping s = {.k = k, .note = note, .arena = arena};
    struct checkpoint_record record;

    digest_of(note, SLICE_NONE, s.digest);
    *e = (struct error){.kind = ERROR_CONFIG, .text = "`timestamp-url` is empty"};
    for (size_t i = 0; i < settings->archive.timestamp_url.count; i++) {
        if (stamp_by(&s, urls[i], &record, e)) {
            return keeper_record_one(k, LEDGER_PATIENT, RECORD_CHECKPOINT, &checkpoint_schema,
                                     &record, e);
        }
        log_event(LOG_WARNING, "anchor.unstamped", LOG_SLICE("url", urls[i]),
                  LOG_TEXT("reason", e->text));
    }
    return false;
}

/* ── when ── */

static bool is_wanted(const struct archive_settings *s, enum anchor_kind kind)
{
    return (kind == ANCHOR_FILE && s->anchor_file.count) ||
           (kind == ANCHOR_MAIL && s->anchor_mail.count) ||
           (kind == ANCHOR_TIMESTAMP && s->timestamp_url.count);
}

/* Files are the command line's. Nothing is anchored twice: there must be something new. */
static bool is_due(struct anchors *a, enum anchor_kind kind, const struct archive_settings *s)
{
    int64_t interval = kind == ANCHOR_MAIL ? s->anchor_mail_interval_ms : s->timestamp_interval_ms;
    int64_t now = clock_wall_ms();
    struct ledger_head head;

    ledger_head(a->k->ledger, &head);
    (void)pthread_mutex_lock(&a->lock);
    const struct story *y = &a->stories[kind];
    bool due = kind != ANCHOR_FILE && is_wanted(s, kind) && clock_steady_ms() >= y->next_at &&
               head.size > y->after &&
               (y->hurried || y->at == 0 || y->at > now || now - y->at >= interval);
    (void)pthread_mutex_unlock(&a->lock);
    return due;
}

static void note_failure(struct anchors *a, enum anchor_kind kind, const char *why)
{
    struct story *s = &a->stories[kind];

    (void)pthread_mutex_lock(&a->lock);
    s->pause_ms = s->pause_ms == 0                  ? FIRST_PAUSE_MS
                  : s->pause_ms * 2 < LAST_PAUSE_MS ? s->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    s->next_at = clock_steady_ms() + s->pause_ms;
    (void)pthread_mutex_unlock(&a->lock);
    log_event(LOG_WARNING, "anchor.failed", LOG_TEXT("by", names[kind]), LOG_TEXT("reason", why));
}

static void act(struct anchors *a, enum anchor_kind kind)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct checkpoint c;
    struct slice note;
    struct error e;

    bool done = keeper_checkpoint(a->k, &arena, &note, &e) && checkpoint_read(note, &c, &e) &&
                (kind == ANCHOR_MAIL ? keeper_anchor(a->k, note, &arena, &e)
                                     : stamp(a->k, note, &arena, &e));
    if (!done) {
        note_failure(a, kind, e.text);
    } else if (kind == ANCHOR_TIMESTAMP) { /* keeper_anchor() says so itself */
        anchors_done(a, kind, c.size);
    }
}

/* Is there none for too long? The alarm comes again once a day. */
static bool fell_late(struct anchors *a, enum anchor_kind kind, const struct archive_settings *s)
{
    struct story *y = &a->stories[kind];
    int64_t steady = clock_steady_ms();
    bool begun = false;
    bool fell = false;

    (void)pthread_mutex_lock(&a->lock);
    if (!is_wanted(s, kind)) {
        y->alarmed_at = 0;
    } else if (y->wanted_at == 0) {
        y->wanted_at = clock_wall_ms();
        begun = true;
    } else {
        int64_t since = y->at > y->wanted_at ? y->at : y->wanted_at;
        bool late = clock_wall_ms() - since >= s->anchor_alarm_ms;
        fell = late && (y->alarmed_at == 0 || steady - y->alarmed_at >= ALARM_AGAIN_MS);
        y->alarmed_at = !late ? 0 : fell ? steady : y->alarmed_at;
    }
    (void)pthread_mutex_unlock(&a->lock);
    if (begun) {
        remember(a, kind);
    }
    return fell;
}

static void watch_age(struct anchors *a, enum anchor_kind kind, const struct archive_settings *s)
{
    char sentence[ERROR_TEXT_MAX];

    if (fell_late(a, kind, s)) {
        (void)snprintf(
            sentence, sizeof(sentence),
            "No checkpoint of the ledger was anchored by %s for %lld hours or more; what "
            "was recorded since is not proved by anybody outside",
            names[kind], (long long)(s->anchor_alarm_ms / 3600000));
        keeper_alert(a->k, "anchor-late", sentence);
    }
}

void keeper_anchors(void *keeper)
{
    struct keeper *k = keeper;

    while (!atomic_load(&k->closing)) {
        const struct settings *s = k->options.settings(k->options.context);
        (void)usleep(LOOK_EVERY_US);
        for (enum anchor_kind kind = ANCHOR_FILE; kind <= ANCHOR_TIMESTAMP; kind++) {
            if (is_due(k->anchors, kind, &s->archive)) {
                act(k->anchors, kind);
            }
            watch_age(k->anchors, kind, &s->archive);
        }
    }
}
