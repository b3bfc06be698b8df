/* keeper/lookup - reading the ledger while it is written. Readers are kept for the next single question, one
 * thread at a time each; the keeper frees them when it closes. */
#pragma once

#include "formats/cbor/cbor.h"
#include "ledger/reader.h"

struct keeper;

struct lookup {
    struct lookup *next;
    struct ledger_reader *reader;
};

/* A reader of segments and packs, the caller's to close. */
bool keeper_reader(struct keeper *k, struct ledger_reader **reader, struct error *e) MUST_CHECK;

/* Borrow one and give it back. NULL when the ledger cannot be opened. */
struct lookup *keeper_lookup(struct keeper *k, struct error *e);
void keeper_lookup_end(struct keeper *k, struct lookup *l);

/* Read a record; its body comes from the arena. */
bool keeper_entry(struct keeper *k, struct ledger_ref ref, struct arena *arena,
                  struct ledger_entry *entry, struct error *e) MUST_CHECK;

/* Read a record of a letter into its struct. */
bool keeper_read(struct keeper *k, struct ledger_ref ref, const struct cbor_schema *schema,
                 struct arena *arena, void *value, struct error *e) MUST_CHECK;

/* The same, with when it was recorded: wall milliseconds. */
bool keeper_read_at(struct keeper *k, struct ledger_ref ref, const struct cbor_schema *schema,
                    struct arena *arena, void *value, uint64_t *time_ms,
                    struct error *e) MUST_CHECK;
