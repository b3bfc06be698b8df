/* Where a record is, by its number alone. */
#include "ledger/io.h"
#include "ledger/reader_state.h"

static uint64_t first_of(const struct source *s)
{
    return s->scan ? s->scan->state.start_tree.size : s->pack->head.first;
}

/* The last segment that begins at or before `seq`: their starts ascend. */
static enum scan_result find_segment(struct ledger_reader *r, uint64_t seq, struct source *out,
                                     struct error *e)
{
    struct segment_list list;

    if (!segment_list(r->dirfd, &list, e)) {
        return SCAN_FAILED;
    }
    uint32_t low = 1;
    uint32_t high = list.last;
    uint32_t found = 0;
    while (low <= high) {
        uint32_t middle = low + (high - low) / 2;
        struct source s = {NULL, NULL};
        enum scan_result result = reader_source(r, middle, &s, e);
        if (result == SCAN_FAILED || (result == SCAN_BAD && middle != list.last)) {
            return SCAN_FAILED;
        }
        if (result == SCAN_BATCH && first_of(&s) <= seq) {
            found = middle;
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return found ? reader_source(r, found, out, e) : SCAN_END;
}

static bool none(uint64_t seq, struct error *e)
{
    return error_set(e, ERROR_INPUT, "ledger: there is no record %llu", (unsigned long long)seq);
}

static bool find_in_segment(struct scan *s, uint64_t seq, struct ledger_ref *ref, struct error *e)
{
    struct record_head h = {0};
    const uint8_t *bytes = NULL;
    enum scan_result result = SCAN_BATCH;

    while (result == SCAN_BATCH && scan_state(s)->tree.size <= seq) {
        result = scan_next(s, e);
    }
    if (result == SCAN_FAILED) {
        return error_add(e, "ledger");
    }
    if (result != SCAN_BATCH) {
        return none(seq, e);
    }
    const struct scan_state *state = scan_state(s);
    /* The last batch is where the search came to rest, unless an earlier one had gone further. */
    uint64_t offset = seq >= state->first && state->from ? state->from : SEGMENT_HEAD_LEN;
    for (;;) {
        result = scan_head(s, offset, &h, &bytes, e);
        if (result != SCAN_BATCH) {
            return result == SCAN_END ? error_set(e, ERROR_CORRUPT, "ledger: cut short")
                                      : error_add(e, "ledger");
        }
        if (h.seq == seq) {
            *ref = (struct ledger_ref){seq, state->number, offset};
            return true;
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
}

bool ledger_reader_find(struct ledger_reader *r, uint64_t seq, struct ledger_ref *ref,
                        struct error *e)
{
    struct source s = {NULL, NULL};

    enum scan_result result = find_segment(r, seq, &s, e);
    if (result == SCAN_FAILED) {
        return error_add(e, "ledger");
    }
    if (result != SCAN_BATCH) {
        return none(seq, e);
    }
    if (s.scan) {
        return find_in_segment(s.scan, seq, ref, e);
    }
    if (seq - s.pack->head.first >= s.pack->head.records) {
        return none(seq, e);
    }
    *ref = (struct ledger_ref){.seq = seq, .segment = s.pack->head.number};
    return true;
}
