/* One folder: listed window by window of UIDs, its letters fetched batch by batch.
 *
 * 1. A batch's letters, what could not be taken, and the UID up to which all is settled are one commit of
 *    the keeper's. The place where a pull goes on is in the ledger and nowhere else.
 * 2. Each letter is asked for by a command of its own, many on the way at once, so that it is known which
 *    one the server refused. One refused, or answered without its bytes, is asked for once more, one over which the server hangs up three
 *    times in all; then it stands in the report with its UID, and the next is taken. A server that does
 *    not list one, or gives no letter of a batch, nor the folder's last, ends the pull of the folder
 *    there: it may do so later. Removed is what the server answers with nothing and lists no longer.
 * 3. Memory: a batch (72 MiB at most) and a window's list, however large the mailbox. */
#include <stdlib.h>

#include "base/clock.h"

#include "requests/pull.h"
#include "stages/intake/internal.h"

#define WANTS_MAX    8192 /* letters in a window */
#define WINDOW_FIRST 1000 /* UIDs */
#define WINDOW_MAX   (UINT32_C(1) << 30)
#define FEW          100 /* letters in a window, after which it grows */
#define REOPENS_MAX  30  /* of the connection, in one pull of a folder */
#define SHOWN_MAX    300
#define ARENA_BYTES  ((size_t)16 << 20)

/* ── the folder ── */

bool pull_refused(const struct pull_folder *f, const struct imap_response *r, struct error *e)
{
    char shown[SHOWN_MAX + 1];
    size_t len = r->text.len < SHOWN_MAX ? r->text.len : SHOWN_MAX;

    for (size_t i = 0; i < len; i++) {
        shown[i] = r->text.ptr[i] >= ' ' && r->text.ptr[i] <= '~' ? (char)r->text.ptr[i] : '?';
    }
    shown[len] = 0;
    return error_set(e, ERROR_INPUT, "folder %.*s: the server says: %s", SLICE_ARG(f->shown),
                     shown);
}

static bool examine(struct pull_folder *f, struct error *e)
{
    struct imap_response r;
    enum imap_got got = IMAP_MORE;
    struct slice run;

    f->validity = 0;
    f->exists = 0;
    f->last = UINT32_MAX;
    imap_say_examine(&f->s->out, ++f->s->tag, f->wire);
    if (!pull_send(f->s, e)) {
        return false;
    }
    do {
        if (!pull_next(f->s, &got, &run, &r, e)) {
            return false;
        }
        if (got == IMAP_RESPONSE && r.code == IMAP_UIDVALIDITY) {
            f->validity = r.number;
        } else if (got == IMAP_RESPONSE && r.code == IMAP_UIDNEXT) {
            f->last = r.number - 1;
        } else if (got == IMAP_RESPONSE && r.kind == IMAP_EXISTS) {
            f->exists = r.number;
        }
    } while (got != IMAP_RESPONSE || r.tag != f->s->tag);
    if (r.kind != IMAP_OK) {
        return pull_refused(f, &r, e);
    }
    return f->validity != 0 ||
           error_set(e, ERROR_INPUT, "folder %.*s: the server tells no UIDVALIDITY",
                     SLICE_ARG(f->shown));
}

bool pull_begin(struct pull_folder *f, int64_t until, uint32_t *from, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct keeper_pull_begin_ask ask = {
        .pull = f->target->settings->name,
        .mailbox = f->target->mailbox,
        .folder = f->shown,
        .uid_validity = f->validity,
    };
    struct keeper_pull_begin_answer answer;

    if (!ipc_call(f->keeper, &keeper_pull_begin, &ask, -1, &answer, NULL, &arena,
                  pull_ask_ms(until), e)) {
        return false;
    }
    if (answer.ticket.len != IMPORT_TICKET_LEN) {
        return error_set(e, ERROR_BUSY, "the keeper gives no ticket");
    }
    (void)memcpy(f->ticket, answer.ticket.ptr, IMPORT_TICKET_LEN);
    f->before = answer.counts;
    *from = (uint32_t)answer.uid;
    return true;
}

/* A keeper that has much to do, or is being started, is asked again. */
static bool begin(struct pull_folder *f, uint32_t *from, struct error *e)
{
    int64_t until = clock_steady_ms() + PULL_KEEPER_MS;

    while (!pull_begin(f, until, from, e)) {
        if (!pull_again(until, e)) {
            return false;
        }
    }
    return true;
}

bool pull_reopen(struct pull_folder *f, struct error *e)
{
    uint32_t validity = f->validity;
    uint32_t last = f->last;

    pull_close(f->s, false);
    if (++f->reopened > REOPENS_MAX) {
        return error_set(e, ERROR_BUSY, "the server hangs up again and again");
    }
    if (!pull_open(f->target, f->s, e)) {
        return false;
    }
    if (!examine(f, e)) {
        pull_close(f->s, false);
        return false;
    }
    f->last = last;
    return f->validity == validity || error_set(e, ERROR_BUSY, "the folder has just been replaced");
}

/* ── a window ── */

int pull_by_uid(const void *a, const void *b)
{
    uint32_t x = ((const struct pull_want *)a)->uid;
    uint32_t y = ((const struct pull_want *)b)->uid;

    return x < y ? -1 : x > y;
}

/* Sorted, each once: a server may tell one twice, when its flags change meanwhile. */
static void put_in_order(struct pull_folder *f)
{
    size_t n = 0;

    qsort(f->wants, f->n_wants, sizeof(*f->wants), pull_by_uid);
    for (size_t i = 0; i < f->n_wants; i++) {
        if (n == 0 || f->wants[n - 1].uid != f->wants[i].uid) {
            f->wants[n++] = f->wants[i];
        }
    }
    f->n_wants = n;
}

static void note(struct pull_folder *f, const struct imap_letter *l)
{
    f->wants[f->n_wants++] = (struct pull_want){
        .uid = l->uid,
        .size = l->size,
        .received_at = (uint64_t)(l->has_date && l->date_ms > 0 ? l->date_ms : clock_wall_ms()),
        .flags = letter_text(&f->arena, l->flags, IMPORT_FLAGS_MAX),
    };
}

enum listed { LISTED, NOT_LISTED, TOO_MANY, BROKE };

/* List the letters of these UIDs. */
static enum listed list(struct pull_folder *f, uint32_t from, uint32_t to, struct error *e)
{
    struct imap_response r;
    enum imap_got got = IMAP_MORE;
    struct slice run;
    bool room = true;

    arena_reset(&f->arena);
    f->n_wants = 0;
    imap_say_list(&f->s->out, ++f->s->tag, from, to);
    if (!pull_send(f->s, e)) {
        return BROKE;
    }
    do {
        if (!pull_next(f->s, &got, &run, &r, e)) {
            return BROKE;
        }
        bool one = got == IMAP_RESPONSE && r.kind == IMAP_FETCHED && r.letter.uid >= from &&
                   r.letter.uid <= to && r.letter.has_size;
        room = room && (!one || f->n_wants < WANTS_MAX);
        if (one && room) {
            note(f, &r.letter);
        }
    } while (got != IMAP_RESPONSE || r.tag != f->s->tag);
    put_in_order(f);
    if (r.kind != IMAP_OK) {
        (void)pull_refused(f, &r, e);
        return NOT_LISTED;
    }
    if (!room) {
        (void)error_set(e, ERROR_INPUT, "the server lists more letters than there can be");
    }
    return room ? LISTED : TOO_MANY;
}

/* A window of one UID that the server does not list. */
static bool report_unlisted(struct pull_folder *f, uint32_t uid, const struct error *why,
                            struct error *e)
{
    struct pull_want w = {.uid = uid, .state = WANT_REFUSED};
    size_t settled = 0;

    w.why = arena_copy(&f->arena, slice_text(why->text));
    buf_reset(&f->bytes);
    return pull_hand_on(f, &w, 1, &settled, e);
}

static uint32_t window_after(uint32_t window, size_t letters)
{
    if (letters < FEW && window < WINDOW_MAX) {
        return window * 4;
    }
    return letters > WANTS_MAX / 2 ? window / 4 : window;
}

static bool gives_nothing(struct pull_folder *f, uint32_t but)
{
    struct pull_want w = {.uid = but};
    struct error unknown;
    bool gives = false;

    return !pull_gives_another(f, &w, 1, &gives, &unknown) || !gives;
}

/* One window from *from on; *from is then behind it. */
static bool step(struct pull_folder *f, uint32_t *from, uint32_t *window, struct error *e)
{
    uint32_t to = f->last - *from < *window ? f->last : *from + *window - 1;
    struct error why = {0};
    enum listed listed = list(f, *from, to, &why);

    if (listed == LISTED) {
        *window = window_after(*window, f->n_wants);
        f->unlisted = 0;
        *from = to == UINT32_MAX ? 0 : to + 1;
        return pull_take_window(f, e);
    }
    if (listed == BROKE && !pull_reopen(f, e)) {
        return false;
    }
    if (to > *from) {
        uint32_t width = (to - *from + 1) / 8;
        *window = width ? width : 1;
        return true;
    }
    if (listed == NOT_LISTED && gives_nothing(f, to)) {
        *e = why;
        return false; /* the next pull asks for it again */
    }
    if (listed == BROKE && ++f->unlisted < HANG_UPS_MAX) {
        return true;
    }
    f->unlisted = 0;
    *from = to == UINT32_MAX ? 0 : to + 1;
    return report_unlisted(f, to, &why, e);
}

static bool take_all(struct pull_folder *f, struct error *e)
{
    uint32_t window = WINDOW_FIRST;
    uint32_t from = 0;

    if (!examine(f, e) || !begin(f, &from, e)) {
        return false;
    }
    if (from == UINT32_MAX) {
        return true;
    }
    for (from++; f->exists && from && from <= f->last;) {
        if (!step(f, &from, &window, e)) {
            return false;
        }
    }
    return true;
}

bool pull_folder(const struct pull_target *target, struct ipc_pool *keeper, struct slice wire_name,
                 struct pull_session *s, struct pull_counts *counts, struct error *e)
{
    OWN(arena) struct arena own = {.max = (size_t)4 << 20};
    OWN(buf) struct buf name = {.max = 4 * IMAP_NAME_MAX};
    struct pull_folder f = {
        .target = target, .keeper = keeper, .s = s, .counts = counts, .wire = wire_name};

    f.wants = arena_array(&own, WANTS_MAX, sizeof(*f.wants));
    f.parcel = arena_alloc(&own, sizeof(*f.parcel));
    imap_name_decode(wire_name, &name);
    f.shown = letter_text(&own, buf_slice(&name), IMPORT_TEXT_MAX);
    buf_init(&f.bytes, IMPORT_BYTES_MAX);
    arena_init(&f.arena, ARENA_BYTES);
    bool taken = take_all(&f, e);
    buf_done(&f.bytes);
    arena_done(&f.arena);
    explicit_bzero(f.ticket, sizeof(f.ticket));
    return taken;
}
