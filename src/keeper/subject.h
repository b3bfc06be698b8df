/* keeper/subject - a person asks that letters of or about him are erased: they are found, weighed against holds and
 * rules, erased, and of each that is kept it is recorded why.
 *
 * Previewed, asked for, approved, and then done in the background as a disposal is (keeper/disposal), batch by batch from
 * the newest letter on. The index finds; whether a letter is about the person is told once more from the letter
 * itself, and what cannot be told is kept. The record of a batch (RECORD_SUBJECT) stands in one commit with the removal of
 * what it erased and says where it goes on, so a crash costs a batch that was not done. */
#pragma once

#include "base/error.h"

#include "catalog/catalog.h"
#include "keeper/docket.h"
#include "keeper/erase.h"
#include "letter/subject.h"
#include "search/query.h"
#include "stages/retention/disposal.h"

struct keeper;

/* Where the one under way stands; the thread's own. */
struct subject {
    struct subject_record counts; /* `request` looks at `id` */
    uint8_t id[LETTER_ID_LEN];
};

/* Requests that kept something whose time ends: struct subject_due. */
struct subjects_due {
    struct subject_due *list;
    size_t n;
};

/* Which letters are meant: each address as sender or recipient, each text anywhere. False with ERROR_INPUT. */
bool subject_query(const struct cbor_list *addresses, const struct cbor_list *words,
                   struct arena *arena, struct query *query, struct error *e) MUST_CHECK;

/* "anna@example.test, words "Anna Lenz"". */
struct slice subject_text(const struct cbor_list *addresses, const struct cbor_list *words,
                          struct arena *arena);

/* Facts' numbers of letters that are meant, the newest first: before `next`, at most `max`. ERROR_BUSY unless the index
 * holds all letters before `head`. */
bool subject_find(struct keeper *k, const struct query *query, uint64_t head, uint64_t next,
                  uint64_t *seqs, size_t max, size_t *count, struct error *e) MUST_CHECK;

/* What a search says of the letters before `head`. */
struct subject_counts {
    uint64_t found;
    uint64_t unread;   /* that could not be read whole, and were not found */
    uint64_t named;    /* that name an address in their text alone, and were not found */
    uint64_t indexed;  /* all that were searched */
    uint64_t position; /* up to this record nothing is missing in the index */
};

/* Count them, up to a million each. */
bool subject_count(struct keeper *k, const struct query *query, const struct cbor_list *addresses,
                   uint64_t head, struct arena *arena, struct subject_counts *out,
                   struct error *e) MUST_CHECK;

/* ── weighing: subject_weigh.c ── */

struct subject_weighing {
    struct keeper *k;
    struct catalog *catalog;
    struct arena *arena; /* for what is found out */
    struct arena letter; /* of one letter; subject_weigh_end() ends it */
    const struct docket_hold *holds;
    const struct retention_rules
        *book; /* proven, while something is erased; NULL: stamps are believed */
    struct trusted_clock clock;
    struct subject_ground *grounds;
    uint64_t *rules; /* their records, of those that are duties */
    size_t n_grounds;
    struct subject_kept *letters;
    size_t n_letters;
    uint64_t due; /* the first of their ends; 0: none ends */
};

/* Begin with no letter; what is found out lives in the arena. The catalog is set by the caller. */
void subject_weigh_begin(struct subject_weighing *w, struct keeper *k, struct arena *arena);
/* Free what is not in the arena; the catalog is the caller's. */
void subject_weigh_end(struct subject_weighing *w);

/* Whether the grounds of one more letter find room. */
bool subject_weigh_room(const struct subject_weighing *w);

/* It is kept, for this reason among others. */
void subject_keep(struct subject_weighing *w, const struct letter_id *id, enum subject_why why,
                  struct slice name);

/* The rules that still run for the letter at `seq` are grounds to keep the one with that id. */
bool subject_duties(struct subject_weighing *w, uint64_t seq, const struct letter_id *id,
                    struct error *e) MUST_CHECK;

/* The letter whose facts stand there; none that repeats another, which goes and stays with that. */
bool subject_letter(struct subject_weighing *w, uint64_t seq, struct catalog_letter *l, bool *found,
                    struct error *e) MUST_CHECK;

/* All that catalog and index say against erasing it; without a ground it is free as far as they know. */
bool subject_look(struct subject_weighing *w, const struct catalog_letter *l,
                  struct error *e) MUST_CHECK;

/* ── what was done: subject_list.c ── */

/* A record of a request, as long as the call lasts. False ends it, with or without an error. */
typedef bool subject_visit(void *context, const struct subject_record *r, struct ledger_ref ref,
                           uint64_t at, struct error *e);

/* Visit the records under CATALOG_SUBJECTS or CATALOG_SUBJECT_PARTS from record `from` on and before `end`. */
bool subject_each(struct keeper *k, struct catalog *catalog, uint64_t which, uint64_t from,
                  uint64_t end, subject_visit *visit, void *context, struct error *e) MUST_CHECK;

/* The beginning of the last run of that number; ERROR_INPUT when there is none, or it did not end. */
bool subject_again(struct keeper *k, uint64_t number, struct arena *arena,
                   struct subject_record *begun, struct error *e) MUST_CHECK;

/* "; held by case-7: 2, by case-8: 1": the holds that kept letters of that request, as its records say; nothing when none did. */
bool subject_held_text(struct keeper *k, struct slice request, struct arena *arena,
                       struct slice *text, struct error *e) MUST_CHECK;

/* Something was kept until `due`; 0: nothing that ends. */
void subject_due_set(struct keeper *k, uint64_t number, uint64_t due);
bool subject_is_due(struct keeper *k, uint64_t number);
uint64_t subjects_due(struct keeper *k); /* how many are */
bool subject_open(struct keeper *k, struct error *e) MUST_CHECK;
void subject_close(struct keeper *k);
