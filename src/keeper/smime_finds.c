#include "keeper/smime_finds.h"

#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/recipient_keys.h"
#include "keyring/digest.h"

#define SETS      1024 /* of places: what was asked of late */
#define WAYS      8    /* places of a set; what has the least time left gives way */
#define WHO       256  /* addresses, by a hash: those of the same one are asked again together */
#define MINUTE_MS 60000
#define LEAST_MS  500 /* with less nobody is asked */

/* Questions of all letters together in a minute: strangers' zones, and a server of the settings. */
static const unsigned a_minute[SMIME_PLACES] = {60, 300};

struct place {
    uint64_t what;
    int64_t until_ms; /* steady clock; 0: nothing yet */
    struct smime_found found;
};

/* What was asked, by a hash of what. */
static struct {
    pthread_mutex_t lock; /* guards the others */
    struct place places[SETS][WAYS];
    uint32_t anew[SMIME_PLACES][WHO]; /* how often what was asked did not count any more */
    int64_t minute;
    unsigned spent[SMIME_PLACES];
} asked = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t smime_asked_hash(struct slice kind, struct slice what)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(kind, what, digest);
    return get64(digest);
}

static uint32_t *anew_of(enum smime_place place, struct slice address)
{
    return &asked.anew[place][smime_asked_hash(SLICE("address"), address) % WHO];
}

uint64_t smime_asked_of(enum smime_place place, struct slice where, struct slice address,
                        struct arena *arena)
{
    (void)pthread_mutex_lock(&asked.lock);
    uint32_t anew = *anew_of(place, address);
    (void)pthread_mutex_unlock(&asked.lock);
    return smime_asked_hash(SLICE("smime asked"),
                            arena_printf(arena, "%u %u %.*s\n%.*s", (unsigned)place, anew,
                                         SLICE_ARG(where), SLICE_ARG(address)));
}

void smime_asked_anew(enum smime_place place, struct slice address)
{
    (void)pthread_mutex_lock(&asked.lock);
    ++*anew_of(place, address);
    (void)pthread_mutex_unlock(&asked.lock);
}

void smime_find_anew(struct slice address, struct arena *arena)
{
    struct slice who = recipient_canonical(address, arena);

    smime_asked_anew(SMIME_PLACE_DNS, who);
    smime_asked_anew(SMIME_PLACE_DIRECTORY, who);
}

/* Under the lock: where that is, or where it would go. */
static struct place *place_of(uint64_t hash)
{
    struct place *set = asked.places[hash % SETS];
    struct place *p = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].what == hash) {
            return &set[i];
        }
        p = set[i].until_ms < p->until_ms ? &set[i] : p;
    }
    return p;
}

bool smime_asked_recall(uint64_t hash, struct smime_found *out)
{
    (void)pthread_mutex_lock(&asked.lock);
    const struct place *p = place_of(hash);
    bool known = p->what == hash && p->until_ms > clock_steady_ms();
    if (known) {
        *out = p->found;
    }
    (void)pthread_mutex_unlock(&asked.lock);
    return known;
}

void smime_asked_remember(uint64_t hash, struct smime_found found, int64_t for_s)
{
    (void)pthread_mutex_lock(&asked.lock);
    *place_of(hash) =
        (struct place){.what = hash, .until_ms = clock_steady_ms() + for_s * 1000, .found = found};
    (void)pthread_mutex_unlock(&asked.lock);
}

bool smime_may_ask(enum smime_place place)
{
    int64_t minute = clock_steady_ms() / MINUTE_MS;

    if (patience_left_ms(LEAST_MS) < LEAST_MS || !patience_take()) {
        return false;
    }
    (void)pthread_mutex_lock(&asked.lock);
    if (asked.minute != minute) {
        asked.minute = minute;
        (void)memset(asked.spent, 0, sizeof(asked.spent));
    }
    bool may = asked.spent[place] < a_minute[place];
    asked.spent[place] += may ? 1 : 0;
    (void)pthread_mutex_unlock(&asked.lock);
    if (!may) {
        patience_give();
    }
    return may;
}

bool smime_find_matters(const struct settings *s)
{
    const struct policy_settings *policies = s->policies.items;

    for (size_t i = 0; i < s->policies.count; i++) {
        const int *methods = policies[i].methods.items;
        for (size_t n = 0; n < policies[i].methods.count; n++) {
            if (methods[n] == SETTING_METHOD_SMIME) {
                return true;
            }
        }
    }
    return false;
}

bool smime_finds_read(struct keeper *k, struct slice address, struct slice certificate,
                      struct arena *arena, struct recipient_key *out)
{
    OWN(fd) int file = -1;
    struct error e;

    *out = (struct recipient_key){.kind = 0};
    if (!memfd_from("certificate", certificate, &file, &e)) {
        return false;
    }
    if (!recipient_key_read(k, address, file, arena, out, &e)) {
        *out = (struct recipient_key){.kind = 0};
        return e.kind == ERROR_INPUT || e.kind == ERROR_LIMIT;
    }
    out->kind = out->kind == RECIPIENT_SMIME ? out->kind : 0;
    out->own = SLICE_NONE;
    return true;
}

/* The error's own sentence may name the address. */
bool smime_finds_keep(struct keeper *k, struct slice address, enum smime_place place,
                      struct smime_finds *finds, struct arena *arena)
{
    static const struct {
        enum recipient_key_source source;
        enum smime_place other;
    } places[SMIME_PLACES] = {
        [SMIME_PLACE_DNS] = {RECIPIENT_SMIMEA, SMIME_PLACE_DIRECTORY},
        [SMIME_PLACE_DIRECTORY] = {RECIPIENT_LDAP,   SMIME_PLACE_DNS      },
    };
    struct error e;

    bool kept = recipient_keys_replace(k, address, places[place].source, finds->keys, finds->n,
                                       arena, &finds->gone, &e);
    if (finds->gone) {
        smime_asked_anew(places[place].other, address);
    }
    if (!kept) {
        log_event(LOG_WARNING, "smime.not_kept",
                  LOG_TEXT("reason", "the certificates of an address could not be changed"));
        return false;
    }
    return true;
}
