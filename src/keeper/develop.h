/* keeper/develop - what work.c and redecide.c do to a letter alike: have it read, and decide it. Nothing is recorded here. For these two
 * alone. */
#pragma once

#include "formats/mail/header.h"
#include "host/memfd.h"
#include "keeper/copying.h"
#include "keeper/internal.h"

/* One letter on its way through the stages. */
struct letter {
    struct keeper *keeper;
    struct parcel *parcel;
    struct arena *arena;
    int content_fd;
    struct slice content;
    struct facts facts;
    struct mail_header header;
    struct findings findings;
    struct cbor_list scans; /* struct scan */
    int terms_fd;
    struct decision decision;
    struct copying copying;
};

/* Bounds that no letter in the ledger is beyond. */
extern const struct mail_limits develop_limits;

/* Have the content inspected; what scanners said goes into the findings. What cannot be read is said in them; terms_fd is the caller's then, or
 * -1. */
void develop_inspect(struct letter *l);

/**
 * Decide the letter by what is known now, and make its copies.
 *
 * @param l  read and inspected; `only` and `before` of its copying are set or zero; copying_done() in any case
 * @param over  it has waited for as long as a letter does: what cannot be known or had now ends the policy of who wants it
 * @return   false when it cannot be decided now
 */
bool develop_decide(struct letter *l, const struct settings *settings, bool over,
                    struct error *e) MUST_CHECK;
