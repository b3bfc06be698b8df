/* A window slides over the file. It is as large as a batch, and for a longer letter as large as the
 * longest letter may be; what is longer still is passed over and reported. */
#include "formats/mbox/mbox.h"

#include <errno.h>
#include <unistd.h>

#include "host/memfd.h"
#include "stages/intake/intake.h"

#define ASK_MS      600000                                 /* the keeper may wait for the index */
#define BATCH_BYTES ((size_t)8 << 20)                      /* of letters, before the one too many */
#define WINDOW_MAX  ((size_t)LETTER_BYTES_MAX + (1 << 20)) /* a letter and its ">" */

struct mbox {
    struct ipc_pool *keeper;
    int file;
    uint64_t offset;   /* of the window in the file */
    struct buf window; /* what was read from there */
    size_t used;       /* of the window */
    size_t size;       /* that it has, unless the file ends */
    bool last;         /* the file ends with the window */
    bool done;         /* no more for this batch */
    bool end;          /* nor for any other */
    int letters_fd;    /* the batch's letters */
    size_t bytes;      /* that they have */
    struct buf plain;  /* one of them without its ">" */
    struct import_letter *letters;
    size_t n_letters;
    struct import_failure *failures;
    size_t n_failures;
    size_t told; /* bytes that are said of both */
    const struct intake_mbox_ask *ask;
    struct arena *arena;
};

/* Show `size` bytes from where the next letter begins. */
static bool show(struct mbox *m, size_t size, struct error *e)
{
    m->offset += m->used;
    m->used = 0;
    buf_reset(&m->window);
    uint8_t *room = buf_room(&m->window, size);
    if (!room) {
        return error_set(e, ERROR_LIMIT, "no memory to read the mailbox");
    }
    while (m->window.len < size) {
        ssize_t n = pread(m->file, room + m->window.len, size - m->window.len,
                          (off_t)(m->offset + m->window.len));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_errno(e, ERROR_BUSY, "read at byte %llu",
                               (unsigned long long)(m->offset + m->window.len));
        }
        if (n == 0) {
            break;
        }
        m->window.len += (size_t)n;
    }
    m->last = m->window.len < size;
    return true;
}

static void refuse(struct mbox *m, uint64_t offset, const char *why)
{
    struct import_failure *f = &m->failures[m->n_failures++];

    *f = (struct import_failure){.path = m->ask->path, .offset = offset, .reason = slice_text(why)};
    m->told += intake_told_failure(f);
}

static bool add(struct mbox *m, const struct mbox_letter *l, struct error *e)
{
    int64_t at = 0;
    uint64_t offset = m->offset + m->used + l->start;
    uint64_t unquoted = 0;

    buf_reset(&m->plain);
    if (m->ask->quoting != QUOTING_NONE && !l->by_length) {
        unquoted = mbox_unquote(l->bytes, m->ask->quoting == QUOTING_MBOXRD, &m->plain);
    }
    struct slice bytes = unquoted ? buf_slice(&m->plain) : l->bytes;
    bool dated = mbox_from_date(l->from_line, &at) && at > 0;
    struct import_letter letter = {
        .start = m->bytes,
        .len = bytes.len,
        .source = {.path = m->ask->path,
                   .offset = offset,
                   .received_at = dated ? (uint64_t)at : 0,
                   .from_line = letter_text(m->arena, l->from_line, IMPORT_TEXT_MAX),
                   .unquoted = unquoted,
                   .quoting = l->by_length ? QUOTING_NONE : m->ask->quoting}
    };
    const char *why = intake_judge(bytes);
    if (!why && m->ask->journal) {
        why = intake_unwrap(bytes, m->arena, &letter);
    }
    if (why) {
        refuse(m, offset, why);
        return true;
    }
    m->letters[m->n_letters++] = letter;
    m->told += intake_told(&letter);
    m->bytes += bytes.len;
    return memfd_add(m->letters_fd, bytes, e);
}

static bool is_full(const struct mbox *m)
{
    return m->n_letters + m->n_failures == IMPORT_LETTERS_MAX || m->bytes >= BATCH_BYTES ||
           m->told >= INTAKE_TOLD_MAX;
}

/* Pass over the letter that begins here and fits into no window. */
static bool pass_over(struct mbox *m, struct error *e)
{
    enum mbox_result r = MBOX_MORE;

    refuse(m, m->offset + m->used, "it is longer than 64 MiB");
    while (r == MBOX_MORE) {
        size_t next = 0;
        r = mbox_skip(slice_from(buf_slice(&m->window), m->used), m->last, &next);
        m->used += r == MBOX_END ? m->window.len - m->used : next;
        if (r == MBOX_MORE && !show(m, BATCH_BYTES, e)) {
            return false;
        }
    }
    return true;
}

/* The letter that begins here reaches beyond the window. */
static bool on_more(struct mbox *m, struct error *e)
{
    if (m->used && m->n_letters) {
        m->done = true; /* the next batch begins with it */
        return true;
    }
    if (m->size == WINDOW_MAX && m->used == 0) {
        return pass_over(m, e);
    }
    m->size = m->used ? m->size : WINDOW_MAX;
    return show(m, m->size, e);
}

static enum mbox_reach reach(const struct mbox *m)
{
    if (m->last) {
        return MBOX_LAST;
    }
    return m->size == WINDOW_MAX ? MBOX_FULL : MBOX_GROWS;
}

/* Take what comes next. */
static bool step(struct mbox *m, struct error *e)
{
    struct mbox_letter l;

    switch (mbox_next(slice_from(buf_slice(&m->window), m->used), reach(m), &l)) {
    case MBOX_LETTER:
        if (!add(m, &l, e)) {
            return false;
        }
        m->used += l.next;
        return true;
    case MBOX_END:
        m->used = m->window.len;
        m->done = true;
        m->end = true;
        return true;
    case MBOX_MORE:
        return on_more(m, e);
    case MBOX_NO_BOX:
    default:
        return error_set(e, ERROR_INPUT,
                         "no line \"From ...\" at byte %llu, where a letter should begin: this "
                         "is no mbox, or it was changed meanwhile",
                         (unsigned long long)(m->offset + m->used));
    }
}

/* Read letters until the batch is full or the file ends. */
static bool fill(struct mbox *m, struct error *e)
{
    m->size = BATCH_BYTES;
    if (!show(m, m->size, e)) {
        return false;
    }
    while (!m->done && !is_full(m)) {
        if (!step(m, e)) {
            return false;
        }
    }
    return true;
}

/* What was read goes first: the keeper may have to do with a large letter for long. */
static bool hand_on(struct mbox *m, struct intake_mbox_answer *answer, struct error *e)
{
    const struct keeper_import_ask ask = {
        .ticket = m->ask->ticket,
        .letters = {m->letters,  m->n_letters },
        .failures = {m->failures, m->n_failures},
        .next = m->offset + m->used,
    };

    buf_done(&m->window);
    buf_done(&m->plain);
    return memfd_seal(m->letters_fd, e) && ipc_call(m->keeper, &keeper_import, &ask, m->letters_fd,
                                                    &answer->counts, NULL, m->arena, ASK_MS, e);
}

bool intake_take_mbox(struct ipc_pool *keeper, int file, const struct intake_mbox_ask *ask,
                      struct arena *arena, struct intake_mbox_answer *answer, struct error *e)
{
    OWN(fd) int letters = -1;

    if (!memfd_open("letters", &letters, e)) {
        return false;
    }
    struct mbox m = {
        .keeper = keeper,
        .letters_fd = letters,
        .file = file,
        .offset = ask->offset,
        .ask = ask,
        .arena = arena,
        .letters = arena_array(arena, IMPORT_LETTERS_MAX, sizeof(*m.letters)),
        .failures = arena_array(arena, IMPORT_LETTERS_MAX + 1, sizeof(*m.failures)),
    };
    buf_init(&m.window, WINDOW_MAX);
    buf_init(&m.plain, WINDOW_MAX);
    bool taken = fill(&m, e) && hand_on(&m, answer, e);
    if (taken) {
        answer->next = m.offset + m.used;
        answer->end = m.end;
    }
    buf_done(&m.window);
    buf_done(&m.plain);
    return taken;
}
