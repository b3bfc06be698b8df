/* What people did: acts of administration, readings, orders, and who signed in at the command line.
 * The ledger alone says so; it is read a stretch at a time, from its end backwards. */
#include "letter/case.h"
#include "letter/guard.h"
#include "letter/redecision.h"
#include "letter/subject.h"
#include "processes/reader.h"
#include "requests/acts.h"
#include "requests/auth.h"

#define BODIES_MAX ((size_t)16 << 20) /* bytes of the acts of a stretch, with what an arena loses */

/* The acts from record `first` on. When there are too many, those met so far give way: they are asked
 * for next. */
struct acts {
    const struct reader_sign_ins_ask *sign_ins; /* those alone that it asks for; NULL: acts */
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

static bool is_sign_in(const struct reader_sign_ins_ask *ask, const struct ledger_entry *entry,
                       struct arena *arena)
{
    struct sign_in s;
    struct error e;

    return entry->type == RECORD_SIGN_IN && !entry->erased &&
           (uint64_t)entry->time_ms >= ask->since &&
           cbor_read(entry->body, &sign_in_schema, arena, &s, &e) &&
           (ask->all || slice_equal_nocase(s.account, ask->account));
}

static bool is_wanted(const struct acts *acts, const struct ledger_entry *entry,
                      struct arena *arena)
{
    return acts->sign_ins ? is_sign_in(acts->sign_ins, entry, arena) : is_act(entry, arena);
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
        if (next == LEDGER_ENTRY && entry.ref.seq < end && is_wanted(acts, &entry, &d->arena)) {
            add(acts, &entry);
        }
    }
    return next != LEDGER_FAILED;
}

/* Those of `stretch` records before record `before`; of what was left out, the next question's. */
static bool answer_with(struct acts *acts, struct desk *d, struct ipc_request *r, uint64_t before,
                        uint64_t stretch, struct error *e)
{
    struct reader_acts_answer *answer = r->answer;
    struct ledger_position at;

    acts->records = arena_array(r->arena, READER_ACTS_MAX, sizeof(*acts->records));
    uint64_t end = catalog_position(d->catalog).seq;
    end = before && before < end ? before : end;
    if (!begin(d, end, stretch, &at, e)) {
        return false;
    }
    acts->first = at.seq;
    arena_init(&acts->bodies, BODIES_MAX);
    bool ok = gather(d, at, end, acts, e);
    for (size_t i = 0; i < acts->count; i++) {
        acts->records[i].body = arena_copy(r->arena, acts->records[i].body);
    }
    arena_done(&acts->bodies);
    *answer = (struct reader_acts_answer){
        .acts = {acts->records, acts->count},
          .next = acts->first
    };
    return ok;
}

bool reader_on_acts(void *reader, struct ipc_request *r, struct error *e)
{
    const struct reader_acts_ask *ask = r->ask;
    struct acts acts = {.count = 0};
    OWN(desk) struct desk d = {0};

    if (!desk_open(reader, &d, e)) {
        return false;
    }
    ledger_reader_leave_out(d.ledger, RECORD_CONTENT);
    return answer_with(&acts, &d, r, ask->before, ask->stretch ? ask->stretch : READER_ACTS_STRETCH,
                       e) &&
           reader_record(reader, r, "acts", SLICE_NONE, ask->reason, acts.count, e);
}

/* Whose are meant: one's own by everybody. */
static bool choose_account(struct reader *reader, const struct ipc_request *r,
                           struct reader_sign_ins_ask *ask, struct error *e)
{
    const struct visitor *v = reader_visitor(r);

    if (ask->account.len == 0 && !ask->all) {
        ask->account = v->caller.account;
        return ask->account.len || error_set(e, ERROR_INPUT, "say whose: an account, or --all");
    }
    if (!v->own || (!ask->all && slice_equal_nocase(ask->account, v->caller.account))) {
        return true;
    }
    (void)error_set(e, ERROR_DENIED,
                    "others' sign-ins are for an officer or auditor: `postern login` as one");
    return reader_refused(reader, r, "session list --past",
                          ask->all ? SLICE("everybody") : ask->account, e);
}

/* Whether what stands at a place is from before that time, and all before it so too. */
static bool is_before(struct desk *d, uint64_t seq, uint64_t since, bool *before, struct error *e)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct ledger_ref ref;

    if (!ledger_reader_find(d->ledger, seq, &ref, e)) {
        return false;
    }
    at = (struct ledger_position){ref.seq, ref.segment, ref.offset};
    arena_reset(&d->arena);
    enum ledger_next next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
    *before = next == LEDGER_ENTRY && (uint64_t)entry.time_ms < since;
    return next != LEDGER_FAILED;
}

bool reader_on_sign_ins(void *reader, struct ipc_request *r, struct error *e)
{
    struct reader_sign_ins_ask ask = *(const struct reader_sign_ins_ask *)r->ask;
    struct reader_acts_answer *answer = r->answer;
    struct acts acts = {.sign_ins = &ask};
    OWN(desk) struct desk d = {0};
    bool over = false;

    if (!choose_account(reader, r, &ask, e) || !desk_open(reader, &d, e)) {
        return false;
    }
    ledger_reader_only(d.ledger, RECORD_SIGN_IN, RECORD_SIGN_IN);
    if (!answer_with(&acts, &d, r, ask.before, ask.stretch ? ask.stretch : READER_SIGN_INS_STRETCH,
                     e) ||
        (answer->next && !is_before(&d, answer->next, ask.since, &over, e))) {
        return false;
    }
    answer->next = over ? 0 : answer->next;
    return reader_record(reader, r, "session list --past",
                         ask.all ? SLICE("everybody") : ask.account, ask.reason, acts.count, e);
}
