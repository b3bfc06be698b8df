/* Who reads, and what: the gate before every question, and what an employee may see. */
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#include "letter/import.h"
#include "processes/reader.h"
#include "requests/reader.h"

#define OBJECT_MAX 500 /* bytes of what was read or looked for, in its record */

static bool ask_who(struct reader *reader, const struct ipc_request *r, struct slice pass,
                    struct visitor *v, struct error *e)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(r->channel, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return error_errno(e, ERROR_DENIED, "who asks cannot be told");
    }
    v->uid = peer.uid;
    const struct caller_ask ask = {.pass = pass, .uid = peer.uid};
    return reader->who(reader->context, &ask, r->arena, &v->caller, e);
}

static bool record(struct reader *reader, const struct visitor *v, struct act *act, struct error *e)
{
    act->by = v->caller.by;
    act->at = v->caller.at;
    act->role = act->refused ? v->caller.role : v->role;
    log_event(act->refused ? LOG_WARNING : LOG_INFO,
              act->refused ? "archive.refused" : "archive.read", LOG_SLICE("verb", act->verb),
              LOG_NUMBER("uid", (int64_t)v->uid), LOG_NUMBER("count", (int64_t)act->count));
    return reader->record(reader->context, act, e) ||
           error_add(e, "nothing is read without a record of it");
}

/* That somebody asked for what he may not see. *e stays the refusal. */
static void record_refusal(struct reader *reader, const struct visitor *v, const char *verb,
                           struct slice object, const struct error *e)
{
    struct act act = {
        .verb = slice_text(verb), .object = object, .reason = slice_text(e->text), .refused = true};
    struct error lost;

    if (!record(reader, v, &act, &lost)) {
        log_event(LOG_WARNING, "archive.unrecorded", LOG_TEXT("reason", lost.text));
    }
}

bool reader_gate(void *ctx, const struct ipc_message *m, struct ipc_request *r, struct error *e)
{
    static const uint8_t none[IPC_PASS_LEN];
    struct visitor *v = arena_alloc(r->arena, sizeof(*v));
    const struct permit *p = permit_find(m);
    bool shown = memcmp(r->pass, none, IPC_PASS_LEN) != 0;

    if (!p) {
        return error_set(e, ERROR_DENIED, "nobody may ask this");
    }
    if (!ask_who(ctx, r, shown ? slice_of(r->pass, IPC_PASS_LEN) : SLICE_NONE, v, e)) {
        return false;
    }
    if (!permit_allows(p, &v->caller, &v->role, e)) {
        record_refusal(ctx, v, p->verb, SLICE_NONE, e);
        return false;
    }
    v->own = p->own && !(p->roles & PERMIT_TO(v->role));
    r->caller = v;
    return true;
}

bool reader_on_pass(void *reader, struct ipc_request *r, struct error *e)
{
    const struct caller_pass_ask *ask = r->ask;
    struct visitor shown;

    if (ask->pass.len != IPC_PASS_LEN) {
        return error_set(e, ERROR_DENIED, "this is no pass");
    }
    if (!ask_who(reader, r, ask->pass, &shown, e)) {
        return false;
    }
    (void)memcpy(r->pass, ask->pass.ptr, IPC_PASS_LEN);
    return true;
}

const struct visitor *reader_visitor(const struct ipc_request *r)
{
    if (!r->caller) {
        arena_panic("a request came past the gate");
    }
    return r->caller;
}

static bool is_blank(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] > ' ') {
            return false;
        }
    }
    return true;
}

bool reader_wants_reason(struct reader *reader, const struct ipc_request *r, const char *verb,
                         struct slice object, struct slice reason, struct error *e)
{
    const struct visitor *v = reader_visitor(r);

    if (v->own || !is_blank(reason)) {
        return true;
    }
    (void)error_set(e, ERROR_DENIED,
                    "nobody reads others' letters without a reason: give --reason TEXT, which is "
                    "recorded");
    record_refusal(reader, v, verb, letter_text(r->arena, object, OBJECT_MAX), e);
    return false;
}

/* What the account sent, and what was brought in as mail of one of its addresses. */
static bool belongs_to(const struct facts *f, const struct caller *caller)
{
    const struct slice *addresses = caller->addresses.items;
    bool own = caller->account.len && slice_equal(f->account, caller->account);

    for (size_t i = 0; f->kind == LETTER_IMPORTED && i < caller->addresses.count; i++) {
        own = own || (addresses[i].len && slice_equal_nocase(facts_owner(f), addresses[i]));
    }
    return own;
}

bool reader_may_see(struct desk *d, const struct visitor *v, const struct facts *f)
{
    struct catalog_letter about;
    struct letter_id id;
    struct facts original;
    struct error e;
    bool found = false;

    if (!v->own || belongs_to(f, &v->caller)) {
        return true;
    }
    /* A notice belongs to whoever sent the letter that it is about. */
    return f->kind == LETTER_NOTICE && letter_id_from(f->about, &id) &&
           catalog_find(d->catalog, &id, &about, &found, &e) && found &&
           desk_read(d, about.facts, RECORD_FACTS, &facts_schema, &original, &e) &&
           belongs_to(&original, &v->caller);
}

bool reader_refuse(struct reader *reader, const struct ipc_request *r, const char *verb,
                   struct slice object, struct error *e)
{
    (void)error_set(e, ERROR_INPUT, "there is no letter with this id in the archive");
    return reader_refused(reader, r, verb, object, e);
}

bool reader_refused(struct reader *reader, const struct ipc_request *r, const char *verb,
                    struct slice object, struct error *e)
{
    record_refusal(reader, reader_visitor(r), verb, letter_text(r->arena, object, OBJECT_MAX), e);
    return false;
}

bool reader_record(struct reader *reader, const struct ipc_request *r, const char *verb,
                   struct slice object, struct slice reason, uint64_t count, struct error *e)
{
    struct act act = {.verb = slice_text(verb),
                      .object = letter_text(r->arena, object, OBJECT_MAX),
                      .reason = reason,
                      .count = count};

    return record(reader, reader_visitor(r), &act, e);
}
