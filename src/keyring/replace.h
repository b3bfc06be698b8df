/* keyring/replace - small files with secrets, whose former content must not stay on the disk. For keyring/'s own
 * files.
 *
 * A new content is written beside the file, under a name of its own, and then the two change names in one step; so
 * the former one keeps a name until it is overwritten, and a crash never leaves it without. */
#pragma once

#include "base/error.h"

#define REPLACE_NAME_MAX 96

/* The name of the new content, and of the former one afterwards: `name`.new. */
void replace_name(const char *name, char out[static REPLACE_NAME_MAX]);

/* Put `name`.new in the place of `name`, durably, and destroy what was there. False with ERROR_BUSY, ERROR_CONFIG:
 * one whole content is in force, and replace_tidy() ends it. */
bool replace_commit(int dirfd, const char *name, struct error *e) MUST_CHECK;

/* Destroy `name`.new, whatever it is. */
bool replace_tidy(int dirfd, const char *name, struct error *e) MUST_CHECK;
