/* What people did: acts of administration, readings, orders, and who signed in at the command line.
 * The ledger alone says so; it is read a stretch at a time, from its end backwards. */
#include "letter/case.h"
#include "letter/guard.h"
#include "letter/redecision.h"
#include "letter/subject.h"
#include "processes/reader.h"
#include "requests/auth.h"
#include "requests/reader.h"

#define BODIES_MAX ((size_t)16 << 20) /* bytes of the acts of a stretch, with what an arena loses */

/* The acts from record `first` on. When there are too many, those met so far give way: they are asked
 * for next. */
struct acts {
    struct reader_record *records;
    size_t count;
    uint64_t first;
    struct arena bodies;
};

/* Sign-ins of mail clients are no acts: there are as many as letters. */
static bool is_act(const struct ledger_entry *entry, struct arena *arena)
{
    struct subject_record subject;
    struct suspension_record suspension;
    struct redecision again;
    struct sign_in s;
    struct error e;

    switch (entry->type) {
    case RECORD_ORDER:
    case RECORD_ADMIN:
    case RECORD_READING:
    case RECORD_HOLD:
    case RECORD_CASE:
    case RECORD_REQUEST:
    case RECORD_VERDICT:
    case RECORD_DISPOSAL:
    case RECORD_CONSENT:
        return !entry->erased;
    case RECORD_SUBJECT:
        return !entry->erased &&
               cbor_read(entry->body, &subject_record_schema, arena, &subject, &e) &&
               subject.state != SUBJECT_GOES_ON;
    case RECORD_REDECISION: /* what was looked at by itself, nobody did */
        return !entry->erased && cbor_read(entry->body, &redecision_schema, arena, &again, &e) &&
               again.by.len != 0;
    case RECORD_SUSPENSION: /* a person's has an act of its own */
        return !entry->erased &&
               cbor_read(entry->body, &suspension_record_schema, arena, &suspension, &e) &&
               suspension.by.len == 0;
    case RECORD_SIGN_IN:
        return !entry->erased && cbor_read(entry->body, &sign_in_schema, arena, &s, &e) &&
               slice_starts(s.mechanism, SLICE(AUTH_DESK_MECHANISM));
    default:
        return false;
    }
}

static void add(struct acts *acts, const struct ledger_entry *entry)
{
    if (acts->count == READER_ACTS_MAX) {
        acts->count = 0;
        acts->first = entry->ref.seq;
        arena_reset(&acts->bodies);
    }
    acts->records[acts->count++] =
        (struct reader_record){.seq = entry->ref.seq,
                               .type = entry->type,
                               .time = (uint64_t)entry->time_ms,
                               .body = arena_copy(&acts->bodies, entry->body)};
}

/* Where reading begins: `stretch` records before `end`. */
static bool begin(struct desk *d, uint64_t end, uint64_t stretch, struct ledger_position *at,
                  struct error *e)
{
    struct ledger_ref ref;

    *at = (struct ledger_position){0};
    if (end <= stretch) {
        return true;
    }
    if (!ledger_reader_find(d->ledger, end - stretch, &ref, e)) {
        return false;
    }
    *at = (struct ledger_position){ref.seq, ref.segment, ref.offset};
    return true;
}

static bool gather(struct desk *d, struct ledger_position at, uint64_t end, struct acts *acts,
                   struct error *e)
{
    enum ledger_next next = LEDGER_ENTRY;

    while (next == LEDGER_ENTRY && at.seq < end) {
        struct ledger_entry entry;
        arena_reset(&d->arena);
        next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
        if (next == LEDGER_ENTRY && entry.ref.seq < end && is_act(&entry, &d->arena)) {
            add(acts, &entry);
        }
    }
    return next != LEDGER_FAILED;
}

bool reader_on_acts(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_acts_ask *ask = r->ask;
    struct reader_acts_answer *answer = r->answer;
    struct acts acts = {
        .records = arena_array(r->arena, READER_ACTS_MAX, sizeof(*acts.records)),
    };
    OWN(desk) struct desk d = {0};
    struct ledger_position at;

    if (!desk_open(reader, &d, e)) {
        return false;
    }
    uint64_t end = catalog_position(d.catalog).seq;
    end = ask->before && ask->before < end ? ask->before : end;
    if (!begin(&d, end, ask->stretch ? ask->stretch : READER_ACTS_STRETCH, &at, e)) {
        return false;
    }
    acts.first = at.seq;
    arena_init(&acts.bodies, BODIES_MAX);
    ledger_reader_leave_out(d.ledger, RECORD_CONTENT);
    bool ok = gather(&d, at, end, &acts, e);
    for (size_t i = 0; i < acts.count; i++) {
        acts.records[i].body = arena_copy(r->arena, acts.records[i].body);
    }
    arena_done(&acts.bodies);
    *answer = (struct reader_acts_answer){
        .acts = {acts.records, acts.count},
          .next = acts.first
    };
    return ok && reader_record(reader, r, "acts", SLICE_NONE, ask->reason, acts.count, e);
}
