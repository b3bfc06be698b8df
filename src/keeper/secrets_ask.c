/* What is asked about passwords that open files. An act is recorded, with whom it is about and never the password; it
 * is recorded before anybody is told one. */
#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/secrets_parts.h"
#include "letter/redecision.h"
#include "requests/secrets.h"

#define UNSOUND                                                                                    \
    "a password has 12 to 64 characters, letters without accents, digits and signs without "       \
    "blanks; at least eight of them are in words of four characters or more that have both "       \
    "letters and digits, such as `k7mpx-3qd9r-h2v8t`: letters in which all its words stand are "   \
    "held"

static const char *const verbs[] = {
    [RECIPIENT_SECRET_SHOW] = "recipient secret show",
    [RECIPIENT_SECRET_SET] = "recipient secret set",
    [RECIPIENT_SECRET_GENERATE] = "recipient secret generate",
    [RECIPIENT_SECRET_REMOVE] = "recipient secret remove",
};

bool secrets_is_address(struct slice address)
{
    size_t at = slice_find(address, '@');

    for (size_t i = 0; i < address.len; i++) {
        if (address.ptr[i] <= ' ' || address.ptr[i] == 0x7f) {
            return false;
        }
    }
    return at > 0 && at + 1 < address.len &&
           slice_find(slice_from(address, at + 1), '@') == address.len - at - 1;
}

static void tell(const struct secret_agreed *agreed, struct recipient_secret_answer *answer)
{
    *answer = (struct recipient_secret_answer){
        .password = agreed->password,
        .at = agreed->at,
        .by = agreed->by,
        .generated = agreed->generated,
    };
}

static bool change(struct keeper_admin *admin, const struct recipient_secret_ask *ask,
                   struct slice address, struct arena *arena,
                   struct recipient_secret_answer *answer, struct error *e)
{
    bool generate = ask->act == RECIPIENT_SECRET_GENERATE;
    const struct secret_agreed agreed = {
        .password = ask->act == RECIPIENT_SECRET_REMOVE ? SLICE_NONE
                    : generate                          ? secrets_new(arena)
                                                        : ask->password,
        .at = (uint64_t)clock_wall_ms(),
        .by = admin->caller.by,
        .generated = generate,
    };

    if (!keeper_admin_record(admin, verbs[ask->act], address, ask->reason, e) ||
        !secrets_agree(admin->keeper, address, &agreed, arena, e)) {
        return false;
    }
    if (generate) {
        tell(&agreed, answer);
    }
    return true;
}

bool keeper_on_recipient_secret(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct recipient_secret_ask *ask = r->ask;
    struct slice address = recipient_canonical(ask->address, r->arena);
    struct secret_agreed agreed = {.password = SLICE_NONE};
    bool wants_one = ask->act == RECIPIENT_SECRET_SHOW || ask->act == RECIPIENT_SECRET_REMOVE;
    bool found = false;

    if (ask->act < RECIPIENT_SECRET_SHOW || ask->act > RECIPIENT_SECRET_REMOVE) {
        return error_set(e, ERROR_INPUT, "show, set, generate or remove");
    }
    if (!secrets_is_address(address)) {
        return error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.org`",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (ask->act == RECIPIENT_SECRET_SET && !secret_sound(ask->password)) {
        return error_set(e, ERROR_INPUT, UNSOUND);
    }
    if (!secrets_agreed(admin->keeper, address, r->arena, &agreed, &found, e)) {
        return false;
    }
    if (wants_one && !found) {
        return error_set(e, ERROR_INPUT, "no password was agreed on with `%.*s`",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (ask->act == RECIPIENT_SECRET_SHOW) {
        tell(&agreed, r->answer);
        return keeper_admin_record(admin, verbs[ask->act], address, ask->reason, e);
    }
    return change(admin, ask, address, r->arena, r->answer, e);
}

/* ── of a letter ── */

#define NO_LETTER                                                                                  \
    "no letter of yours with this id had a password made for it: `postern show` says how a "       \
    "letter "                                                                                      \
    "was protected"

static bool is_protected(const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        if (rulings[i].method == RUNG_ATTACHMENTS && !rulings[i].replaced) {
            return true;
        }
    }
    return false;
}

/* With what was decided once more behind that record. */
static bool read_decision(struct keeper *k, struct catalog *catalog,
                          const struct catalog_letter *letter, struct ledger_ref ref,
                          struct arena *arena, struct decision *out, struct error *e)
{
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!keeper_read(k, ref, &decision_schema, arena, out, e) ||
        !catalog_records(catalog, letter->seq, arena, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct redecision again;
        if (records[i].type == RECORD_REDECISION && records[i].ref.seq > ref.seq &&
            (!keeper_read(k, records[i].ref, &redecision_schema, arena, &again, e) ||
             !redecision_apply(&again, arena, out, e))) {
            return false;
        }
    }
    return true;
}

/* The facts of a letter of this caller whose files a password opens. */
static bool find_own(struct keeper_admin *admin, const struct letter_id *id, struct arena *arena,
                     struct facts *facts, struct decision *decision, bool *own, struct error *e)
{
    struct keeper *k = admin->keeper;
    OWN(catalog) struct catalog *catalog = NULL;
    struct catalog_letter letter;
    struct ledger_ref ref;
    bool found = false;

    *own = false;
    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !catalog_find(catalog, id, &letter, &found, e)) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (!keeper_read(k, letter.facts, &facts_schema, arena, facts, e) ||
        !catalog_record(catalog, letter.seq, RECORD_DECISION, &ref, &found, e)) {
        return false;
    }
    bool mine = slice_equal(facts->id, letter_id_slice(id)) && admin->caller.account.len &&
                slice_equal(facts->account, admin->caller.account);
    if (!mine || !found) {
        return true;
    }
    if (!read_decision(k, catalog, &letter, ref, arena, decision, e)) {
        return false;
    }
    *own = slice_equal(decision->id, facts->id) && is_protected(decision);
    return true;
}

/* Those whose copy the letter's own password opens, as it was when they got it. */
static void list_recipients(const struct facts *f, const struct decision *d, struct arena *arena,
                            struct letter_secret_answer *answer)
{
    const struct recipient *all = f->recipients.items;
    const struct ruling *rulings = d->rulings.items;
    struct slice *texts = arena_array(arena, f->recipients.count + 1, sizeof(*texts));
    size_t n = 0;

    for (size_t i = 0; i < d->rulings.count; i++) {
        bool opens = rulings[i].generated && !rulings[i].replaced;
        struct slice in = opens ? rulings[i].recipients : SLICE_NONE;
        for (; in.len >= 2 && n < f->recipients.count; in = slice_from(in, 2)) {
            size_t index = (size_t)in.ptr[0] << 8 | in.ptr[1];
            if (index < f->recipients.count) {
                texts[n++] = arena_copy(arena, all[index].address);
            }
        }
    }
    answer->recipients = (struct cbor_list){texts, n};
}

bool keeper_on_letter_secret(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct letter_secret_ask *ask = r->ask;
    struct letter_secret_answer *answer = r->answer;
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX, .wipes = true};
    struct letter_id id;
    struct facts facts;
    struct decision decision;
    char text[LETTER_ID_TEXT];
    bool own = false;
    bool found = false;

    if (!letter_id_from(ask->id, &id)) {
        return error_set(e, ERROR_INPUT, "no letter's id");
    }
    if (!find_own(admin, &id, &arena, &facts, &decision, &own, e)) {
        return false;
    }
    if (!own) {
        return error_set(e, ERROR_INPUT, NO_LETTER);
    }
    list_recipients(&facts, &decision, r->arena, answer);
    if (answer->recipients.count == 0) {
        return error_set(e, ERROR_INPUT, "a password was agreed on with each of its recipients");
    }
    letter_id_text(&id, text);
    if (!keeper_admin_record(admin, "letter secret", slice_text(text), SLICE_NONE, e) ||
        !secrets_of_letter(admin->keeper, &facts, &arena, &answer->password, &answer->until, &found,
                           e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_INPUT,
                         "its password was destroyed: see `attachments-password-keep`");
    }
    answer->password = arena_copy(r->arena, answer->password);
    return true;
}
