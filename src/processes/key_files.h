/* processes/key_files - the files of the directory `keys`: one private key each, sealed and bound to its name.
 *
 * The name is a keyed hash of domain and name, so that neither can be read there. For the signer's own files. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

#define KEY_FILE_NAME_MAX    37 /* two digits for each of 16 bytes, `.key`, the NUL */
#define KEY_FILE_CONTENT_MAX 8192

/* What is sealed in a file. */
struct key_file {
    uint64_t kind;
    struct slice domain; /* both in lower case */
    struct slice name;
    uint64_t created_at;
    struct slice key; /* PKCS #8 */
};

/* The file that a key is in when it is sealed under `seal`. */
void key_file_name(const struct secret *seal, struct slice domain, struct slice name,
                   char out[static KEY_FILE_NAME_MAX]);

/* Whether a name is one of those. */
bool key_file_is(const char *name);

/* Write a key to its file, durably. */
bool key_file_write(int directory, const struct secret *seal, const struct key_file *f,
                    struct error *e) MUST_CHECK;

/**
 * Read a file.
 *
 * @param content  holds the secret that out->key looks at: the caller wipes it with key_file_wipe()
 * @return         false with ERROR_CORRUPT when it is damaged, another key's or sealed under another key, ERROR_CONFIG
 *                 when it is newer
 */
bool key_file_read(int directory, const struct secret *seal, const char *file, struct buf *content,
                   struct arena *arena, struct key_file *out, struct error *e) MUST_CHECK;

/* Overwrite what a buffer holds. */
void key_file_wipe(struct buf *content);

/* Put every file that is sealed under a former key (keyring/former) under the present one, and destroy it. What opens
 * under none is left alone. False with ERROR_CONFIG or ERROR_BUSY when the directory cannot be used. */
bool key_files_renew(int directory, const struct secret *seal, struct error *e) MUST_CHECK;
