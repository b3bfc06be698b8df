/* ledger/dictionary - what the records of packs are compressed with: words that mail is full of. For ledger/'s
 * own files.
 *
 * docs/ledger-format.md section 12. A pack names its dictionary by digest; the file is in the ledger's
 * folder, so that an archive can be read without this program. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

#include "keyring/digest.h"

#define DICTIONARY_NAME_MAX 24

/* The program's own. */
struct slice dictionary_own(void);

/* Its SHA-256, and the name of the file with that digest. */
void dictionary_digest(struct slice bytes, uint8_t digest[static DIGEST_LEN]);
void dictionary_name(const uint8_t digest[static DIGEST_LEN],
                     char name[static DICTIONARY_NAME_MAX]);

/* Whether a file of the ledger's folder is called like one. */
bool dictionary_is_name(const char *name);

/* Read the file of that digest. False with ERROR_CORRUPT when it is missing or altered. */
bool dictionary_read(int dirfd, const uint8_t digest[static DIGEST_LEN], struct buf *out,
                     struct error *e) MUST_CHECK;

/* Have the program's own in the folder, durably, and say its digest. */
bool dictionary_install(int dirfd, mode_t mode, uint8_t digest[static DIGEST_LEN],
                        struct error *e) MUST_CHECK;
