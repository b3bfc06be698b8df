/* Invariants:
 *  1. A decision by a [policy] names a version and digest that were recorded before it.
 *  2. What is held by a policy and the notice that says so are one commit with the decision. */
#include "keeper/policies.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/recipients.h"
#include "keeper/redecide.h"
#include "keeper/scanning.h"
#include "keyring/digest.h"
#include "stages/policy/policy.h"

#define STATE_NAME       SLICE("policy/last")
#define STATE_TEXT       200
#define NOTICE_MAX       (64 << 10)
#define MESSAGE_ID_SHOWN 300
#define SHOWN_MAX        100 /* recipients that a notice names */

/* ── the version ── */

/* Of the state: what was recorded last, without its text. */
struct last {
    uint64_t version, since;
    struct slice digest;
};

static const struct cbor_field last_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct last, version, 0),
    CBOR_FIELD(2, CBOR_UINT, struct last, since, 0),
    CBOR_FIELD(3, CBOR_BYTES, struct last, digest, POLICIES_DIGEST_LEN),
};
static const struct cbor_schema last_schema = CBOR_SCHEMA(last_fields, struct last);

static bool recall(struct keeper *k, struct policies *p, struct arena *arena, struct error *e)
{
    struct slice value = SLICE_NONE;
    struct last last = {0};
    bool found = false;

    if (!state_value_get(k->state, STATE_NAME, arena, &value, &found, e) ||
        (found && !cbor_read(value, &last_schema, arena, &last, e))) {
        return false;
    }
    p->version = last.version;
    p->since = last.since;
    if (last.digest.len == sizeof(p->digest)) {
        (void)memcpy(p->digest, last.digest.ptr, sizeof(p->digest));
    }
    return true;
}

/* The ledger first: a crash between them makes the next start record the same version once more. */
static bool record(struct keeper *k, struct policies *p, struct slice text, const uint8_t *digest,
                   struct error *e)
{
    const struct policy_record r = {
        .version = p->version + 1, .digest = slice_of(digest, POLICIES_DIGEST_LEN), .text = text};
    const struct last last = {r.version, (uint64_t)clock_wall_ms(), r.digest};
    OWN(buf) struct buf body = {.max = POLICY_TEXT_MAX + STATE_TEXT};
    OWN(buf) struct buf value = {.max = STATE_TEXT};

    cbor_write(&body, &policy_record_schema, &r);
    cbor_write(&value, &last_schema, &last);
    const struct ledger_record one = {RECORD_POLICY, buf_slice(&body)};
    if (body.full || value.full) {
        return error_set(e, ERROR_LIMIT, "the policy does not fit into a record");
    }
    if (!keeper_record(k, LEDGER_AWAITED, &one, 1, NULL, e) ||
        !state_value_put(k->state, STATE_NAME, buf_slice(&value), e)) {
        return false;
    }
    p->version = last.version;
    p->since = last.since;
    (void)memcpy(p->digest, digest, POLICIES_DIGEST_LEN);
    log_event(LOG_INFO, "policy.changed", LOG_NUMBER("version", last.version));
    return true;
}

/* Have these settings' policy recorded; with the lock. */
static bool settle(struct keeper *k, struct policies *p, const struct settings *s, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    uint8_t digest[POLICIES_DIGEST_LEN];

    if (p->seen == s) {
        return true;
    }
    if (!p->seen && !recall(k, p, &arena, e)) {
        return false;
    }
    struct slice text = policy_text(s, &arena);
    digest_of(text, SLICE_NONE, digest);
    bool same = p->version ? memcmp(digest, p->digest, sizeof(digest)) == 0 : text.len == 0;
    if (!same && !record(k, p, text, digest, e)) {
        return false;
    }
    p->seen = s;
    return true;
}

bool policies_look(struct keeper *k, const struct settings *s, struct arena *arena,
                   struct policies_state *out, struct error *e)
{
    struct policies *p = &k->policies;

    (void)pthread_mutex_lock(&p->lock);
    bool settled = settle(k, p, s, e);
    *out = (struct policies_state){p->version, p->since,
                                   arena_copy(arena, slice_of(p->digest, sizeof(p->digest)))};
    (void)pthread_mutex_unlock(&p->lock);
    return settled;
}

void policies_watch(struct keeper *k)
{
    const struct settings *s = k->options.settings(k->options.context);
    OWN(arena) struct arena arena = {.max = 4096};
    struct policies_state ignored;
    struct error e;

    if (!policies_look(k, s, &arena, &ignored, &e)) {
        log_event(LOG_ERROR, "policy.not_recorded", LOG_TEXT("reason", e.text));
    }
}

bool policies_stamp(struct keeper *k, const struct settings *s, struct arena *arena,
                    struct decision *d, struct error *e)
{
    struct policies_state now = {0};

    if (s->policies.count && !policies_look(k, s, arena, &now, e)) {
        return false;
    }
    d->policy_version = now.version;
    d->policy_digest = now.digest;
    return true;
}

bool policies_decide(struct keeper *k, const struct facts *f, const struct mail_header *header,
                     const struct findings *findings, const struct settings *s, struct arena *arena,
                     struct decision *out, struct error *e)
{
    const struct policy_letter known = {f, header, findings,
                                        recipients_look(k, f, header, s, arena)};

    policy_decide(&known, s, arena, out);
    return recipients_known(known.states, f->recipients.count, s, out, e) &&
           policies_stamp(k, s, arena, out, e);
}

/* ── what none of its steps protects ── */

/* Its policy came to its end, whatever else holds it: not what has the same guard for something else. */
static bool is_stopped(const struct ruling *r)
{
    const struct ruling_try *tried = r->tried.items;

    return r->hold && r->tried.count && tried[r->tried.count - 1].rung == RUNG_HOLD;
}

static bool stops_any(const struct decision *d)
{
    const struct ruling *all = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        if (is_stopped(&all[i])) {
            return true;
        }
    }
    return false;
}

static void line(struct buf *out, struct slice text)
{
    own_letter_quoted(text, out);
    buf_add_text(out, "\r\n");
}

/* To whom it waits, and why; each ruling once. */
static void write_rulings(const struct facts *f, const struct decision *d, struct arena *arena,
                          struct buf *out)
{
    const struct ruling *all = d->rulings.items;
    const struct recipient *to = f->recipients.items;
    size_t shown = 0;

    for (size_t i = 0; i < d->rulings.count && shown < SHOWN_MAX; i++) {
        if (!is_stopped(&all[i])) {
            continue;
        }
        for (size_t k = 0; k + 1 < all[i].recipients.len && shown < SHOWN_MAX; k += 2) {
            size_t at = (size_t)all[i].recipients.ptr[k] << 8 | all[i].recipients.ptr[k + 1];
            line(out, arena_printf(arena, "    To:       %.*s", SLICE_ARG(to[at].address)));
            shown++;
        }
        line(out, arena_printf(arena, "    Because:  %.*s", SLICE_ARG(all[i].reason)));
    }
}

/* Whether all that waits may be decided once more when something protects it (keeper/redecide). Whether it goes then nobody can promise: its
 * steps may name nothing that hides it, or somebody orders otherwise meanwhile. */
static bool is_decided_anew(const struct decision *d)
{
    const struct ruling *all = d->rulings.items;
    bool anew = d->need.rule.len == 0;

    for (size_t i = 0; i < d->rulings.count; i++) {
        anew = anew && (!is_stopped(&all[i]) || redecide_is_policys(&all[i]));
    }
    return anew;
}

static void write_notice(const struct facts *f, const struct decision *d, struct arena *arena,
                         struct buf *out)
{
    char id[LETTER_ID_TEXT] = "";
    struct letter_id of;

    if (letter_id_from(f->id, &of)) {
        letter_id_text(&of, id);
    }
    buf_add_text(out, "Subject: Your letter waits: it cannot be protected as it must be\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    line(out, SLICE("Your letter was accepted and is kept. To these recipients it was not sent,"));
    line(out, SLICE("because nothing that protects it well enough works for them:"));
    line(out, SLICE_NONE);
    line(out, arena_printf(arena, "    Letter:   %s", id));
    if (f->message_id.len) { /* not its subject: the policy would not let it go */
        line(out, arena_printf(arena, "    Message:  %.*s",
                               SLICE_ARG(slice_head(f->message_id, MESSAGE_ID_SHOWN))));
    }
    write_rulings(f, d, arena, out);
    line(out, SLICE_NONE);
    line(out, SLICE("Other recipients, if there are any, get it as ever. Ask the recipient for a"));
    if (is_decided_anew(d)) {
        line(out,
             SLICE("certificate or a key, or your mail administrator what else can be done. When"));
        line(out, SLICE("that is here, the letter may go by itself, encrypted: ask your mail"));
        line(out,
             SLICE("administrator before you send it again. The officer can let it go as it is,"));
        line(out, SLICE("and says why."));
        return;
    }
    line(out,
         SLICE("certificate or a key, or your mail administrator what else can be done; then"));
    line(out, SLICE("send it again. The officer can let it go as it is, and says why."));
}

bool policies_notice(struct keeper *k, const struct facts *f, const struct decision *d,
                     struct arena *arena, struct buf *text, struct own_letter *notice, size_t *n,
                     struct error *e)
{
    struct recipient *to = arena_array(arena, 1, sizeof(*to));
    const struct slice mailbox[] = {f->reverse_path};
    const struct config_list list = {(void *)(uintptr_t)mailbox, 1};

    *n = 0;
    if (f->reverse_path.len == 0 || !stops_any(d)) {
        return true;
    }
    *to = (struct recipient){.address = f->reverse_path, .notify = NOTIFY_NEVER};
    *notice = (struct own_letter){
        .id = letter_id_new(),
        .to = {to, 1},
        .subject = SLICE("Your letter waits: it cannot be protected as "
                         "it must be"),
        .about = f->id,
        .groups = f->groups,
        .utf8 = !slice_is_ascii(f->reverse_path)
    };
    buf_init(text, NOTICE_MAX);
    own_letter_header(k->options.settings(k->options.context), &notice->id, &list, text);
    write_notice(f, d, arena, text);
    notice->bytes = buf_slice(text);
    *n = 1;
    return !text->full || error_set(e, ERROR_LIMIT, "the notice to a sender does not fit");
}

void policies_follow(struct keeper *k, const struct parcel *p, const struct decision *d)
{
    const struct ruling *all = d->rulings.items;

    if (stops_any(d)) {
        log_event(LOG_INFO, "letter.policy_holds", LOG_NUMBER("seq", p->seq));
        keeper_alert(k, "policy-holds",
                     "a letter waits because no step of its policy works for a recipient: "
                     "`postern queue list`, then `postern queue release --reason` by the officer, "
                     "or `postern queue cancel`");
    }
    for (size_t i = 0; i < d->rulings.count; i++) {
        if (all[i].guard == GUARD_RETURN) {
            scanning_send_back(k, &p->id, i + 1);
        }
    }
}
