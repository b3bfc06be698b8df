/* Certificates of recipients in a directory of a [certificates] section. */
#include <stdlib.h>

#include "base/clock.h"

#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/recipient_keys.h"
#include "keeper/smime_find.h"
#include "keeper/smime_finds.h"
#include "keeper/smime_judge.h"
#include "requests/directory.h"

#define DIRECTORY_MS 5000

/* ── which of them ── */

struct candidate {
    struct recipient_key key;
    bool names_it; /* and is in date */
    bool good;     /* and is of use: those come first */
};

static int best_first(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    if (x->good != y->good) {
        return x->good ? -1 : 1;
    }
    if (x->names_it != y->names_it) {
        return x->names_it ? -1 : 1;
    }
    if (x->key.not_before != y->key.not_before) {
        return x->key.not_before > y->key.not_before ? -1 : 1;
    }
    return slice_compare(x->key.fingerprint, y->key.fingerprint);
}

/* Where there are more than are kept, those that are of use are looked for, the newest first: one that nobody whom we trust issued, or
 * that is for signing alone, must not take their place. False when one cannot be judged now. */
static bool judge(struct keeper *k, struct slice address, struct candidate *all, size_t n,
                  struct arena *arena)
{
    struct slice why;
    struct error e;
    size_t good = 0;

    qsort(all, n, sizeof(*all), best_first);
    for (size_t i = 0; n > SMIME_FINDS_MAX && i < n && good < SMIME_FINDS_MAX; i++) {
        if (all[i].names_it &&
            !smime_worth_of(k, &all[i].key, address, arena, &all[i].good, &why, &e)) {
            return false;
        }
        good += all[i].good ? 1 : 0;
    }
    return true;
}

/* Those that are of use, or most likely are, the newest last: what came last is looked at first (recipient_keys_of()). */
static void choose(struct candidate *all, size_t n, struct smime_finds *finds)
{
    qsort(all, n, sizeof(*all), best_first);
    finds->n = n < SMIME_FINDS_MAX ? n : SMIME_FINDS_MAX;
    for (size_t i = 0; i < finds->n; i++) {
        finds->keys[finds->n - 1 - i] = all[i].key;
    }
}

/* False when one cannot be read now. Nobody vouches for what stands there. */
static bool read_all(struct keeper *k, struct slice address,
                     const struct directory_certificates_answer *answer, struct arena *arena,
                     struct smime_finds *finds)
{
    const struct directory_certificate *certificates = answer->certificates.items;
    struct candidate *all = arena_array(arena, answer->certificates.count + 1, sizeof(*all));
    uint64_t now = (uint64_t)clock_wall_ms();
    size_t n = 0;

    for (size_t i = 0; i < answer->certificates.count; i++) {
        struct recipient_key *key = &all[n].key;
        if (!smime_finds_read(k, address, certificates[i].bytes, arena, key)) {
            return false;
        }
        key->source = RECIPIENT_LDAP;
        key->vouched = false;
        all[n].names_it = recipient_key_names(key, address) && key->not_before <= now &&
                          (key->not_after == 0 || now < key->not_after);
        n += key->kind ? 1 : 0;
    }
    if (answer->certificates.count > n || answer->more) {
        finds->note = "what its directory has of it cannot be read, or is too much";
    }
    if (!judge(k, address, all, n, arena)) {
        return false;
    }
    choose(all, n, finds);
    return true;
}

/* ── asking ── */

enum told { TOLD, TOLD_NOTHING, TOLD_NOT_OF_IT, TOLD_UNASKED };

/* A directory that had less time than it may take, and gave no answer, said nothing. */
static enum told ask(struct keeper *k, const struct certificates_settings *section,
                     struct slice address, struct arena *arena,
                     struct directory_certificates_answer *out)
{
    const int64_t within_ms = patience_left_ms(DIRECTORY_MS);
    const struct directory_certificates_ask question = {section->name, address,
                                                        (uint64_t)within_ms};
    struct error e;

    if (!k->options.directory ||
        !ipc_call(k->options.directory, &directory_certificates, &question, -1, out, NULL, arena,
                  within_ms + SMIME_ASK_CHANNEL_MS, &e)) {
        return TOLD_UNASKED;
    }
    if (out->told == DIRECTORY_SILENT) {
        return within_ms < DIRECTORY_MS ? TOLD_UNASKED : TOLD_NOTHING;
    }
    if (out->told == DIRECTORY_LIMITED) {
        return TOLD_NOT_OF_IT;
    }
    return out->told == DIRECTORY_TOLD || out->told == DIRECTORY_OVERFULL ? TOLD : TOLD_UNASKED;
}

/* A section with another server or base is asked anew. */
static struct slice where(const struct certificates_settings *section, struct arena *arena)
{
    const struct config_endpoint *servers = section->servers.items;
    struct slice what =
        arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(section->name), SLICE_ARG(section->base));

    for (size_t i = 0; i < section->servers.count; i++) {
        what = arena_printf(arena, "%.*s\n%.*s:%u", SLICE_ARG(what), SLICE_ARG(servers[i].host),
                            servers[i].port);
    }
    return what;
}

/* What there is too much of to be read says nothing: what is known of it stays. */
static bool take(struct keeper *k, struct slice address,
                 const struct directory_certificates_answer *answer, struct arena *arena,
                 struct smime_finds *finds)
{
    if (answer->told == DIRECTORY_OVERFULL) {
        finds->note = "its directory answers with more than can be read";
        return true;
    }
    return read_all(k, address, answer, arena, finds) &&
           smime_finds_keep(k, address, SMIME_PLACE_DIRECTORY, finds, arena);
}

struct smime_found smime_find_directory(struct keeper *k, struct slice address, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct slice who = recipient_canonical(address, arena);
    const struct certificates_settings *section =
        settings_certificates_of(settings, letter_domain(who));
    const struct smime_found later = {.state = SMIME_FIND_LATER};
    struct smime_found found = {.state = SMIME_FIND_OFF};
    struct directory_certificates_answer answer = {.told = 0};
    struct smime_finds finds = {.n = 0};

    if (!section || !smime_find_matters(settings)) {
        return found;
    }
    uint64_t hash = smime_asked_of(SMIME_PLACE_DIRECTORY, where(section, arena), who, arena);
    uint64_t all = smime_asked_hash(SLICE("certificates"), where(section, arena));
    if (smime_asked_recall(hash, &found) || smime_asked_recall(all, &found)) {
        return found;
    }
    if (!smime_may_ask(SMIME_PLACE_DIRECTORY)) {
        return later;
    }
    enum told told = ask(k, section, who, arena, &answer);
    patience_give();
    if (told == TOLD_NOTHING || told == TOLD_NOT_OF_IT) {
        smime_asked_remember(told == TOLD_NOTHING ? all : hash, later, SMIME_AFTER_SILENCE_S);
    }
    if (told != TOLD || !take(k, who, &answer, arena, &finds)) {
        return later;
    }
    found = (struct smime_found){.state = SMIME_FIND_KNOWN, .note = finds.n ? NULL : finds.note};
    smime_asked_remember(hash, found, finds.n ? SMIME_AGAIN_MAX_S : SMIME_AGAIN_MIN_S);
    found.gone = finds.gone;
    return found;
}
