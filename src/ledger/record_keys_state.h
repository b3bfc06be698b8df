/* ledger/record_keys_state - the seeds that are kept. For record_keys.c, which derives keys from them, and
 * record_key_files.c, which keeps them on disk. */
#pragma once

#include "ledger/record_keys.h"

#define DEPTH_MAX 32

struct seed {
    unsigned depth;
    uint32_t at; /* which of that depth */
    uint8_t bytes[KEYRING_KEY_LEN];
};

/* More seeds than locked memory could hold: wiped when freed. */
struct record_keys {
    uint32_t records;
    unsigned depth;
    struct seed *seeds; /* in the order of what they cover */
    size_t n, room;
    struct digest *digest;
    unsigned path_from; /* path[path_from .. depth] leads to path_index; > depth: nowhere */
    uint32_t path_index;
    uint8_t path[DEPTH_MAX + 1][KEYRING_KEY_LEN];
};

/* Without seeds yet, and room for so many, 1 or more. */
struct record_keys *record_keys_alloc(uint32_t records, size_t room)
    __attribute__((returns_nonnull));

/* The name of a file that is to replace a key file. */
void record_keys_name_new(uint32_t number, uint16_t making, char name[static KEYS_NAME_MAX]);
