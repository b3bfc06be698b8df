/* keyring/master - the file that holds the master key.
 *
 * One line of text, "postern-master-key 1 <key> <check>", key and check in hexadecimal, readable by
 * its owner alone (0600). Only the supervisor reads it; the other processes get derived keys over
 * their control channel. Whoever holds this file reads the archive: without it nobody does. */
#pragma once

#include "base/error.h"
#include "base/secret.h"

/**
 * Create the file with a new random key, durably.
 *
 * @param dirfd  the data directory
 * @param name   "master.key"
 * @param key    set to the key, which the caller owns
 * @return       false with ERROR_CONFIG when the file exists (a master key is never overwritten) or
 *               cannot be made, ERROR_BUSY when the disk fails
 */
bool master_create(int dirfd, const char *name, struct secret **key, struct error *e) MUST_CHECK;

/* Write an existing key, recovered from recovery.sealed, to a new file. Errors as above. */
bool master_write(int dirfd, const char *name, const struct secret *key,
                  struct error *e) MUST_CHECK;

/**
 * Read the file.
 *
 * @return  false with ERROR_CONFIG when it is missing, open to others than its owner, or written by
 *          a newer Postern; ERROR_CORRUPT when its check does not fit
 */
bool master_read(int dirfd, const char *name, struct secret **key, struct error *e) MUST_CHECK;
