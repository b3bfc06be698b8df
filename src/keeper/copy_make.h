/* keeper/copy_make - one copy of a letter as it leaves: an edit script, and what is recorded of it.
 *
 * Where nothing protects the content the script takes it from the letter (stages/protect). Otherwise a method of keeper/copies makes a
 * protected letter first, and the script is literal over that: Received and DKIM come last. For keeper/copying alone. */
#pragma once

#include "host/memfd.h"
#include "keeper/copy_clean.h"
#include "stages/protect/protect.h"

#define COPY_BYTES_MAX                                                                             \
    (2 * (uint64_t)LETTER_BYTES_MAX - ((uint64_t)4 << 20)) /* of one, to be recorded */

/* One copy, before it is recorded. */
struct leaving {
    struct edit_script script;
    struct sealed sealed;
    struct memfd_map whole; /* the protected letter, into which the script's literals look */
    int fd;                 /* for the first attempt, or -1 */
    bool has_8bit;
    bool generated, told; /* as copy_made has them */
};

/* What all copies of a letter share while they are made; all but `bare` is the caller's. */
struct copy_source {
    struct keeper *k;
    const struct settings *settings;
    const struct facts *facts;
    const struct mail_header *header;
    struct slice content;
    struct arena *arena;
    uint8_t random[MAIL_ID_RANDOM_LEN]; /* one Message-ID for all, where there is none */

    int bare_fd; /* -1: not made yet */
    struct memfd_map bare;
    struct copy_cleaned cleaned; /* that without metadata */
    enum copy_end clean_end;     /* how that ended, when it was tried and not made; */
    struct error clean_error;    /* nobody is asked again for the letter's other copies */
};

/* Begin: a fresh random, nothing made. */
void copy_source_init(struct copy_source *s);

/* Give back what was made. */
void copy_source_done(struct copy_source *s);
void leaving_done(struct leaving *copy);

/* Make a copy whose content is as it came. */
bool copy_make_plain(const struct copy_source *s, uint64_t number, struct leaving *out,
                     struct error *e) MUST_CHECK;

/* Have the letter's files cleaned, if that was not done yet. COPY_CANNOT: it cannot be done, *e says why. */
enum copy_end copy_make_clean(struct copy_source *s, struct error *e);

/* Make a copy whose files were cleaned, and whose content nothing else protects: as the next two say. */
enum copy_end copy_make_cleaned(const struct copy_source *s, uint64_t number, struct leaving *out,
                                struct error *e);

/* The record says what was taken out of a copy's files. */
void copy_note_cleaned(const struct copy_source *s, struct leaving *copy);

/**
 * Ask a method for a protected letter for some recipients.
 *
 * @param clean    of the letter that copy_make_clean() made
 * @param indexes  of recipients in the facts
 * @param made     its fd is -1 before
 */
enum copy_end copy_ask_method(struct copy_source *s, const struct copy_method *method, bool clean,
                              const uint16_t *indexes, size_t n, struct copy_made *made,
                              struct error *e);

/* Make a copy of what a method made; made->fd may be closed afterwards. COPY_LATER: it could not be signed now. COPY_CANNOT: it is no
 * letter that may leave, or too large. */
enum copy_end copy_make_protected(const struct copy_source *s, uint64_t number, uint64_t rung,
                                  const struct copy_made *made, struct leaving *out,
                                  struct error *e);

/* Write a copy to memory for its first attempt, if there is room for it. */
bool copy_keep(struct leaving *copy, struct slice content, struct error *e) MUST_CHECK;
