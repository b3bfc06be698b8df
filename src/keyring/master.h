/* keyring/master - the file that holds the master key, and the three ways it may be kept there.
 *
 * One line of text, readable by its owner alone (0600). The key stands in it as it is, or sealed under a
 * passphrase (argon2id), or sealed under a key that a PKCS#11 token opens (keyring/token). How it is kept
 * can be changed without changing the key. docs/ledger-format.md section 9 has the bytes.
 *
 * Only the supervisor and the command line, as root, open it; the other processes get derived keys over
 * their control channel. Whoever has the key reads the archive: without it nobody does. One thread.
 *
 * | on disk | in force | master_tidy() |
 * |---|---|---|
 * | master.key | it | nothing |
 * | and master.key.new: a change that was not made, or the old form after it | master.key | overwrites and removes it | */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#define MASTER_LINE_MAX       4096
#define MASTER_URI_MAX        1024 /* bytes of a token's PKCS#11 URI (RFC 7512) */
#define MASTER_PASSPHRASE_MIN 12   /* characters of a new one */
#define MASTER_GENERATION_MAX 1000000
#define MASTER_CREDENTIAL     "postern-master-key" /* of systemd's, with passphrase or PIN */

enum master_kept { MASTER_FILE = 1, MASTER_PASSPHRASE, MASTER_TOKEN };

/* How secrets are got from a person. `answer` is the caller's; false fills *e. */
struct master_asker {
    bool (*ask)(void *context, const char *question, struct secret **answer, struct error *e);
    void *context;
};

/* How a key is to be kept. */
struct master_way {
    enum master_kept kept;
    const struct secret *passphrase; /* MASTER_PASSPHRASE */
    const char *uri;                 /* MASTER_TOKEN */
    const struct secret *pin;        /* of the token */
};

struct master {
    struct secret *key;  /* owned; master_done() wipes it */
    uint64_t generation; /* 1 for the first; every rotation adds one */
    enum master_kept kept;
    char uri[MASTER_URI_MAX + 1]; /* of the token */
    struct secret *opened_by;     /* passphrase or PIN; NULL when none was needed. Owned */
};

/* Wipe; a zeroed one is fine. */
void master_done(struct master *m);
OWN_VALUE(master, struct master, master_done)

/**
 * Create the file with a new random key, durably, as it is.
 *
 * @param dirfd  the data directory
 * @param name   "master.key"
 * @param key    set to the key, which the caller owns
 * @return       false with ERROR_CONFIG when the file exists (a master key is never overwritten) or
 *               cannot be made, ERROR_BUSY when the disk fails
 */
bool master_create(int dirfd, const char *name, struct secret **key, struct error *e) MUST_CHECK;

/* Write an existing key, recovered from recovery.sealed, to a new file. Errors as above. */
bool master_write(int dirfd, const char *name, const struct secret *key, uint64_t generation,
                  struct error *e) MUST_CHECK;

/**
 * Open the file; what it needs is asked for.
 *
 * @param asker  for the passphrase, or the token's PIN
 * @return       false with ERROR_CONFIG when it is missing, open to others than its owner, or written by
 *               a newer Postern; ERROR_CORRUPT when it is damaged; ERROR_DENIED for a wrong passphrase or PIN;
 *               ERROR_BUSY when the token or the disk fails
 */
bool master_open(int dirfd, const char *name, const struct master_asker *asker, struct master *out,
                 struct error *e) MUST_CHECK;

/* Generation and way of keeping alone, without the key; out->key is NULL. Errors as master_open(). */
bool master_look(int dirfd, const char *name, struct master *out, struct error *e) MUST_CHECK;

/**
 * Write a key in another form beside the file, durably, and open it again to see that it holds.
 *
 * @param way  with the passphrase or PIN for the new form
 * @return     false, nothing written, as master_open(); ERROR_INPUT when `way` cannot be used
 */
bool master_prepare(int dirfd, const char *name, const struct master_way *way,
                    const struct secret *key, uint64_t generation, struct error *e) MUST_CHECK;

/**
 * Be the only one at the master key's files: whoever changes, tidies or reads several of them together holds
 * this. The descriptor ends it when it is closed.
 *
 * @param dirfd    the data directory
 * @param wait_ms  how long to wait for another; 0: not at all
 * @param lock     set to the descriptor
 * @return         false with ERROR_BUSY when another holds it until then, ERROR_DENIED or ERROR_CONFIG when
 *                 the directory cannot be opened
 */
bool master_lock(int dirfd, int64_t wait_ms, int *lock, struct error *e) MUST_CHECK;

/* Put the prepared form in force, in one step, and destroy the former. False with ERROR_BUSY: one of
 * the two is in force, and master_tidy() ends it. */
bool master_commit(int dirfd, const char *name, struct error *e) MUST_CHECK;

/* Destroy what a crash left beside the file: never what is in force. */
bool master_tidy(int dirfd, const char *name, struct error *e) MUST_CHECK;
