#include "keeper/smime_harvest.h"

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/recipient_refused.h"
#include "keyring/digest.h"
#include "requests/smime.h"

static bool is_signed(const struct findings *f)
{
    const struct part *parts = f->parts.items;
    struct slice type = f->parts.count ? parts[0].type : SLICE_NONE;

    return slice_equal(type, SLICE("multipart/signed")) ||
           slice_equal(type, SLICE("application/pkcs7-mime")) ||
           slice_equal(type, SLICE("application/x-pkcs7-mime"));
}

static bool ask_for(struct keeper *k, const struct findings *f, int letter, struct arena *arena,
                    struct smime_harvest_answer *out, struct error *e)
{
    uint8_t tag[DIGEST_LEN];

    digest_of(f->id, SLICE_NONE, tag);
    const struct smime_harvest_ask ask = {
        .sender = slice_of(tag, INSPECTOR_SENDER_LEN),
        .anchors = k->options.smime_trust(k->options.context),
        .now_s = (uint64_t)clock_wall_ms() / 1000,
    };
    return ipc_call(k->options.inspector, &inspector_smime_harvest, &ask, letter, out, NULL, arena,
                    KEEPER_ASK_MS, e);
}

/* Whether the sender's row has it, a person took it away, or the row is full of others. */
static bool is_known(const struct recipient_keys *all, const struct recipient_key *key)
{
    const struct recipient_key *keys = all->keys.items;
    bool known = all->keys.count >= RECIPIENT_KEYS_MAX;

    for (size_t i = 0; i < all->keys.count; i++) {
        known = known || (slice_equal(keys[i].fingerprint, key->fingerprint) &&
                          (keys[i].reads | key->reads) == keys[i].reads);
        known = known || (slice_equal(keys[i].fingerprint, key->fingerprint) &&
                          keys[i].source != RECIPIENT_HARVESTED); /* what a person said stays */
    }
    return known || recipient_refused(all, key->fingerprint);
}

static bool harvest(struct keeper *k, const struct findings *f, int letter, struct arena *arena,
                    struct error *e)
{
    struct smime_harvest_answer answer;
    struct recipient_keys all;

    if (!ask_for(k, f, letter, arena, &answer, e)) {
        return false;
    }
    if (answer.from.len == 0) {
        return true;
    }
    answer.key.source = RECIPIENT_HARVESTED;
    answer.key.vouched = false;
    answer.key.own = SLICE_NONE;
    return recipient_keys_of(k, answer.from, arena, &all, e) &&
           (is_known(&all, &answer.key) ||
            recipient_key_keep(k, NULL, answer.from, &answer.key, SLICE_NONE, arena, e));
}

void smime_harvest_from(struct keeper *k, const struct findings *f, int letter, struct arena *arena)
{
    struct error e = {0};

    if (!is_signed(f) || k->options.smime_trust(k->options.context).len == 0) {
        return;
    }
    if (!harvest(k, f, letter, arena, &e)) {
        /* the error's text may name the sender */
        log_event(LOG_WARNING, "smime.not_harvested",
                  LOG_TEXT("reason", e.kind == ERROR_BUSY
                                         ? "a process was busy"
                                         : "its certificate could not be read or kept"));
    }
}
