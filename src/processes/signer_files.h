/* processes/signer_files - the signer's key files as they lie there, for a backup. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Append the encoding of a struct signer_files: every file of the folder that is whole, its bytes sealed as
 * they are. ERROR_CONFIG, ERROR_LIMIT. */
bool signer_files_read(int directory, struct arena *arena, struct buf *out,
                       struct error *e) MUST_CHECK;
