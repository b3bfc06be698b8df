/* Passkeys: their holder adds them at the desk once he has proved anew who he is, lists and removes them; who runs the system
 * removes them with a reason, and the last factor of who has an office with a second person.
 *
 * The first one is a second factor like an authenticator app: all sessions of the account end once the row is written. So they
 * do when one is removed; a sign-in looks at the row once more when its session is there. */
#include "requests/passkeys.h"

#include "base/clock.h"

#include "keeper/account_parts.h"
#include "keeper/account_salt.h"
#include "keeper/desks.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keeper/passkey_rows.h"
#include "keyring/keyring.h"

/* ── what is asked of a browser or security key ── */

/* What stands for the account there; it tells nothing about it. */
static struct slice user_of(struct keeper *k, struct slice account, struct arena *arena)
{
    uint8_t *user = arena_alloc(arena, DIGEST_LEN);

    digest_of(SLICE("postern passkey "), account_salt(k, account, arena), user);
    return slice_of(user, DIGEST_LEN);
}

void passkeys_ask(struct keeper *k, struct slice account, const struct factors *f,
                  struct slice challenge, struct arena *arena, struct passkey_asked *asked)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct passkey *keys = f ? f->passkeys.items : NULL;
    size_t count = f ? f->passkeys.count : 0;
    struct passkey_known *known = arena_array(arena, count + 1, sizeof(*known));

    for (size_t i = 0; i < count; i++) {
        known[i].credential = keys[i].credential;
    }
    *asked = (struct passkey_asked){
        .challenge = challenge,
        .site = settings_passkey_site(settings),
        .origin = settings_passkey_origin(settings, arena),
        .user = user_of(k, account, arena),
        .known = {known, count}
    };
}

static bool draw(struct keeper *k, struct slice account, uint64_t purpose, struct arena *arena,
                 struct slice *challenge, struct error *e)
{
    const struct auth_passkey_begin_ask ask = {account, purpose};
    struct auth_passkey_begin_answer answer;

    if (!ipc_call(k->options.auth, &auth_passkey_begin, &ask, -1, &answer, NULL, arena,
                  KEEPER_ASK_MS, e)) {
        return false;
    }
    *challenge = answer.challenge;
    return true;
}

bool keeper_on_passkey_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct keeper_admin *admin = keeper_admin_of(k, r);
    const struct passkey_begin_ask *ask = r->ask;
    struct slice challenge;
    struct factors f;

    if (ask->purpose == PASSKEY_ADD && !factors_prove_anew(admin, &ask->proof, true, r->arena, e)) {
        return false;
    }
    if (!state_factors_get(k->state, admin->caller.account, r->arena, &f, e) ||
        !draw(k, admin->caller.account, ask->purpose, r->arena, &challenge, e)) {
        return false;
    }
    passkeys_ask(k, admin->caller.account, &f, challenge, r->arena, r->answer);
    return true;
}

/* Anybody may ask: no word here tells whether there is such an account. */
bool keeper_on_passkey_sign_in(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct passkey_sign_in_ask *ask = r->ask;
    struct slice challenge;

    if (!draw(k, ask->account, PASSKEY_ALONE, r->arena, &challenge, e)) {
        return false;
    }
    passkeys_ask(k, account_canonical(ask->account, r->arena), NULL, challenge, r->arena,
                 r->answer);
    return true;
}

/* ── adding ── */

struct adding {
    struct keeper_admin *admin;
    struct arena *arena;
    struct passkey key;
    bool first;
};

/* "blue key (abcdefgh)" */
static struct slice describe(const struct passkey *p, struct arena *arena)
{
    return arena_printf(arena, "%.*s (%.*s)", SLICE_ARG(p->name), SLICE_ARG(p->id));
}

static bool append(struct factors *f, void *context, struct error *e)
{
    struct adding *a = context;
    struct act act = {.verb = SLICE("passkey add"),
                      .object = a->admin->caller.account,
                      .detail = describe(&a->key, a->arena)};
    size_t count = f->passkeys.count;
    struct passkey *keys = arena_array(a->arena, count + 1, sizeof(*keys));

    if (passkey_find(f, a->key.name) || passkey_find(f, a->key.id)) {
        return error_set(e, ERROR_INPUT,
                         "there is a passkey `%.*s`; `postern passkey remove` takes it off",
                         SLICE_ARG(a->key.name));
    }
    if (count >= PASSKEYS_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "an account has at most %d passkeys: remove one that is not used",
                         PASSKEYS_MAX);
    }
    if (count) {
        (void)memcpy(keys, f->passkeys.items, count * sizeof(*keys));
    }
    keys[count] = a->key;
    f->passkeys = (struct cbor_list){keys, count + 1};
    a->first = count == 0;
    if (!keeper_admin_act(a->admin, &act, e)) {
        return false;
    }
    /* Recording takes its time: who signed in meanwhile did so without it, too. */
    f->passkeys_at = a->first ? (uint64_t)clock_wall_ms() : f->passkeys_at;
    return true;
}

static struct slice new_id(struct arena *arena)
{
    static const char letters[] = "abcdefghijkmnpqr"; /* 16: four bits each */
    uint8_t bytes[PASSKEY_ID_LEN];
    uint8_t *id = arena_alloc(arena, sizeof(bytes));

    keyring_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[i] = (uint8_t)letters[bytes[i] % 16];
    }
    return slice_of(id, sizeof(bytes));
}

/* Have auth verify it: that somebody proved anew who he is lies in the challenge. */
static bool verify(struct adding *a, const struct passkey_add_ask *ask, struct error *e)
{
    struct keeper *k = a->admin->keeper;
    struct slice id = new_id(a->arena);
    const struct auth_passkey_new_ask new = {a->admin->caller.account, id, ask->client_data,
                                             ask->attestation};
    struct auth_passkey_new_answer made;

    if (!app_password_name_is_good(ask->name)) { /* the same rules */
        return error_set(e, ERROR_INPUT,
                         "a passkey is called by at most %d letters, digits, blanks, dots and "
                         "dashes, `blue key` for instance",
                         PASSKEY_NAME_MAX);
    }
    if (!ipc_call(k->options.auth, &auth_passkey_new, &new, -1, &made, NULL, a->arena,
                  KEEPER_ASK_MS, e)) {
        return false;
    }
    a->key = (struct passkey){.id = id,
                              .name = ask->name,
                              .credential = made.credential,
                              .sealed = made.sealed,
                              .counter = made.counter,
                              .verifies = made.verifies,
                              .created_at = (uint64_t)clock_wall_ms()};
    return true;
}

bool keeper_on_passkey_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct passkey_added *answer = r->answer;
    struct adding a = {.admin = keeper_admin_of(k, r), .arena = r->arena};
    struct slice account = a.admin->caller.account;

    if (!verify(&a, r->ask, e)) {
        return false;
    }
    if (!passkey_rows_add(k, account, a.key.credential, r->arena, append, &a, e)) {
        return false;
    }
    *answer = (struct passkey_added){a.key.id, a.key.verifies, a.first};
    return !a.first || desks_end_account(k, account, e);
}

bool keeper_on_passkey_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct passkey_list_ask *ask = r->ask;
    struct passkey_list_answer *answer = r->answer;
    struct factors f;

    if (!factors_account(keeper_admin_of(k, r), ask->account, r->arena, &answer->account, e) ||
        !state_factors_get(k->state, answer->account, r->arena, &f, e)) {
        return false;
    }
    answer->passkeys = f.passkeys;
    return true;
}

/* ── removing ── */

void passkeys_cut(struct factors *f, struct passkey *p)
{
    struct passkey *keys = f->passkeys.items;
    size_t behind = f->passkeys.count - 1 - (size_t)(p - keys);

    (void)memmove(p, p + 1, behind * sizeof(*p));
    f->passkeys.count--;
    f->passkeys_at = (uint64_t)clock_wall_ms();
}

struct removing {
    struct keeper_admin *admin;
    struct arena *arena;
    struct slice account;
    const struct passkey_remove_ask *ask;
    bool last_goes;          /* it may be the last factor of the account */
    struct slice credential; /* of the one that went */
};

static bool none_such(const struct removing *v, struct error *e)
{
    return error_set(e, ERROR_INPUT,
                     "%.*s has no passkey `%.*s`; `postern passkey list` shows those there are",
                     SLICE_ARG(v->account), SLICE_ARG(v->ask->which));
}

static bool cut_out(struct factors *f, void *context, struct error *e)
{
    struct removing *v = context;
    struct passkey *p = passkey_find(f, v->ask->which);

    if (!p) {
        return none_such(v, e);
    }
    if (!v->last_goes && factors_is_last(f, p->id)) {
        return error_set(e, ERROR_BUSY,
                         "it was changed just now how the account signs in: try again");
    }
    struct act act = {.verb = SLICE("passkey remove"),
                      .object = v->account,
                      .reason = v->ask->reason,
                      .detail = describe(p, v->arena)};
    v->credential = p->credential;
    if (!keeper_admin_act(v->admin, &act, e)) {
        return false;
    }
    passkeys_cut(f, p);
    return true;
}

static bool ask_for(const struct removing *v, const struct passkey *p, struct admin_asked *asked,
                    struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    const struct request_factor factor = {v->account, p->created_at, p->id};
    struct request_record request = {
        .kind = REQUEST_FACTOR,
        .object =
            arena_printf(v->arena, "%.*s signs in without a second factor", SLICE_ARG(v->account)),
        .reason = v->ask->reason};

    cbor_write(&arguments, &request_factor_schema, &factor);
    request.arguments = buf_slice(&arguments);
    return approvals_ask(v->admin, &request, v->account, v->arena, asked, e);
}

static bool take_off(struct removing *v, struct error *e)
{
    struct keeper *k = v->admin->keeper;

    return factors_put(k, v->account, v->arena, cut_out, v, e) &&
           desks_end_account(k, v->account, e) &&
           passkey_rows_forget(k, v->account, v->credential, v->arena, e);
}

/* Another one's: whoever has an office keeps his last factor unless two persons say otherwise. */
static bool remove_others(struct removing *v, struct admin_asked *asked, struct error *e)
{
    struct keeper *k = v->admin->keeper;
    struct factors f;
    bool office = false;

    if (slice_trim(v->ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
    }
    if (!state_factors_get(k->state, v->account, v->arena, &f, e) ||
        !factors_wants_two(k, v->account, v->arena, &office, e)) {
        return false;
    }
    const struct passkey *p = passkey_find(&f, v->ask->which);
    if (!p) {
        return none_such(v, e);
    }
    if (office && factors_is_last(&f, p->id)) {
        return ask_for(v, p, asked, e);
    }
    v->last_goes = !office;
    return take_off(v, e);
}

static bool remove_own(struct removing *v, struct error *e)
{
    v->last_goes = true;
    return take_off(v, e);
}

bool keeper_on_passkey_remove(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct passkey_remove_ask *ask = r->ask;
    struct removing v = {.admin = keeper_admin_of(k, r), .arena = r->arena, .ask = ask};
    struct factors f;

    if (!factors_account(v.admin, ask->account, r->arena, &v.account, e) ||
        !state_factors_get(k->state, v.account, r->arena, &f, e)) {
        return false;
    }
    const struct passkey *p = passkey_find(&f, ask->which);
    if (!p) {
        return none_such(&v, e);
    }
    bool own = slice_equal(v.account, v.admin->caller.account);
    if (own && !factors_prove_anew(v.admin, &ask->proof, false, r->arena, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->approvals.changing); /* officers are counted, no password is set */
    bool done = factors_stand_without(k, v.account, p->id, r->arena, e) &&
                (own ? remove_own(&v, e) : remove_others(&v, r->answer, e));
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}
