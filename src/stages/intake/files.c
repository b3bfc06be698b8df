#include "host/memfd.h"
#include "stages/intake/intake.h"

#define ASK_MS 600000 /* the keeper may wait for the index */

struct sorted {
    struct import_letter *letters;
    size_t n_letters;
    struct import_failure *failures;
    size_t n_failures;
};

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
        s->failures[s->n_failures++] =
            (struct import_failure){.path = f->path, .reason = slice_text(why)};
    } else {
        s->letters[s->n_letters++] = letter;
    }
}

bool intake_take_files(struct ipc_pool *keeper, int files, const struct intake_files_ask *ask,
                       struct arena *arena, struct import_counts *counts, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    const struct intake_file *all = ask->files.items;
    size_t n = ask->files.count + ask->failures.count;
    struct sorted s = {.letters = arena_array(arena, n + 1, sizeof(*s.letters)),
                       .failures = arena_array(arena, n + 1, sizeof(*s.failures)),
                       .n_failures = ask->failures.count};

    if (n > IMPORT_FAILURES_MAX) {
        return error_set(e, ERROR_INPUT, "more than %d files at once", IMPORT_FAILURES_MAX);
    }
    if (!memfd_map(files, IMPORT_BYTES_MAX, &map, e)) {
        return false;
    }
    if (ask->failures.count) {
        (void)memcpy(s.failures, ask->failures.items, s.n_failures * sizeof(*s.failures));
    }
    for (size_t i = 0; i < ask->files.count; i++) {
        sort(&all[i], map.bytes, ask->journal, arena, &s);
    }
    const struct keeper_import_ask forward = {
        .ticket = ask->ticket,
        .letters = {s.letters,  s.n_letters },
        .failures = {s.failures, s.n_failures}
    };
    return ipc_call(keeper, &keeper_import, &forward, files, counts, NULL, arena, ASK_MS, e);
}
