/* A letter comes in: who sends it, may they, is it well formed, is it durable. Nothing else stands
 * before 250, and nothing here trusts anything but the letter's bytes and the session. */
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/facts.h"
#include "formats/mail/structure.h"
#include "host/memfd.h"
#include "keeper/consent.h"
#include "keeper/decoys.h"
#include "keeper/envelope.h"
#include "keeper/factors.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/provider.h"
#include "keeper/sender.h"
#include "keyring/digest.h"
#include "stages/archive/archive.h"

#define CONTENT_ROOM 64 /* of the content's record, before the letter */

/* One submission while it is judged and recorded. */
struct submission {
    struct keeper *keeper;
    const struct keeper_submit_ask *ask;
    struct keeper_submit_answer *answer;
    struct arena *arena;
    struct slice letter;
    struct session session;
    struct sender sender;
    struct mail_limits limits;
    struct mail_header header;
    struct mail_structure structure;
    struct facts facts;
    struct buf *content; /* the body of the content's record but for its end, the letter */
    struct ledger_commitment commitment;
    struct guard_letter guarded;
};

static bool refuse(struct submission *s, unsigned code, const char *enhanced, const char *sentence)
{
    s->answer->code = code;
    s->answer->text = arena_printf(s->arena, "%s %s", enhanced, sentence);
    (void)atomic_fetch_add(&s->keeper->counters.refused, 1);
    log_event(LOG_INFO, "letter.refused", LOG_NUMBER("code", code), LOG_TEXT("status", enhanced),
              LOG_NUMBER("bytes", s->letter.len));
    return false;
}

static bool find_session(struct submission *s)
{
    bool found = sessions_find(s->keeper->sessions, s->ask->session, s->arena, &s->session);

    return (found && !s->session.desk) ||
           refuse(s, 530, "5.7.0", "Your login has ended; please log in again");
}

static bool well_formed(struct submission *s)
{
    const struct submission_settings *settings =
        &s->keeper->options.settings(s->keeper->options.context)->submission;
    char sentence[MAIL_SENTENCE_MAX];

    s->limits = (struct mail_limits)MAIL_LIMITS_DEFAULT;
    s->limits.letter_bytes = settings->size_limit;
    s->limits.header_bytes = settings->header_limit;
    s->limits.field_bytes = settings->header_field_limit;
    s->limits.line_bytes = settings->line_limit;
    mail_header_read(s->letter, &s->limits, s->ask->smtputf8, s->arena, &s->header);
    if (mail_structure_judge(s->letter, &s->header, &s->limits, &s->structure)) {
        return true;
    }
    mail_structure_sentence(&s->structure, &s->limits, sentence);
    return refuse(s, 554, mail_defect_code(s->structure.defect), sentence);
}

static bool proven(struct submission *s)
{
    struct error e;

    if (!sender_judge(s->keeper, &s->session, s->ask, &s->header, s->arena, &s->sender, &e)) {
        log_event(LOG_ERROR, "letter.not_judged", LOG_TEXT("reason", e.text));
        return refuse(s, 451, "4.3.0", "The letter could not be judged; please try again later");
    }
    return s->sender.identity.verdict == IDENTITY_PROVEN ||
           refuse(s, 550, s->sender.identity.code, s->sender.identity.sentence);
}

/* An app password may be for some recipients alone: a scanner's, for the company's own domain. */
static bool reachable(struct submission *s)
{
    const struct recipient *recipients = s->ask->recipients.items;

    for (size_t i = 0; i < s->ask->recipients.count; i++) {
        if (!app_password_reaches(&s->session.domains, recipients[i].address)) {
            return refuse(s, 550, "5.7.1",
                          "The app password of this sign-in sends to the domains that it names "
                          "alone");
        }
    }
    return true;
}

/* The same of a letter that a provider hands on: whose it is, by its word. False with the error, or with an answer. */
static bool asserted(struct submission *s, struct error *e)
{
    struct identity_answer answer;

    switch (
        keeper_provider_judge(s->keeper, s->ask, &s->header, s->arena, &s->session, &answer, e)) {
    case PROVIDER_PROVEN:
        return true;
    case PROVIDER_UNKNOWN:
        return refuse(s, 550, "5.7.1",
                      "The letter does not show that it is of our company at the provider.");
    case PROVIDER_REFUSED:
        return refuse(s, 550, answer.code, answer.sentence);
    case PROVIDER_CLOSED:
        return refuse(s, 550, "5.7.1", "The account of the From address is closed");
    case PROVIDER_FAILED:
        break;
    }
    log_event(LOG_ERROR, "letter.not_judged", LOG_TEXT("reason", e->text));
    return refuse(s, 451, "4.3.0", "The letter could not be judged; please try again later");
}

/* To nobody who is none: as an unknown recipient is refused. */
static bool to_people(struct submission *s)
{
    return decoys_pass(s->keeper, &s->session, s->ask, &s->header, s->arena) ||
           refuse(s, DECOYS_UNKNOWN_CODE, DECOYS_UNKNOWN_ENHANCED, DECOYS_UNKNOWN_SENTENCE);
}

/* Write what stands before the letter in the content's record, and digest both in one go. That a letter repeats another is
 * known by its digest alone, so one that does is written for nothing: to read all others twice would cost more. */
static void write_content(struct submission *s, const struct letter_id *id, uint8_t *digest)
{
    const struct content content = {.id = letter_id_slice(id), .bytes = s->letter};

    cbor_write_front(s->content, &content_schema, &content);
    ledger_commit_to(buf_slice(s->content), s->letter, &s->commitment, digest);
}

/* `TLS-Required: No` (RFC 8689 section 3): once, and nothing else in it. REQUIRETLS counts before it. */
static bool waives_tls(const struct mail_header *h)
{
    const struct mail_field *found = NULL;

    for (size_t i = 0; i < h->n_fields; i++) {
        if (slice_equal_nocase(h->fields[i].label, SLICE("TLS-Required"))) {
            if (found) {
                return false;
            }
            found = &h->fields[i];
        }
    }
    return found && slice_equal_nocase(slice_trim(found->value), SLICE("No"));
}

/* Gather what the facts record says. `digest` is memory for the content's SHA-256. */
static void gather(struct submission *s, const struct letter_id *id, uint8_t *digest)
{
    struct archive_submission about = {
        .received_at = (uint64_t)clock_wall_ms(),
        .account = s->session.account,
        .groups = s->session.groups,
        .behalf = s->sender.behalf,
        .mechanism = s->session.mechanism,
        .app = s->session.app,
        .app_name = s->session.app_name,
        .client = s->ask->client,
        .helo = s->ask->helo,
        .tls_version = s->ask->tls_version,
        .tls_cipher = s->ask->tls_cipher,
        .reverse_path = s->ask->reverse_path,
        .recipients = s->ask->recipients,
        .envelope_id = s->ask->envelope_id,
        .dsn_return = s->ask->dsn_return,
        .smtputf8 = s->ask->smtputf8,
        .body_8bit = s->ask->body_8bit,
        .size = s->letter.len,
    };
    struct mail_facts header;

    mail_facts_read(&s->header, s->ask->smtputf8, s->arena, &header);
    write_content(s, id, digest);
    about.digest = slice_of(digest, DIGEST_LEN);
    archive_facts(&about, &header, s->arena, &s->facts);
    s->facts.drill = s->session.drill;
    s->facts.require_tls = s->ask->require_tls;
    s->facts.tls_optional = !s->ask->require_tls && waives_tls(&s->header);
    s->facts.id = letter_id_slice(id);
    s->facts.country = guard_country(s->keeper, s->session.account, s->ask->client, s->arena);
}

static bool not_recorded(struct submission *s, const struct error *e)
{
    log_event(LOG_ERROR, "letter.not_recorded", LOG_TEXT("reason", e->text));
    if (e->kind == ERROR_LIMIT) {
        return refuse(s, 452, "4.3.1", "The archive's disk is full; please try again later");
    }
    return refuse(s, 451, "4.3.0", "The letter could not be recorded; please try again later");
}

static void accepted(struct submission *s, const struct letter_id *id)
{
    char text[LETTER_ID_TEXT];

    letter_id_text(id, text);
    s->answer->code = 250;
    s->answer->text = arena_printf(s->arena, "2.0.0 Recorded as %s", text);
    s->answer->letter = arena_copy(s->arena, letter_id_slice(id));
}

/* The same letter again within a day: its facts are recorded, and the first one's id answered. */
static void record_repeat(struct submission *s, const struct letter_id *first)
{
    struct error e;

    s->facts.kind = LETTER_REPEAT;
    s->facts.repeat_of = arena_copy(s->arena, letter_id_slice(first));
    if (!keeper_record_one(s->keeper, LEDGER_AWAITED, RECORD_FACTS, &facts_schema, &s->facts, &e)) {
        (void)not_recorded(s, &e);
        return;
    }
    (void)atomic_fetch_add(&s->keeper->counters.repeated, 1);
    accepted(s, first);
}

/* Facts and content as two records of one commit. */
static bool append(struct submission *s, struct parcel *p, struct error *e)
{
    struct ledger_ref refs[2];

    cbor_write(&p->facts_body, &facts_schema, &s->facts);
    const struct ledger_record records[] = {
        {RECORD_FACTS,    buf_slice(&p->facts_body)},
        { RECORD_CONTENT, buf_slice(s->content),                 &s->commitment, s->letter},
    };
    if (p->facts_body.full || s->content->full) {
        return error_set(e, ERROR_INPUT, "a letter or its facts do not fit into a record");
    }
    if (!keeper_record(s->keeper, LEDGER_LETTER, records, 2, refs, e)) {
        return false;
    }
    p->seq = refs[0].seq;
    p->facts = refs[0];
    p->content = refs[1];
    return true;
}

/* Returns whether it is in the ledger. */
static bool record(struct submission *s, struct ipc_request *r, const struct letter_id *id)
{
    struct keeper *k = s->keeper;
    OWN(parcel) struct parcel *p = parcel_new();
    struct error e;

    if (!guard_admit(k, &s->facts, &s->session, s->letter, s->arena, &s->guarded)) {
        return refuse(s, s->guarded.code, s->guarded.enhanced,
                      arena_text(s->arena, s->guarded.sentence));
    }
    p->id = *id;
    p->kind = LETTER_SUBMITTED;
    p->received_at = s->facts.received_at;
    p->size = s->letter.len;
    indexer_expect(k, p);
    if (!append(s, p, &e)) {
        indexer_forget(k, p);
        guard_take_back(k, &s->guarded);
        return not_recorded(s, &e);
    }
    parcel_keep_facts(p);
    parcel_keep_content(p, TAKE(r->fd, -1));
    (void)atomic_fetch_add(&k->counters.recorded, 1);
    accepted(s, id);
    char text[LETTER_ID_TEXT];
    letter_id_text(id, text);
    log_event(LOG_INFO, "letter.recorded", LOG_TEXT("id", text), LOG_NUMBER("seq", p->seq),
              LOG_NUMBER("bytes", s->letter.len),
              LOG_NUMBER("recipients", s->facts.recipients.count));
    backlog_add(k, TAKE(p, NULL));
    return true;
}

/* Claim the key of the letter, also of one that went back. False: it repeats `first`. */
static bool claim(struct submission *s, const uint8_t key[static CATALOG_REPEAT_LEN],
                  const struct letter_id *id, struct letter_id *first)
{
    struct keeper *k = s->keeper;
    struct error e;
    bool back = true;

    while (back) {
        if (repeats_claim(k->repeats, key, id, s->facts.received_at, first)) {
            return true;
        }
        if (!consent_went_back(k, first, s->arena, &back, &e)) {
            log_event(LOG_WARNING, "letter.repeat_unknown", LOG_TEXT("reason", e.text));
            return false;
        }
        if (back) {
            repeats_settle(k->repeats, key, first, false);
        }
    }
    return false;
}

/* Without a Message-ID nothing says that two letters are one: a device sends the same words every
 * day, and a letter too many is better than one too few. */
static void record_once(struct submission *s, struct ipc_request *r, const struct letter_id *id)
{
    struct keeper *k = s->keeper;
    uint8_t key[CATALOG_REPEAT_LEN];
    struct letter_id first;

    catalog_repeat_key(k->tail.catalog, &s->facts, key);
    if (s->facts.message_id.len == 0) {
        (void)record(s, r, id);
    } else if (claim(s, key, id, &first)) {
        repeats_settle(k->repeats, key, id, record(s, r, id));
    } else if (guard_is_closed(k, s->facts.account, s->arena)) {
        (void)refuse(s, 450, "4.7.1", GUARD_CLOSED_SENTENCE);
    } else {
        record_repeat(s, &first);
    }
}

static bool submit(struct keeper *k, struct ipc_request *r, struct error *e)
{
    struct submission s = {.keeper = k, .ask = r->ask, .answer = r->answer, .arena = r->arena};
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct letter_id id = letter_id_new();
    uint8_t digest[DIGEST_LEN];

    if (!memfd_map(r->fd, LETTER_BYTES_MAX, &map, e)) {
        return false;
    }
    OWN(buf) struct buf content = {.max = CONTENT_ROOM};
    s.letter = map.bytes;
    s.content = &content;
    if (!keeper_envelope_judge(s.ask, e)) {
        log_event(LOG_ERROR, "ipc.breach", LOG_TEXT("peer", "submission"),
                  LOG_TEXT("reason", e->text));
        return false;
    }
    bool passes = s.ask->connectors.count ? well_formed(&s) && asserted(&s, e) && to_people(&s)
                                          : find_session(&s) && well_formed(&s) && to_people(&s) &&
                                                proven(&s) && reachable(&s);
    if (!passes) {
        return true; /* a refusal is an answer */
    }
    gather(&s, &id, digest);
    record_once(&s, r, &id);
    return true;
}

static bool take(struct keeper *k, struct ipc_request *r, struct error *e)
{
    (void)atomic_fetch_add(&k->backlog.arriving, 1);
    bool answered = submit(k, r, e);
    (void)atomic_fetch_sub(&k->backlog.arriving, 1);
    return answered;
}

/* Which of the two ways a letter came is the table's business: neither peer says it for the other. */

bool keeper_on_submit(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_submit_ask *ask = r->ask;

    return ask->connectors.count ? error_set(e, ERROR_DENIED, "a mail client is no connector")
                                 : take(ctx, r, e);
}

bool keeper_on_assert(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_submit_ask *ask = r->ask;

    return ask->connectors.count ? take(ctx, r, e)
                                 : error_set(e, ERROR_DENIED, "no connector is named");
}
