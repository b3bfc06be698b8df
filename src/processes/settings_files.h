/* processes/settings_files - the files that settings name, read by the supervisor as sealed memory files,
 * which no later change of the file reaches.
 *
 * A row may have one for each section of a kind: these travel as one, each behind its length (four bytes,
 * big-endian). Pure but for the reading; one thread. */
#pragma once

#include "config/settings.h"
#include "processes/role.h"

#define SETTINGS_SECRET_MAX ((size_t)64 << 10) /* bytes of the file of one section, ... */
#define SETTINGS_TRUST_MAX                                                                         \
    ((size_t)480 << 10) /* ... and of one with authorities: a system's own has more than 200 KiB */

/**
 * Read the kth file of a row. Symbolic links are followed: that is how certificates are renewed.
 *
 * @param fd  set to a sealed memory file, the caller's; -1 when its setting is empty
 * @return    false with ERROR_CONFIG when it cannot be read. One of a section is then empty instead: a
 *            pull that cannot sign in is no reason to send no mail
 */
bool settings_file_copy(const struct role_row *row, size_t k, const struct settings *s, int *fd,
                        struct error *e) MUST_CHECK;

/* Whether the row has files of sections, which are read again when they change; *stamp is then another
 * one. */
bool settings_files_stamp(const struct role_row *row, const struct settings *s, uint64_t *stamp);

/* The nth file in what came as one. */
struct slice settings_file_in(struct slice all, size_t nth);
