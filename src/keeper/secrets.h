/* keeper/secrets - the passwords that open files for recipients: agreed on with one, or made for one letter.
 *
 * One that was agreed on is a value of the state. One for a letter follows from a key of the letter's day and its id, so that
 * nothing is written for a letter; when the day's key is destroyed (attachments-password-keep), so are the passwords
 * of its letters. Whoever is told a password has it marked first: from then on no letter to its recipient leaves by itself
 * whose words it is among (keeper/secret_marks). Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/mail/header.h"
#include "keeper/secret_marks.h"
#include "letter/records.h"

struct keeper;
struct settings;

#define SECRETS_WHY_HELD                                                                           \
    "a password of its recipient stands in it: tell it in another way; the officer lets it go "    \
    "with `postern queue release --reason`"

#define SECRETS_WHY_UNREAD "it could not be searched for the password of its recipient"

/* What opens a letter's files for one recipient. */
struct secret_choice {
    struct slice password;
    bool generated;
    struct slice text;      /* for the record: where it comes from, never what it is */
    struct slice telephone; /* whom the operator's program is to tell it; empty: nobody */
};

/* The password that was agreed on with a recipient. */
bool secrets_agreed(struct keeper *k, struct slice address, struct arena *arena,
                    struct secret_agreed *out, bool *found, struct error *e) MUST_CHECK;

/* Agree on one, and mark it; an empty one takes back what was agreed on. What is recorded is the caller's. */
bool secrets_agree(struct keeper *k, struct slice address, const struct secret_agreed *agreed,
                   struct arena *arena, struct error *e) MUST_CHECK;

/* Where a recipient can be told a password. */
struct secret_telephone {
    struct slice number; /* secret_telephone_sound(); empty: none is known */
    uint64_t at;         /* wall milliseconds */
    struct slice by;
};

/* The number that is kept of a recipient; an empty one when none is. */
bool secrets_telephone(struct keeper *k, struct slice address, struct arena *arena,
                       struct secret_telephone *out, struct error *e) MUST_CHECK;

/* Whom the operator's program is to tell a password that is made for a letter; an empty number: nobody. */
bool secrets_told_at(struct keeper *k, const struct settings *s, struct slice address,
                     struct arena *arena, struct slice *number, struct error *e) MUST_CHECK;

/* One that is easy to dictate, 98 bits; into the arena. */
struct slice secrets_new(struct arena *arena);

/**
 * Which password a letter's files get for a recipient.
 *
 * @param found  false: none was agreed on, and none is to be made
 */
bool secrets_choose(struct keeper *k, const struct facts *f, struct slice address,
                    struct arena *arena, struct secret_choice *out, bool *found,
                    struct error *e) MUST_CHECK;

/**
 * The password that was made for a letter, after marking it for all its recipients.
 *
 * @param until  when it is destroyed, wall milliseconds
 * @param found  false: it is destroyed
 */
bool secrets_of_letter(struct keeper *k, const struct facts *f, struct arena *arena,
                       struct slice *password, uint64_t *until, bool *found,
                       struct error *e) MUST_CHECK;

/* Destroy the keys of days that are over, when it is time to look; cheap otherwise. For the watch's thread alone. */
void secrets_watch(struct keeper *k);

/* Have the rulings of a letter hold it for those of its recipients whose password is among its words. `terms_fd` is what the
 * inspector found, -1 when it found nothing: then such a letter is held in any case. False: that cannot be said now. */
bool secrets_hold(struct keeper *k, const struct facts *f, const struct mail_header *header,
                  int terms_fd, struct arena *arena, struct decision *d,
                  struct error *e) MUST_CHECK;
