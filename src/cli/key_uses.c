#include "cli/key_uses.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "host/file.h"
#include "letter/keys.h"
#include "requests/keys.h"
#include "state/factors.h"
#include "state/state.h"

#define FILE_LIMIT  ((size_t)64 << 10)
#define CONTEXT_MAX 512

bool key_uses_none(const struct key_uses *u)
{
    return !u->ledger.segments && !u->ledger.packs && !u->ledger.record_keys && !u->private_keys &&
           !u->verifiers && !u->factors && !u->state;
}

static void print_some(uint64_t count, const char *one, const char *many, struct buf *out)
{
    if (count) {
        buf_printf(out, "%s%llu %s", out->len ? ", " : "", (unsigned long long)count,
                   count == 1 ? one : many);
    }
}

void key_uses_print(const struct key_uses *u, struct buf *out)
{
    print_some(u->ledger.segments, "segment", "segments", out);
    print_some(u->ledger.packs, "pack", "packs", out);
    print_some(u->ledger.record_keys, "key file", "key files", out);
    print_some(u->private_keys, "private key", "private keys", out);
    print_some(u->verifiers, "password", "passwords", out);
    print_some(u->factors, "app password or second factor", "app passwords and second factors",
               out);
    if (u->state) {
        buf_add_text(out, out->len ? ", the state" : "the state");
    }
    if (out->len == 0) {
        buf_add_text(out, "nothing");
    }
}

/* -- private keys -- */

struct looking {
    int folder;
    struct secret *seal;
    struct key_uses *uses;
};

/* The seal says whether it is of this key. */
static bool look_at_key(void *context, const char *name, struct error *e)
{
    struct looking *l = context;
    OWN(buf) struct buf sealed = {.max = FILE_LIMIT};
    OWN(buf) struct buf plain = {.max = FILE_LIMIT};
    OWN(buf) struct buf bound_to = {.max = CONTEXT_MAX};
    struct error unused;

    if (!file_read_all(l->folder, name, &sealed, e) || !buf_room(&plain, FILE_LIMIT)) {
        return error_add(e, "keys");
    }
    buf_printf(&bound_to, "signer/%s", name);
    l->uses->private_keys +=
        keyring_open(l->seal, buf_slice(&bound_to), buf_slice(&sealed), &plain, &unused);
    explicit_bzero(plain.ptr, plain.capacity);
    return true;
}

static bool count_private_keys(int data, const struct secret *master, struct key_uses *uses,
                               struct error *e)
{
    OWN(secret) struct secret *seal = keyring_derive(master, "signer");
    OWN(fd) int folder = openat(data, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct looking l = {folder, seal, uses};

    return folder < 0 || files_each(folder, look_at_key, &l, e);
}

/* -- state -- */

/* Whether what auth sealed for the account opens under this key. */
static bool is_of(const struct secret *seal, const char *kind, struct slice id,
                  const struct account *a, struct slice sealed)
{
    OWN(buf) struct buf bound_to = {.max = CONTEXT_MAX};
    OWN(buf) struct buf plain = {.max = FILE_LIMIT};
    struct error unused;

    buf_printf(&bound_to, "auth/%s%.*s/%.*s", kind, SLICE_ARG(id), SLICE_ARG(a->name));
    bool is = sealed.len && keyring_open(seal, buf_slice(&bound_to), sealed, &plain, &unused);
    if (plain.len) {
        explicit_bzero(plain.ptr, plain.len);
    }
    return is;
}

static bool count_factors(struct state *state, const struct secret *seal, const struct account *a,
                          struct key_uses *uses, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct factors f;

    if (!state_factors_get(state, a->name, &arena, &f, e)) {
        return false;
    }
    const struct app_password *apps = f.apps.items;
    for (size_t i = 0; i < f.apps.count; i++) {
        uses->factors += is_of(seal, "factor/app/", apps[i].id, a, apps[i].verifier);
    }
    const struct passkey *keys = f.passkeys.items;
    for (size_t i = 0; i < f.passkeys.count; i++) {
        uses->factors += is_of(seal, "factor/passkey/", keys[i].id, a, keys[i].sealed);
    }
    uses->factors += is_of(seal, "factor/totp", SLICE_NONE, a, f.totp);
    uses->factors += is_of(seal, "factor/totp", SLICE_NONE, a, f.totp_asked);
    uses->factors += is_of(seal, "factor/recovery", SLICE_NONE, a, f.recovery);
    return true;
}

/* No former key is told to the state here: it would be sealed anew under a running daemon. */
static bool open_state(const char *path, const struct secret *master, struct state **out,
                       struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(master, "state");

    return *out || state_open(path, key, out, e) || e->kind == ERROR_CONFIG; /* another key's */
}

/* Of which generation the daemon recorded that it had brought everything under it. */
static bool read_renewed(struct cli *c, struct state *state, struct key_uses *uses, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    if (!state_value_get(state, SLICE(KEYS_VALUE_RENEWED), &c->arena, &value, &found, e)) {
        return false;
    }
    (void)!(found && slice_decimal(value, UINT32_MAX, &uses->renewed));
    return true;
}

/* Under the key that is asked about, the one in force, or another: whoever rotated twice without a start in between
 * finds it under the first. One that opens under none is nothing to say "nothing to do" of. */
static bool find_state(const char *path, const struct master *now, const struct master_list *former,
                       const struct secret *asked, struct state **out, bool *is, struct error *e)
{
    if (!open_state(path, asked, out, e)) {
        return false;
    }
    *is = *out != NULL;
    bool ok = open_state(path, now->key, out, e);
    for (size_t i = 0; i < former->count && ok; i++) {
        ok = open_state(path, former->former[i].key, out, e);
    }
    return ok && (*out ||
                  error_set(e, ERROR_CORRUPT, "%s opens under no master key that there is", path));
}

static void count_verifiers(const struct secret *seal, const struct account *accounts, size_t count,
                            struct key_uses *uses)
{
    for (size_t i = 0; i < count; i++) {
        uses->verifiers += is_of(seal, "verifier", SLICE_NONE, &accounts[i], accounts[i].verifier);
    }
}

/* A daemon that does not run leaves its state to be looked into. Accounts as they are, and as they are to be. */
static bool look_into_state(struct cli *c, const struct secret *asked, const struct master *now,
                            const struct master_list *former, struct key_uses *uses,
                            struct error *e)
{
    const struct settings *s = NULL;
    OWN(state) struct state *state = NULL;
    OWN(secret) struct secret *seal = keyring_derive(asked, "auth");
    struct account *accounts = NULL;
    size_t count = 0;

    if (!cli_settings(c, &s, e)) {
        return false;
    }
    const char *path = (const char *)arena_printf(&c->arena, "%.*s/state/state.db",
                                                  SLICE_ARG(s->general.data_directory))
                           .ptr;
    if (access(path, F_OK) != 0) {
        return true; /* the daemon never ran */
    }
    if (!find_state(path, now, former, asked, &state, &uses->state, e) ||
        !state_accounts(state, &c->arena, &accounts, &count, e)) {
        return false;
    }
    count_verifiers(seal, accounts, count, uses);
    for (size_t i = 0; i < count; i++) {
        if (!count_factors(state, seal, &accounts[i], uses, e)) {
            return false;
        }
    }
    if (!state_accounts_to_be(state, &c->arena, &accounts, &count, e) ||
        !read_renewed(c, state, uses, e)) {
        return false;
    }
    count_verifiers(seal, accounts, count, uses);
    return true;
}

/* A running one has it for itself, and says. */
static bool count_state(struct cli *c, const struct master_former *asked, const struct master *now,
                        const struct master_list *former, struct key_uses *uses, struct error *e)
{
    struct keys_status_answer said;

    if (!cli_ask(c, CLI_KEEPER, &keys_status, NULL, &said, NULL, CLI_ASK_MS, e)) {
        return e->kind == ERROR_BUSY && look_into_state(c, asked->key, now, former, uses, e);
    }
    uses->state = said.generation == asked->generation;
    uses->renewed = said.unfinished ? 0 : said.generation;
    uses->verifiers = said.generation == asked->generation  ? said.accounts - said.left
                      : said.generation > asked->generation ? said.left + said.waiting
                                                            : 0;
    return true;
}

static bool count_ledger(int data, const struct secret *master, struct key_uses *uses,
                         struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(master, "ledger");
    OWN(fd) int ledger = openat(data, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    OWN(fd) int keys = openat(data, "record-keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t id[KEYRING_ID_LEN];

    keyring_id(key, id);
    return ledger < 0 || ledger_key_uses(ledger, keys, id, &uses->ledger, e);
}

bool key_uses_count(struct cli *c, int data, const struct master_former *asked,
                    const struct master *now, const struct master_list *former,
                    struct key_uses *uses, struct error *e)
{
    struct key_uses found = {0};

    if (!count_ledger(data, asked->key, &found, e) ||
        !count_private_keys(data, asked->key, &found, e) ||
        !count_state(c, asked, now, former, &found, e)) {
        return false;
    }
    *uses = found;
    return true;
}
