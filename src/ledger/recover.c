/* Where the ledger stands: docs/ledger-format.md section 7 has the table that this carries out. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "host/file.h"
#include "ledger/io.h"
#include "ledger/pack.h"
#include "ledger/scan.h"
#include "ledger/writer.h"

/* A segment is created by one write of its first batch, which is never larger. A longer file that
 * does not even begin well was in use. */
#define FIRST_BATCH_MAX (SEGMENT_HEAD_LEN + 2 * (RECORD_HEAD_LEN + CLEAR_MAX))
#define COPY_LEN        ((size_t)1 << 20)

/* Whether a commit of a later batch than the one at `from` stands behind: then that batch had been
 * synced, and what is wrong with it is damage and no crash. */
static bool later_commit(struct scan *s, uint64_t from, bool *found, struct error *e)
{
    struct commit c;
    uint64_t at = from;
    uint64_t end = 0;

    *found = false;
    while (!*found) {
        switch (scan_find_commit(s, &at, &c, &end, e)) {
        case SCAN_BATCH:
            *found = c.from > from;
            at = end;
            break;
        case SCAN_FAILED:
            return false;
        case SCAN_END:
        case SCAN_BAD:
            return true;
        }
    }
    return true;
}

/* A last segment without a whole first batch: what a crash leaves while it is created. */
static bool remove_stillborn(struct ledger *l, struct scan *s, const struct error *why,
                             struct error *e)
{
    char name[SEGMENT_NAME_MAX];
    bool in_use = false;

    if (!later_commit(s, 0, &in_use, e)) {
        return false;
    }
    if (in_use || scan_state(s)->bytes > FIRST_BATCH_MAX) {
        return error_set(e, ERROR_CORRUPT, "ledger: %s", why->text);
    }
    segment_name(scan_state(s)->number, name);
    if (ledger_io.unlink(l->dirfd, name) != 0 || ledger_io.sync_folder(l->dirfd) != 0) {
        return error_errno(e, ERROR_BUSY, "ledger: %s: remove", name);
    }
    return true;
}

/* Open the last segment that has a whole first batch. *out is NULL when there is none. */
static bool open_last(struct ledger *l, uint32_t last, struct scan **out, struct error *e)
{
    for (; last > 0; last--) {
        OWN(scan) struct scan *s = NULL;
        struct error why = {.text = "the last segment is empty"};
        if (scan_open(l->dirfd, last, O_RDWR, l->key, &s, e) != SCAN_OPENED) {
            return error_add(e, "ledger");
        }
        enum scan_result r = scan_next(s, &why);
        if (r == SCAN_FAILED) {
            *e = why;
            return error_add(e, "ledger");
        }
        if (r == SCAN_BATCH) {
            *out = TAKE(s, NULL);
            return true;
        }
        if (!remove_stillborn(l, s, &why, e)) {
            return false;
        }
    }
    *out = NULL;
    return true;
}

/* Write what memory shows of the last batch once more, so that the next sync speaks of the disk:
 * the crash may have followed a sync that failed and left pages that only look written. */
static bool rewrite(struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    OWN(heap) uint8_t *copy = malloc(COPY_LEN);

    if (!copy) {
        arena_panic("out of memory");
    }
    for (uint64_t at = state->from; at < state->at;) {
        size_t len = state->at - at < COPY_LEN ? (size_t)(state->at - at) : COPY_LEN;
        size_t got = 0;
        if (!file_read_at(state->fd, at, copy, len, &got, e)) {
            return false;
        }
        struct iovec iov = {copy, got};
        if (got != len || !ledger_write(state->fd, &iov, 1, at, e)) {
            return got == len ? false : error_set(e, ERROR_BUSY, "the file shrank");
        }
        at += len;
    }
    return true; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know that OWN() frees */
}

static bool cut(struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);

    if (ledger_io.ftruncate(state->fd, (off_t)state->at) != 0) {
        return error_errno(e, ERROR_BUSY, "cut");
    }
    return ledger_sync(state->fd, e);
}

/* Leave out the last batch when a payload of it is not what was meant to be written, and see that
 * nothing acknowledged stands behind. */
static bool find_end(struct scan *s, const struct error *why, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    uint64_t n_bad = 0;
    bool later = false;

    if (!scan_payloads(s, state->from, state->at, NULL, NULL, &n_bad, e)) {
        return false;
    }
    if (n_bad) {
        scan_back(s);
    }
    if (!later_commit(s, state->at, &later, e)) {
        return false;
    }
    if (later || state->altered) {
        return error_set(e, ERROR_CORRUPT,
                         "committed records are damaged; restore this file from a backup: %s",
                         why->text);
    }
    return true;
}

/* The predecessor may be a pack by now. */
static bool check_previous_pack(const struct ledger *l, const struct scan_state *state,
                                struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    uint32_t number = (uint32_t)state->start.previous;

    switch (pack_open(l->dirfd, 0, number, NULL, NULL, &p, e)) {
    case PACK_OPENED:
        return p->head.segment_length == state->start.length ||
               error_set(e, ERROR_CORRUPT, "pack %u is not of the segment before this one", number);
    case PACK_MISSING:
        return error_set(e, ERROR_CORRUPT, "segment %u is missing", number);
    case PACK_NOT_OPENED:
        return false;
    }
    return false;
}

static bool check_previous(const struct ledger *l, const struct scan_state *state, struct error *e)
{
    char name[SEGMENT_NAME_MAX];
    struct stat st;

    if (state->start.previous == 0) {
        return true;
    }
    segment_name((uint32_t)state->start.previous, name);
    if (fstatat(l->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? check_previous_pack(l, state, e)
                               : error_errno(e, ERROR_CORRUPT, "%s", name);
    }
    if ((uint64_t)st.st_size < state->start.length) {
        return error_set(e, ERROR_CORRUPT,
                         "%s has %lld bytes, but its successor says %llu were committed", name,
                         (long long)st.st_size, (unsigned long long)state->start.length);
    }
    return true;
}

/* Bring the last segment into the state in which it stays for ever. */
static bool finish_last(struct ledger *l, struct scan *s, struct recovered *r, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    struct error why = {.text = "a payload does not have its digest"};
    enum scan_result result = SCAN_BATCH;
    uint64_t tail = 0;

    while (result == SCAN_BATCH) {
        result = scan_next(s, &why);
    }
    if (result == SCAN_FAILED || (result == SCAN_BAD && state->ended)) {
        *e = why;
        return false;
    }
    if (!find_end(s, &why, e) || !scan_tail(s, &tail, e)) {
        return false;
    }
    if (tail) {
        (void)error_set(&why, ERROR_BUSY,
                        "ledger: segment %u: %llu bytes of an unfinished batch were cut off",
                        state->number, (unsigned long long)tail);
        ledger_alarm(l, LEDGER_ALARM_CUT, &why);
    }
    if ((!state->ended && !rewrite(s, e)) || !cut(s, e)) {
        return false;
    }
    r->reason = state->ended ? START_CLEAN : START_CRASH;
    r->number = state->number;
    r->length = state->at;
    r->tree = state->tree;
    r->time_ms = state->time_ms;
    r->bytes = r->bytes - state->bytes + state->at;
    (void)memcpy(l->id, state->head.ledger_id, sizeof(l->id));
    return true;
}

bool ledger_recover(struct ledger *l, struct recovered *r, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    struct segment_list list;

    *r = (struct recovered){.reason = START_FIRST};
    if (!segment_list(l->dirfd, &list, e)) {
        return false;
    }
    if (list.count != list.last) {
        return error_set(e, ERROR_CORRUPT,
                         "ledger: the last segment is number %u, but only %u files are there",
                         list.last, list.count);
    }
    if (!open_last(l, list.last, &s, e)) {
        return false;
    }
    if (!s) {
        return true;
    }
    r->bytes = list.bytes;
    return (check_previous(l, scan_state(s), e) && finish_last(l, s, r, e)) ||
           error_add(e, "ledger: segment %u", scan_state(s)->number);
}
