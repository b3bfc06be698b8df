#include "keeper/secrets.h"

#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/secret_marks.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"

#define DAY_MS      ((uint64_t)24 * 60 * 60 * 1000)
#define NAME_HEX    40 /* characters of a hash in a value's name */
#define DAYS_MAX    500
#define LOOK_MS     (INT64_C(3600) * 1000) /* between two looks for days that are over */
#define TERMS_MAX   TEXT_LIST_BYTES_MAX
#define GROUPS      4
#define GROUP_CHARS 5
#define MARKS_KEY   "secret/marks"
#define DAYS        "secret/days"

/* Nothing that is taken for another when it is heard or read: no i, l, o, u, 0, 1. */
static const char alphabet[] = "23456789abcdefghjkmnpqrstvwxyz";

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER; /* days, marks */

/* ── passwords ── */

/* Write one out of random bytes; false when too few of them were of use. */
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
    return n == (size_t)GROUPS * GROUP_CHARS;
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

/* The one that follows from a key and a letter. */
static struct slice derive(struct slice key, struct slice id, struct arena *arena)
{
    char text[GROUPS * (GROUP_CHARS + 1)];
    uint8_t random[2 * DIGEST_LEN];
    uint8_t half[DIGEST_LEN];

    digest_hmac(key, id, half); /* a key of this letter's own */
    digest_hmac(SLICE_ARRAY(half), SLICE("password 1"), random);
    digest_hmac(SLICE_ARRAY(half), SLICE("password 2"), random + DIGEST_LEN);
    if (!spell(SLICE_ARRAY(random), text)) { /* once in 10^30 letters */
        arena_panic("a hash of which no password can be made");
    }
    struct slice password = arena_copy(arena, slice_text(text));
    explicit_bzero(random, sizeof(random));
    explicit_bzero(half, sizeof(half));
    explicit_bzero(text, sizeof(text));
    return password;
}

/* ── values of the state ── */

static struct slice name_of(const char *kind, struct slice address, struct arena *arena)
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

void secrets_watch(struct keeper *k)
{
    static int64_t next_at; /* steady clock; the watch's thread is one */
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    int64_t now = clock_steady_ms();
    struct error e;

    if (now < next_at) {
        return;
    }
    next_at = now + LOOK_MS;
    (void)pthread_mutex_lock(&changing);
    bool looked = list_days(k, NULL, (uint64_t)clock_wall_ms() / DAY_MS, &arena, &e);
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

    *found = false;
    if (day + keep_days(k) < today) {
        return true;
    }
    (void)pthread_mutex_lock(&changing);
    bool good = get_key(k, day_name(day, arena), false, arena, key, found, e);
    if (good && !*found && make) {
        good = list_days(k, &day, today, arena, e) &&
               get_key(k, day_name(day, arena), true, arena, key, found, e);
    }
    (void)pthread_mutex_unlock(&changing);
    return good;
}

/* ── marks ── */

/* Without one, nobody was ever told a password. */
static bool marks_key(struct keeper *k, bool make, struct arena *arena, struct slice *key,
                      bool *found, struct error *e)
{
    (void)pthread_mutex_lock(&changing);
    bool good = get_key(k, SLICE(MARKS_KEY), make, arena, key, found, e);
    (void)pthread_mutex_unlock(&changing);
    return good;
}

static bool read_marks(struct keeper *k, struct slice address, struct arena *arena,
                       struct secret_marks *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct secret_marks){
        .marks = {NULL, 0}
    };
    return state_value_get(k->state, name_of("marks", address, arena), arena, &value, &found, e) &&
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
    uint64_t now = (uint64_t)clock_wall_ms();
    size_t n = 0;

    if (!read_marks(k, address, arena, &marks, e)) {
        return false;
    }
    const struct secret_mark *old = marks.marks.items;
    for (size_t i = 0; i < marks.marks.count; i++) {
        bool same = mark && slice_equal(old[i].joined, mark->joined);
        bool over = old[i].until ? old[i].until < now : instead;
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
    return state_value_put(k->state, name_of("marks", address, arena), buf_slice(&value), e);
}

static bool mark_password(struct keeper *k, struct slice address, struct slice password,
                          uint64_t until, struct arena *arena, struct error *e)
{
    struct slice key;
    bool found = false;

    if (!marks_key(k, true, arena, &key, &found, e)) {
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

    return state_value_get(k->state, name_of("agreed", address, arena), arena, &value, found, e) &&
           (!*found || cbor_read(value, &secret_agreed_schema, arena, out, e));
}

/* With the lock. */
static bool take_back(struct keeper *k, struct slice address, struct arena *arena, struct error *e)
{
    bool found = false;

    return state_value_delete(k->state, name_of("agreed", address, arena), &found, e) &&
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
        state_value_put(k->state, name_of("agreed", address, arena), buf_slice(&value), e) &&
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
    return kept;
}

/* ── for letters ── */

bool secrets_choose(struct keeper *k, const struct facts *f, struct slice address,
                    struct arena *arena, struct secret_choice *out, bool *found, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct secret_agreed agreed = {.password = SLICE_NONE};
    struct slice key = SLICE_NONE;

    if (!secrets_agreed(k, address, arena, &agreed, found, e)) {
        return false;
    }
    if (*found) {
        *out = (struct secret_choice){agreed.password, false,
                                      SLICE("password: agreed on with the recipient")};
        return true;
    }
    if (s->documents.password != SETTING_PASSWORD_GENERATED) {
        return true;
    }
    if (!day_key(k, f->received_at, true, arena, &key, found, e)) {
        return false;
    }
    if (*found) {
        *out = (struct secret_choice){
            derive(key, f->id, arena), true,
            SLICE(
                "password: made for this letter; `postern letter secret` shows it to its sender")};
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

/* ── letters that hold one ── */

/* Look for the passwords of all recipients; how many there are. */
static bool gather(struct keeper *k, const struct facts *f, struct secret_search *search,
                   struct arena *arena, size_t *n, struct error *e)
{
    const struct recipient *all = f->recipients.items;
    uint64_t now = (uint64_t)clock_wall_ms();

    for (size_t i = 0; i < f->recipients.count; i++) {
        struct secret_marks marks;
        if (!read_marks(k, all[i].address, arena, &marks, e)) {
            return false;
        }
        const struct secret_mark *m = marks.marks.items;
        for (size_t j = 0; j < marks.marks.count; j++) {
            if (m[j].until == 0 || m[j].until >= now) {
                secret_search_for(search, &m[j], i);
                (*n)++;
            }
        }
    }
    return true;
}

/* As what a policy holds: no order about a whole account lets it go, but the officer. What goes back goes back. */
static void hold_one(struct ruling *r, const char *why, struct arena *arena)
{
    if (guard_goes_back(r->guard)) {
        return;
    }
    ruling_hold(r, slice_text(why), arena);
    r->guard = r->guard == GUARD_NONE ? GUARD_POLICY : r->guard;
}

static void hold(struct decision *d, size_t recipient, const char *why, struct arena *arena)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        struct slice in = rulings[i].recipients;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            if (((size_t)in.ptr[0] << 8 | in.ptr[1]) == recipient) {
                hold_one(&rulings[i], why, arena);
            }
        }
    }
}

static void hold_all(struct decision *d, const char *why, struct arena *arena)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        hold_one(&rulings[i], why, arena);
    }
}

static bool search_letter(struct secret_search *search, const struct mail_header *header,
                          int terms_fd, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct text_terms terms;

    secret_search_text(search, header->bytes);
    if (terms_fd < 0) {
        return error_set(e, ERROR_INPUT, "it was not read");
    }
    if (!memfd_map(terms_fd, TERMS_MAX, &map, e) || !text_terms_read(map.bytes, &terms, e)) {
        return false;
    }
    secret_search_terms(search, &terms);
    return true;
}

void secrets_hold(struct keeper *k, const struct facts *f, const struct mail_header *header,
                  int terms_fd, struct arena *arena, struct decision *d)
{
    struct slice key = SLICE_NONE;
    struct error e = {0};
    size_t n = 0;
    size_t whose = 0;
    bool found = false;

    bool known = marks_key(k, false, arena, &key, &found, &e);
    if (known && !found) {
        return;
    }
    struct secret_search *search = secret_search_new(key.ptr, arena);
    if (!known || !gather(k, f, search, arena, &n, &e)) {
        hold_all(d, "the passwords of recipients cannot be read now", arena);
        return;
    }
    if (n == 0) {
        return;
    }
    if (!search_letter(search, header, terms_fd, &e)) {
        hold_all(d, "it could not be searched for the password of its recipient", arena);
    }
    while (secret_search_found(search, &whose)) {
        log_event(LOG_WARNING, "letter.secret_found", LOG_NUMBER("recipient", whose));
        hold(d, whose, SECRETS_WHY_HELD, arena);
    }
}
