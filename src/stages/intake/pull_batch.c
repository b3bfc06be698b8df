/* A batch of letters: asked for one by one, many on the way at once, and handed on. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/memfd.h"
#include "stages/intake/intake.h"
#include "stages/intake/internal.h"

#define BATCH_BYTES ((uint64_t)8 << 20) /* as announced, before the one too many */
#define KEPT_BYTES  ((size_t)16 << 20)  /* of memory, from batch to batch: enough for most */
#define ON_THE_WAY  16                  /* letters asked for and not yet there */
#define AGAIN_US    1000000
#define NOT_GIVEN   "the server listed it and did not give it"

static void drop_body(struct pull_folder *f)
{
    f->bytes.len = f->body_start;
    f->bytes.full = false;
    f->body_dropped = false;
}

/* What does not fit is passed over. */
static void on_body(struct pull_folder *f, struct slice run)
{
    if (f->body_dropped || f->bytes.len + run.len - f->body_start > LETTER_BYTES_MAX ||
        f->bytes.len + run.len > IMPORT_BYTES_MAX) {
        f->body_dropped = true;
        return;
    }
    buf_add(&f->bytes, run);
}

static struct pull_want *want_of_uid(struct pull_want *wants, size_t n, uint32_t uid)
{
    struct pull_want key = {.uid = uid};
    return bsearch(&key, wants, n, sizeof(*wants), pull_by_uid);
}

static void refuse(struct pull_want *w, struct slice why)
{
    w->state = WANT_REFUSED;
    w->why = why;
}

/* A letter without its UID may be any of those that are on the way. */
static void mention(struct pull_want *wants, size_t n, struct pull_want *w,
                    const struct imap_letter *l)
{
    for (size_t i = 0; l->uid == 0 && l->has_body && i < n; i++) {
        wants[i].mentioned = wants[i].mentioned || wants[i].tag;
    }
    if (w) {
        w->mentioned = true;
    }
}

static void on_letter(struct pull_folder *f, struct pull_want *wants, size_t n,
                      const struct imap_letter *l)
{
    struct pull_want *w = want_of_uid(wants, n, l->uid);

    mention(wants, n, w, l);
    if (!l->has_body || !w || w->state == WANT_TAKEN || w->state == WANT_REFUSED) {
        drop_body(f);
        return;
    }
    f->given = true;
    if (!l->streamed) {
        on_body(f, l->body);
    }
    if (!f->body_dropped) {
        w->state = WANT_TAKEN;
        w->start = f->body_start;
        w->len = f->bytes.len - f->body_start;
        f->body_start = f->bytes.len;
        return;
    }
    if (f->body_start == 0 || w->size > LETTER_BYTES_MAX ||
        f->s->reader->letter_len > LETTER_BYTES_MAX) {
        refuse(w, SLICE("it is longer than 64 MiB"));
    } else {
        w->state = WANT_LATER; /* it fits into the next batch */
    }
    drop_body(f);
}

static void on_answer(struct pull_folder *f, struct pull_want *w, const struct imap_response *r)
{
    struct error said;

    if (w->state != WANT_ASK && w->state != WANT_AGAIN) {
        return;
    }
    if ((r->kind == IMAP_OK || r->kind == IMAP_NO) && !w->asked_twice) {
        w->state = WANT_AGAIN;
    } else if (r->kind == IMAP_OK && w->mentioned) {
        refuse(w, SLICE(NOT_GIVEN));
        w->declined = true;
    } else if (r->kind == IMAP_OK) {
        w->state = WANT_GONE; /* perhaps somebody removed it meanwhile */
    } else {
        (void)pull_refused(f, r, &said);
        refuse(w, arena_copy(&f->arena, slice_text(said.text)));
        w->declined = true;
    }
}

/* Letters that are asked for, in order; which are `asked` and not yet answered. */
struct round {
    struct pull_want *wants;
    size_t n;
    size_t next; /* to be asked for */
    size_t open; /* asked and not answered */
    bool again;  /* only those that were refused once */
};

static bool is_due(const struct round *r, const struct pull_want *w)
{
    return r->again ? w->state == WANT_AGAIN : w->state == WANT_ASK;
}

static bool ask_more(struct pull_folder *f, struct round *r, struct error *e)
{
    size_t most = f->careful ? 1 : ON_THE_WAY;

    while (r->next < r->n && r->open < most) {
        struct pull_want *w = &r->wants[r->next++];
        w->tag = 0;
        if (is_due(r, w)) {
            w->asked_twice = r->again;
            w->tag = ++f->s->tag;
            imap_say_fetch(&f->s->out, w->tag, w->uid);
            r->open++;
        }
    }
    return f->s->out.len == 0 || pull_send(f->s, e);
}

static void on_tag(struct pull_folder *f, struct round *r, const struct imap_response *response)
{
    for (size_t i = 0; i < r->next; i++) {
        struct pull_want *w = &r->wants[i];
        if (w->tag == response->tag) {
            w->tag = 0;
            r->open--;
            on_answer(f, w, response);
            return;
        }
    }
}

/* One round over the batch. */
static bool run_round(struct pull_folder *f, struct round *r, struct error *e)
{
    struct imap_response response;
    enum imap_got got = IMAP_MORE;
    struct slice run;

    for (;;) {
        if (!ask_more(f, r, e)) {
            return false;
        }
        if (r->open == 0) {
            return true;
        }
        if (!pull_next(f->s, &got, &run, &response, e)) {
            return false;
        }
        if (got == IMAP_BODY) {
            on_body(f, run);
        } else if (response.kind == IMAP_FETCHED) {
            on_letter(f, r->wants, r->n, &response.letter);
        } else if (response.tag) {
            on_tag(f, r, &response);
        }
    }
}

/* The server hung up: over the first letter that was on the way. */
static void blame(struct pull_folder *f, struct round *r)
{
    drop_body(f);
    for (size_t i = 0; i < r->next; i++) {
        struct pull_want *w = &r->wants[i];
        if (w->tag == 0) {
            continue;
        }
        f->hang_ups = w->uid == f->trouble ? f->hang_ups + 1 : 1;
        f->trouble = w->uid;
        if (f->hang_ups >= HANG_UPS_MAX && f->careful) {
            refuse(w, SLICE("the server hung up over it again and again"));
        }
        break;
    }
}

bool pull_gives_another(struct pull_folder *f, struct pull_want *wants, size_t n, bool *gives,
                        struct error *e)
{
    enum imap_got got = IMAP_MORE;
    struct imap_response r;
    struct slice run;

    *gives = false;
    imap_say_fetch_last(&f->s->out, ++f->s->tag);
    if (!pull_send(f->s, e)) {
        return false;
    }
    do {
        if (!pull_next(f->s, &got, &run, &r, e)) {
            return false;
        }
        *gives = *gives || (got == IMAP_RESPONSE && r.kind == IMAP_FETCHED && r.letter.has_body &&
                            r.letter.uid && !want_of_uid(wants, n, r.letter.uid));
    } while (got != IMAP_RESPONSE || r.tag != f->s->tag);
    return true;
}

/* ── what was not given ── */

static bool is_declined(const struct pull_want *w)
{
    return w->state == WANT_GONE || (w->state == WANT_REFUSED && w->declined);
}

/* Not settled: the next pull asks for it again. */
static void leave(struct pull_want *wants, size_t n, bool (*which)(const struct pull_want *w))
{
    for (size_t i = 0; i < n; i++) {
        if (which(&wants[i])) {
            wants[i].state = WANT_ASK;
        }
    }
}

/* A server that gives nothing at all may do so later: what it declined is then not settled. */
static bool heed_declined(struct pull_folder *f, struct pull_want *wants, size_t n, struct error *e)
{
    bool gives = f->given;
    size_t first = 0;

    while (first < n && !is_declined(&wants[first])) {
        first++;
    }
    if (first == n || gives) {
        return true;
    }
    if (pull_gives_another(f, wants, n, &gives, e) && gives) {
        return true;
    }
    struct slice why = wants[first].state == WANT_REFUSED ? wants[first].why : SLICE(NOT_GIVEN);
    (void)error_set(e, ERROR_BUSY, "%.*s", SLICE_ARG(why));
    leave(wants, n, is_declined);
    return false;
}

static bool is_gone(const struct pull_want *w)
{
    return w->state == WANT_GONE;
}

/* Only one that is no longer listed was removed. */
static void on_listed(struct pull_want *wants, size_t n, const struct imap_letter *l)
{
    struct pull_want *w = want_of_uid(wants, n, l->uid);

    if (w && is_gone(w)) {
        refuse(w, SLICE(NOT_GIVEN));
    }
}

/* List once more what was answered with nothing. */
static bool heed_gone(struct pull_folder *f, struct pull_want *wants, size_t n, struct error *e)
{
    struct imap_response r;
    enum imap_got got = IMAP_MORE;
    struct slice run;
    size_t first = 0;

    while (first < n && !is_gone(&wants[first])) {
        first++;
    }
    while (n > first && !is_gone(&wants[n - 1])) {
        n--;
    }
    if (first == n) {
        return true;
    }
    imap_say_list(&f->s->out, ++f->s->tag, wants[first].uid, wants[n - 1].uid);
    bool told = pull_send(f->s, e);
    do {
        told = told && pull_next(f->s, &got, &run, &r, e);
        if (told && got == IMAP_RESPONSE && r.kind == IMAP_FETCHED) {
            on_listed(wants, n, &r.letter);
        }
    } while (told && (got != IMAP_RESPONSE || r.tag != f->s->tag));
    if (told && r.kind == IMAP_OK) {
        return true;
    }
    leave(wants, n, is_gone);
    return told ? pull_refused(f, &r, e) : false;
}

/* Fetch the batch; false when the server could not be reached again, or gives nothing. */
static bool fetch(struct pull_folder *f, struct pull_want *wants, size_t n, struct error *e)
{
    bool careful = f->careful;

    for (size_t i = 0; i < n; i++) {
        wants[i].state = WANT_ASK;
        wants[i].asked_twice = false;
        wants[i].mentioned = false;
        wants[i].declined = false;
        wants[i].tag = 0;
    }
    buf_reset(&f->bytes);
    f->body_start = 0;
    f->body_dropped = false;
    f->given = false;
    for (unsigned pass = 0; pass < 2;) {
        struct round r = {.wants = wants, .n = n, .again = pass == 1};
        if (run_round(f, &r, e)) {
            pass++;
            continue;
        }
        blame(f, &r);
        f->careful = true;
        if (!pull_reopen(f, e)) {
            return false;
        }
    }
    f->careful = careful;
    return heed_declined(f, wants, n, e) && heed_gone(f, wants, n, e);
}

/* How many of these are one batch. */
static size_t batch_of(const struct pull_want *wants, size_t n, size_t most)
{
    uint64_t bytes = 0;
    size_t taken = 0;

    while (taken < n && taken < most && bytes < BATCH_BYTES) {
        bytes += wants[taken++].size;
    }
    return taken;
}

/* ── to the keeper ── */

/* How many bytes the question becomes longer by it. */
static size_t sort_one(const struct pull_folder *f, const struct pull_want *w,
                       struct pull_parcel *l)
{
    struct slice why = w->state == WANT_REFUSED ? w->why : SLICE_NONE;

    if (w->state == WANT_TAKEN) {
        why = slice_text(intake_judge(slice_of(f->bytes.ptr + w->start, w->len)));
    }
    if (why.len) {
        l->failures[l->n_failures] =
            (struct import_failure){.path = f->shown, .uid = w->uid, .reason = why};
        return intake_told_failure(&l->failures[l->n_failures++]);
    }
    if (w->state == WANT_TAKEN) {
        l->letters[l->n_letters] = (struct import_letter){
            .start = w->start,
            .len = w->len,
            .source = {.path = f->shown,
                       .uid = w->uid,
                       .uid_validity = f->validity,
                       .flags = w->flags,
                       .received_at = w->received_at}
        };
        return intake_told(&l->letters[l->n_letters++]);
    }
    return 0;
}

bool pull_again(int64_t until, const struct error *e)
{
    if (e->kind != ERROR_BUSY || clock_steady_ms() >= until) {
        return false;
    }
    (void)usleep(AGAIN_US);
    return true;
}

int64_t pull_ask_ms(int64_t until)
{
    int64_t left = until - clock_steady_ms();

    return left < PULL_ASK_LEAST_MS ? PULL_ASK_LEAST_MS : left;
}

/* After a failure: the ticket may have ended with the keeper, and what was told may be recorded all the same. */
static bool is_recorded(struct pull_folder *f, uint32_t uid, int64_t until,
                        struct import_counts *counts)
{
    const struct import_counts before = f->before;
    uint32_t settled = 0;
    struct error e;

    if (!pull_begin(f, until, &settled, &e)) {
        return false;
    }
    *counts = f->before;
    f->before = before;
    return settled >= uid;
}

/* `last`: no more of the batch's bytes are wanted. */
static bool record(struct pull_folder *f, const struct pull_parcel *l, uint32_t uid, bool last,
                   struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(fd) int fd = -1;
    struct import_counts counts;
    int64_t until = clock_steady_ms() + PULL_KEEPER_MS;
    bool recorded = false;
    const struct keeper_import_ask ask = {
        .ticket = slice_of(f->ticket, IMPORT_TICKET_LEN),
        .letters = {(void *)(uintptr_t)l->letters,  l->n_letters },
        .failures = {(void *)(uintptr_t)l->failures, l->n_failures},
        .next = (uint64_t)f->validity << 32 | uid,
    };

    if (!memfd_from("letters", buf_slice(&f->bytes), &fd, e)) {
        return false;
    }
    if (last) {
        buf_shrink(&f->bytes, KEPT_BYTES);
    }
    while (!recorded) {
        recorded = ipc_call(f->keeper, &keeper_import, &ask, fd, &counts, NULL, &arena,
                            pull_ask_ms(until), e);
        if (!recorded && !pull_again(until, e)) {
            return false;
        }
        recorded = recorded || is_recorded(f, uid, until, &counts);
    }
    f->counts->taken += counts.taken - f->before.taken;
    f->counts->known += counts.known - f->before.known;
    f->counts->failed += counts.failed - f->before.failed;
    f->before = counts;
    return true;
}

bool pull_hand_on(struct pull_folder *f, const struct pull_want *wants, size_t n, size_t *settled,
                  struct error *e)
{
    struct pull_parcel *l = f->parcel;
    size_t i = 0;

    do {
        size_t told = 0;
        l->n_letters = 0;
        l->n_failures = 0;
        while (i < n && wants[i].state > WANT_LATER && told < INTAKE_TOLD_MAX) {
            told += sort_one(f, &wants[i++], l);
        }
        bool last = i == n || wants[i].state <= WANT_LATER;
        if (l->n_letters + l->n_failures && !record(f, l, wants[i - 1].uid, last, e)) {
            return false;
        }
    } while (i < n && wants[i].state > WANT_LATER);
    *settled = i;
    return true;
}

bool pull_take_window(struct pull_folder *f, struct error *e)
{
    size_t at = 0;
    size_t most = PULL_BATCH_LETTERS;

    while (at < f->n_wants) {
        size_t n = batch_of(f->wants + at, f->n_wants - at, most);
        size_t settled = 0;
        struct error why = {0};
        bool fetched = fetch(f, f->wants + at, n, &why);
        if (!pull_hand_on(f, f->wants + at, n, &settled, e)) {
            return false;
        }
        if (!fetched) {
            *e = why;
            return false;
        }
        if (settled == 0 && n == 1) {
            return error_set(e, ERROR_INPUT, "the server sends other letters than it lists");
        }
        most = settled ? PULL_BATCH_LETTERS : 1; /* out of order they filled the batch */
        at += settled;
    }
    return true;
}
