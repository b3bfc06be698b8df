/* keeper/contact_book - contacts in memory: of accounts and of the company, real ones and decoys.
 *
 * What the state holds sealed, opened once. Not thread-safe: keeper/contacts has the lock. What is
 * given out looks into the book and lives until the entry is changed. */
#pragma once

#include "base/arena.h"
#include "base/own.h"

#include "letter/contact.h"

#define CONTACT_COMPANY_MAX 20000
#define CONTACT_ACCOUNT_MAX 2000
#define CONTACT_ALL_MAX     200000
#define CONTACT_WORD_MIN    2 /* bytes of a word that is looked for */

struct contact_book;

/* An empty one; free accepts NULL. */
struct contact_book *contact_book_new(void) __attribute__((returns_nonnull));
void contact_book_free(struct contact_book *b);

/* Copy an entry into the book, in the place of the one of that owner and address. */
void contact_book_put(struct contact_book *b, const struct contact_row *row);
void contact_book_remove(struct contact_book *b, struct slice owner, struct slice address);

/* The entry of that owner and address, or NULL. */
const struct contact_row *contact_book_get(const struct contact_book *b, struct slice owner,
                                           struct slice address);

/* The decoy of that address in anybody's book, also one that has served; or NULL. */
const struct contact_row *contact_book_decoy(const struct contact_book *b, struct slice address);

/* The address without its tag: anna+tag@ is anna@, where the separator is '+'; 0: there are none. */
struct slice contact_book_bare(struct slice address, uint8_t separator, struct arena *arena);

/* Whether anybody has the address in a book, in whatever way. */
bool contact_book_has(const struct contact_book *b, struct slice address);

/* How many entries there are, of all kinds, and how many of that owner and kind. */
size_t contact_book_size(const struct contact_book *b);
size_t contact_book_count(const struct contact_book *b, struct slice owner, enum contact_kind kind);

/* Call for each entry, in no order; the book does not change meanwhile. */
typedef void contact_book_visit(void *context, const struct contact_row *row);
void contact_book_each(const struct contact_book *b, contact_book_visit *visit, void *context);

/**
 * What a list of one book shows, decoys among the others, by name and then address: so a place in it tells
 * nothing.
 *
 * @param rows  set to an array in the arena; the texts look into the book
 */
size_t contact_book_list(const struct contact_book *b, struct slice owner, struct arena *arena,
                         const struct contact_row ***rows);

/* Whether somebody compares what he finds with a list. */
struct contact_probe {
    bool whole; /* a decoy was named whole and alone: nobody can know the name but from a list */
    uint64_t
        missed; /* number of a decoy that the words are of, where they are of nobody else; or 0 */
};

/**
 * Find contacts of these two books whose words begin with all of the words that are looked for: in name, organisation and
 * address. Never a decoy.
 *
 * @param owner  whose book besides the company's; empty: none
 * @param words  what was typed; empty: favourites alone
 * @param found  room for `max`; favourites first, then by name
 * @param probe  what the words say of decoys that these books list
 * @return       how many, at most `max`
 */
size_t contact_book_find(const struct contact_book *b, struct slice owner, struct slice words,
                         const struct contact_row **found, size_t max, struct contact_probe *probe);

OWN_BY(contact_book, struct contact_book, contact_book_free)
