#include "keeper/account_salt.h"

#include "keeper/internal.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "requests/auth.h"

#define VALUE_SALTS "auth/salts"

_Static_assert(AUTH_SALT_LEN <= DIGEST_LEN, "a salt is a part of a hash");

bool account_salt_open(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX * 2};
    struct slice kept = SLICE_NONE;
    bool found = false;

    if (!state_value_get(k->state, SLICE(VALUE_SALTS), &arena, &kept, &found, e)) {
        return false;
    }
    if (found && kept.len == KEYRING_KEY_LEN) {
        k->salts = secret_copy(kept);
        return true;
    }
    OWN(secret) struct secret *fresh = keyring_random();
    if (!state_value_put(k->state, SLICE(VALUE_SALTS), secret_slice(fresh), e)) {
        return false;
    }
    k->salts = TAKE(fresh, NULL);
    return true;
}

void account_salt_close(struct keeper *k)
{
    secret_free(k->salts);
}

struct slice account_salt(const struct keeper *k, struct slice name, struct arena *arena)
{
    uint8_t hash[DIGEST_LEN];

    digest_hmac(secret_slice(k->salts), name, hash);
    return arena_copy(arena, slice_of(hash, AUTH_SALT_LEN));
}
