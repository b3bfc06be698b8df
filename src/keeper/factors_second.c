/* Second factors as the rows tell of them: which there are, what auth is told, and that each use counts once. */
#include "base/clock.h"

#include "keeper/account_parts.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keyring/digest.h"

bool factors_are_on(const struct factors *f)
{
    return f->totp.len > 0 || f->passkeys.count > 0;
}

struct passkey *passkey_find(const struct factors *f, struct slice which)
{
    struct passkey *keys = f->passkeys.items;

    for (size_t i = 0; i < f->passkeys.count; i++) {
        if (slice_equal(keys[i].id, which) || slice_equal_nocase(keys[i].name, which)) {
            return &keys[i];
        }
    }
    return NULL;
}

bool factors_is_last(const struct factors *f, struct slice passkey)
{
    return passkey.len ? f->totp.len == 0 && f->passkeys.count == 1 && passkey_find(f, passkey)
                       : f->totp.len > 0 && f->passkeys.count == 0;
}

bool factors_stand_without(struct keeper *k, struct slice account, struct slice passkey,
                           struct arena *arena, struct error *e)
{
    struct account row;
    struct factors f;
    bool found = false;

    if (!state_factors_get(k->state, account, arena, &f, e) ||
        !state_account_get(k->state, account, arena, &row, &found, e)) {
        return false;
    }
    return !found || !row.beside || !factors_is_last(&f, passkey) ||
           error_set(e, ERROR_INPUT,
                     "the password of %.*s is good enough beside a second factor only: have a "
                     "longer one set first (`postern user set`)",
                     SLICE_ARG(account));
}

bool factors_wants_two(struct keeper *k, struct slice account, struct arena *arena, bool *two,
                       struct error *e)
{
    struct account row;
    size_t officers = 0;
    bool found = false;

    if (!state_account_get(k->state, account, arena, &row, &found, e) ||
        !account_count_officers(k, SLICE_NONE, arena, &officers, e)) {
        return false;
    }
    bool office = found && row.role != ACCOUNT_EMPLOYEE && row.role != ACCOUNT_APPLICATION;
    *two = office && !row.disabled && officers;
    return true;
}

void factors_alarm(struct keeper *k, struct error *e)
{
    if (e->kind == ERROR_CORRUPT) {
        keeper_alert(k, "passkey-counter",
                     "a passkey's counter went backwards: there may be a copy of it. It was "
                     "refused; its holder is to remove it and to make another one");
        e->kind = ERROR_DENIED;
    }
}

bool factors_has_second(struct keeper *k, struct slice account, struct arena *arena, bool *has,
                        struct error *e)
{
    struct factors f;

    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    *has = factors_are_on(&f);
    return true;
}

struct auth_second factors_second(const struct factors *f, struct arena *arena)
{
    const struct passkey *keys = f->passkeys.items;
    struct auth_passkey *out = arena_array(arena, f->passkeys.count + 1, sizeof(*out));
    struct auth_second second = {
        .passkeys = {out, f->passkeys.count}
    };

    for (size_t i = 0; i < f->passkeys.count; i++) {
        out[i] = (struct auth_passkey){keys[i].id, keys[i].credential, keys[i].sealed};
    }
    if (f->totp.len) {
        second.totp = f->totp;
        second.step = f->totp_step;
        second.recovery = f->recovery;
        second.recovery_spent = f->recovery_spent;
    }
    return second;
}

/* Of what there is now: a code of a secret, or of recovery codes, that were replaced meanwhile is none. */
static bool is_fresh(const struct factors *f, const struct auth_proof *proof)
{
    uint8_t of[DIGEST_LEN];

    digest_of(proof->recovery ? f->recovery : f->totp, SLICE_NONE, of);
    if (!slice_equal(proof->of, SLICE_ARRAY(of))) {
        return false;
    }
    if (proof->recovery) {
        return f->recovery.len && proof->recovery <= AUTH_RECOVERY_CODES &&
               !(f->recovery_spent >> (proof->recovery - 1) & 1);
    }
    return proof->step > f->totp_step;
}

/* A counter that stands still or goes back is another key's with the same secrets (WebAuthn section 6.1.1); many keys have
 * none and say 0. */
static bool spend_passkey(struct factors *f, const struct auth_proof *proof, struct error *e)
{
    struct passkey *p = passkey_find(f, proof->passkey);

    if (!p) {
        return error_set(e, ERROR_DENIED, "the passkey was removed");
    }
    if ((proof->counter || p->counter) && proof->counter <= p->counter) {
        return error_set(e, ERROR_CORRUPT, "the passkey's counter went backwards");
    }
    p->counter = proof->counter;
    p->used_at = (uint64_t)clock_wall_ms();
    return true;
}

bool factors_spend(struct factors *f, const struct auth_proof *proof, struct error *e)
{
    if (proof->passkey.len) {
        return spend_passkey(f, proof, e);
    }
    if (f->totp.len == 0 || !is_fresh(f, proof)) {
        return error_set(e, ERROR_DENIED, "the code was used already");
    }
    if (proof->recovery) {
        f->recovery_spent |= UINT64_C(1) << (proof->recovery - 1);
    } else {
        f->totp_step = proof->step;
    }
    return true;
}

/* A clock that was set back does not make it last longer. */
bool factors_is_asked(const struct factors *f, uint64_t now_ms)
{
    return f->totp_asked.len && now_ms >= f->totp_asked_at &&
           now_ms - f->totp_asked_at < FACTORS_ASKED_MS;
}
