/* keeper/approvers - who may be the second person.
 *
 * Never who asked, never the account that would gain, and always somebody who signed in. Where the roles that a
 * kind of request names leave nobody, an administrator's account may approve what an officer asked. Where that
 * leaves nobody either, it is refused, unless `second-person = root`: then root of the machine is the second
 * person, and an alarm tells of it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/approval.h"

struct keeper;
struct keeper_admin;

struct approvers {
    struct slice *accounts;
    size_t count;
    bool root; /* nobody, so root may */
    struct slice text;
};

/* Who may approve it now. */
bool approvers_of(struct keeper *k, const struct request_record *r, struct slice subject,
                  struct arena *arena, struct approvers *out, struct error *e) MUST_CHECK;

/* False with ERROR_DENIED, and what to do, when nobody may. */
bool approvers_are_there(const struct approvers *a, const struct request_record *r,
                         struct error *e) MUST_CHECK;

/* May whoever asks here approve it? False with ERROR_DENIED and a sentence that says who may. */
bool approvers_allow(struct keeper_admin *admin, const struct request_record *r,
                     struct arena *arena, struct error *e) MUST_CHECK;

/* May he refuse it? Whoever could approve, and the account that it is about. */
bool approvers_allow_no(struct keeper_admin *admin, const struct request_record *r,
                        struct arena *arena, struct error *e) MUST_CHECK;

/* The account that would gain by it, or empty; lives in the arena. */
struct slice request_subject(const struct request_record *r, struct arena *arena);
