#include "keeper/docket.h"

#include <stdlib.h>

#include "letter/disposal.h"

#define REQUEST_MAX ((size_t)256 << 10) /* bytes of memory of one request */

static void request_free(struct docket_request *r)
{
    arena_done(&r->arena);
    free(r);
}

static void hold_free(struct docket_hold *h)
{
    arena_done(&h->arena);
    free(h);
}

void docket_done(struct docket *d)
{
    while (d->oldest) {
        struct docket_request *r = d->oldest;
        d->oldest = r->next;
        request_free(r);
    }
    d->n_requests = 0;
    while (d->holds) {
        struct docket_hold *h = d->holds;
        d->holds = h->next;
        hold_free(h);
    }
    d->n_holds = 0;
    while (d->cases) {
        struct docket_case *c = d->cases;
        d->cases = c->next;
        free(c);
    }
    d->n_cases = 0;
}

static bool unreadable(uint64_t seq, struct error *e)
{
    e->kind = ERROR_CORRUPT;
    return error_add(e, "record %llu", (unsigned long long)seq);
}

/* Where the request with that id hangs, or the end of the list. */
static struct docket_request **place_of(struct docket *d, struct slice id)
{
    struct docket_request **at = &d->oldest;

    while (*at && !slice_equal((*at)->record.id, id)) {
        at = &(*at)->next;
    }
    return at;
}

static bool add_request(struct docket *d, uint64_t seq, int64_t at, struct slice body,
                        struct error *e)
{
    struct docket_request *r = calloc(1, sizeof(*r));

    if (!r) {
        arena_panic("out of memory");
    }
    arena_init(&r->arena, REQUEST_MAX);
    r->seq = seq;
    r->asked_at = at;
    if (!cbor_read(arena_copy(&r->arena, body), &request_record_schema, &r->arena, &r->record, e)) {
        request_free(r);
        return unreadable(seq, e);
    }
    struct docket_request **end = place_of(d, r->record.id);
    if (*end) {
        request_free(r);
        return error_set(e, ERROR_CORRUPT, "record %llu asks again what was asked",
                         (unsigned long long)seq);
    }
    *end = r; /* -fanalyzer: the list has it now */
    d->n_requests++;
    return true;
}

static void approve(struct docket_request *r, const struct verdict_record *v)
{
    r->approved = true;
    r->approval = (struct verdict_record){.id = r->record.id,
                                          .verdict = v->verdict,
                                          .by = arena_copy(&r->arena, v->by),
                                          .at = arena_copy(&r->arena, v->at),
                                          .role = v->role,
                                          .reason = arena_copy(&r->arena, v->reason)};
}

static bool add_verdict(struct docket *d, uint64_t seq, struct slice body, struct error *e)
{
    OWN(arena) struct arena arena = {.max = REQUEST_MAX};
    struct verdict_record v;

    if (!cbor_read(body, &verdict_record_schema, &arena, &v, e)) {
        return unreadable(seq, e);
    }
    struct docket_request **at = place_of(d, v.id);
    struct docket_request *r = *at;
    if (!r) {
        return true;
    }
    if (v.verdict == VERDICT_APPROVED) {
        if (!r->approved) {
            approve(r, &v);
        }
        return true;
    }
    *at = r->next;
    d->n_requests--;
    request_free(r);
    return true;
}

static bool add_disposal(struct docket *d, uint64_t seq, struct slice body, struct error *e)
{
    OWN(arena) struct arena arena = {.max = REQUEST_MAX};
    struct disposal_record disposal;

    if (!cbor_read(body, &disposal_record_schema, &arena, &disposal, e)) {
        return unreadable(seq, e);
    }
    struct docket_request *r = *place_of(d, disposal.request);
    if (r && !r->begun) {
        r->begun = seq;
    }
    return true;
}

/* All of that name go. */
static void release(struct docket *d, struct slice name)
{
    struct docket_hold **at = &d->holds;

    while (*at) {
        struct docket_hold *h = *at;
        if (slice_equal(h->record.name, name)) {
            *at = h->next;
            d->n_holds--;
            hold_free(h);
        } else {
            at = &h->next;
        }
    }
}

static bool add_hold(struct docket *d, uint64_t seq, int64_t since, struct slice body,
                     struct error *e)
{
    struct docket_hold *h = calloc(1, sizeof(*h));
    struct docket_hold **end = &d->holds;

    if (!h) {
        arena_panic("out of memory");
    }
    arena_init(&h->arena, REQUEST_MAX);
    h->seq = seq;
    h->since = since;
    if (!cbor_read(arena_copy(&h->arena, body), &hold_record_schema, &h->arena, &h->record, e)) {
        hold_free(h);
        return unreadable(seq, e);
    }
    if (h->record.state == HOLD_RELEASED) {
        release(d, h->record.name);
        hold_free(h);
        return true;
    }
    while (*end) {
        end = &(*end)->next;
    }
    *end = h; /* -fanalyzer: the list has it now */
    d->n_holds++;
    return true;
}

static struct docket_case **case_place(struct docket *d, struct slice name)
{
    struct docket_case **at = &d->cases;

    while (*at && !slice_equal(slice_text((*at)->name), name)) {
        at = &(*at)->next;
    }
    return at;
}

static bool adds(const struct case_record *r)
{
    return r->state == CASE_OPENED || r->state == CASE_ADDED;
}

static void count_case(struct docket_case *c, const struct case_record *r)
{
    size_t letters = r->letters.len / LETTER_ID_LEN;

    c->queries += adds(r) && r->query.len;
    c->letters += adds(r) ? letters : 0;
    c->removed += r->state == CASE_REMOVED ? letters : 0;
}

bool docket_case_takes(const struct docket_case *c, const struct case_record *r)
{
    struct docket_case then = *c;

    count_case(&then, r);
    return (then.queries == c->queries || then.queries <= CASE_QUERIES_MAX) &&
           (then.letters == c->letters || then.letters <= CASE_LETTERS_MAX) &&
           (then.removed == c->removed || then.removed <= CASE_LETTERS_MAX);
}

static bool add_case(struct docket *d, uint64_t seq, struct slice body, struct error *e)
{
    OWN(arena) struct arena arena = {.max = REQUEST_MAX};
    struct case_record r;

    if (!cbor_read(body, &case_record_schema, &arena, &r, e)) {
        return unreadable(seq, e);
    }
    struct docket_case **at = case_place(d, r.name);
    if (!*at && r.state == CASE_OPENED) {
        struct docket_case *c = calloc(1, sizeof(*c));
        if (!c) {
            arena_panic("out of memory");
        }
        (void)memcpy(c->name, r.name.ptr, r.name.len);
        (void)memcpy(c->by, r.by.ptr, r.by.len);
        c->hold = r.hold;
        count_case(c, &r);
        *at = c; /* -fanalyzer: the list has it now */
        d->n_cases++;
    } else if (*at && r.state == CASE_CLOSED) {
        (*at)->closed = true;
    } else if (*at && r.state == CASE_HELD) {
        (*at)->hold = true;
    } else if (*at && r.state != CASE_OPENED) {
        count_case(*at, &r);
    }
    if (*at) {
        (*at)->records++;
    }
    return true;
}

const struct docket_case *docket_case(const struct docket *d, struct slice name)
{
    const struct docket_case *c = d->cases;

    while (c && !slice_equal(slice_text(c->name), name)) {
        c = c->next;
    }
    return c;
}

bool docket_apply(struct docket *d, uint64_t seq, uint16_t type, int64_t at, struct slice body,
                  struct error *e)
{
    switch (type) {
    case RECORD_HOLD:
        return add_hold(d, seq, at, body, e);
    case RECORD_CASE:
        return add_case(d, seq, body, e);
    case RECORD_REQUEST:
        return add_request(d, seq, at, body, e);
    case RECORD_VERDICT:
        return add_verdict(d, seq, body, e);
    case RECORD_DISPOSAL:
        return add_disposal(d, seq, body, e);
    default:
        return true;
    }
}

struct docket_request *docket_find(const struct docket *d, struct slice id)
{
    struct docket_request *r = d->oldest;

    while (r && !slice_equal(r->record.id, id)) {
        r = r->next;
    }
    return r;
}

uint64_t docket_hold_last(const struct docket *d, struct slice name)
{
    uint64_t last = 0;

    for (const struct docket_hold *h = d->holds; h; h = h->next) {
        last = slice_equal(h->record.name, name) ? h->seq : last;
    }
    return last;
}

size_t docket_holds_by(const struct docket *d, struct slice by)
{
    size_t n = 0;

    for (const struct docket_hold *h = d->holds; h; h = h->next) {
        n += slice_equal(h->record.by, by);
    }
    return n;
}

size_t docket_cases_by(const struct docket *d, struct slice by)
{
    size_t n = 0;

    for (const struct docket_case *c = d->cases; c; c = c->next) {
        n += slice_equal(slice_text(c->by), by);
    }
    return n;
}

struct docket_hold *docket_copy_holds(const struct docket *d, struct arena *arena)
{
    struct docket_hold *first = NULL;
    struct docket_hold **end = &first;

    for (const struct docket_hold *h = d->holds; h; h = h->next) {
        struct docket_hold *copy = arena_alloc(arena, sizeof(*copy));
        *copy = *h;
        copy->next = NULL;
        copy->arena = (struct arena){0};
        copy->record.name = arena_copy(arena, h->record.name);
        copy->record.query = arena_copy(arena, h->record.query);
        copy->record.letters = arena_copy(arena, h->record.letters);
        copy->record.by = arena_copy(arena, h->record.by);
        copy->record.at = arena_copy(arena, h->record.at);
        copy->record.reason = arena_copy(arena, h->record.reason);
        copy->record.request = SLICE_NONE;
        *end = copy;
        end = &copy->next;
    }
    return first;
}

struct docket_request *docket_copy(const struct docket_request *r, struct arena *arena)
{
    struct docket_request *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *r;
    copy->next = NULL;
    copy->arena = (struct arena){0};
    copy->record.id = arena_copy(arena, r->record.id);
    copy->record.arguments = arena_copy(arena, r->record.arguments);
    copy->record.object = arena_copy(arena, r->record.object);
    copy->record.by = arena_copy(arena, r->record.by);
    copy->record.at = arena_copy(arena, r->record.at);
    copy->record.reason = arena_copy(arena, r->record.reason);
    copy->approval.id = copy->record.id;
    copy->approval.by = arena_copy(arena, r->approval.by);
    copy->approval.at = arena_copy(arena, r->approval.at);
    copy->approval.reason = arena_copy(arena, r->approval.reason);
    return copy;
}

bool docket_waits(const struct docket_request *r, int64_t now_ms)
{
    return !r->approved && now_ms >= 0 && (uint64_t)now_ms < r->record.expires_at;
}
