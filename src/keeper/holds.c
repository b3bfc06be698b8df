#include "keeper/holds.h"

#include "base/log.h"

#include "formats/text/terms.h"
#include "host/memfd.h"
#include "keeper/admin.h"
#include "keeper/findings.h"
#include "keeper/internal.h"
#include "requests/holds.h"
#include "search/find.h"

#define TERMS_MAX   ((size_t)TEXT_LIST_BYTES_MAX + 64)
#define COUNTED_MAX 100000 /* letters that are counted of one hold */

/* ── one letter, from itself ── */

/* What is asked of one letter. */
struct asked {
    struct keeper *k;
    const struct holds_letter *letter;
    struct arena *arena;
    struct search_letter read; /* as it would be indexed, once it was read */
    struct text_terms terms;
    struct memfd_map map;
    struct search_finder *finder;
};

static void fill(struct asked *a, const struct facts *f, const struct findings *found, bool unread)
{
    const struct recipient *to = f->recipients.items;
    struct slice *recipients = arena_array(a->arena, f->recipients.count + 1, sizeof(*recipients));

    for (size_t i = 0; i < f->recipients.count; i++) {
        recipients[i] = to[i].address;
    }
    a->read = (struct search_letter){.seq = a->letter->seq,
                                     .at = facts_dated(f),
                                     .size = f->size,
                                     .reading = findings_reading(found, unread),
                                     .marks = findings_marks(found),
                                     .account = facts_owner(f),
                                     .groups = f->groups.items,
                                     .n_groups = f->groups.count,
                                     .sender = f->reverse_path,
                                     .recipients = recipients,
                                     .n_recipients = f->recipients.count,
                                     .terms = unread ? NULL : &a->terms};
}

/* The catalog said where it stands; it says itself whose it is. */
static bool is_its_own(const struct asked *a, struct slice id, struct slice repeat_of,
                       struct error *e)
{
    return slice_equal(id, repeat_of.len ? repeat_of : letter_id_slice(&a->letter->id)) ||
           error_set(e, ERROR_CORRUPT, "the catalog names a record of another letter");
}

/* Have it inspected once more. */
static bool read_letter(struct asked *a, struct error *e)
{
    struct findings found = {.unread = true};
    struct content content;
    struct facts f;
    int terms_fd = -1;
    struct error why;
    OWN(fd) int fd = -1;

    if (!keeper_read(a->k, a->letter->facts, &facts_schema, a->arena, &f, e)) {
        return false;
    }
    if (!is_its_own(a, f.id, SLICE_NONE, e)) {
        return false;
    }
    if (a->letter->has_content) {
        if (!keeper_read(a->k, a->letter->content, &content_schema, a->arena, &content, e) ||
            !is_its_own(a, content.id, f.repeat_of, e) ||
            !memfd_from("letter", content.bytes, &fd, e)) {
            return false;
        }
        keeper_inspect(a->k, &f, fd, a->arena, &found, &terms_fd);
    }
    bool read = terms_fd >= 0 && memfd_map(terms_fd, TERMS_MAX, &a->map, &why) &&
                text_terms_read(a->map.bytes, &a->terms, &why);
    own_fd(&terms_fd);
    fill(a, &f, &found, found.unread || !read);
    return true;
}

static bool is_named(const struct hold_record *h, const struct letter_id *id)
{
    bool named = false;

    for (size_t at = 0; at + LETTER_ID_LEN <= h->letters.len; at += LETTER_ID_LEN) {
        named = named || memcmp(h->letters.ptr + at, id->bytes, LETTER_ID_LEN) == 0;
    }
    return named;
}

/* Whether the index says that the query finds it: the newest that it finds up to that one is it. */
static bool in_index(struct asked *a, const struct query *query, bool *found, struct error *e)
{
    struct search_place place = {.top = a->letter->seq, .seq = a->letter->seq + 1};
    struct search_hit hit;
    size_t count = 0;

    if (!a->finder && !search_finder_open(a->k->options.search_path,
                                          secret_slice(a->k->options.search_key), &a->finder, e)) {
        return false;
    }
    if (!search_find(a->finder, query, &place, &hit, 1, &count, e)) {
        return false;
    }
    *found = count == 1 && hit.seq == a->letter->seq;
    return true;
}

/* By its query; by the letter itself only when it was read. */
static bool is_found(struct asked *a, const struct hold_record *h, bool read, bool *found,
                     struct error *e)
{
    struct query query;
    struct error why;

    *found = true;
    if (!query_parse(h->query, a->arena, &query, &why)) {
        return true;
    }
    return (read && search_match(&query, &a->read) != SEARCH_MATCH_NO) ||
           in_index(a, &query, found, e);
}

static struct slice add_name(struct slice names, struct slice name, struct arena *arena)
{
    return names.len + name.len > HOLDS_NAMES_MAX
               ? names
               : arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(names), names.len ? ", " : "",
                              SLICE_ARG(name));
}

static bool has_queries(const struct docket_hold *holds)
{
    bool has = false;

    for (; holds; holds = holds->next) {
        has = has || holds->record.query.len;
    }
    return has;
}

/* The records of one hold may stand between those of another: each name is said once. */
static bool has_name(struct slice names, struct slice name)
{
    bool has = false;

    while (names.len && !has) {
        has = slice_equal(slice_trim(slice_cut(names, ',', &names)), name);
    }
    return has;
}

static bool go_through(struct asked *a, const struct docket_hold *holds, bool read,
                       struct slice *names, struct error *e)
{
    for (; holds; holds = holds->next) {
        const struct hold_record *h = &holds->record;
        bool found = is_named(h, &a->letter->id);
        if (!found && h->query.len && !is_found(a, h, read, &found, e)) {
            return false;
        }
        if (found && !has_name(*names, h->name)) {
            *names = add_name(*names, h->name, a->arena);
        }
    }
    return true;
}

static void asked_done(struct asked *a)
{
    memfd_unmap(&a->map);
    search_finder_close(a->finder);
}

bool holds_on(struct keeper *k, const struct docket_hold *holds, const struct holds_letter *letter,
              struct arena *arena, struct slice *names, struct error *e)
{
    struct asked a = {.k = k, .letter = letter, .arena = arena};
    bool read = has_queries(holds);

    *names = SLICE_NONE;
    bool told = (!read || read_letter(&a, e)) && go_through(&a, holds, read, names, e);
    asked_done(&a);
    return told;
}

bool holds_shown(struct keeper *k, const struct docket_hold *holds, const struct letter_id *id,
                 uint64_t seq, struct arena *arena, struct slice *names, struct error *e)
{
    const struct holds_letter letter = {.id = *id, .seq = seq};
    struct asked a = {.k = k, .letter = &letter, .arena = arena};

    *names = SLICE_NONE;
    bool told = go_through(&a, holds, false, names, e);
    asked_done(&a);
    return told;
}

bool holds_compare(struct keeper *k, const struct query *query, const struct holds_letter *letter,
                   struct arena *arena, enum search_match *match, struct error *e)
{
    struct asked a = {.k = k, .letter = letter, .arena = arena};
    bool told = read_letter(&a, e);

    if (told) {
        *match = search_match(query, &a.read);
    }
    asked_done(&a);
    return told;
}

bool keeper_on_held(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_held_ask *ask = r->ask;
    struct keeper_held_answer *answer = r->answer;
    OWN(catalog) struct catalog *catalog = NULL;
    struct catalog_letter letter;
    struct letter_id id;
    bool found = false;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "a letter's id has %d bytes", LETTER_ID_LEN);
    }
    const struct docket_hold *holds = approvals_holds(k, r->arena);
    if (!holds) {
        return true;
    }
    return catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) &&
           catalog_find(catalog, &id, &letter, &found, e) &&
           (!found || holds_shown(k, holds, &id, letter.seq, r->arena, &answer->holds, e));
}

/* ── placing ── */

bool holds_have_room(struct keeper *k, struct slice by, size_t n, struct error *e)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    size_t all = k->approvals.docket.n_holds;
    size_t theirs = docket_holds_by(&k->approvals.docket, by);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (theirs + n > DOCKET_OF_ONE_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "%.*s placed %zu holds that go on, and %d is the most that one person "
                         "may: have some released",
                         SLICE_ARG(slice_head(by, 64)), theirs, DOCKET_OF_ONE_MAX);
    }
    return all + n <= DOCKET_HOLDS_MAX ||
           error_set(e, ERROR_LIMIT, "there are %zu holds already: have some released", all);
}

static bool check(struct keeper *k, const struct hold_record *h, struct arena *arena,
                  struct error *e)
{
    struct query query;

    if (!hold_name_is_good(h->name)) {
        return error_set(e, ERROR_INPUT,
                         "a hold's name is 1 to %d letters, digits, `.`, `-` and `_`",
                         HOLD_NAME_MAX);
    }
    if (slice_trim(h->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "nothing is held without a reason: give --reason TEXT");
    }
    if (h->letters.len % LETTER_ID_LEN || (!h->query.len && !h->letters.len)) {
        return error_set(e, ERROR_INPUT,
                         "a hold says what it holds: a query, or letters by --letter");
    }
    return (!h->query.len || query_parse(h->query, arena, &query, e)) &&
           holds_have_room(k, h->by, 1, e);
}

bool holds_letters_exist(struct keeper *k, struct slice letters, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    char text[LETTER_ID_TEXT];

    if (!letters.len) {
        return true;
    }
    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e)) {
        return false;
    }
    for (size_t at = 0; at < letters.len; at += LETTER_ID_LEN) {
        struct catalog_letter letter;
        struct letter_id id;
        bool found = false;
        if (!letter_id_from(slice_of(letters.ptr + at, LETTER_ID_LEN), &id) ||
            !catalog_find(catalog, &id, &letter, &found, e)) {
            return false;
        }
        if (!found) {
            letter_id_text(&id, text);
            return error_set(e, ERROR_INPUT, "there is no letter %s in the archive", text);
        }
    }
    return true;
}

bool keeper_on_hold_add(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct hold_record *ask = r->ask;
    const struct hold_record h = {.name = ask->name,
                                  .state = HOLD_PLACED,
                                  .query = ask->query,
                                  .letters = ask->letters,
                                  .by = admin->caller.by,
                                  .at = admin->caller.at,
                                  .role = admin->role,
                                  .reason = ask->reason};

    if (!check(ctx, &h, r->arena, e) || !holds_letters_exist(ctx, h.letters, e)) {
        return false;
    }
    log_event(LOG_INFO, "admin.act", LOG_TEXT("verb", "hold add"),
              LOG_SLICE("by", admin->caller.at));
    return approvals_record(ctx, RECORD_HOLD, &hold_record_schema, &h, e);
}

/* ── listing ── */

static bool count_found(struct search_finder *f, struct hold_row *row, struct arena *arena,
                        struct error *e)
{
    struct search_hit *hits = arena_array(arena, SEARCH_PAGE_MAX, sizeof(*hits));
    struct search_place place = {0};
    size_t count = SEARCH_PAGE_MAX;
    struct query query;

    if (!query_parse(row->query, arena, &query, e)) {
        return false;
    }
    while (count == SEARCH_PAGE_MAX && row->found < COUNTED_MAX) {
        if (!search_find(f, &query, &place, hits, SEARCH_PAGE_MAX, &count, e)) {
            return false;
        }
        row->found += count;
    }
    row->more = count == SEARCH_PAGE_MAX;
    return true;
}

static void count_rows(struct keeper *k, struct hold_list_answer *answer, struct arena *arena)
{
    OWN(search_finder) struct search_finder *finder = NULL;
    OWN(catalog) struct catalog *catalog = NULL;
    struct search_coverage coverage = {0};
    struct catalog_counts counts = {0};
    struct hold_row *rows = answer->rows.items;
    struct error e;

    bool asked = search_finder_open(k->options.search_path, secret_slice(k->options.search_key),
                                    &finder, &e) &&
                 search_coverage(finder, &coverage, &e) &&
                 catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, &e) &&
                 catalog_counts(catalog, &counts, &e);
    for (size_t i = 0; i < answer->rows.count; i++) {
        rows[i].not_counted =
            rows[i].query.len && (!asked || !count_found(finder, &rows[i], arena, &e));
    }
    answer->indexed = coverage.letters;
    answer->archived = counts.letters;
}

bool keeper_on_hold_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct hold_list_ask *ask = r->ask;
    struct hold_list_answer *answer = r->answer;
    struct hold_row *rows = arena_array(r->arena, HOLDS_LISTED_MAX, sizeof(*rows));
    size_t count = 0;

    for (const struct docket_hold *h = approvals_holds(k, r->arena); h && count < HOLDS_LISTED_MAX;
         h = h->next) {
        if (!ask->name.len || slice_equal(ask->name, h->record.name)) {
            rows[count++] = (struct hold_row){.name = h->record.name,
                                              .query = h->record.query,
                                              .letters = h->record.letters,
                                              .by = h->record.by,
                                              .reason = h->record.reason,
                                              .since = (uint64_t)h->since};
        }
    }
    answer->rows = (struct cbor_list){rows, count};
    if (ask->name.len && count == 0) {
        return error_set(e, ERROR_INPUT,
                         "there is no hold of that name: `postern hold list` lists them");
    }
    if (ask->name.len) {
        (void)tail_settle(k);
        count_rows(k, answer, r->arena);
    }
    return true;
}

/* ── releasing ── */

static uint64_t last_of(struct keeper *k, struct slice name)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    uint64_t last = docket_hold_last(&k->approvals.docket, name);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return last;
}

bool holds_ask_release(struct keeper_admin *admin, struct slice name, struct slice reason,
                       struct arena *arena, struct admin_asked *asked, struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    const struct request_release release = {.name = name, .last = last_of(admin->keeper, name)};

    if (!release.last) {
        return error_set(e, ERROR_INPUT,
                         "there is no hold of that name: `postern hold list` lists them");
    }
    cbor_write(&arguments, &request_release_schema, &release);
    struct request_record request = {.kind = REQUEST_RELEASE,
                                     .arguments = buf_slice(&arguments),
                                     .object = arena_printf(arena, "hold %.*s", SLICE_ARG(name)),
                                     .reason = reason};
    return approvals_ask(admin, &request, SLICE_NONE, arena, asked, e);
}

bool keeper_on_hold_release(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct hold_release_ask *ask = r->ask;

    return holds_ask_release(keeper_admin_of(ctx, r), ask->name, ask->reason, r->arena, r->answer,
                             e);
}

static enum carried record_release(struct keeper *k, const struct docket_request *r,
                                   const struct request_release *asked, struct error *e)
{
    const struct hold_record h = {.name = asked->name,
                                  .state = HOLD_RELEASED,
                                  .by = r->record.by,
                                  .at = r->record.at,
                                  .role = r->record.role,
                                  .reason = r->record.reason,
                                  .request = r->record.id};
    uint64_t last = last_of(k, asked->name);

    if (last == 0) {
        return CARRIED_DONE; /* before a crash, or by another request */
    }
    if (last != asked->last) {
        (void)error_set(e, ERROR_INPUT,
                        "something was added to the hold since that was asked: ask "
                        "again");
        return CARRIED_FAILED;
    }
    return approvals_record_held(k, RECORD_HOLD, &hold_record_schema, &h, e) ? CARRIED_DONE
                                                                             : CARRIED_LATER;
}

enum carried release_approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                              struct slice *said, struct error *e)
{
    struct request_release asked;

    if (!cbor_read(r->record.arguments, &request_release_schema, arena, &asked, e)) {
        return CARRIED_FAILED;
    }
    approvals_hold(k);
    enum carried carried = record_release(k, r, &asked, e);
    approvals_let_go(k);
    if (carried == CARRIED_DONE) {
        *said = arena_printf(arena, "hold %.*s is released", SLICE_ARG(asked.name));
    }
    return carried;
}
