/* The copies in which a letter left or is to leave. */
#include "processes/reader.h"
#include "stages/protect/recipe.h"

#define SLIM_MAX ((size_t)64 << 10) /* bytes of a sealed copy's record that is shown as it is */

bool desk_copies(struct desk *d, const struct catalog_letter *letter, struct arena *arena,
                 struct ledger_ref **refs, size_t *count, struct error *e)
{
    struct catalog_record *records = NULL;
    size_t n = 0;

    *count = 0;
    if (!catalog_records(d->catalog, letter->seq, arena, &records, &n, e)) {
        return false;
    }
    *refs = arena_array(arena, n + 1, sizeof(**refs));
    for (size_t i = 0; i < n; i++) {
        if (records[i].type == RECORD_SEALED) {
            (*refs)[(*count)++] = records[i].ref;
        }
    }
    return true;
}

bool desk_sealed(struct desk *d, const struct catalog_letter *letter, struct ledger_ref ref,
                 uint64_t number, struct sealed *out, struct error *e)
{
    return desk_read(d, ref, RECORD_SEALED, &sealed_schema, out, e) &&
           ((slice_equal(out->id, letter_id_slice(&letter->id)) && out->copy == number) ||
            error_set(e, ERROR_CORRUPT,
                      "the catalog names another copy's record: `postern catalog rebuild` makes it "
                      "anew"));
}

bool desk_copy(struct desk *d, const struct catalog_letter *letter, uint64_t which,
               struct slice content, struct buf *copy, struct error *e)
{
    struct ledger_ref *refs = NULL;
    struct sealed sealed;
    size_t count = 0;

    if (!desk_copies(d, letter, &d->arena, &refs, &count, e)) {
        return false;
    }
    if (count == 0) {
        return error_set(e, ERROR_INPUT, "no copy of this letter was made to be sent");
    }
    if (which == 0 && count > 1) {
        return error_set(e, ERROR_INPUT,
                         "this letter has %zu copies: --copy N takes one of them; `postern show` "
                         "says whose each is",
                         count);
    }
    if (which > count) {
        return error_set(e, ERROR_INPUT, "this letter has %zu cop%s", count,
                         count == 1 ? "y" : "ies");
    }
    which = which ? which : 1;
    return desk_sealed(d, letter, refs[which - 1], which, &sealed, e) &&
           recipe_follow(&sealed, content, &d->arena, copy, e);
}

bool desk_slim(struct desk *d, uint16_t type, struct slice body, struct arena *arena,
               struct slice *out, struct error *e)
{
    OWN(buf) struct buf slim = {.max = SLIM_MAX};
    struct sealed sealed;

    *out = body;
    if (type != RECORD_SEALED || body.len <= SLIM_MAX) {
        return true;
    }
    if (!cbor_read(body, &sealed_schema, &d->arena, &sealed, e)) {
        e->kind = ERROR_CORRUPT;
        return false;
    }
    sealed.edits = (struct cbor_list){NULL, 0};
    cbor_write(&slim, &sealed_schema, &sealed);
    *out = arena_copy(arena, buf_slice(&slim));
    return !slim.full || error_set(e, ERROR_CORRUPT, "a sealed copy's record without bounds");
}
