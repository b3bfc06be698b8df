/* stages/retention/book - the rules that hold, made ready to be asked about many letters.
 *
 * A book is made once when a rule or date changed, and read by any number of threads. Conditions of one
 * kind are alternatives, those of different kinds must all hold, and a rule without conditions is about
 * every letter:
 *
 *     sender     an address; `*` stands for anything: "anna@example.test", "*@sales.example.test"
 *     account    the account that sent it, or whose mail it was that was imported
 *     group      that the account was in when the letter was recorded
 *     domain     of a recipient; "*.example.test" are the domains below it
 *     words      one after the other, in subject, text or attachments; folded as search folds them
 *     finding    "attachment", "encrypted", "mismatch", "card", "iban"
 *     label      a keyword of the header fields Keywords and Sensitivity, or a flag of an imported letter
 *
 * Who cannot be sure keeps: a letter that could not be read whole is taken to hold all words and
 * findings. A notice that Postern made is about the account that it is for. Pure. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/mail/header.h"
#include "formats/text/terms.h"
#include "letter/records.h"
#include "letter/retention.h"
#include "stages/retention/term.h"

#define RETENTION_RULES_MAX  1000
#define RETENTION_RULE_BYTES ((size_t)64 << 10) /* of one, as a record */
#define RETENTION_BOOK_BYTES ((size_t)4 << 20)  /* of all together */
#define RETENTION_DATES_MAX  100000
#define RETENTION_LABELS_MAX 100 /* of a letter that are looked at */
#define RETENTION_SLOTS      256

/* What inspection found, as rules name it. */
#define RETENTION_ATTACHMENT (1U << 0)
#define RETENTION_ENCRYPTED  (1U << 1)
#define RETENTION_MISMATCH   (1U << 2)
#define RETENTION_CARD       (1U << 3)
#define RETENTION_IBAN       (1U << 4)

/* A rule as it was recorded. */
struct retention_version {
    struct rule rule;
    uint64_t seq; /* of its record */
};

struct retention_date {
    struct slice key; /* in lower case */
    int64_t ms;
};

struct retention_phrase;
struct retention_entry;

struct retention_book {
    uint64_t version; /* seq of the newest record of a rule or date that it knows */
    struct retention_entry *entries;
    size_t n_entries;
    struct retention_date *dates;
    size_t n_dates;
    struct retention_phrase *slots[RETENTION_SLOTS]; /* by their first words */
    size_t n_phrases;
    bool wants_findings; /* some rule asks for what inspection found */
    bool wants_words;
    bool wants_labels;
};

/* What rules look at. */
struct retention_letter {
    const struct facts *facts;
    unsigned findings;              /* RETENTION_ATTACHMENT ... */
    bool unread;                    /* it, or a part of it, could not be read */
    const struct text_terms *terms; /* NULL: there are none */
    const struct slice *labels;
    size_t n_labels;
    bool labels_doubted; /* it may have others */
};

/* Whether a rule that a person gave can be one; it need not say who set it. False with ERROR_INPUT. */
bool retention_rule_check(const struct rule *rule, struct error *e) MUST_CHECK;

/* Read `sent`, `year-end`, `fiscal-end` or `date`; false when it is none of them. */
bool retention_start_read(struct slice text, uint64_t *start);

/* Append "7y from the end of the calendar year", and "sender *@x.test, words "a" or "b"". */
void retention_rule_say(const struct rule *rule, struct buf *out);
void retention_conditions_say(const struct rule *rule, struct buf *out);

/**
 * Make a book.
 *
 * @param rules  at most RETENTION_RULES_MAX, one a class, none removed; what they point at lives as long
 *               as the book
 * @param dates  at most RETENTION_DATES_MAX, one a key; sorted here
 * @param arena  for the rest
 */
void retention_book_make(const struct retention_version *rules, size_t n_rules,
                         struct retention_date *dates, size_t n_dates, uint64_t version,
                         struct arena *arena, struct retention_book *book);

/* The labels of a letter, from its source's flags and its header; at most RETENTION_LABELS_MAX. *doubt is set when it may
 * have others: there are more, the header was not read to its end, or one is an encoded word (RFC 2047). */
void retention_labels(const struct mail_header *h, const struct facts *f, struct arena *arena,
                      struct slice **labels, size_t *count, bool *doubt);

/* From when terms run: when a letter was sent; of what was imported, when it was sent or received there, whichever is
 * later. */
int64_t retention_sent_ms(const struct facts *f);

/* Whether words or labels could change what the rules say of it: only then need it be read again. */
bool retention_must_read(const struct retention_book *book, const struct facts *f);

/* Say which classes a letter is of and until when it is kept, as a record without the letter's id; of more than STAMP_MAX
 * classes the first are named, and all count. No classes: it is under no rule. Lists live in the arena, and in the book's. */
void retention_stamp(const struct retention_book *book, const struct retention_letter *letter,
                     struct arena *arena, struct classes *out);

/* ── between the stage's own files ── */

struct retention_phrase {
    struct retention_phrase *next; /* in its slot */
    struct slice *terms;
    size_t n_terms;
    size_t number;
};

struct retention_entry {
    const struct retention_version *version;
    struct retention_rule term;
    unsigned findings;
    struct retention_phrase *phrases; /* one for each of the rule's words */
};

/* The bit of a finding that a rule names; 0: there is none of that name. */
unsigned retention_finding(struct slice name);

/* The slot of a phrase that begins with this word. */
static inline size_t retention_slot(struct slice word)
{
    return (word.ptr[0] * 7U + word.ptr[word.len - 1] * 31U + word.len) % RETENTION_SLOTS;
}
