#include "stages/identity/identity.h"

#include <stdio.h>

#include "base/error.h"

#include "formats/mail/address.h"
#include "formats/smtp/address.h"

#define SHOWN_MAX 120 /* characters of an address that a sentence repeats */
#define WORDS_MAX 64  /* that look like addresses, in all names of a field: nobody has so many */

struct claim_parts;

/* Addresses of the account, taken apart when the first one is asked for: each claim is compared with all. */
struct allowed {
    const struct claim_parts *parts; /* NULL: not yet */
};

struct judge {
    const struct identity_account *account;
    bool utf8;
    struct arena *arena;
    struct identity_answer *answer;
    struct allowed own, delegated;
    size_t returns_to; /* the delegation that the reverse-path needs; 0: none */
    size_t sends_for;  /* the one that From needs */
};

/* An address taken apart, the domain as its canonical A-labels. */
struct claim_parts {
    struct slice local;
    struct slice domain;
};

/* Of one that is none the domain is empty: it is nobody's claim. */
static struct claim_parts take_apart(const struct judge *j, struct slice address)
{
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct mail_address parsed;
    struct error ignored;

    if (mail_address_read(address, true, j->arena, &parsed) != MAIL_ADDRESS_CLEAR ||
        !smtp_domain_canonical(parsed.domain, domain, &len, &ignored)) {
        return (struct claim_parts){SLICE_NONE, SLICE_NONE};
    }
    return (struct claim_parts){parsed.local, arena_copy(j->arena, slice_of(domain, len))};
}

static const struct claim_parts *take_all_apart(const struct judge *j, const struct slice *texts,
                                                size_t n)
{
    struct claim_parts *parts = arena_array(j->arena, n + 1, sizeof(*parts));

    for (size_t i = 0; i < n; i++) {
        parts[i] = take_apart(j, texts[i]);
    }
    return parts;
}

/* The first of these addresses that the claimed one is, counted from 1; 0: none. */
static size_t find(const struct judge *j, struct allowed *allowed, const struct slice *texts,
                   size_t n, const struct claim_parts *claimed)
{
    if (!allowed->parts) {
        allowed->parts = take_all_apart(j, texts, n);
    }
    for (size_t i = 0; i < n; i++) {
        const struct claim_parts *ours = &allowed->parts[i];
        if (ours->domain.len && slice_equal(ours->domain, claimed->domain) &&
            (j->account->local_nocase ? slice_equal_nocase(ours->local, claimed->local)
                                      : slice_equal(ours->local, claimed->local))) {
            return i + 1;
        }
    }
    return 0;
}

/* Whose an address is, as far as the account is concerned. */
struct owner {
    enum { NOBODY, ANOTHER, OWN, DELEGATED } whose;

    size_t delegation; /* counted from 1 */
};

/* Of exactly that address. */
static struct owner owner_of(struct judge *j, const struct claim_parts *claimed)
{
    const struct identity_account *a = j->account;

    if (find(j, &j->own, a->addresses, a->n_addresses, claimed)) {
        return (struct owner){.whose = OWN};
    }
    size_t delegation = find(j, &j->delegated, a->delegated, a->n_delegated, claimed);
    if (delegation) {
        return (struct owner){DELEGATED, delegation};
    }
    bool taken = a->taken && a->taken(a->taken_ctx, claimed->local, claimed->domain);
    return (struct owner){.whose = taken ? ANOTHER : NOBODY};
}

/* Whether a local part may be chosen freely, as a tag or in an application's domain: no quotes, so that every program takes
 * it apart alike, no letters that look like others, nothing that was once a route ("ceo%example.test") or looks encoded. */
static bool is_free(struct slice local)
{
    for (size_t i = 0; i < local.len; i++) {
        uint8_t c = ascii_lower(local.ptr[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && !(c && memchr("-_+=~", c, 5)) &&
            !(c == '.' && i > 0 && i + 1 < local.len && local.ptr[i - 1] != '.')) {
            return false;
        }
    }
    return local.len > 0;
}

/* Cut the last tag off; false when there is none, or nothing before or behind the separator. */
static bool cut_tag(const struct judge *j, struct claim_parts *claimed)
{
    size_t at = claimed->local.len;

    while (at > 0 && claimed->local.ptr[at - 1] != j->account->separator) {
        at--;
    }
    if (at <= 1 || at == claimed->local.len) {
        return false;
    }
    claimed->local = slice_head(claimed->local, at - 1);
    return true;
}

static bool is_in_domains(const struct judge *j, struct slice domain)
{
    const struct identity_account *a = j->account;

    for (size_t i = 0; i < a->n_domains; i++) {
        uint8_t own[SMTP_DOMAIN_MAX];
        size_t len = 0;
        struct error ignored;
        if (smtp_domain_canonical(a->domains[i], own, &len, &ignored) &&
            slice_equal(slice_of(own, len), domain)) {
            return true;
        }
    }
    return false;
}

/* The longest beginning that anybody has decides; what nobody has is the domain's. */
static struct owner claim_of(struct judge *j, const struct mail_address *address)
{
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct error ignored;

    if (!smtp_domain_plain(address->domain) ||
        !smtp_domain_canonical(address->domain, domain, &len, &ignored)) {
        return (struct owner){.whose = NOBODY};
    }
    struct claim_parts claimed = {address->local, slice_of(domain, len)};
    bool free = is_free(claimed.local);
    bool tagged = j->account->separator && free;
    struct owner owner = owner_of(j, &claimed);
    while (owner.whose == NOBODY && tagged && cut_tag(j, &claimed)) {
        owner = owner_of(j, &claimed);
    }
    if (owner.whose == NOBODY && free && is_in_domains(j, claimed.domain)) {
        owner.whose = OWN;
    }
    return owner;
}

static bool may_use(struct judge *j, const struct mail_address *claimed)
{
    return claim_of(j, claimed).whose == OWN;
}

/* Which delegation it takes to send as that address; 0: none, for it is the account's own or foreign. */
static size_t delegation_of(struct judge *j, const struct mail_address *claimed)
{
    return claim_of(j, claimed).delegation;
}

/* What people and careless programs take for an address in a name must be one that the account may
 * use: "boss@example.test" <alice@example.test> shows many a reader the boss. One that was delegated only
 * where the address itself is that one. */
static bool shows_only_ours(struct judge *j, const struct mail_addresses *list, size_t delegation)
{
    struct slice word = SLICE_NONE;
    size_t words = 0;

    for (size_t i = 0; i < list->n_shown && i < MAIL_SHOWN_MAX; i++) {
        struct slice rest = list->shown[i];
        while (mail_shown_word(&rest, &word)) {
            struct mail_address address;
            if (++words > WORDS_MAX ||
                mail_address_read(word, true, j->arena, &address) != MAIL_ADDRESS_CLEAR ||
                (!may_use(j, &address) &&
                 (delegation == 0 || delegation_of(j, &address) != delegation))) {
                return false;
            }
        }
    }
    return list->n_shown <= MAIL_SHOWN_MAX;
}

/* Read a field that names who sends; returns the first flaw for whoever must not be fooled. */
static enum mail_address_flaw read_strictly(struct judge *j, struct slice value,
                                            struct mail_addresses *list)
{
    mail_addresses_read(value, j->utf8, j->arena, list);
    if (list->flaw == MAIL_ADDRESS_CLEAR && !shows_only_ours(j, list, 0)) {
        return MAIL_ADDRESS_CONFUSING;
    }
    return list->flaw;
}

/* The same of From, whose address may be a delegated one. */
static enum mail_address_flaw read_from(struct judge *j, struct slice value,
                                        struct mail_addresses *list)
{
    mail_addresses_read(value, j->utf8, j->arena, list);
    j->sends_for = list->count == 1 ? delegation_of(j, &list->items[0]) : 0;
    if (list->flaw == MAIL_ADDRESS_CLEAR && !shows_only_ours(j, list, j->sends_for)) {
        return MAIL_ADDRESS_CONFUSING;
    }
    return list->flaw;
}

static const char *code_of(enum identity_verdict verdict)
{
    switch (verdict) {
    case IDENTITY_PROVEN:
        return "2.0.0";
    case IDENTITY_REVERSE_PATH_NULL:
    case IDENTITY_REVERSE_PATH_UNCLEAR:
        return "5.1.7";
    case IDENTITY_REVERSE_PATH_FOREIGN:
    case IDENTITY_FROM_FOREIGN:
    case IDENTITY_SENDER_FOREIGN:
    case IDENTITY_RESENT_FOREIGN:
        return "5.7.1";
    case IDENTITY_FROM_MISSING:
    case IDENTITY_FROM_REPEATED:
    case IDENTITY_FROM_UNCLEAR:
    case IDENTITY_FROM_GROUP:
    case IDENTITY_FROM_SEVERAL:
    case IDENTITY_SENDER_REPEATED:
    case IDENTITY_SENDER_UNCLEAR:
    case IDENTITY_RESENT_UNCLEAR:
        break;
    }
    return "5.6.0";
}

static bool conclude(struct judge *j, enum identity_verdict verdict, const char *subject,
                     const char *rest)
{
    j->answer->verdict = verdict;
    j->answer->code = code_of(verdict);
    (void)snprintf(j->answer->sentence, sizeof(j->answer->sentence), "%s%s%s", subject, rest,
                   *subject ? "." : "");
    return verdict == IDENTITY_PROVEN;
}

/* "You may not send as x@y.test, the From address of this letter." Only printable ASCII of the
 * address gets into the sentence: it goes into a reply line. */
static bool answer_foreign(struct judge *j, enum identity_verdict verdict,
                           const struct mail_address *address, const char *what)
{
    struct slice text = slice_head(mail_address_text(address, j->arena), SHOWN_MAX);
    char shown[SHOWN_MAX + 1] = {0};

    for (size_t i = 0; i < text.len; i++) {
        bool printable = text.ptr[i] >= ' ' && text.ptr[i] < 0x7f;
        shown[i] = printable ? (char)text.ptr[i] : '?';
    }
    (void)conclude(j, verdict, "", "");
    (void)snprintf(j->answer->sentence, sizeof(j->answer->sentence),
                   "You may not send as %s, the %s of this letter.", shown, what);
    return false;
}

static bool judge_reverse_path(struct judge *j, struct slice reverse_path)
{
    struct mail_address address;

    if (reverse_path.len == 0) {
        return conclude(j, IDENTITY_REVERSE_PATH_NULL, "",
                        "A letter from a mail program needs a return address.");
    }
    enum mail_address_flaw flaw = mail_address_read(reverse_path, j->utf8, j->arena, &address);
    if (flaw != MAIL_ADDRESS_CLEAR) {
        return conclude(j, IDENTITY_REVERSE_PATH_UNCLEAR, "The return address ",
                        mail_address_flaw_text(flaw));
    }
    j->returns_to = delegation_of(j, &address);
    if (!may_use(j, &address) && j->returns_to == 0) {
        return answer_foreign(j, IDENTITY_REVERSE_PATH_FOREIGN, &address, "return address");
    }
    return conclude(j, IDENTITY_PROVEN, "", "");
}

static size_t count_fields(const struct mail_header *h, enum mail_name name)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_fields; i++) {
        n += h->fields[i].name == name;
    }
    return n;
}

static bool judge_from(struct judge *j, const struct mail_header *header)
{
    const struct mail_field *from = mail_header_find(header, MAIL_FROM);
    struct mail_addresses list;

    if (!from) {
        return conclude(j, IDENTITY_FROM_MISSING, "", "The letter has no From field.");
    }
    if (count_fields(header, MAIL_FROM) > 1) {
        return conclude(j, IDENTITY_FROM_REPEATED, "", "The letter has more than one From field.");
    }
    enum mail_address_flaw flaw = read_from(j, from->value, &list);
    if (flaw != MAIL_ADDRESS_CLEAR) {
        return conclude(j, IDENTITY_FROM_UNCLEAR, "The From field ", mail_address_flaw_text(flaw));
    }
    if (list.groups) {
        return conclude(j, IDENTITY_FROM_GROUP, "",
                        "The From field names a group; it must be one address.");
    }
    if (list.count > 1) {
        return conclude(j, IDENTITY_FROM_SEVERAL, "",
                        "The From field has several addresses; it must be one.");
    }
    if (list.count == 0) {
        return conclude(j, IDENTITY_FROM_MISSING, "", "The From field holds no address.");
    }
    if (!may_use(j, &list.items[0]) && j->sends_for == 0) {
        return answer_foreign(j, IDENTITY_FROM_FOREIGN, &list.items[0], "From address");
    }
    return true;
}

/* What was delegated is used whole: bounces go to whoever's name the letter shows, or to the account. */
static bool judge_delegation(struct judge *j, const struct mail_header *header)
{
    if (j->returns_to && j->returns_to != j->sends_for) {
        return conclude(j, IDENTITY_REVERSE_PATH_FOREIGN, "",
                        "The return address is another's whose name the letter does not show.");
    }
    if (j->sends_for && !j->utf8 && !mail_header_find(header, MAIL_SENDER) &&
        !slice_is_ascii(j->account->addresses[0])) {
        return conclude(j, IDENTITY_SENDER_UNCLEAR, "",
                        "The Sender field that shows your own address needs SMTPUTF8.");
    }
    return true;
}

/* A field that, where it is, must be one clear mailbox of ours. */
struct claim {
    enum mail_name name;
    enum identity_verdict unclear, foreign;
    const char *subject; /* of a sentence */
    const char *what;    /* "the ... of this letter" */
};

static const struct claim claims[] = {
    {MAIL_SENDER,        IDENTITY_SENDER_UNCLEAR, IDENTITY_SENDER_FOREIGN, "The Sender field ",
     "Sender address"                                                                                                       },
    {MAIL_RESENT_FROM,   IDENTITY_RESENT_UNCLEAR, IDENTITY_RESENT_FOREIGN, "The Resent-From field ",
     "Resent-From address"                                                                                                  },
    {MAIL_RESENT_SENDER, IDENTITY_RESENT_UNCLEAR, IDENTITY_RESENT_FOREIGN,
     "The Resent-Sender field ",                                                                     "Resent-Sender address"},
};

static bool judge_claim(struct judge *j, const struct claim *claim, struct slice value)
{
    struct mail_addresses list;

    enum mail_address_flaw flaw = read_strictly(j, value, &list);
    if (flaw != MAIL_ADDRESS_CLEAR) {
        return conclude(j, claim->unclear, claim->subject, mail_address_flaw_text(flaw));
    }
    if (list.groups || list.count != 1) {
        return conclude(j, claim->unclear, claim->subject, "must be one address");
    }
    if (delegation_of(j, &list.items[0])) {
        return conclude(j, claim->foreign, claim->subject,
                        "must be an address of your own, not one that you send for");
    }
    return may_use(j, &list.items[0]) ||
           answer_foreign(j, claim->foreign, &list.items[0], claim->what);
}

static bool judge_claims(struct judge *j, const struct mail_header *header)
{
    if (count_fields(header, MAIL_SENDER) > 1) {
        return conclude(j, IDENTITY_SENDER_REPEATED, "",
                        "The letter has more than one Sender field.");
    }
    for (size_t i = 0; i < header->n_fields; i++) {
        for (size_t c = 0; c < sizeof(claims) / sizeof(claims[0]); c++) {
            if (header->fields[i].name == claims[c].name &&
                !judge_claim(j, &claims[c], header->fields[i].value)) {
                return false;
            }
        }
    }
    return true;
}

bool identity_judge_reverse_path(struct slice reverse_path, bool utf8,
                                 const struct identity_account *account, struct arena *arena,
                                 struct identity_answer *answer)
{
    struct judge j = {.account = account, .utf8 = utf8, .arena = arena, .answer = answer};

    return judge_reverse_path(&j, reverse_path);
}

bool identity_judge(struct slice reverse_path, const struct mail_header *header, bool utf8,
                    const struct identity_account *account, struct arena *arena,
                    struct identity_answer *out)
{
    struct judge j = {.account = account, .utf8 = utf8, .arena = arena, .answer = out};

    bool proven = judge_reverse_path(&j, reverse_path) && judge_from(&j, header) &&
                  judge_delegation(&j, header) && judge_claims(&j, header) &&
                  conclude(&j, IDENTITY_PROVEN, "", "");
    out->delegation = proven ? j.sends_for : 0;
    return proven;
}
