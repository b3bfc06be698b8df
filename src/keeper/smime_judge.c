#include "keeper/smime_judge.h"

#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/life.h"
#include "keeper/patience.h"
#include "keeper/smime_lists.h"
#include "keeper/smime_ocsp.h"
#include "keyring/digest.h"
#include "requests/smime.h"

#define JUDGED_MAX      256    /* certificates whose worth is remembered */
#define JUDGED_AGE_MS   600000 /* and for how long */
#define WHY_MAX         200
#define LISTS_ARENA_MAX ((size_t)16 << 20) /* lists, and the question that they are part of */

struct judged {
    uint8_t what[DIGEST_LEN]; /* certificate, address, anchors, and what the settings want */
    int64_t until_ms;         /* steady clock; 0: empty */
    bool good;
    char why[WHY_MAX];
};

static struct {
    pthread_mutex_t lock; /* guards the others */
    struct judged all[JUDGED_MAX];
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct judged *place_of(const uint8_t what[static DIGEST_LEN])
{
    return &memory.all[what[0] % JUDGED_MAX];
}

static bool recall(const uint8_t what[static DIGEST_LEN], struct arena *arena, bool *good,
                   struct slice *why)
{
    (void)pthread_mutex_lock(&memory.lock);
    const struct judged *j = place_of(what);
    bool known = j->until_ms > clock_steady_ms() && memcmp(j->what, what, DIGEST_LEN) == 0;
    if (known) {
        *good = j->good;
        *why = arena_copy(arena, slice_text(j->why));
    }
    (void)pthread_mutex_unlock(&memory.lock);
    return known;
}

static void remember(const uint8_t what[static DIGEST_LEN], bool good, struct slice why)
{
    struct slice text = slice_head(why, WHY_MAX - 1);

    (void)pthread_mutex_lock(&memory.lock);
    struct judged *j = place_of(what);
    *j = (struct judged){.until_ms = clock_steady_ms() + JUDGED_AGE_MS, .good = good};
    (void)memcpy(j->what, what, DIGEST_LEN);
    (void)memcpy(j->why, text.ptr, text.len);
    (void)pthread_mutex_unlock(&memory.lock);
}

/* Who added it himself said whose it is, and so does the name in the DNS of one that is trusted as it stands there. */
static bool must_name(const struct recipient_key *key)
{
    return key->source != RECIPIENT_UPLOADED && !(key->source == RECIPIENT_SMIMEA && key->vouched);
}

static bool ask_worth(struct keeper *k, int fd, const struct smime_judge_ask *ask,
                      struct arena *arena, struct smime_judge_answer *out, struct error *e)
{
    return ipc_call(k->options.inspector, &inspector_smime_judge, ask, fd, out, NULL, arena,
                    KEEPER_ASK_MS, e);
}

/* What responders and lists say, as far as it can be had. */
static bool find_revocation(struct keeper *k, int fd, struct smime_judge_ask *ask,
                            const struct smime_judge_answer *first, struct arena *arena,
                            struct smime_judge_answer *out, struct error *e)
{
    const struct smime_settings *s = &k->options.settings(k->options.context)->smime;
    const struct cbor_list none = {NULL, 0};
    struct smime_ocsp ocsp;

    if (!patience_take()) {
        return error_set(e, ERROR_BUSY, "whether it is revoked was not asked yet");
    }
    smime_ocsp_get(k, s->ocsp ? &first->questions : &none, arena, &ocsp);
    ask->answers = (struct cbor_list){ocsp.answers, ocsp.questions->count};
    smime_lists_get(k, &first->lists, arena, &ask->crls);
    patience_give();
    ask->must_know = s->revocation == SETTING_REVOCATION_HARD;
    if (ask->crls.count == 0 && ask->answers.count == 0 && !ask->must_know) {
        *out = *first;
        return true;
    }
    if (!ask_worth(k, fd, ask, arena, out, e)) {
        return false;
    }
    smime_ocsp_keep(&ocsp, &out->until);
    return true;
}

/* First without lists: what nobody whom we trust issued does not say where we ask. */
static bool find_worth(struct keeper *k, const struct recipient_key *key, struct slice address,
                       struct slice anchors, struct arena *arena, struct smime_judge_answer *out,
                       struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    uint8_t tag[INSPECTOR_SENDER_LEN];
    OWN(fd) int fd = -1;

    keeper_life_of_address(address, tag);
    struct smime_judge_ask ask = {.sender = SLICE_ARRAY(tag),
                                  .anchors = anchors,
                                  .address = must_name(key) ? address : SLICE_NONE,
                                  .now_s = (uint64_t)clock_wall_ms() / 1000,
                                  .vouched = key->vouched};
    if (!memfd_from("certificate", key->bytes, &fd, e) || !ask_worth(k, fd, &ask, arena, out, e)) {
        return false;
    }
    if (out->worth != 0 || ask.vouched || settings->smime.revocation == SETTING_REVOCATION_OFF) {
        return true;
    }
    OWN(arena) struct arena scratch = {.max = LISTS_ARENA_MAX};
    struct smime_judge_answer again = {.why = SLICE_NONE};
    if (!find_revocation(k, fd, &ask, out, &scratch, &again, e)) {
        return false;
    }
    *out = (struct smime_judge_answer){.worth = again.worth, .why = arena_copy(arena, again.why)};
    return true;
}

/* All that the answer depends on. The bytes have the chain, which the fingerprint has not. */
static void hash_question(struct keeper *k, const struct recipient_key *key, struct slice address,
                          struct slice anchors, struct arena *arena,
                          uint8_t what[static DIGEST_LEN])
{
    const struct smime_settings *s = &k->options.settings(k->options.context)->smime;
    uint8_t parts[2 * DIGEST_LEN];

    digest_of(anchors, SLICE_NONE, parts);
    digest_of(key->bytes, SLICE_NONE, parts + DIGEST_LEN);
    struct slice all = arena_printf(arena, "%.*s %.*s %d %u %d %d ", SLICE_ARG(key->fingerprint),
                                    SLICE_ARG(address), key->vouched, (unsigned)key->source,
                                    (int)s->revocation, s->ocsp);
    digest_of(all, SLICE_ARRAY(parts), what);
}

bool smime_worth_of(struct keeper *k, const struct recipient_key *key, struct slice address,
                    struct arena *arena, bool *good, struct slice *why, struct error *e)
{
    struct slice anchors = k->options.smime_trust(k->options.context);
    struct smime_judge_answer answer;
    uint8_t what[DIGEST_LEN];

    hash_question(k, key, address, anchors, arena, what);
    if (recall(what, arena, good, why)) {
        return true;
    }
    if (!find_worth(k, key, address, anchors, arena, &answer, e)) {
        return false;
    }
    *good = answer.worth == 0;
    *why = answer.why;
    remember(what, *good, *why);
    return true;
}
