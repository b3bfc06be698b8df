#include "host/memfd.h"
#include "stages/intake/intake.h"

#define ASK_MS 600000 /* the keeper may wait for the index */

struct sorted {
    struct import_letter *letters;
    size_t n_letters;
    struct import_failure *failures;
    size_t n_failures;
    size_t told; /* bytes that are said of both */
};

/* What goes to the keeper, and what it answered last. */
struct forwarding {
    struct ipc_pool *keeper;
    struct slice ticket;
    int files;
    struct import_counts *counts;
};

static void fail(struct sorted *s, const struct import_failure *f)
{
    s->failures[s->n_failures++] = *f;
    s->told += intake_told_failure(f);
}

static void sort(const struct intake_file *f, struct slice all, bool journal, struct arena *arena,
                 struct sorted *s)
{
    bool inside = f->start <= all.len && f->len <= all.len - f->start;
    struct slice bytes = inside ? slice_of(all.ptr + f->start, f->len) : SLICE_NONE;
    struct import_letter letter = {
        .start = f->start,
        .len = f->len,
        .source = {.path = f->path, .flags = f->flags, .received_at = f->received_at}
    };
    const char *why = inside ? intake_judge(bytes) : "its bytes did not come along";

    if (!why && journal) {
        why = intake_unwrap(bytes, arena, &letter);
    }
    if (why) {
        fail(s, &(struct import_failure){.path = f->path, .reason = slice_text(why)});
    } else {
        s->letters[s->n_letters++] = letter;
        s->told += intake_told(&letter);
    }
}

/* Record what was sorted so far. Asked again, the keeper knows it by its content. */
static bool forward(const struct forwarding *f, struct sorted *s, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct keeper_import_ask ask = {
        .ticket = f->ticket,
        .letters = {s->letters,  s->n_letters },
        .failures = {s->failures, s->n_failures}
    };

    s->n_letters = 0;
    s->n_failures = 0;
    s->told = 0;
    return ipc_call(f->keeper, &keeper_import, &ask, f->files, f->counts, NULL, &arena, ASK_MS, e);
}

bool intake_take_files(struct ipc_pool *keeper, int files, const struct intake_files_ask *ask,
                       struct arena *arena, struct import_counts *counts, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    const struct intake_file *all = ask->files.items;
    size_t n = ask->files.count + ask->failures.count;
    const struct import_failure *failures = ask->failures.items;
    const struct forwarding to = {keeper, ask->ticket, files, counts};
    struct sorted s = {.letters = arena_array(arena, n + 1, sizeof(*s.letters)),
                       .failures = arena_array(arena, n + 1, sizeof(*s.failures))};

    if (n > IMPORT_FAILURES_MAX) {
        return error_set(e, ERROR_INPUT, "more than %d files at once", IMPORT_FAILURES_MAX);
    }
    if (!memfd_map(files, IMPORT_BYTES_MAX, &map, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (i < ask->failures.count) {
            fail(&s, &failures[i]);
        } else {
            sort(&all[i - ask->failures.count], map.bytes, ask->journal, arena, &s);
        }
        if (s.told >= INTAKE_TOLD_MAX && !forward(&to, &s, e)) {
            return false;
        }
    }
    return (n && s.n_letters + s.n_failures == 0) || forward(&to, &s, e);
}
