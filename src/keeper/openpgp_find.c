#include "keeper/openpgp_find.h"

#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/facts.h"
#include "formats/openpgp/autocrypt.h"
#include "formats/openpgp/wkd.h"
#include "host/fetch.h"
#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/recipient_keys.h"
#include "keyring/digest.h"
#include "requests/courier.h"
#include "requests/recipients.h"

#define ASKED_SETS   512 /* what was asked of late, by its hash; the oldest of a set makes room */
#define ASKED_WAYS   16
#define AGAIN_MS     (24 * 3600 * INT64_C(1000))
#define FETCH_MS     4000 /* of each of two places */
#define CHANNEL_MS   1000 /* more, for a channel to courier */
#define MINUTE_MS    60000
#define A_MINUTE     60 /* questions of all letters together; and as many keys that are offered */
#define HTTP_OK      200
#define HTTP_MISSING 404
#define HTTP_GONE    410
#define RECENT_MS                                                                                  \
    (35 * 24 * 3600 * INT64_C(1000)) /* of Autocrypt: an older key may be out of use */
#define HEADER_MAX ((size_t)1 << 20)

struct place {
    uint64_t what;
    int64_t at_ms; /* steady clock; 0: nothing yet */
    bool busy;     /* somebody is asking */
};

/* Of one minute. */
struct budget {
    int64_t minute;
    unsigned spent;
};

/* What was asked when, by a hash of what. */
static struct {
    pthread_mutex_t lock; /* guards the others */
    struct place places[ASKED_SETS][ASKED_WAYS];
    struct budget lookups, offers;
} asked = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* UNASKED: courier is not there, so nothing is known of the directory. */
enum look { LOOK_FOUND, LOOK_GONE, LOOK_NOTHING, LOOK_NO_ANSWER, LOOK_UNASKED };

/* Whether this thread asks now; it says so when it is done. */
enum begun { BEGUN, BEGUN_OF_LATE, BEGUN_NOT_NOW };

static uint64_t hash_of(struct slice what)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(SLICE("openpgp_find"), what, digest);
    return get64(digest);
}

/* Under the lock: the place of it, or the one that makes room for it; NULL while all are busy. */
static struct place *place_of(uint64_t hash)
{
    struct place *set = asked.places[hash % ASKED_SETS];
    struct place *oldest = NULL;

    for (size_t i = 0; i < ASKED_WAYS; i++) {
        if (set[i].what == hash && (set[i].at_ms || set[i].busy)) {
            return &set[i];
        }
        if (!set[i].busy && (!oldest || set[i].at_ms < oldest->at_ms)) {
            oldest = &set[i];
        }
    }
    return oldest;
}

static bool is_of_late(const struct place *p, uint64_t hash)
{
    return p && p->what == hash && p->at_ms && clock_steady_ms() - p->at_ms < AGAIN_MS;
}

static bool was_asked(struct slice what, bool mark)
{
    uint64_t hash = hash_of(what);

    (void)pthread_mutex_lock(&asked.lock);
    struct place *p = place_of(hash);
    bool was = is_of_late(p, hash);
    if (mark && !was && p) {
        *p = (struct place){.what = hash, .at_ms = clock_steady_ms()};
    }
    (void)pthread_mutex_unlock(&asked.lock);
    return was;
}

/* Under the lock. */
static bool spend(struct budget *b)
{
    int64_t minute = clock_steady_ms() / MINUTE_MS;

    if (b->minute != minute) {
        *b = (struct budget){.minute = minute};
    }
    return b->spent < A_MINUTE && ++b->spent;
}

static bool may_ask_now(void)
{
    (void)pthread_mutex_lock(&asked.lock);
    bool may = spend(&asked.offers);
    (void)pthread_mutex_unlock(&asked.lock);
    return may;
}

static enum begun begin(struct slice name)
{
    uint64_t hash = hash_of(name);
    enum begun begun = BEGUN_NOT_NOW;

    (void)pthread_mutex_lock(&asked.lock);
    struct place *p = place_of(hash);
    if (is_of_late(p, hash)) {
        begun = BEGUN_OF_LATE;
    } else if (p && !p->busy && spend(&asked.lookups)) {
        *p = (struct place){.what = hash, .busy = true};
        begun = BEGUN;
    }
    (void)pthread_mutex_unlock(&asked.lock);
    return begun;
}

/* What nobody could be asked is asked again. */
static void end(struct slice name, bool answered)
{
    uint64_t hash = hash_of(name);

    (void)pthread_mutex_lock(&asked.lock);
    struct place *p = place_of(hash); /* as it is busy, it is still there */
    if (p) {
        *p = (struct place){.what = answered ? hash : 0, .at_ms = answered ? clock_steady_ms() : 0};
    }
    (void)pthread_mutex_unlock(&asked.lock);
}

/* No redirect is followed: another host has nothing to say about this domain's people. */
static enum look fetch_from(struct keeper *k, struct slice url, struct arena *arena, int *body)
{
    const struct courier_ask ask = {.method = FETCH_GET,
                                    .url = url,
                                    .answer_max = RECIPIENT_FILE_MAX,
                                    .timeout_ms = FETCH_MS,
                                    .told = true};
    struct courier_answer answer = {0};
    struct error e;

    if (!ipc_call(k->options.courier, &courier_fetch, &ask, -1, &answer, body, arena,
                  FETCH_MS + CHANNEL_MS, &e)) {
        return LOOK_UNASKED;
    }
    if (answer.failed) {
        return LOOK_NO_ANSWER;
    }
    bool gone = answer.status == HTTP_MISSING || answer.status == HTTP_GONE;
    return answer.status == HTTP_OK ? LOOK_FOUND : gone ? LOOK_GONE : LOOK_NOTHING;
}

/* The advanced method, and the direct one where its host does not answer at all (section 3.1 of the draft). */
static enum look fetch_key(struct keeper *k, struct slice address, struct arena *arena, int *body)
{
    struct wkd_place place;

    if (!wkd_place(address, arena, &place)) {
        return LOOK_NOTHING;
    }
    enum look look = fetch_from(k, place.advanced, arena, body);
    return look != LOOK_NO_ANSWER ? look : fetch_from(k, place.direct, arena, body);
}

static bool names_it(const struct recipient_key *key, struct slice address)
{
    const struct slice *names = key->names.items;

    for (size_t i = 0; i < key->names.count; i++) {
        if (slice_equal_nocase(names[i], address)) {
            return true;
        }
    }
    return false;
}

/* The error's own sentence may name the address. */
static void log_not_kept(const struct error *e)
{
    log_event(LOG_WARNING, "openpgp.not_kept",
              LOG_TEXT("reason", e->kind == ERROR_LIMIT ? "its address has too many keys"
                                                        : "the keys could not be changed"));
}

static bool forget(struct keeper *k, struct slice address, struct arena *arena)
{
    bool any = false;
    struct error e;

    if (!recipient_keys_forget(k, address, RECIPIENT_WKD, SLICE("its directory has it no more"),
                               arena, &any, &e)) {
        log_not_kept(&e);
        return false;
    }
    return any;
}

/* Whether a key is here as its directory has it, byte for byte: one with the same fingerprint may have other subkeys. One of
 * our own is never replaced. */
static bool is_kept(const struct recipient_keys *row, const struct recipient_key *key)
{
    const struct recipient_key *keys = row->keys.items;
    bool kept = false;
    size_t n = 0;

    for (size_t i = 0; i < row->keys.count; i++) {
        bool same = slice_equal(keys[i].fingerprint, key->fingerprint);
        bool found = keys[i].source == RECIPIENT_WKD;
        if (same && keys[i].own.len) {
            return true;
        }
        n += found ? 1 : 0;
        kept = kept || (same && found && slice_equal(keys[i].bytes, key->bytes));
    }
    return kept && n == 1;
}

static bool keep(struct keeper *k, struct slice address, int file, struct arena *arena)
{
    struct recipient_keys row;
    struct recipient_key key;
    struct error e;

    if (!recipient_key_read(k, address, file, arena, &key, &e)) {
        return e.kind == ERROR_INPUT && forget(k, address, arena);
    }
    if (key.kind != RECIPIENT_OPENPGP || !names_it(&key, address)) {
        return forget(k, address, arena);
    }
    key.source = RECIPIENT_WKD;
    key.own = SLICE_NONE;
    if (!recipient_keys_of(k, address, arena, &row, &e)) {
        log_not_kept(&e);
        return false;
    }
    if (is_kept(&row, &key)) {
        return false;
    }
    if (!recipient_key_keep(k, NULL, address, &key, SLICE_NONE, arena, &e)) {
        log_not_kept(&e);
        return false;
    }
    return true;
}

/* Without such a section nobody is encrypted to with a key, so no directory need hear of him. */
static bool a_policy_names_it(const struct settings *s)
{
    const struct policy_settings *policies = s->policies.items;

    for (size_t i = 0; i < s->policies.count; i++) {
        const int *methods = policies[i].methods.items;
        for (size_t n = 0; n < policies[i].methods.count; n++) {
            if (methods[n] == SETTING_METHOD_OPENPGP) {
                return true;
            }
        }
    }
    return false;
}

/* What was found is kept before anybody hears that it was asked for. */
static enum openpgp_found ask(struct keeper *k, struct slice name, struct arena *arena)
{
    OWN(fd) int body = -1;
    enum look look = fetch_key(k, name, arena, &body);
    bool changed = look == LOOK_GONE    ? forget(k, name, arena)
                   : look == LOOK_FOUND ? body >= 0 && keep(k, name, body, arena)
                                        : false;

    if (look == LOOK_NO_ANSWER) {
        (void)was_asked(letter_domain(name), true);
    }
    end(name, look != LOOK_UNASKED);
    return look == LOOK_UNASKED ? OPENPGP_NOT_NOW : changed ? OPENPGP_CHANGED : OPENPGP_SAME;
}

enum openpgp_found openpgp_find(struct keeper *k, struct slice address, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct slice name = recipient_canonical(address, arena);
    struct slice domain = letter_domain(name);

    if (!settings->openpgp.lookup || !a_policy_names_it(settings) || domain.len == 0 ||
        was_asked(domain, false)) {
        return OPENPGP_SAME;
    }
    if (was_asked(name, false)) {
        return OPENPGP_SAME;
    }
    if (!patience_take()) {
        return OPENPGP_NOT_NOW;
    }
    enum begun begun = begin(name);
    enum openpgp_found found = begun == BEGUN           ? ask(k, name, arena)
                               : begun == BEGUN_OF_LATE ? OPENPGP_SAME
                                                        : OPENPGP_NOT_NOW;
    patience_give();
    return found;
}

/* ── Autocrypt ── */

static const struct mail_limits limits = {.letter_bytes = HEADER_MAX,
                                          .header_bytes = HEADER_MAX,
                                          .field_bytes = HEADER_MAX,
                                          .line_bytes = HEADER_MAX,
                                          .fields = 2000};

/* The one key that its one author offers (Level 1, section 2.3): a report speaks for nobody, and two fields are none. */
static bool offer(const struct mail_header *h, const struct settings *s, struct arena *arena,
                  struct autocrypt *out, int64_t *date_ms)
{
    const struct mail_field *type = mail_header_find(h, MAIL_CONTENT_TYPE);
    int64_t now_ms = clock_wall_ms();
    struct mail_facts facts;
    size_t n = 0;

    mail_facts_read(h, true, arena, &facts);
    *date_ms = facts.date_ms < now_ms ? facts.date_ms : now_ms;
    bool speaks =
        facts.from.count == 1 && facts.has_date && facts.date_ms > now_ms - RECENT_MS &&
        !settings_is_ours(s, facts.from.items[0].domain) &&
        !(type && slice_starts_nocase(slice_trim(type->value), SLICE("multipart/report")));
    for (size_t i = 0; speaks && i < h->n_fields; i++) {
        struct autocrypt read;
        if (!slice_equal_nocase(h->fields[i].label, SLICE("Autocrypt")) ||
            !autocrypt_read(h->fields[i].value, arena, &read)) {
            continue;
        }
        struct slice from = arena_printf(arena, "%.*s@%.*s", SLICE_ARG(facts.from.items[0].local),
                                         SLICE_ARG(facts.from.items[0].domain));
        n += slice_equal_nocase(read.address, from) ? 1 : 0;
        *out = slice_equal_nocase(read.address, from) ? read : *out;
    }
    return n == 1;
}

static void take(struct keeper *k, const struct autocrypt *offered, int64_t date_ms,
                 struct arena *arena)
{
    struct slice name = recipient_canonical(offered->address, arena);
    OWN(fd) int file = -1;
    struct recipient_keys known;
    struct recipient_key key;
    struct error e;

    if (!memfd_from("key", offered->key, &file, &e) ||
        !recipient_key_read(k, name, file, arena, &key, &e) || key.kind != RECIPIENT_OPENPGP ||
        !names_it(&key, name) || !recipient_keys_of(k, name, arena, &known, &e)) {
        return;
    }
    const struct recipient_key *keys = known.keys.items;
    for (size_t i = 0; i < known.keys.count; i++) {
        if (slice_equal(keys[i].fingerprint, key.fingerprint)) {
            return; /* as it is there, whoever brought it */
        }
    }
    key.source = RECIPIENT_AUTOCRYPT;
    key.offered_at = (uint64_t)date_ms;
    key.own = SLICE_NONE;
    if (!recipient_key_keep(k, NULL, name, &key, SLICE_NONE, arena, &e)) {
        log_not_kept(&e);
    }
}

void openpgp_harvest(struct keeper *k, const struct facts *f, int content_fd, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct autocrypt offered = {.address = SLICE_NONE};
    uint8_t what[DIGEST_LEN];
    struct mail_header h;
    int64_t date_ms = 0;
    struct error e;

    if (!settings->openpgp.autocrypt || f->kind != LETTER_IMPORTED ||
        !memfd_map(content_fd, LETTER_BYTES_MAX, &map, &e)) {
        return;
    }
    mail_header_read(slice_head(map.bytes, HEADER_MAX), &limits, true, arena, &h);
    if (!offer(&h, settings, arena, &offered, &date_ms)) {
        return;
    }
    digest_of(offered.address, offered.key, what); /* anybody can offer anybody's key as his own */
    if (!was_asked((struct slice){what, sizeof(what)}, true) && may_ask_now()) {
        take(k, &offered, date_ms, arena);
    }
}
