/* keeper/own_letters - letters that Postern writes itself: notices to senders, checkpoints to who
 * keeps them. They are recorded and sent like every other. */
#pragma once

#include "config/settings.h"
#include "formats/cbor/cbor.h"
#include "ledger/ledger.h"
#include "letter/id.h"

struct keeper;

/* A letter that Postern itself writes: null reverse-path, no account. */
struct own_letter {
    struct letter_id id;
    struct cbor_list to; /* struct recipient */
    struct slice subject;
    struct slice about;        /* id of the letter it reports on, or empty */
    struct cbor_list groups;   /* of that letter's facts */
    bool utf8;                 /* header or addresses hold bytes beyond ASCII */
    bool tls_report;           /* a report on TLS (keeper/tlsrpt) */
    struct slice bytes;        /* the letter, header to last line */
    struct ledger_record with; /* recorded in the same commit; type 0: none */
};

#define OWN_LETTERS_MAX    3   /* in one commit */
#define OWN_LETTERS_BEHIND 210 /* records before them in it: a decision's, with all copies */

/* Record letters in one commit, behind the record `first` (type 0: none), and send each the way of
 * every letter. */
bool keeper_write_letters(struct keeper *k, struct ledger_record first,
                          const struct own_letter *letters, size_t n, struct error *e) MUST_CHECK;

/* The same behind several records, OWN_LETTERS_BEHIND at most, of which `refs` says where they are. */
bool keeper_record_with_letters(struct keeper *k, const struct ledger_record *first, size_t n_first,
                                struct ledger_ref *refs, const struct own_letter *letters, size_t n,
                                struct error *e) MUST_CHECK;

/* Their ids, one behind the other, in the arena. */
struct slice own_letters_ids(const struct own_letter *letters, size_t n, struct arena *arena);

/* Append the header of such a letter to mailboxes of a setting (slices), but for Subject and Content-Type,
 * which the caller adds with the empty line. */
void own_letter_header(const struct settings *settings, const struct letter_id *id,
                       const struct config_list *recipients, struct buf *out);

/* Append text as quoted-printable; a line end in it comes out as one. */
void own_letter_quoted(struct slice text, struct buf *out);

/* Mail a checkpoint's note to who keeps it outside (`anchor-mail`); true also when nobody does. */
bool keeper_anchor(struct keeper *k, struct slice note, struct arena *arena,
                   struct error *e) MUST_CHECK;
