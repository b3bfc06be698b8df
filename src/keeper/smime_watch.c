#include "keeper/smime_watch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "letter/recipient_key.h"
#include "state/recipients.h"

#define LOOK_MS (INT64_C(24) * 3600 * 1000)
#define SOON_MS (INT64_C(30) * 24 * 3600 * 1000)
#define ROW_MAX ((size_t)1 << 20)

/* When the newest of our own certificates in a row ends; 0: there is none. */
static uint64_t end_of(const struct recipient_keys *row)
{
    const struct recipient_key *keys = row->keys.items;
    uint64_t end = 0;

    for (size_t i = 0; i < row->keys.count; i++) {
        bool own = keys[i].own.len && keys[i].kind == RECIPIENT_SMIME;
        end = own && keys[i].not_after > end ? keys[i].not_after : end;
    }
    return end;
}

static bool count(struct keeper *k, uint64_t now, size_t *soon, size_t *over, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ROW_MAX};
    uint8_t place[STATE_PLACE_LEN] = {0};
    bool found = true;

    while (found) {
        struct recipient_keys row;
        arena_reset(&arena);
        if (!state_recipient_next(k->state, place, &arena, &row, &found, e)) {
            return false;
        }
        uint64_t end = found ? end_of(&row) : 0;
        *over += end && end <= now;
        *soon += end > now && end <= now + (uint64_t)SOON_MS;
    }
    return true;
}

void smime_watch(struct keeper *k)
{
    static int64_t next_at; /* steady clock; the watch's thread is one */
    int64_t now = clock_steady_ms();
    char sentence[ERROR_TEXT_MAX];
    size_t soon = 0;
    size_t over = 0;
    struct error e;

    if (now < next_at) {
        return;
    }
    next_at = now + LOOK_MS;
    if (!count(k, (uint64_t)clock_wall_ms(), &soon, &over, &e)) {
        log_event(LOG_WARNING, "smime.not_looked_at", LOG_TEXT("reason", e.text));
        return;
    }
    if (soon + over) {
        (void)snprintf(
            sentence, sizeof(sentence),
            "%zu of our own S/MIME certificates end within 30 days, %zu have ended; letters "
            "of those leave unsigned: `postern smime list` shows them",
            soon, over);
        keeper_alert(k, "smime-certificate-ends", sentence);
    }
}
