/* What becomes of who writes to a decoy. */
#include "keeper/decoys.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/facts.h"
#include "keeper/account_parts.h"
#include "keeper/contacts.h"
#include "keeper/desks.h"
#include "keeper/drills.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/subject.h"
#include "keeper/suspend.h"
#include "requests/contacts.h"

#define REFUSAL_MS 250 /* how long refusing an unknown recipient takes, whoever it is */

#define OUTSIDE_PAGE   128
#define OUTSIDE_LOOKED 1024 /* letters that name a decoy, of which one may have come from outside */

static const struct contacts_settings *settings_of(const struct keeper *k)
{
    return &k->options.settings(k->options.context)->contacts;
}

static bool is_in(const struct config_list *domains, struct slice domain)
{
    const struct slice *items = domains->items;
    bool in = false;

    for (size_t i = 0; i < domains->count; i++) {
        in = in || slice_equal_nocase(items[i], domain);
    }
    return in;
}

/* Without its tag: anna+tag@ is anna@. */
static struct slice bare(const struct keeper *k, struct slice address, struct arena *arena)
{
    return contact_book_bare(address, contacts_separator(k), arena);
}

static bool is_accounts(struct keeper *k, struct slice address, struct arena *arena)
{
    struct account *accounts = NULL;
    struct account account;
    size_t count = 0;
    bool found = false;
    struct error e;

    /* Most are names of accounts: looking at all would take longer. */
    if (state_account_get(k->state, account_canonical(address, arena), arena, &account, &found,
                          &e) &&
        found) {
        return true;
    }
    if (!state_accounts(k->state, arena, &accounts, &count, &e)) {
        return true; /* nobody is suspended for what cannot be told */
    }
    for (size_t i = 0; i < count; i++) {
        if (account_has_address(&accounts[i], address)) {
            return true;
        }
    }
    return false;
}

static bool is_decoy(struct keeper *k, struct slice address, struct arena *arena)
{
    struct contacts *c = k->contacts;

    if (!atomic_load(&c->decoys) || address.len == 0) {
        return false;
    }
    address = bare(k, address, arena);
    (void)pthread_rwlock_rdlock(&c->lock);
    bool decoy = contact_book_decoy(c->book, address) != NULL;
    (void)pthread_rwlock_unlock(&c->lock);
    return decoy && !is_accounts(k, address, arena);
}

/* ── a hit ── */

struct hit {
    struct slice account;
    struct slice client;
    struct slice address;
    const char *where; /* "RCPT", "To" */
    bool drill;        /* it counts as none */
};

/* Whether all addresses in a sender's text are outside, and there is one. */
static bool is_all_outside(struct keeper *k, struct slice text, struct arena *arena, bool *any)
{
    const struct config_list *ours = &k->options.settings(k->options.context)->general.domains;
    struct slice word;

    while (mail_shown_word(&text, &word)) {
        if (is_in(ours, letter_domain(word)) || is_accounts(k, bare(k, word, arena), arena)) {
            return false;
        }
        *any = true;
    }
    return true;
}

/* Whether that letter came from outside: it was taken from a mailbox, a file or a journal, and nobody of ours wrote it. What
 * an account submitted says nothing, whoever proved it: a thief names the decoy there himself. */
static bool came_from_outside(struct keeper *k, struct catalog *catalog, uint64_t seq)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct catalog_letter *letters = NULL;
    bool any = false;
    size_t count = 0;
    struct facts f;
    struct error e;

    return catalog_letters(catalog, CATALOG_BEHIND, seq, 1, &arena, &letters, &count, &e) &&
           count == 1 && letters[0].seq == seq && letters[0].kind == LETTER_IMPORTED &&
           keeper_read(k, letters[0].facts, &facts_schema, &arena, &f, &e) &&
           f.kind == LETTER_IMPORTED && f.account.len == 0 &&
           is_all_outside(k, f.from, &arena, &any) && any &&
           is_all_outside(k, f.sender, &arena, &any) &&
           is_all_outside(k, f.reverse_path, &arena, &any);
}

/* Whether a letter that came from outside names it. Then it is known outside, and who answers all to whom such a letter went
 * writes to it in good faith. The archive is asked and not the letter's In-Reply-To, which a thief writes as he likes, and
 * which is not there yet at RCPT. What cannot be told is no, and so is what stands behind OUTSIDE_LOOKED letters. */
static bool is_known_outside(struct keeper *k, struct slice address, struct arena *arena)
{
    OWN(catalog) struct catalog *catalog = NULL;
    struct slice plain = bare(k, address, arena);
    const struct cbor_list addresses = {&plain, 1};
    const struct cbor_list none = {NULL, 0};
    uint64_t head = atomic_load(&k->indexer.position);
    uint64_t seqs[OUTSIDE_PAGE];
    uint64_t next = UINT64_MAX;
    size_t count = OUTSIDE_PAGE;
    struct query query;
    struct error e;

    if (!subject_query(&addresses, &none, arena, &query, &e) ||
        !catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, &e)) {
        return false;
    }
    for (size_t looked = 0; count == OUTSIDE_PAGE && looked < OUTSIDE_LOOKED; looked += count) {
        if (!subject_find(k, &query, head, next, seqs, OUTSIDE_PAGE, &count, &e)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            next = seqs[i];
            if (came_from_outside(k, catalog, seqs[i])) {
                return true;
            }
        }
    }
    return false;
}

/* It sends no more, its sessions end, its letters of the last hour are held (keeper/suspend). One that is suspended
 * already stays so: what is held for that is not forgotten. */
static bool suspend(struct keeper *k, const struct hit *h, struct arena *arena, struct error *e)
{
    struct suspension_record r = {
        .account = h->account,
        .client = h->client,
        .reason = arena_printf(arena, "a letter to a decoy among the contacts, by %s", h->where)};

    struct suspension_record before;
    bool found = false;

    return (suspension_of(k, h->account, arena, &before, &found, e) && found) ||
           suspension_begin(k, &r, arena, e);
}

static void tell(struct keeper *k, const struct hit *h, bool suspended)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "%.*s wrote to a decoy (%s) and %s: somebody has taken contacts; `postern acts "
                   "--by %.*s`",
                   SLICE_ARG(h->account), h->where,
                   suspended ? "is suspended" : "COULD NOT BE SUSPENDED", SLICE_ARG(h->account));
    keeper_alert_about(k, h->account, "decoy-hit", sentence);
}

static void tell_known(struct keeper *k, const struct hit *h)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "%.*s wrote to a decoy (%s) that stands in a letter from outside, perhaps by "
                   "answering all: the letter was refused, the account goes on. Somebody outside "
                   "has a list of contacts; `postern acts --by %.*s`",
                   SLICE_ARG(h->account), h->where, SLICE_ARG(h->account));
    keeper_alert(k, "decoy-known", sentence);
}

/* At once, whatever the disk does; a suspension that is in force already ends none. */
static void end_sessions(struct keeper *k, struct slice account)
{
    struct error e;

    if (!desks_end_account(k, account, &e)) {
        log_event(LOG_ERROR, "desk.unwritten", LOG_TEXT("reason", e.text));
    }
}

static void hit(struct keeper *k, const struct hit *h, struct arena *arena)
{
    bool known = is_known_outside(k, h->address, arena);
    struct act act = {.by = h->account,
                      .at = h->client,
                      .verb = SLICE("decoy hit"),
                      .object = h->address,
                      .reason = arena_printf(arena, "a letter to a decoy, by %s", h->where),
                      .detail = known ? SLICE("a letter from outside names it: not suspended")
                                      : SLICE_NONE,
                      .refused = true};
    struct error e;

    if (!known) {
        end_sessions(k, h->account);
    }
    (void)atomic_fetch_add(&k->contacts->hits, h->drill ? 0 : 1);
    bool suspended = !known && suspend(k, h, arena, &e);
    if (!known && !suspended) {
        log_event(LOG_ERROR, "decoy.not_suspended", LOG_TEXT("reason", e.text));
    }
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, &e)) {
        log_event(LOG_ERROR, "decoy.unrecorded", LOG_TEXT("reason", e.text));
    }
    if (known) {
        tell_known(k, h);
    } else {
        tell(k, h, suspended);
    }
}

/* ── whole letters ── */

/* A name that is one: what people and careless programs see. */
static bool judge_name(struct keeper *k, struct slice name, struct slice *found,
                       struct arena *arena)
{
    struct slice word;

    while (mail_shown_word(&name, &word)) {
        if (is_decoy(k, word, arena)) {
            *found = word;
            return true;
        }
    }
    return false;
}

static bool judge_list(struct keeper *k, const struct mail_addresses *list, struct slice *found,
                       struct arena *arena)
{
    for (size_t i = 0; i < list->count; i++) {
        struct slice text = mail_address_text(&list->items[i], arena);
        if (is_decoy(k, text, arena)) {
            *found = text;
            return true;
        }
        if (judge_name(k, list->items[i].name, found, arena)) {
            return true;
        }
    }
    for (size_t i = 0; i < list->n_shown && i < MAIL_SHOWN_MAX; i++) {
        if (judge_name(k, list->shown[i], found, arena)) {
            return true;
        }
    }
    return false;
}

static const char *judge_header(struct keeper *k, const struct mail_header *header, bool utf8,
                                struct arena *arena, struct slice *found)
{
    struct mail_facts facts;

    mail_facts_read(header, utf8, arena, &facts);

    const struct {
        const char *name;
        const struct mail_addresses *list;
    } fields[] = {
        {"To",       &facts.to      },
        {"Cc",       &facts.cc      },
        {"Bcc",      &facts.bcc     },
        {"Reply-To", &facts.reply_to},
        {"Sender",   &facts.sender  },
        {"From",     &facts.from    },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (judge_list(k, fields[i].list, found, arena)) {
            return fields[i].name;
        }
    }
    return NULL;
}

bool decoys_pass(struct keeper *k, const struct session *session,
                 const struct keeper_submit_ask *ask, const struct mail_header *header,
                 struct arena *arena)
{
    const struct recipient *to = ask->recipients.items;
    struct hit h = {.account = session->account, .client = ask->client, .drill = session->drill};

    if (!atomic_load(&k->contacts->decoys)) {
        return true;
    }
    for (size_t i = 0; !h.where && i < ask->recipients.count; i++) {
        h.where = is_decoy(k, to[i].address, arena) ? "RCPT" : NULL;
        h.address = to[i].address;
    }
    h.where = h.where ? h.where : judge_header(k, header, ask->smtputf8, arena, &h.address);
    if (h.where) {
        hit(k, &h, arena);
    }
    return !h.where;
}

/* ── single recipients ── */

/* Whom every domain has (RFC 5321 section 4.5.1, RFC 2142). */
static bool is_role(struct slice address)
{
    return slice_starts_nocase(address, SLICE("postmaster@")) ||
           slice_starts_nocase(address, SLICE("abuse@"));
}

static bool is_contact(struct keeper *k, struct slice address)
{
    (void)pthread_rwlock_rdlock(&k->contacts->lock);
    const struct contact_row *row = contact_book_get(k->contacts->book, SLICE_NONE, address);
    bool real = row && row->kind == CONTACT_REAL;
    (void)pthread_rwlock_unlock(&k->contacts->lock);
    return real;
}

static bool is_unknown(struct keeper *k, struct slice whole, struct arena *arena)
{
    struct slice address = bare(k, whole, arena);
    const struct contacts_settings *s = settings_of(k);
    struct slice domain = letter_domain(address);
    const struct config_list *ours = &k->options.settings(k->options.context)->general.domains;

    if (is_role(address) || is_contact(k, address) || is_contact(k, whole)) {
        return false;
    }
    if (is_in(&s->decoy_domains, domain) && !is_in(ours, domain)) {
        return true;
    }
    return s->unknown == SETTING_UNKNOWN_REFUSE && is_in(ours, domain) &&
           !is_accounts(k, address, arena) && !is_accounts(k, whole, arena);
}

static void refuse_unknown(struct keeper_recipient_answer *answer, int64_t since_ms)
{
    int64_t took = clock_steady_ms() - since_ms;

    answer->code = DECOYS_UNKNOWN_CODE;
    answer->text = SLICE(DECOYS_UNKNOWN_ENHANCED " " DECOYS_UNKNOWN_SENTENCE);
    answer->delay_ms = took < REFUSAL_MS ? (uint64_t)(REFUSAL_MS - took) : 0;
}

bool keeper_on_recipient(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_recipient_ask *ask = r->ask;
    struct keeper_recipient_answer *answer = r->answer;
    int64_t since = clock_steady_ms();
    struct session session;

    (void)e;
    if (!sessions_find(k->sessions, ask->session, r->arena, &session) || session.desk) {
        answer->code = 530;
        return true;
    }
    if (is_decoy(k, ask->address, r->arena)) {
        const struct hit h = {session.account, ask->client, ask->address, "RCPT", session.drill};
        hit(k, &h, r->arena);
        refuse_unknown(answer, since);
    } else if (is_unknown(k, ask->address, r->arena)) {
        refuse_unknown(answer, since);
    } else {
        answer->code = 250;
    }
    return true;
}

/* ── who compares ── */

/* Once an hour and caller: an honest person may know the name from elsewhere, a thief who compares does it again and again. */
void decoys_probed(struct keeper_admin *admin)
{
    struct contacts *c = admin->keeper->contacts;
    char sentence[ERROR_TEXT_MAX];

    if (!atomic_load(&c->decoys)) {
        return;
    }
    (void)pthread_mutex_lock(&c->meter_lock);
    bool news = contact_meter_probed(c->meter, admin->caller.by, clock_steady_ms());
    (void)pthread_mutex_unlock(&c->meter_lock);
    if (!news) {
        return;
    }
    (void)snprintf(sentence, sizeof(sentence),
                   "%.*s looked for a contact that is a decoy and stands in lists alone: perhaps "
                   "somebody compares a list; `postern acts --by %.*s`",
                   SLICE_ARG(admin->caller.by), SLICE_ARG(admin->caller.by));
    keeper_alert_about(admin->keeper, admin->caller.account, "decoy-probed", sentence);
}
