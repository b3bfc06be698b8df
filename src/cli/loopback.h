/* cli/loopback - one answer of a browser, brought to this machine (RFC 8252 section 7.3).
 *
 * Listens on 127.0.0.1 alone. Whatever else comes there, from whichever program of the machine, is answered and forgotten: only
 * the question with the state that was sent counts. One thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define LOOPBACK_HEAD_MAX 8192 /* octets of a browser's question */

struct loopback_answer {
    struct slice code;
    struct slice issuer;  /* RFC 9207; may be empty */
    struct slice problem; /* the provider's word for why there is no code */
};

/* Listen; *port: the one that is wanted, or 0 for any, then the one that it is. ERROR_CONFIG when it is taken. */
bool loopback_listen(uint16_t *port, int *fd, struct error *e) MUST_CHECK;

/* Wait for the browser until clock_steady_ms() is `until_ms`; the texts are from the arena. ERROR_BUSY when it did not come. */
bool loopback_wait(int fd, struct slice state, int64_t until_ms, struct arena *arena,
                   struct loopback_answer *out, struct error *e) MUST_CHECK;

/* Read a browser's question, up to the end of its header: false when it does not bring the answer with that state. */
bool loopback_read(struct slice head, struct slice state, struct arena *arena,
                   struct loopback_answer *out) __attribute__((warn_unused_result));
