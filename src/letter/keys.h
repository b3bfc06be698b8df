/* letter/keys - the records about the master key. docs/ledger-format.md has their bytes. */
#pragma once

#include "formats/cbor/cbor.h"

#define KEYS_NAME_LEN 16 /* bytes of a key's public name */

/* The state's value that names the generation under which everything was found to be, durably. */
#define KEYS_VALUE_RENEWED "key/renewed"

/* RECORD_KEYS: another master key is in force, or it is kept in another way. Written by the first start with it. */
struct keys_record {
    uint64_t generation;
    uint64_t kept;     /* 1 as it is, 2 under a passphrase, 3 under a token's key */
    struct slice name; /* public name of the ledger key that follows from it */
    uint64_t since;    /* when it came into force */
    uint64_t former;   /* generation before; 0: the key is the same */
    uint64_t formers;  /* how many former keys are kept, until they are retired */
    struct slice by;   /* the machine's user to whom it belongs: nobody else can change it */
};

extern const struct cbor_schema keys_schema;

/* RECORD_RENEWED: after a rotation, everything that a former key opened is sealed under the present one. */
struct renewed_record {
    uint64_t generation;
    uint64_t files;    /* segments, packs and key files */
    uint64_t accounts; /* whose verifiers were */
};

extern const struct cbor_schema renewed_schema;
