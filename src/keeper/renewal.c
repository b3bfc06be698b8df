/* What was sealed under a former master key is sealed under the present one. The state does that itself when it is opened
 * (state/store), the signer with its keys (processes/key_files); what is left is here: the accounts'
 * verifiers, which auth alone can open, and the ledger's key slots and key files (ledger/rewrap). Each step is
 * whole in itself and knows by looking whether it is done, so that a crash anywhere is nothing to be undone. */
#include "keeper/renewal.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/account_wait.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keyring/former.h"
#include "letter/keys.h"
#include "requests/auth.h"
#include "requests/keys.h"

#define VALUE_KNOWN    "key/known" /* what was recorded last: see struct known */
#define VALUE_RENEWED  KEYS_VALUE_RENEWED
#define VALUE_CATALOG  "catalog/key"
#define ARENA_MAX      ((size_t)64 << 20)
#define WAIT_US        200000
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS  (INT64_C(30) * 60 * 1000)

/* ── what is in force ── */

static bool get_value(struct keeper *k, const char *name, struct arena *arena, struct slice *value,
                      struct error *e)
{
    bool found = false;

    *value = SLICE_NONE;
    return state_value_get(k->state, slice_text(name), arena, value, &found, e);
}

struct known {
    uint64_t generation, kept, formers;
};

static struct slice known_text(const struct keeper_master *m, struct arena *arena)
{
    return arena_printf(arena, "%llu %llu %llu", (unsigned long long)m->generation,
                        (unsigned long long)m->kept, (unsigned long long)m->formers);
}

/* What stands there; zeros when nothing does. */
static struct known known_read(struct slice text)
{
    struct known known = {0};

    (void)!slice_decimal(slice_cut(text, ' ', &text), UINT32_MAX, &known.generation);
    (void)!slice_decimal(slice_cut(text, ' ', &text), UINT32_MAX, &known.kept);
    (void)!slice_decimal(text, UINT32_MAX, &known.formers);
    return known;
}

static const char *what_changed(const struct keeper_master *m, const struct known *known)
{
    if (m->generation != known->generation) {
        return "key rotate";
    }
    return m->kept != known->kept ? "key wrap" : "key retire";
}

/* Both records in one commit: what is in force, and the act of whoever changed it. */
static bool record_change(struct keeper *k, const struct known *known, struct arena *arena,
                          struct error *e)
{
    const struct keeper_master *m = &k->options.master;
    uint8_t name[KEYRING_ID_LEN];
    bool rotated = known->generation != m->generation;
    OWN(buf) struct buf keys = {.max = 4096};
    OWN(buf) struct buf act = {.max = 4096};

    keyring_id(k->options.ledger_key, name);
    const struct keys_record record = {.generation = m->generation,
                                       .kept = m->kept,
                                       .name = SLICE_ARRAY(name),
                                       .since = (uint64_t)m->since_ms,
                                       .former = rotated ? known->generation : 0,
                                       .formers = m->formers,
                                       .by = m->by};
    const struct act what = {
        .by = m->by,
        .at = m->by,
        .verb = slice_text(what_changed(m, known)),
        .object = arena_printf(arena, "generation %llu", (unsigned long long)m->generation)};
    cbor_write(&keys, &keys_schema, &record);
    cbor_write(&act, &act_schema, &what);
    const struct ledger_record records[] = {
        {RECORD_KEYS,  buf_slice(&keys)},
        {RECORD_ADMIN, buf_slice(&act) }
    };
    log_event(LOG_INFO, "key.changed", LOG_NUMBER("generation", (int64_t)m->generation),
              LOG_NUMBER("kept", (int64_t)m->kept));
    return keeper_record(k, LEDGER_AWAITED, records, 2, NULL, e);
}

bool keeper_key_known(struct keeper *k, struct error *e)
{
    const struct keeper_master *m = &k->options.master;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice known;

    if (m->generation == 0) {
        return true;
    }
    struct slice now = known_text(m, &arena);
    if (!get_value(k, VALUE_KNOWN, &arena, &known, e) || slice_equal(known, now)) {
        return slice_equal(known, now);
    }
    const struct known before = known_read(known);
    if (known.len && !record_change(k, &before, &arena, e)) {
        return false;
    }
    return state_value_put(k->state, SLICE(VALUE_KNOWN), now, e);
}

bool keeper_catalog_key(struct keeper *k, struct secret **key, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct secret *earliest = k->options.state_key;
    const struct secret *former = NULL;
    struct slice kept;

    if (!get_value(k, VALUE_CATALOG, &arena, &kept, e)) {
        return false;
    }
    if (kept.len == KEYRING_KEY_LEN) {
        *key = secret_copy(kept);
        explicit_bzero((void *)(uintptr_t)kept.ptr, kept.len);
        return true;
    }
    for (size_t n = 0; (former = keyring_former(k->options.state_key, n)); n++) {
        earliest = former;
    }
    OWN(secret) struct secret *derived = keyring_derive(earliest, "catalog");
    if (!state_value_put(k->state, SLICE(VALUE_CATALOG), secret_slice(derived), e)) {
        return false;
    }
    *key = TAKE(derived, NULL);
    return true;
}

/* ── under the present key ── */

bool keeper_renew_verifier(struct keeper *k, struct slice account, struct slice *verifier,
                           struct arena *arena, struct error *e)
{
    const struct auth_renew_ask ask = {account, *verifier, k->options.master.generation};
    struct auth_verifier_answer answer;

    if (verifier->len == 0) {
        return true;
    }
    if (!ipc_call(k->options.auth, &auth_renew, &ask, -1, &answer, NULL, arena, KEEPER_ASK_MS, e)) {
        return e->kind == ERROR_CORRUPT;
    }
    *verifier = answer.verifier.len ? answer.verifier : *verifier;
    return true;
}

static bool renew_account(struct keeper *k, const struct account *account, uint64_t *renewed,
                          struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice verifier = account->verifier;
    bool did = false;

    if (!keeper_renew_verifier(k, account->name, &verifier, &arena, e)) {
        return false;
    }
    if (!factors_renew(k, account->name, &arena, renewed, e)) {
        return false;
    }
    if (slice_equal(verifier, account->verifier)) {
        return true;
    }
    if (!state_account_renew(k->state, account, verifier, &did, e)) {
        return false;
    }
    *renewed += did;
    return did || error_set(e, ERROR_BUSY, "an account was changed just now");
}

static bool renew_accounts(struct keeper *k, uint64_t *renewed, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(k->state, &arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count && !atomic_load(&k->closing); i++) {
        if (!renew_account(k, &accounts[i], renewed, e)) {
            return false;
        }
    }
    return true;
}

static bool renew_ledger(struct keeper *k, uint64_t *renewed, struct error *e)
{
    unsigned done = 1;
    bool ok = true;

    while (done && !atomic_load(&k->closing)) { /* what fails does not keep the others */
        ok = ledger_rewrap(k->ledger, &done, e);
        *renewed += done;
    }
    return ok;
}

/* Said once for each generation. */
static bool record_renewed(struct keeper *k, const struct renewed_record *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice known;
    struct slice now = arena_printf(&arena, "%llu", (unsigned long long)r->generation);

    if (!get_value(k, VALUE_RENEWED, &arena, &known, e)) {
        return false;
    }
    if (slice_equal(known, now) && r->files == 0 && r->accounts == 0) {
        return true;
    }
    log_event(LOG_INFO, "key.renewed", LOG_NUMBER("generation", (int64_t)r->generation),
              LOG_NUMBER("files", (int64_t)r->files), LOG_NUMBER("accounts", (int64_t)r->accounts));
    return keeper_record_one(k, LEDGER_PATIENT, RECORD_RENEWED, &renewed_schema, r, e) &&
           state_value_put(k->state, SLICE(VALUE_RENEWED), now, e);
}

/* An account of which something opens under a former key alone, as auth says that it is now. */
static bool is_former(struct keeper *k, const struct account *account, bool *former,
                      struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice verifier = account->verifier;

    if (!keeper_renew_verifier(k, account->name, &verifier, &arena, e) ||
        !factors_are_former(k, account->name, &arena, former, e)) {
        return false;
    }
    *former = *former || !slice_equal(verifier, account->verifier);
    return true;
}

/* What is recorded is not believed before a key is destroyed: the rows themselves are looked at. What cannot be looked at
 * needs the key. */
static uint64_t count_former(struct keeper *k, const struct account *accounts, size_t count)
{
    uint64_t left = 0;
    struct error e;

    for (size_t i = 0; i < count && keyring_former(k->options.state_key, 0); i++) {
        bool former = false;
        if (!is_former(k, &accounts[i], &former, &e)) {
            log_event(LOG_WARNING, "key.not_counted", LOG_TEXT("reason", e.text));
            return count;
        }
        left += former;
    }
    return left;
}

/* Found when all was said to be done: it is done now, and the next look tells. */
static void renew_again(struct keeper *k, uint64_t left)
{
    struct renewed_record r = {.generation = k->options.master.generation};
    struct error e;

    log_event(LOG_WARNING, "key.still_needed", LOG_NUMBER("accounts", (int64_t)left));
    if (!renew_accounts(k, &r.accounts, &e) || !record_renewed(k, &r, &e)) {
        log_event(LOG_WARNING, "key.not_renewed", LOG_TEXT("reason", e.text));
    }
}

bool keeper_on_keys_status(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct keys_status_answer *answer = r->answer;
    struct account *accounts = NULL;
    struct slice known;
    size_t count = 0;

    answer->generation = k->options.master.generation;
    if (!state_accounts(k->state, r->arena, &accounts, &count, e) ||
        !get_value(k, VALUE_RENEWED, r->arena, &known, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        answer->accounts += accounts[i].verifier.len > 0;
    }
    struct slice now =
        arena_printf(r->arena, "%llu", (unsigned long long)k->options.master.generation);
    bool done = !keyring_former(k->options.state_key, 0) || slice_equal(known, now);
    answer->left = done ? count_former(k, accounts, count) : answer->accounts;
    answer->accounts = answer->left > answer->accounts ? answer->left : answer->accounts;
    answer->unfinished = !done || answer->left > 0;
    if (done && answer->left > 0) {
        renew_again(k, answer->left);
    }
    return account_count_former(k, r->arena, &answer->waiting, e);
}

static void pause_for(struct keeper *k, int64_t ms)
{
    int64_t until = clock_steady_ms() + ms;

    while (!atomic_load(&k->closing) && clock_steady_ms() < until) {
        (void)usleep(WAIT_US);
    }
}

void keeper_renew(void *keeper)
{
    struct keeper *k = keeper;
    struct renewed_record r = {.generation = k->options.master.generation};
    struct error e = {0};

    if (r.generation == 0 || !keyring_former(k->options.state_key, 0)) {
        atomic_store(&k->renewed, true);
        return;
    }
    thread_background();
    for (int64_t pause = FIRST_PAUSE_MS; !atomic_load(&k->closing);) {
        if (renew_accounts(k, &r.accounts, &e) && renew_ledger(k, &r.files, &e) &&
            !atomic_load(&k->closing) && record_renewed(k, &r, &e)) {
            atomic_store(&k->renewed, true);
            return;
        }
        if (atomic_load(&k->closing)) {
            return;
        }
        log_event(LOG_WARNING, "key.not_renewed", LOG_TEXT("reason", e.text));
        if (e.kind == ERROR_CORRUPT) {
            keeper_alert(k, "renewal-failed", e.text);
        }
        pause_for(k, pause);
        pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS;
    }
}
