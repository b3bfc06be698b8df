/* formats/scan/clamd - the session INSTREAM of ClamAV's daemon (clamd(8)): what is said to it, and what it answers.
 *
 * Pure: no socket. A question is CLAMD_ASK, then the letter in chunks, each behind its length (clamd_chunk()), then a
 * chunk of no length. The answer is one line that ends in NUL, and is read strictly: what is not
 * exactly one of the three answers is no verdict. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define CLAMD_ASK        "zINSTREAM" /* with the NUL behind it */
#define CLAMD_CHUNK_MAX  65536
#define CLAMD_HEAD_LEN   4
#define CLAMD_ANSWER_MAX 1024
#define CLAMD_NAME_MAX   200

enum clamd_verdict {
    CLAMD_CLEAN = 1,
    CLAMD_FOUND,     /* malware, with a name */
    CLAMD_TOO_LARGE, /* for its limits: it was not looked at, or, with a name, not at all of it */
};

struct clamd_answer {
    enum clamd_verdict verdict;
    struct slice name; /* of what was found: printable ASCII, looks into the answer */
};

/* What goes before a chunk of `len` bytes. */
void clamd_chunk(uint32_t len, uint8_t head[static CLAMD_HEAD_LEN]);

/**
 * Read an answer.
 *
 * @param bytes  all that came, up to and with the NUL
 * @return       false with ERROR_INPUT when that is no verdict: it must be taken for none
 */
bool clamd_read(struct slice bytes, struct clamd_answer *out, struct error *e) MUST_CHECK;
