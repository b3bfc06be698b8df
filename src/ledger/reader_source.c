/* Which files a reader has open. */
#include <fcntl.h>
#include <sys/stat.h>

#include "ledger/io.h"
#include "ledger/reader_state.h"

bool ledger_reader_open(int dirfd, const struct secret *key, struct ledger_reader **out,
                        struct error *e)
{
    struct segment_list list;

    OWN(fd) int folder = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return error_errno(e, ERROR_CONFIG, "ledger: open folder");
    }
    if (!segment_list(folder, &list, e)) {
        return false;
    }
    if (list.last == 0) {
        return error_set(e, ERROR_CONFIG, "ledger: the folder holds no ledger");
    }
    struct ledger_reader *r = calloc(1, sizeof(*r));
    if (!r) {
        arena_panic("out of memory");
    }
    r->dirfd = TAKE(folder, -1);
    r->keys_dirfd = -1;
    r->key = secret_copy(secret_slice(key));
    r->sealer = sealer_new();
    r->digest = digest_new();
    buf_init(&r->payload, LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096); /* zstd's worst */
    *out = r;
    return true;
}

static void source_close(struct source *s)
{
    scan_close(TAKE(s->scan, NULL));
    pack_close(TAKE(s->pack, NULL));
}

void reader_drop(struct ledger_reader *r)
{
    for (size_t i = 0; i < READER_CACHED; i++) {
        source_close(&r->cached[i]);
    }
}

void ledger_reader_close(struct ledger_reader *r)
{
    if (!r) {
        return;
    }
    reader_drop(r);
    own_fd(&r->dirfd);
    own_fd(&r->keys_dirfd);
    secret_free(r->key);
    sealer_free(r->sealer);
    digest_free(r->digest);
    buf_done(&r->payload);
    free(r);
}

void ledger_reader_leave_out(struct ledger_reader *r, uint16_t type)
{
    r->left_out = type;
}

void ledger_reader_only(struct ledger_reader *r, uint16_t first, uint16_t last)
{
    r->only_first = first;
    r->only_last = last;
}

void ledger_reader_record_keys(struct ledger_reader *r, int dirfd)
{
    own_fd(&r->keys_dirfd);
    r->keys_dirfd = dirfd > 0 ? fcntl(dirfd, F_DUPFD_CLOEXEC, 3) : -1;
}

static void to_front(struct ledger_reader *r, size_t at, struct source s)
{
    for (; at > 0; at--) {
        r->cached[at] = r->cached[at - 1];
    }
    r->cached[0] = s;
}

static uint32_t number_of(const struct source *s)
{
    return s->scan ? s->scan->state.number : s->pack ? s->pack->head.number : 0;
}

/* What a pack has replaced is not read on. */
static bool is_gone(const struct source *s)
{
    struct stat st;

    return fstat(s->scan ? s->scan->state.fd : s->pack->entries.fd, &st) != 0 || st.st_nlink == 0;
}

static bool find_cached(struct ledger_reader *r, uint32_t number, struct source *out)
{
    for (size_t i = 0; i < READER_CACHED; i++) {
        struct source found = r->cached[i];
        if (number_of(&found) != number) {
            continue;
        }
        if (is_gone(&found)) {
            source_close(&r->cached[i]);
            return false;
        }
        to_front(r, i, found);
        *out = found;
        return true;
    }
    return false;
}

static void keep(struct ledger_reader *r, struct source s)
{
    source_close(&r->cached[READER_CACHED - 1]);
    to_front(r, READER_CACHED - 1, s);
}

/* A segment counts as long as it is there. */
static enum scan_result open_source(struct ledger_reader *r, uint32_t number, struct source *out,
                                    struct error *e)
{
    OWN(scan) struct scan *s = NULL;

    switch (scan_open(r->dirfd, number, O_RDONLY, r->key, &s, e)) {
    case SCAN_OPENED:
        break;
    case SCAN_NOT_OPENED:
        return SCAN_FAILED;
    case SCAN_MISSING:
        switch (pack_open(r->dirfd, r->keys_dirfd, number, NULL, r->key, &out->pack, e)) {
        case PACK_OPENED:
            return SCAN_BATCH;
        case PACK_MISSING:
            return SCAN_END;
        case PACK_NOT_OPENED:
            return SCAN_FAILED;
        }
    }
    enum scan_result result = scan_next(s, e);
    if (result == SCAN_BATCH) {
        out->scan = TAKE(s, NULL);
    }
    return result;
}

enum scan_result reader_source(struct ledger_reader *r, uint32_t number, struct source *out,
                               struct error *e)
{
    struct source s = {NULL, NULL};

    if (find_cached(r, number, out)) {
        return SCAN_BATCH;
    }
    enum scan_result result = open_source(r, number, &s, e);
    if (result == SCAN_BATCH) {
        keep(r, s);
        *out = s;
    }
    return result;
}

bool reader_start_length(struct source *s, uint64_t *length, struct error *e)
{
    OWN(buf) struct buf room = {.max = CLEAR_MAX};
    struct segment_start start;

    if (s->scan) {
        *length = s->scan->state.start.length;
        return true;
    }
    if (!pack_start(s->pack, &room, &start, e)) {
        return false;
    }
    *length = start.length;
    return true;
}
