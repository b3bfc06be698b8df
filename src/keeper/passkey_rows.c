#include "keeper/passkey_rows.h"

#include "keeper/internal.h"
#include "keyring/digest.h"

/* Held from looking whose a credential is until row and passkey are written, and while a row goes. */
static pthread_mutex_t rows = PTHREAD_MUTEX_INITIALIZER;

static struct slice row_name(struct slice credential, struct arena *arena)
{
    OWN(buf) struct buf name = {.max = 100};
    uint8_t hash[DIGEST_LEN];

    digest_of(credential, SLICE_NONE, hash);
    buf_add_text(&name, "passkey/");
    for (size_t i = 0; i < sizeof(hash); i++) {
        buf_printf(&name, "%02x", hash[i]);
    }
    return arena_copy(arena, buf_slice(&name));
}

/* The account that a row leads to, and whether it has such a passkey. */
static bool find(struct keeper *k, struct slice credential, struct arena *arena,
                 struct slice *account, bool *row, bool *has, struct error *e)
{
    struct factors f;

    *has = false;
    if (!state_value_get(k->state, row_name(credential, arena), arena, account, row, e)) {
        return false;
    }
    if (*row && !state_factors_get(k->state, *account, arena, &f, e)) {
        return false;
    }
    const struct passkey *keys = *row ? f.passkeys.items : NULL;
    for (size_t i = 0; *row && i < f.passkeys.count; i++) {
        *has = *has || slice_equal(keys[i].credential, credential);
    }
    return true;
}

static bool is_new(struct keeper *k, struct slice credential, struct arena *arena, struct error *e)
{
    struct slice owner = SLICE_NONE;
    bool row = false;
    bool has = false;

    return find(k, credential, arena, &owner, &row, &has, e) &&
           (!has || error_set(e, ERROR_INPUT, "this passkey is an account's already"));
}

bool passkey_rows_add(struct keeper *k, struct slice account, struct slice credential,
                      struct arena *arena, factors_change *change, void *context, struct error *e)
{
    (void)pthread_mutex_lock(&rows);
    bool done = is_new(k, credential, arena, e) &&
                state_value_put(k->state, row_name(credential, arena), account, e) &&
                factors_put(k, account, arena, change, context, e);
    (void)pthread_mutex_unlock(&rows);
    return done;
}

static bool forget(struct keeper *k, struct slice account, struct slice credential,
                   struct arena *arena, struct error *e)
{
    struct slice owner = SLICE_NONE;
    bool row = false;
    bool has = false;

    return find(k, credential, arena, &owner, &row, &has, e) &&
           (!row || has || !slice_equal(owner, account) ||
            state_value_delete(k->state, row_name(credential, arena), &row, e));
}

bool passkey_rows_forget(struct keeper *k, struct slice account, struct slice credential,
                         struct arena *arena, struct error *e)
{
    (void)pthread_mutex_lock(&rows);
    bool done = forget(k, account, credential, arena, e);
    (void)pthread_mutex_unlock(&rows);
    return done;
}
