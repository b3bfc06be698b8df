/* Letters that say a recipient's password do not leave. */
#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/secret_marks.h"
#include "keeper/secrets.h"
#include "keeper/secrets_parts.h"

#define TERMS_MAX TEXT_LIST_BYTES_MAX

/* Look for the passwords of all recipients; how many there are. */
static bool gather(struct keeper *k, const struct facts *f, struct secret_search *search,
                   struct arena *arena, size_t *n, struct error *e)
{
    const struct recipient *all = f->recipients.items;
    uint64_t now = (uint64_t)clock_wall_ms();

    for (size_t i = 0; i < f->recipients.count; i++) {
        struct secret_marks marks;
        if (!secrets_read_marks(k, all[i].address, arena, &marks, e)) {
            return false;
        }
        const struct secret_mark *m = marks.marks.items;
        for (size_t j = 0; j < marks.marks.count; j++) {
            if (m[j].until == 0 || m[j].until >= now) {
                secret_search_for(search, &m[j], i);
                (*n)++;
            }
        }
    }
    return true;
}

/* As what a policy holds: no order about a whole account lets it go, but the officer. What goes back goes back. */
static void hold_one(struct ruling *r, const char *why, struct arena *arena)
{
    if (guard_goes_back(r->guard)) {
        return;
    }
    ruling_hold(r, slice_text(why), arena);
    r->guard = r->guard == GUARD_NONE ? GUARD_POLICY : r->guard;
}

static void hold(struct decision *d, size_t recipient, const char *why, struct arena *arena)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        struct slice in = rulings[i].recipients;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            if (((size_t)in.ptr[0] << 8 | in.ptr[1]) == recipient) {
                hold_one(&rulings[i], why, arena);
            }
        }
    }
}

static void hold_all(struct decision *d, const char *why, struct arena *arena)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        hold_one(&rulings[i], why, arena);
    }
}

static bool search_letter(struct secret_search *search, const struct mail_header *header,
                          int terms_fd, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct text_terms terms;

    secret_search_text(search, header->bytes);
    if (terms_fd < 0) {
        return error_set(e, ERROR_INPUT, "it was not read");
    }
    if (!memfd_map(terms_fd, TERMS_MAX, &map, e) || !text_terms_read(map.bytes, &terms, e)) {
        return false;
    }
    secret_search_terms(search, &terms);
    return true;
}

bool secrets_hold(struct keeper *k, const struct facts *f, const struct mail_header *header,
                  int terms_fd, struct arena *arena, struct decision *d, struct error *e)
{
    struct slice key = SLICE_NONE;
    struct error ignored;
    size_t n = 0;
    size_t whose = 0;
    bool found = false;

    if (!secrets_marks_key(k, false, arena, &key, &found, e)) {
        return error_add(e, "the passwords of recipients");
    }
    if (!found) {
        return true;
    }
    struct secret_search *search = secret_search_new(key.ptr, arena);
    if (!gather(k, f, search, arena, &n, e)) {
        return error_add(e, "the passwords of recipients");
    }
    if (n == 0) {
        return true;
    }
    bool searched = search_letter(search, header, terms_fd, &ignored);
    if (!searched) {
        hold_all(d, SECRETS_WHY_UNREAD, arena);
    }
    size_t hits = 0;
    while (secret_search_found(search, &whose)) {
        log_event(LOG_WARNING, "letter.secret_found", LOG_NUMBER("recipient", whose));
        hold(d, whose, SECRETS_WHY_HELD, arena);
        hits++;
    }
    if (hits || !searched) {
        keeper_alert(
            k, "secret-holds",
            "a letter waits because its recipient's password is in it, or may be: `postern "
            "queue list`");
    }
    return true;
}
