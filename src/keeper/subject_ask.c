/* Before letters of or about a person are erased: what would be, and asking for it. */
#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/erase.h"
#include "keeper/internal.h"
#include "keeper/subject.h"
#include "requests/subject.h"

/* Whom it is about, and up to where. */
struct meant {
    struct cbor_list addresses;
    struct cbor_list words;
    uint64_t head;
    struct query query;
    struct slice text;
};

static bool read_meant(struct keeper *k, uint64_t number, struct arena *arena, struct meant *m,
                       struct error *e)
{
    struct subject_record begun;
    struct ledger_head head;

    if (number) {
        if (m->addresses.count || m->words.count) {
            return error_set(e, ERROR_INPUT, "a request is run again as it was");
        }
        if (!subject_again(k, number, arena, &begun, e)) {
            return false;
        }
        m->addresses = begun.addresses;
        m->words = begun.words;
        m->head = begun.head; /* what came since was not asked for */
    } else if (m->head == 0) {
        ledger_head(k->ledger, &head);
        m->head = head.size;
    }
    m->text = subject_text(&m->addresses, &m->words, arena);
    return subject_query(&m->addresses, &m->words, arena, &m->query, e);
}

static bool has_reason(struct slice reason, struct error *e)
{
    return slice_trim(reason).len != 0 ||
           error_set(e, ERROR_INPUT,
                     "give --reason TEXT: who asked, and when; it stands in the ledger");
}

/* ── preview ── */

static bool say_coverage(struct keeper *k, const struct meant *m, struct catalog *catalog,
                         struct arena *arena, struct subject_preview_answer *answer,
                         struct error *e)
{
    struct catalog_counts counts;
    struct subject_counts found;

    if (!catalog_counts(catalog, &counts, e) ||
        !subject_count(k, &m->query, &m->addresses, m->head, arena, &found, e) ||
        !retention_left(k, catalog, &answer->left, e)) {
        return false;
    }
    answer->archived = counts.letters;
    answer->indexed = found.indexed;
    answer->unread = found.unread;
    answer->named = found.named;
    return true;
}

static bool look_at_page(struct subject_weighing *w, const struct meant *m, uint64_t next,
                         struct subject_preview_answer *answer, struct error *e)
{
    uint64_t seqs[SUBJECT_PAGE_MAX];
    size_t n = 0;
    size_t i = 0;

    if (!subject_find(w->k, &m->query, m->head, next, seqs, SUBJECT_PAGE_MAX, &n, e)) {
        return false;
    }
    for (; i < n && subject_weigh_room(w); i++) {
        struct catalog_letter l;
        size_t before = w->n_letters;
        bool found = false;
        if (!subject_letter(w, seqs[i], &l, &found, e) || (found && !subject_look(w, &l, e))) {
            return false;
        }
        answer->kept += w->n_letters > before;
        answer->free += found && w->n_letters == before;
    }
    answer->next = i < n || n == SUBJECT_PAGE_MAX ? seqs[i - 1] : 0;
    return true;
}

bool keeper_on_subject_preview(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct subject_preview_ask *ask = r->ask;
    struct subject_preview_answer *answer = r->answer;
    struct meant m = {.addresses = ask->addresses, .words = ask->words, .head = ask->head};
    OWN(catalog) struct catalog *catalog = NULL;
    struct subject_weighing w;
    bool first = ask->next == 0;

    if (!has_reason(ask->reason, e) || !read_meant(k, ask->number, r->arena, &m, e) ||
        !keeper_admin_record(keeper_admin_of(ctx, r), "erase preview",
                             letter_text(r->arena, m.text, 900), ask->reason, e)) {
        return false;
    }
    (void)(first && indexer_holds(k, m.head));
    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        (first && !say_coverage(k, &m, catalog, r->arena, answer, e))) {
        return false;
    }
    subject_weigh_begin(&w, k, r->arena);
    w.catalog = catalog;
    bool looked = look_at_page(&w, &m, first ? m.head : ask->next, answer, e);
    subject_weigh_end(&w);
    answer->head = m.head;
    answer->doubted = w.clock.doubted;
    answer->grounds = (struct cbor_list){w.grounds, w.n_grounds};
    answer->letters = (struct cbor_list){w.letters, w.n_letters};
    return looked;
}

/* ── asking ── */

static bool count_meant(struct keeper *k, const struct meant *m, struct arena *arena,
                        uint64_t *found, struct error *e)
{
    struct subject_counts counts;

    if (!indexer_holds(k, m->head)) {
        return error_set(e, ERROR_BUSY,
                         "the search index does not hold all letters, and what is not searched is "
                         "not found: ask when `postern status` shows that it does");
    }
    if (!subject_count(k, &m->query, &m->addresses, m->head, arena, &counts, e)) {
        return false;
    }
    *found = counts.found;
    if (counts.found == 0) {
        return error_set(e, ERROR_INPUT,
                         "no letter is found: %llu were searched, of which %llu could not be read "
                         "whole; %llu name an address in their text alone (give it to --words)",
                         (unsigned long long)counts.indexed, (unsigned long long)counts.unread,
                         (unsigned long long)counts.named);
    }
    return true;
}

bool keeper_on_subject_ask(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct subject_ask_ask *ask = r->ask;
    struct meant m = {.addresses = ask->addresses, .words = ask->words};
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    const struct trusted_clock clock = disposal_clock_now(k);
    struct request_subject asked = {.number = ask->number};

    if (!has_reason(ask->reason, e) || !read_meant(k, ask->number, r->arena, &m, e) ||
        !disposal_clock_believed(&clock, e) || !count_meant(k, &m, r->arena, &asked.found, e)) {
        return false;
    }
    asked.addresses = m.addresses;
    asked.words = m.words;
    asked.head = m.head;
    cbor_write(&arguments, &request_subject_schema, &asked);
    struct slice object =
        arena_printf(r->arena, "%llu letters of or about %.*s, but for what is kept",
                     (unsigned long long)asked.found, SLICE_ARG(m.text));
    struct request_record request = {.kind = REQUEST_SUBJECT,
                                     .arguments = buf_slice(&arguments),
                                     .object = letter_text(r->arena, object, 900),
                                     .reason = ask->reason};
    return approvals_ask(keeper_admin_of(ctx, r), &request, SLICE_NONE, r->arena, r->answer, e);
}
