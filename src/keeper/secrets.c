#include "keeper/secrets.h"

#include "base/clock.h"
#include "base/log.h"

#include "keeper/disposal.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/redecide_look.h"
#include "keeper/secret_marks.h"
#include "keeper/secrets_parts.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"

#define DAY_MS      ((uint64_t)24 * 60 * 60 * 1000)
#define NAME_HEX    40 /* characters of a hash in a value's name */
#define DAYS_MAX    500
#define LOOK_MS     (INT64_C(3600) * 1000) /* between two looks for days that are over */
#define GROUPS      4
#define GROUP_CHARS 5
#define DERIVE_MAX                                                                                 \
    100 /* hashes: that no two of them make a password happens once in 10^60 letters */
#define MARKS_KEY "secret/marks"
#define DAYS      "secret/days"

/* Nothing that is taken for another when it is heard or read: no i, l, o, u, 0, 1. */
static const char alphabet[] = "23456789abcdefghjkmnpqrstvwxyz";

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER; /* days, marks */

/* ── passwords ── */

/* Write one out of random bytes; false when too few of them were of use, or when it is none of those that are known again
 * in a text: one in twenty has too few digits. */
static bool spell(struct slice random, char out[static GROUPS * (GROUP_CHARS + 1)])
{
    size_t n = 0;
    size_t len = 0;

    for (size_t i = 0; i < random.len && n < (size_t)GROUPS * GROUP_CHARS; i++) {
        unsigned value = random.ptr[i] & 31u;
        if (value >= sizeof(alphabet) - 1) {
            continue;
        }
        if (n && n % GROUP_CHARS == 0) {
            out[len++] = '-';
        }
        out[len++] = alphabet[value];
        n++;
    }
    out[len] = '\0';
    return n == (size_t)GROUPS * GROUP_CHARS && secret_sound(slice_of(out, len));
}

struct slice secrets_new(struct arena *arena)
{
    char text[GROUPS * (GROUP_CHARS + 1)];
    uint8_t random[2 * DIGEST_LEN];

    do {
        keyring_random_bytes(random, sizeof(random));
    } while (!spell(SLICE_ARRAY(random), text));
    struct slice password = arena_copy(arena, slice_text(text));
    explicit_bzero(random, sizeof(random));
    explicit_bzero(text, sizeof(text));
    return password;
}

/* The one that follows from a key and a letter: the first sound one of those that do. */
static struct slice derive(struct slice key, struct slice id, struct arena *arena)
{
    char text[GROUPS * (GROUP_CHARS + 1)];
    uint8_t random[2 * DIGEST_LEN];
    uint8_t half[DIGEST_LEN];
    unsigned n = 0;

    digest_hmac(key, id, half); /* a key of this letter's own */
    do {
        if (n >= DERIVE_MAX) {
            arena_panic("hashes of which no password can be made");
        }
        for (size_t i = 0; i < 2; i++) {
            struct slice label = arena_printf(arena, "password %u", ++n);
            digest_hmac(SLICE_ARRAY(half), label, random + i * DIGEST_LEN);
        }
    } while (!spell(SLICE_ARRAY(random), text));
    struct slice password = arena_copy(arena, slice_text(text));
    explicit_bzero(random, sizeof(random));
    explicit_bzero(half, sizeof(half));
    explicit_bzero(text, sizeof(text));
    return password;
}

/* ── values of the state ── */

struct slice secrets_name(const char *kind, struct slice address, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[DIGEST_LEN];
    char hex[NAME_HEX + 1];

    digest_of(recipient_canonical(address, arena), SLICE_NONE, digest);
    for (size_t i = 0; i < NAME_HEX / 2; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[NAME_HEX] = '\0';
    return arena_printf(arena, "secret/%s/%s", kind, hex);
}

/* A random key that is made when it is first asked for. With the lock. */
static bool get_key(struct keeper *k, struct slice name, bool make, struct arena *arena,
                    struct slice *key, bool *found, struct error *e)
{
    uint8_t fresh[SECRET_KEY_LEN];

    if (!state_value_get(k->state, name, arena, key, found, e)) {
        return false;
    }
    if (*found && key->len != SECRET_KEY_LEN) {
        return error_set(e, ERROR_CORRUPT, "a key of passwords is damaged");
    }
    if (*found || !make) {
        return true;
    }
    keyring_random_bytes(fresh, sizeof(fresh));
    *key = arena_copy(arena, SLICE_ARRAY(fresh));
    *found = true;
    return state_value_put(k->state, name, *key, e);
}

/* ── the keys of days ── */

static struct slice day_name(uint64_t day, struct arena *arena)
{
    return arena_printf(arena, "secret/day/%llu", (unsigned long long)day);
}

static uint64_t keep_days(const struct keeper *k)
{
    const struct settings *s = k->options.settings(k->options.context);

    return (uint64_t)s->documents.keep_ms / DAY_MS;
}

static uint64_t read_day(struct slice days, size_t i)
{
    uint32_t day = 0;

    (void)memcpy(&day, days.ptr + 4 * i, sizeof(day));
    return day;
}

/* Destroy the keys of days that are over, and list a new day, if there is one. With the lock. */
static bool list_days(struct keeper *k, const uint64_t *day, uint64_t today, struct arena *arena,
                      struct error *e)
{
    OWN(buf) struct buf left = {.max = (size_t)4 * DAYS_MAX};
    struct slice days = SLICE_NONE;
    bool found = false;

    if (!state_value_get(k->state, SLICE(DAYS), arena, &days, &found, e)) {
        return false;
    }
    for (size_t i = 0; i < days.len / 4; i++) {
        uint64_t listed = read_day(days, i);
        bool over = listed + keep_days(k) < today;
        if (over && !state_value_delete(k->state, day_name(listed, arena), &found, e)) {
            return false;
        }
        if (!over && !(day && listed == *day)) {
            buf_add(&left, slice_of(days.ptr + 4 * i, 4));
        }
    }
    if (day) {
        const uint32_t number = (uint32_t)*day;
        buf_add(&left, slice_of(&number, sizeof(number)));
    }
    return (!day && left.len == days.len) ||
           state_value_put(k->state, SLICE(DAYS), buf_slice(&left), e);
}

/* The time by which something may be destroyed: one that is believed, as for letters. False while none is. */
static bool believed(struct keeper *k, uint64_t *now_ms)
{
    const struct trusted_clock clock = disposal_clock_now(k);

    *now_ms = (uint64_t)trusted_clock_now(&clock, clock_wall_ms());
    return !clock.doubted;
}

void secrets_watch(struct keeper *k)
{
    static int64_t next_at; /* steady clock; the watch's thread is one */
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    int64_t now = clock_steady_ms();
    uint64_t wall = 0;
    struct error e;

    if (now < next_at || !believed(k, &wall)) {
        return;
    }
    next_at = now + LOOK_MS;
    (void)pthread_mutex_lock(&changing);
    bool looked = list_days(k, NULL, wall / DAY_MS, &arena, &e);
    (void)pthread_mutex_unlock(&changing);
    if (!looked) {
        log_event(LOG_WARNING, "secrets.not_destroyed", LOG_TEXT("reason", e.text));
    }
}

static bool day_key(struct keeper *k, uint64_t received_at, bool make, struct arena *arena,
                    struct slice *key, bool *found, struct error *e)
{
    uint64_t day = received_at / DAY_MS;
    uint64_t today = (uint64_t)clock_wall_ms() / DAY_MS;
    uint64_t wall = 0;
    bool sure = believed(k, &wall);

    *found = false;
    if (day + keep_days(k) < today) {
        return true;
    }
    (void)pthread_mutex_lock(&changing);
    bool good = get_key(k, day_name(day, arena), false, arena, key, found, e);
    if (good && !*found && make) {
        good = list_days(k, &day, sure ? wall / DAY_MS : 0, arena, e) && /* 0: none is over */
               get_key(k, day_name(day, arena), true, arena, key, found, e);
    }
    (void)pthread_mutex_unlock(&changing);
    return good;
}

/* ── marks ── */

/* Without one, nobody was ever told a password. */
bool secrets_marks_key(struct keeper *k, bool make, struct arena *arena, struct slice *key,
                       bool *found, struct error *e)
{
    (void)pthread_mutex_lock(&changing);
    bool good = get_key(k, SLICE(MARKS_KEY), make, arena, key, found, e);
    (void)pthread_mutex_unlock(&changing);
    return good;
}

bool secrets_read_marks(struct keeper *k, struct slice address, struct arena *arena,
                        struct secret_marks *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct secret_marks){
        .marks = {NULL, 0}
    };
    return state_value_get(k->state, secrets_name("marks", address, arena), arena, &value, &found,
                           e) &&
           (!found || cbor_read(value, &secret_marks_schema, arena, out, e));
}

/* Keep one more, without those that are over, and without the one agreed on before when `mark` takes its place. NULL: only
 * without these. With the lock. */
static bool put_mark(struct keeper *k, struct slice address, const struct secret_mark *mark,
                     bool instead, struct arena *arena, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    struct secret_mark *left = arena_array(arena, SECRET_MARKS_MAX + 1, sizeof(*left));
    struct secret_marks marks;
    uint64_t now = 0;
    bool sure = believed(k, &now);
    size_t n = 0;

    if (!secrets_read_marks(k, address, arena, &marks, e)) {
        return false;
    }
    const struct secret_mark *old = marks.marks.items;
    for (size_t i = 0; i < marks.marks.count; i++) {
        bool same = mark && slice_equal(old[i].joined, mark->joined);
        bool over = old[i].until ? sure && old[i].until < now : instead;
        if (!same && !over) {
            left[n++] = old[i];
        }
    }
    if (mark) {
        left[n++] = *mark;
    }
    if (n > SECRET_MARKS_MAX) { /* the oldest makes room, but not the one agreed on */
        size_t out = 0;
        while (out < SECRET_MARKS_MAX && !left[out].until) {
            out++;
        }
        (void)memmove(left + out, left + out + 1, (n - out - 1) * sizeof(*left));
        n--;
    }
    marks.marks = (struct cbor_list){left, n};
    cbor_write(&value, &secret_marks_schema, &marks);
    return state_value_put(k->state, secrets_name("marks", address, arena), buf_slice(&value), e);
}

static bool mark_password(struct keeper *k, struct slice address, struct slice password,
                          uint64_t until, struct arena *arena, struct error *e)
{
    struct slice key;
    bool found = false;

    if (!secrets_marks_key(k, true, arena, &key, &found, e)) {
        return false;
    }
    struct secret_mark mark = secret_mark_of(key.ptr, password, until, arena);
    (void)pthread_mutex_lock(&changing);
    bool put = put_mark(k, address, &mark, false, arena, e);
    (void)pthread_mutex_unlock(&changing);
    return put;
}

/* ── what was agreed on ── */

bool secrets_agreed(struct keeper *k, struct slice address, struct arena *arena,
                    struct secret_agreed *out, bool *found, struct error *e)
{
    struct slice value = SLICE_NONE;

    return state_value_get(k->state, secrets_name("agreed", address, arena), arena, &value, found,
                           e) &&
           (!*found || cbor_read(value, &secret_agreed_schema, arena, out, e));
}

/* With the lock. */
static bool take_back(struct keeper *k, struct slice address, struct arena *arena, struct error *e)
{
    bool found = false;

    return state_value_delete(k->state, secrets_name("agreed", address, arena), &found, e) &&
           put_mark(k, address, NULL, true, arena, e);
}

/* The new one is marked beside the former before it counts; after a crash both are looked for. With the lock. */
static bool replace(struct keeper *k, struct slice address, const struct secret_agreed *agreed,
                    struct arena *arena, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    struct slice key = SLICE_NONE;
    bool found = false;

    if (!get_key(k, SLICE(MARKS_KEY), true, arena, &key, &found, e)) {
        return false;
    }
    const struct secret_mark mark = secret_mark_of(key.ptr, agreed->password, 0, arena);
    cbor_write(&value, &secret_agreed_schema, agreed);
    bool kept =
        put_mark(k, address, &mark, false, arena, e) &&
        state_value_put(k->state, secrets_name("agreed", address, arena), buf_slice(&value), e) &&
        put_mark(k, address, &mark, true, arena, e);
    explicit_bzero(value.ptr, value.len);
    return kept;
}

bool secrets_agree(struct keeper *k, struct slice address, const struct secret_agreed *agreed,
                   struct arena *arena, struct error *e)
{
    (void)pthread_mutex_lock(&changing);
    bool kept = agreed->password.len ? replace(k, address, agreed, arena, e)
                                     : take_back(k, address, arena, e);
    (void)pthread_mutex_unlock(&changing);
    if (kept && agreed->password.len) {
        redecide_known(k, address);
    }
    return kept;
}

/* ── for letters ── */

bool secrets_told_at(struct keeper *k, const struct settings *s, struct slice address,
                     struct arena *arena, struct slice *number, struct error *e)
{
    struct secret_telephone telephone = {.number = SLICE_NONE};
    bool told = s->documents.password != SETTING_PASSWORD_AGREED && s->documents.command.len;

    if (told && !secrets_telephone(k, address, arena, &telephone, e)) {
        return false;
    }
    *number = telephone.number;
    return true;
}

bool secrets_choose(struct keeper *k, const struct facts *f, struct slice address,
                    struct arena *arena, struct secret_choice *out, bool *found, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct secret_agreed agreed = {.password = SLICE_NONE};
    struct slice telephone = SLICE_NONE;
    struct slice key = SLICE_NONE;

    if (!secrets_agreed(k, address, arena, &agreed, found, e)) {
        return false;
    }
    if (*found) {
        *out = (struct secret_choice){agreed.password, false,
                                      SLICE("password: agreed on with the recipient"), SLICE_NONE};
        return true;
    }
    if (!secrets_told_at(k, s, address, arena, &telephone, e)) {
        return false;
    }
    if (s->documents.password != SETTING_PASSWORD_GENERATED && telephone.len == 0) {
        return true;
    }
    if (!day_key(k, f->received_at, true, arena, &key, found, e)) {
        return false;
    }
    if (*found) {
        *out = (struct secret_choice){
            derive(key, f->id, arena), true,
            SLICE("password: made for this letter; `postern letter secret` shows it to its sender"),
            telephone};
    }
    return true;
}

bool secrets_of_letter(struct keeper *k, const struct facts *f, struct arena *arena,
                       struct slice *password, uint64_t *until, bool *found, struct error *e)
{
    const struct recipient *all = f->recipients.items;
    struct slice key = SLICE_NONE;

    if (!day_key(k, f->received_at, false, arena, &key, found, e)) {
        return false;
    }
    if (!*found) {
        return true;
    }
    *until = (f->received_at / DAY_MS + keep_days(k) + 1) * DAY_MS;
    *password = derive(key, f->id, arena);
    for (size_t i = 0; i < f->recipients.count; i++) {
        if (!mark_password(k, all[i].address, *password, *until, arena, e)) {
            return false;
        }
    }
    return true;
}
