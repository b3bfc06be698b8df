/* keeper/secret_marks - a password found again in a letter, without reading it: by keyed hashes of its words.
 *
 * A password is in a text when all of its words are, in whatever order and with whatever between them, or when it is there as one
 * word. Case and diacritics do not matter, as for search. Pure. */
#pragma once

#include "base/arena.h"

#include "formats/cbor/cbor.h"
#include "formats/text/terms.h"
#include "letter/secret.h"

#define SECRET_MARK_LEN  8  /* bytes of a keyed hash of one of its words */
#define SECRET_PARTS_MAX 32 /* words of a password */
#define SECRET_MARKS_MAX 64 /* passwords of one recipient that letters to him are searched for */
#define SECRET_KEY_LEN   32

/* A password that was agreed on with a recipient. */
struct secret_agreed {
    struct slice password;
    uint64_t at; /* wall milliseconds */
    struct slice by;
    bool generated;
};

extern const struct cbor_schema secret_agreed_schema;

/* By what a password is known again in a text: keyed hashes of its words, and of it as one word. */
struct secret_mark {
    uint64_t until;      /* wall milliseconds; 0: it is the one agreed on */
    struct slice parts;  /* SECRET_MARK_LEN bytes each */
    struct slice joined; /* likewise, one */
};

extern const struct cbor_schema secret_mark_schema;

/* Of all passwords of a recipient that live, the newest last. */
struct secret_marks {
    struct cbor_list marks; /* struct secret_mark */
};

extern const struct cbor_schema secret_marks_schema;

/* The mark of a password, under a key; in the arena. */
struct secret_mark secret_mark_of(const uint8_t key[static SECRET_KEY_LEN], struct slice password,
                                  uint64_t until, struct arena *arena);

/* Passwords that are looked for in one letter. */
struct secret_search;

/* Begin; what it lives on comes from the arena. */
struct secret_search *secret_search_new(const uint8_t key[static SECRET_KEY_LEN],
                                        struct arena *arena);

/* Look for one more; `whose` is the caller's. Before the first text. */
void secret_search_for(struct secret_search *s, const struct secret_mark *mark, size_t whose);

/* Look at the words of a text, or of a letter as its inspector found them. */
void secret_search_text(struct secret_search *s, struct slice text);
void secret_search_terms(struct secret_search *s, const struct text_terms *terms);

/* Take the next password that was found, in no order: whose it is. False when there is none. */
bool secret_search_found(struct secret_search *s, size_t *whose);
