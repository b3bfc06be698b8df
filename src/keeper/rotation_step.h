/* keeper/rotation_step - what is to be done next about a domain's DKIM keys. Pure.
 *
 * New keys are made, a person (or a dynamic update) publishes them, they sign when the DNS has shown them for a while, and
 * the former ones are destroyed a while later (what they signed and is held for longer can be verified no more). Nothing here can leave a letter unsigned: keys in use
 * change only from published ones to published ones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "letter/dkim_rotation.h"

enum rotation_act {
    ROTATION_REST,
    ROTATION_BEGIN,   /* make new keys and tell a person what to publish */
    ROTATION_SEEN,    /* the DNS shows them for the first time: remember since when */
    ROTATION_LOST,    /* it does not show them any more */
    ROTATION_SWITCH,  /* sign with them */
    ROTATION_DESTROY, /* the former ones, and tell a person to take their records away */
    ROTATION_REMIND,  /* they are still not published */
};

struct rotation_times {
    uint64_t every_ms;  /* dkim-rotate; 0: only when a person says so */
    uint64_t seen_ms;   /* how long the DNS must have shown new keys */
    uint64_t retire_ms; /* how long the former ones stay */
    uint64_t remind_ms;
    uint64_t made_at; /* when the newest key in use was made, wall milliseconds; 0: there is none */
};

/* Say what to do at `now`. `published`: the DNS shows all keys that are to come. A clock that stands before a time
 * that was remembered means that none has passed. */
enum rotation_act rotation_step(const struct dkim_rotation *r, const struct rotation_times *times,
                                uint64_t now, bool published);

/* How long a server is left alone that did not take records, after so many failures in a row: ten minutes, an hour, a day. */
uint64_t rotation_pause_ms(unsigned failures);
