/* keeper/rotation_parts - what the files of keeper/rotation share. */
#pragma once

#include "base/arena.h"

#include "config/settings.h"
#include "keeper/rotation.h"

/* When what a server did not take is tried again for a domain. */
struct rotation_pause {
    struct slice domain; /* on the heap */
    int64_t due_ms;      /* steady */
    unsigned failures;   /* one after another */
};

struct rotations {
    pthread_mutex_t lock;          /* guards what is below `n_pauses` */
    pthread_mutex_t turn;          /* held by who takes a step */
    struct rotation_pause *pauses; /* who has `turn` uses them */
    size_t n_pauses;
    struct arena arena; /* of what follows; made anew with each change */
    struct slice *domains;
    struct dkim_rotation *items; /* of each domain */
    size_t count;
};

/* What the state says of a domain; all zero when nothing. */
bool rotation_read(struct keeper *k, struct slice domain, struct arena *arena,
                   struct dkim_rotation *out, struct error *e) MUST_CHECK;

/* Keep it in the state, then in memory. */
bool rotation_keep(struct keeper *k, struct slice domain, const struct dkim_rotation *rotation,
                   struct arena *arena, struct error *e) MUST_CHECK;

/* Read what the state says of all domains anew: the settings may name others since. */
bool rotations_refresh(struct keeper *k, struct error *e) MUST_CHECK;

/* That of a domain, until the next call. The caller holds rotations.turn. */
struct rotation_pause *rotation_pause_of(struct keeper *k, struct slice domain);

/* dkim-selector as one text. */
struct slice rotation_selectors(const struct settings *s, struct arena *arena);

/* Whether a name is among texts, but for case. */
bool rotation_is_among(const struct cbor_list *texts, struct slice name);
