#include "keeper/smime_find.h"

#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include "formats/zone/smimea.h"
#include "host/memfd.h"
#include "host/resolver.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/recipient_keys.h"
#include "keyring/digest.h"
#include "requests/courier.h"
#include "requests/recipients.h"

#define SETS       1024 /* of places: what was asked of late */
#define WAYS       8    /* places of a set; what has the least time left gives way */
#define MINUTE_MS  60000
#define A_MINUTE   60 /* questions of all letters together */
#define DNS_MS     5000
#define LEAST_MS   500  /* with less nobody is asked */
#define CHANNEL_MS 5000 /* more, for a channel to courier */
#define AGAIN_MIN_S                                                                                \
    600 /* a letter to many is asked for over several minutes: all must still be known at the end */
#define AGAIN_MAX_S 3600
#define FAILED_S    60 /* before somebody who gave no answer is asked again */
#define FOUND_MAX   4  /* certificates of one address */

struct place {
    uint64_t what;
    int64_t until_ms; /* steady clock; 0: nothing yet */
    struct smime_found found;
};

/* What was asked, by a hash of what. */
static struct {
    pthread_mutex_t lock; /* guards the others */
    struct place places[SETS][WAYS];
    int64_t minute;
    unsigned spent;
} asked = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t hash_of(struct slice kind, struct slice what)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(kind, what, digest);
    return get64(digest);
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

static bool recall(uint64_t hash, struct smime_found *out)
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

static void remember(uint64_t hash, struct smime_found found, int64_t for_s)
{
    (void)pthread_mutex_lock(&asked.lock);
    *place_of(hash) =
        (struct place){.what = hash, .until_ms = clock_steady_ms() + for_s * 1000, .found = found};
    (void)pthread_mutex_unlock(&asked.lock);
}

/* When true, patience_give() follows. */
static bool may_ask_now(void)
{
    int64_t minute = clock_steady_ms() / MINUTE_MS;

    if (patience_left_ms(LEAST_MS) < LEAST_MS || !patience_take()) {
        return false;
    }
    (void)pthread_mutex_lock(&asked.lock);
    if (asked.minute != minute) {
        asked.minute = minute;
        asked.spent = 0;
    }
    bool may = asked.spent < A_MINUTE;
    asked.spent += may ? 1 : 0;
    (void)pthread_mutex_unlock(&asked.lock);
    if (!may) {
        patience_give();
    }
    return may;
}

/* Without such a section nobody is encrypted to with a certificate, so nobody need hear of him. */
static bool a_policy_names_it(const struct settings *s)
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

/* ── what was found ── */

struct finds {
    struct recipient_key keys[FOUND_MAX];
    size_t n;
    const char *note;
};

/* Read one by an inspector; false when that cannot be done now. What is no certificate is passed over. */
static bool add(struct keeper *k, struct slice address, struct slice certificate,
                enum recipient_key_source source, bool vouched, struct arena *arena,
                struct finds *finds)
{
    struct recipient_key *key = &finds->keys[finds->n];
    OWN(fd) int file = -1;
    struct error e;

    if (finds->n == FOUND_MAX) {
        return true;
    }
    if (!memfd_from("certificate", certificate, &file, &e)) {
        return false;
    }
    if (!recipient_key_read(k, address, file, arena, key, &e)) {
        return e.kind == ERROR_INPUT || e.kind == ERROR_LIMIT;
    }
    key->source = source;
    key->vouched = vouched;
    key->own = SLICE_NONE;
    finds->n += key->kind == RECIPIENT_SMIME ? 1 : 0;
    return true;
}

/* The error's own sentence may name the address. */
static bool keep(struct keeper *k, struct slice address, enum recipient_key_source source,
                 const struct finds *finds, struct arena *arena)
{
    struct error e;

    if (!recipient_keys_replace(k, address, source, finds->keys, finds->n, arena, &e)) {
        log_event(LOG_WARNING, "smime.not_kept",
                  LOG_TEXT("reason", "the certificates of an address could not be changed"));
        return false;
    }
    return true;
}

/* ── DNS ── */

enum told { TOLD, TOLD_NOTHING, TOLD_UNASKED };

/* What did not come in less time than it may take says nothing. */
static enum told ask_dns(struct keeper *k, struct slice name, struct arena *arena,
                         struct courier_dns_answer *out)
{
    const int64_t within_ms = patience_left_ms(DNS_MS);
    const struct courier_dns_ask ask = {name, DNS_SMIMEA, (uint64_t)within_ms};
    struct error e;

    if (!ipc_call(k->options.courier, &courier_dns, &ask, -1, out, NULL, arena,
                  within_ms + CHANNEL_MS, &e)) {
        return TOLD_UNASKED;
    }
    if (out->status == DNS_FAILED) {
        return within_ms < DNS_MS ? TOLD_UNASKED : TOLD_NOTHING;
    }
    return out->status == DNS_BOGUS ? TOLD_NOTHING : TOLD;
}

/* False when a certificate cannot be read now. */
static bool read_records(struct keeper *k, struct slice address,
                         const struct courier_dns_answer *answer, struct arena *arena,
                         struct finds *finds)
{
    const struct courier_dns_record *records = answer->records.items;
    bool read = true;

    if (answer->status == DNS_FOUND && !answer->secure) {
        finds->note = "its domain publishes one that DNSSEC does not prove";
        return true;
    }
    for (size_t i = 0; read && answer->status == DNS_FOUND && i < answer->records.count; i++) {
        struct slice certificate = SLICE_NONE;
        switch (smimea_read(records[i].rdata, &certificate)) {
        case SMIMEA_ISSUED:
            read = add(k, address, certificate, RECIPIENT_SMIMEA, false, arena, finds);
            break;
        case SMIMEA_TRUSTED:
            read = add(k, address, certificate, RECIPIENT_SMIMEA, true, arena, finds);
            break;
        case SMIMEA_AUTHORITY:
            finds->note = "its domain publishes who issues certificates, and none of the recipient";
            break;
        case SMIMEA_DIGEST:
            finds->note = "its domain publishes a key or a hash, and not the certificate";
            break;
        case SMIMEA_UNREADABLE:
            finds->note = "its domain publishes a record that cannot be read";
            break;
        }
    }
    return read;
}

/* That there is none counts for longest: most people have none, and their zones say so for a minute only. */
static int64_t known_for_s(const struct courier_dns_answer *answer, const struct finds *finds)
{
    if (finds->n == 0 || answer->ttl_s > AGAIN_MAX_S) {
        return AGAIN_MAX_S;
    }
    return answer->ttl_s < AGAIN_MIN_S ? AGAIN_MIN_S : (int64_t)answer->ttl_s;
}

struct smime_found smime_find_dns(struct keeper *k, struct slice address, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct slice who = recipient_canonical(address, arena);
    const struct smime_found later = {.state = SMIME_FIND_LATER};
    struct smime_found found = {.state = SMIME_FIND_OFF};
    struct courier_dns_answer answer;
    struct finds finds = {.n = 0};
    struct slice name;

    if (!settings->smime.dns || !a_policy_names_it(settings) || !smimea_name(who, arena, &name)) {
        return found;
    }
    uint64_t hash = hash_of(SLICE("smimea"), who);
    uint64_t domain = hash_of(SLICE("smimea domain"), letter_domain(who));
    if (recall(hash, &found) || recall(domain, &found)) {
        return found;
    }
    if (!may_ask_now()) {
        return later;
    }
    enum told told = ask_dns(k, name, arena, &answer);
    patience_give();
    if (told == TOLD_NOTHING) {
        remember(domain, later, FAILED_S);
    }
    if (told != TOLD || !read_records(k, who, &answer, arena, &finds) ||
        !keep(k, who, RECIPIENT_SMIMEA, &finds, arena)) {
        return later;
    }
    found = (struct smime_found){SMIME_FIND_KNOWN, finds.n ? NULL : finds.note};
    remember(hash, found, known_for_s(&answer, &finds));
    return found;
}
