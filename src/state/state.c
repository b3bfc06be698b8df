#include "state/state.h"

#include "base/arena.h"

#include "letter/group.h"
#include "state/factors.h"
#include "state/internal.h"
#include "state/recipients.h"

#define NAME_MAX_BYTES 320 /* an address: 64 + 1 + 255 */
#define DISPLAY_MAX    512
#define ADDRESSES_MAX  1000
#define DOMAINS_MAX    20

static const struct cbor_field account_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct account, name, NAME_MAX_BYTES),
    CBOR_OPTIONAL(2, CBOR_TEXTS, struct account, addresses, ADDRESSES_MAX),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct account, display, DISPLAY_MAX),
    CBOR_OPTIONAL(4, CBOR_BYTES, struct account, verifier, STATE_VERIFIER_MAX),
    CBOR_OPTIONAL(5, CBOR_BOOL, struct account, disabled, 0),
    CBOR_FIELD(6, CBOR_UINT, struct account, created_at, 0),
    CBOR_OPTIONAL(7, CBOR_UINT, struct account, role, ACCOUNT_ROLE_LAST),
    CBOR_OPTIONAL(8, CBOR_TEXTS, struct account, groups, GROUPS_MAX),
    CBOR_OPTIONAL(12, CBOR_TEXTS, struct account, domains, DOMAINS_MAX),
    CBOR_OPTIONAL(13, CBOR_BOOL, struct account, beside, 0),
    CBOR_OPTIONAL(14, CBOR_TEXT, struct account, directory, STATE_DIRECTORY_MAX),
    CBOR_OPTIONAL(15, CBOR_BYTES, struct account, directory_key, STATE_KEY_MAX),
    CBOR_OPTIONAL(16, CBOR_BOOL, struct account, directory_closed, 0),
    CBOR_OPTIONAL(20, CBOR_UINT, struct account, drill_until, INT64_MAX),
    CBOR_OPTIONAL(21, CBOR_TEXT, struct account, notify, NAME_MAX_BYTES),
};
const struct cbor_schema account_schema = CBOR_SCHEMA(account_fields, struct account);

struct level {
    uint64_t level;
};

static const struct cbor_field level_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct level, level, 0),
};
static const struct cbor_schema level_schema = CBOR_SCHEMA(level_fields, struct level);

bool state_open(const char *path, const struct secret *key, struct state **out, struct error *e)
{
    struct store *store = NULL;
    if (!store_open(path, key, &store, e)) {
        return false;
    }
    struct state *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    s->store = store;
    *out = s;
    return true;
}

void state_close(struct state *s)
{
    if (s) {
        store_close(s->store);
        free(s);
    }
}

static bool put(struct state *s, enum store_kind kind, struct slice name,
                const struct cbor_schema *schema, const void *value, struct error *e)
{
    OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};
    cbor_write(&plain, schema, value);
    if (plain.full) {
        return error_set(e, ERROR_LIMIT, "state: %s is too long", schema->name);
    }
    return store_put(s->store, kind, name, buf_slice(&plain), e);
}

/* A value that its seal vouches for and that still does not read was damaged before sealing. */
static bool decode(struct slice plain, const struct cbor_schema *schema, struct arena *arena,
                   void *out, struct error *e)
{
    if (!cbor_read(plain, schema, arena, out, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "state");
    }
    return true;
}

static bool get(struct state *s, enum store_kind kind, struct slice name,
                const struct cbor_schema *schema, struct arena *arena, void *out, bool *found,
                struct error *e)
{
    OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};
    bool there = false;
    if (!store_get(s->store, kind, name, &plain, &there, e) ||
        (there && !decode(arena_copy(arena, buf_slice(&plain)), schema, arena, out, e))) {
        return false;
    }
    *found = there;
    return true;
}

/* The next row of a kind. */
static bool next(struct state *s, enum store_kind kind, uint8_t place[static STORE_ID_LEN],
                 const struct cbor_schema *schema, struct arena *arena, void *out, bool *found,
                 struct error *e)
{
    OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};

    return store_next(s->store, kind, place, &plain, found, e) &&
           (!*found || decode(arena_copy(arena, buf_slice(&plain)), schema, arena, out, e));
}

/* Accounts */

bool state_account_get(struct state *s, struct slice name, struct arena *arena, struct account *out,
                       bool *found, struct error *e)
{
    if (!get(s, STORE_ACCOUNT, name, &account_schema, arena, out, found, e)) {
        return false;
    }
    if (*found && out->role == 0) {
        out->role = ACCOUNT_EMPLOYEE;
    }
    return true;
}

/* After the change: who reads the number first and the accounts then never keeps old ones under a new number. */
bool state_account_put(struct state *s, const struct account *account, struct error *e)
{
    bool done = put(s, STORE_ACCOUNT, account->name, &account_schema, account, e);

    (void)atomic_fetch_add(&s->version, 1);
    return done;
}

bool state_accounts_put(struct state *s, const struct account *accounts, size_t n, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (n + 1) * STORE_VALUE_MAX};
    struct slice *names = arena_array(&arena, n + 1, sizeof(*names));
    struct slice *plains = arena_array(&arena, n + 1, sizeof(*plains));

    for (size_t i = 0; i < n; i++) {
        OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};
        cbor_write(&plain, &account_schema, &accounts[i]);
        if (plain.full) {
            return error_set(e, ERROR_LIMIT, "state: %s is too long", account_schema.name);
        }
        names[i] = accounts[i].name;
        plains[i] = arena_copy(&arena, buf_slice(&plain));
    }
    bool done = store_put_many(s->store, STORE_ACCOUNT, names, plains, n, e);
    (void)atomic_fetch_add(&s->version, 1);
    return done;
}

uint64_t state_accounts_version(struct state *s)
{
    return atomic_load(&s->version);
}

/* Whoever had no role when he was written has none in his row. */
static bool replace_as(struct state *s, const struct account *was, uint64_t role,
                       const struct account *now, bool *did, struct error *e)
{
    OWN(buf) struct buf before = {.max = STORE_VALUE_MAX};
    OWN(buf) struct buf after = {.max = STORE_VALUE_MAX};
    struct account written = *was;

    written.role = role;
    cbor_write(&before, &account_schema, &written);
    cbor_write(&after, &account_schema, now);
    if (after.full) {
        return error_set(e, ERROR_LIMIT, "state: %s is too long", account_schema.name);
    }
    return store_replace(s->store, STORE_ACCOUNT, was->name, buf_slice(&before), buf_slice(&after),
                         did, e);
}

bool state_account_replace(struct state *s, const struct account *was, const struct account *now,
                           bool *did, struct error *e)
{
    bool done = replace_as(s, was, was->role, now, did, e) &&
                (*did || was->role != ACCOUNT_EMPLOYEE || replace_as(s, was, 0, now, did, e));

    (void)atomic_fetch_add(&s->version, 1);
    return done;
}

bool state_account_renew(struct state *s, const struct account *was, struct slice verifier,
                         bool *did, struct error *e)
{
    struct account now = *was;

    now.verifier = verifier;
    return state_account_replace(s, was, &now, did, e);
}

/* Factors */

#define APP_MOST(key, w, m) CBOR_OPTIONAL(key, CBOR_UINT, struct app_password, most[w][m], 0)

static const struct cbor_field app_password_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct app_password, id, APP_PASSWORD_ID_LEN),
    CBOR_FIELD(2, CBOR_TEXT, struct app_password, name, APP_PASSWORD_NAME_MAX),
    CBOR_FIELD(3, CBOR_BYTES, struct app_password, verifier, APP_PASSWORD_VERIFIER_MAX),
    CBOR_FIELD(4, CBOR_UINT, struct app_password, scopes, APP_SCOPE_SEND | APP_SCOPE_READ),
    CBOR_OPTIONAL(5, CBOR_TEXTS, struct app_password, addresses, APP_PASSWORD_ITEMS),
    CBOR_OPTIONAL(6, CBOR_TEXTS, struct app_password, networks, APP_PASSWORD_ITEMS),
    CBOR_OPTIONAL(7, CBOR_TEXTS, struct app_password, domains, APP_PASSWORD_ITEMS),
    CBOR_FIELD(8, CBOR_UINT, struct app_password, created_at, 0),
    CBOR_OPTIONAL(9, CBOR_UINT, struct app_password, expires_at, 0),
    CBOR_OPTIONAL(10, CBOR_UINT, struct app_password, used_at, 0),
    CBOR_OPTIONAL(11, CBOR_TEXT, struct app_password, used_from, 64),
    CBOR_OPTIONAL(12, CBOR_BYTES, struct app_password, pin, APP_PASSWORD_PIN_LEN),
    APP_MOST(13, 0, 0),
    APP_MOST(14, 0, 1),
    APP_MOST(15, 0, 2),
    APP_MOST(16, 0, 3),
    APP_MOST(17, 0, 4),
    APP_MOST(18, 1, 0),
    APP_MOST(19, 1, 1),
    APP_MOST(20, 1, 2),
    APP_MOST(21, 1, 3),
    APP_MOST(22, 1, 4),
};
static const struct cbor_schema app_password_schema =
    CBOR_SCHEMA(app_password_fields, struct app_password);

static const struct cbor_field passkey_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct passkey, id, PASSKEY_ID_LEN),
    CBOR_FIELD(2, CBOR_TEXT, struct passkey, name, PASSKEY_NAME_MAX),
    CBOR_FIELD(3, CBOR_BYTES, struct passkey, credential, PASSKEY_CREDENTIAL_MAX),
    CBOR_FIELD(4, CBOR_BYTES, struct passkey, sealed, PASSKEY_SEALED_MAX),
    CBOR_OPTIONAL(5, CBOR_UINT, struct passkey, counter, UINT32_MAX),
    CBOR_OPTIONAL(6, CBOR_BOOL, struct passkey, verifies, 0),
    CBOR_FIELD(7, CBOR_UINT, struct passkey, created_at, 0),
    CBOR_OPTIONAL(8, CBOR_UINT, struct passkey, used_at, 0),
};
static const struct cbor_schema passkey_schema = CBOR_SCHEMA(passkey_fields, struct passkey);

static const struct cbor_field factors_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct factors, apps, APP_PASSWORDS_MAX, &app_password_schema),
    CBOR_OPTIONAL(2, CBOR_BYTES, struct factors, totp, FACTORS_TOTP_MAX),
    CBOR_OPTIONAL(3, CBOR_UINT, struct factors, totp_step, 0),
    CBOR_OPTIONAL(4, CBOR_UINT, struct factors, totp_since, 0),
    CBOR_OPTIONAL(5, CBOR_BYTES, struct factors, recovery, FACTORS_RECOVERY_MAX),
    CBOR_OPTIONAL(6, CBOR_UINT, struct factors, recovery_spent, UINT32_MAX),
    CBOR_OPTIONAL(7, CBOR_BYTES, struct factors, totp_asked, FACTORS_TOTP_MAX),
    CBOR_SUB_OPTIONAL(8, CBOR_LIST, struct factors, passkeys, PASSKEYS_MAX, &passkey_schema),
    CBOR_OPTIONAL(9, CBOR_UINT, struct factors, passkeys_at, 0),
    CBOR_OPTIONAL(10, CBOR_UINT, struct factors, totp_asked_at, 0),
};
static const struct cbor_schema factors_schema = CBOR_SCHEMA(factors_fields, struct factors);

bool state_factors_get(struct state *s, struct slice account, struct arena *arena,
                       struct factors *out, struct error *e)
{
    struct factors factors = {.totp_step = 0};
    bool found = false;

    if (!get(s, STORE_FACTORS, account, &factors_schema, arena, &factors, &found, e)) {
        return false;
    }
    *out = found ? factors : (struct factors){.totp_step = 0};
    return true;
}

bool state_factors_put(struct state *s, struct slice account, const struct factors *factors,
                       struct error *e)
{
    return put(s, STORE_FACTORS, account, &factors_schema, factors, e);
}

static int by_name(const void *a, const void *b)
{
    return slice_compare(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static struct account *with_room(struct arena *arena, struct account *all, size_t n, size_t *room)
{
    if (n < *room) {
        return all;
    }
    *room = *room ? *room * 2 : 16;
    struct account *more = arena_array(arena, *room, sizeof(*more));
    if (n > 0) {
        (void)memcpy(more, all, n * sizeof(*more));
    }
    return more;
}

static bool next_account(struct state *s, uint8_t id[static STORE_ID_LEN], struct arena *arena,
                         struct account *out, bool *found, struct error *e)
{
    if (!next(s, STORE_ACCOUNT, id, &account_schema, arena, out, found, e)) {
        return false;
    }
    if (*found && out->role == 0) {
        out->role = ACCOUNT_EMPLOYEE;
    }
    return true;
}

bool state_accounts(struct state *s, struct arena *arena, struct account **accounts, size_t *count,
                    struct error *e)
{
    uint8_t id[STORE_ID_LEN] = {0};
    struct account *all = NULL;
    size_t n = 0;
    size_t room = 0;
    for (;;) {
        bool found = false;
        all = with_room(arena, all, n, &room);
        if (!next_account(s, id, arena, &all[n], &found, e)) {
            return false;
        }
        if (!found) {
            break;
        }
        n++;
    }
    if (n > 0) {
        qsort(all, n, sizeof(*all), by_name);
    }
    *accounts = all;
    *count = n;
    return true;
}

bool state_accounts_to_be(struct state *s, struct arena *arena, struct account **accounts,
                          size_t *count, struct error *e)
{
    uint8_t id[STORE_ID_LEN] = {0};
    struct account *all = NULL;
    size_t n = 0;
    size_t room = 0;
    bool found = true;

    while (found) {
        OWN(arena) struct arena scratch = {.max = STORE_VALUE_MAX * 3};
        struct slice plain = SLICE_NONE;
        struct error unused;
        struct account ignored;
        if (!state_value_next(s, id, &scratch, &plain, &found, e)) {
            return false;
        }
        if (found && decode(plain, &account_schema, &scratch, &ignored, &unused)) {
            all = with_room(arena, all, n, &room);
            n += decode(arena_copy(arena, plain), &account_schema, arena, &all[n], &unused);
        }
    }
    *accounts = all;
    *count = n;
    return true;
}

/* Contacts */

/* An address holds no line end, and neither does an account. */
static struct slice contact_name(const struct contact_row *row, struct arena *arena)
{
    struct slice name =
        arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(row->owner), SLICE_ARG(row->contact.address));
    uint8_t *bytes = (uint8_t *)(uintptr_t)name.ptr;

    for (size_t i = 0; i < name.len; i++) {
        bytes[i] = ascii_lower(bytes[i]);
    }
    return name;
}

bool state_contacts_put(struct state *s, const struct contact_row *rows, size_t n, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (n + 1) * (size_t)8192};
    struct slice *names = arena_array(&arena, n + 1, sizeof(*names));
    struct slice *plains = arena_array(&arena, n + 1, sizeof(*plains));

    for (size_t i = 0; i < n; i++) {
        OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};
        cbor_write(&plain, &contact_row_schema, &rows[i]);
        if (plain.full) {
            return error_set(e, ERROR_LIMIT, "state: a contact is too long");
        }
        names[i] = contact_name(&rows[i], &arena);
        plains[i] = arena_copy(&arena, buf_slice(&plain));
    }
    return store_put_many(s->store, STORE_CONTACT, names, plains, n, e);
}

bool state_contact_delete(struct state *s, const struct contact_row *row, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 8192};
    bool found = false;

    return store_delete(s->store, STORE_CONTACT, contact_name(row, &arena), &found, e);
}

bool state_contact_next(struct state *s, uint8_t place[static STATE_PLACE_LEN], struct arena *arena,
                        struct contact_row *out, bool *found, struct error *e)
{
    return next(s, STORE_CONTACT, place, &contact_row_schema, arena, out, found, e);
}

/* Recipients' keys */

bool state_recipient_get(struct state *s, struct slice address, struct arena *arena,
                         struct recipient_keys *out, bool *found, struct error *e)
{
    return get(s, STORE_RECIPIENT, address, &recipient_keys_schema, arena, out, found, e);
}

bool state_recipient_put(struct state *s, const struct recipient_keys *row, struct error *e)
{
    bool found = false;

    if (row->keys.count == 0 && row->refused.count == 0) {
        return store_delete(s->store, STORE_RECIPIENT, row->address, &found, e);
    }
    return put(s, STORE_RECIPIENT, row->address, &recipient_keys_schema, row, e);
}

bool state_recipient_next(struct state *s, uint8_t place[static STATE_PLACE_LEN],
                          struct arena *arena, struct recipient_keys *out, bool *found,
                          struct error *e)
{
    return next(s, STORE_RECIPIENT, place, &recipient_keys_schema, arena, out, found, e);
}

/* Levels */

bool state_level_get(struct state *s, struct slice where, uint64_t *level, struct error *e)
{
    OWN(arena) struct arena arena;
    struct level value = {0};
    bool found = false;
    arena_init(&arena, STORE_VALUE_MAX);
    if (!get(s, STORE_LEVEL, where, &level_schema, &arena, &value, &found, e)) {
        return false;
    }
    *level = found ? value.level : 0;
    return true;
}

bool state_level_put(struct state *s, struct slice where, uint64_t level, struct error *e)
{
    return put(s, STORE_LEVEL, where, &level_schema, &(struct level){level}, e);
}

bool state_level_delete(struct state *s, struct slice where, bool *found, struct error *e)
{
    return store_delete(s->store, STORE_LEVEL, where, found, e);
}

bool state_backup(struct state *s, const char *path, struct error *e)
{
    return store_backup(s->store, path, e);
}
