/* formats/scan/rspamd - one question to Rspamd over HTTP (POST /checkv2), and its answer.
 *
 * Pure: no socket. The question is the text of rspamd_ask() and the letter behind it; it asks for HTTP/1.0 and an end of the
 * connection behind the answer, so that the answer is what comes until then. Of its JSON (jansson,
 * which bounds nesting) the score and the action are taken, and nothing else. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define RSPAMD_ASK_MAX    ((size_t)512 << 10)
#define RSPAMD_ANSWER_MAX ((size_t)1 << 20)
#define RSPAMD_ACTION_MAX 40
#define RSPAMD_SCORE_MAX  1000000 /* hundredths of a point */

struct rspamd_letter {
    struct slice from; /* reverse-path; empty: the null path */
    const struct slice *recipients;
    size_t n_recipients;
    struct slice user; /* who signed in; empty: nobody */
    struct slice ip;   /* of the client */
    struct slice helo;
    uint64_t size;
};

struct rspamd_answer {
    uint64_t score;      /* hundredths of a point; below 0 is 0 */
    struct slice action; /* "no action", "add header", "reject"; in the arena */
};

/* Load what the JSON library wants from outside; before the process is locked in. */
void rspamd_init(void);

/* Append the head of the question. A value that cannot stand in a header field is left out. */
void rspamd_ask(struct buf *out, const struct rspamd_letter *letter);

/**
 * Read an answer.
 *
 * @param bytes  the whole of it: status line, header, JSON
 * @return       false with ERROR_INPUT when it is no verdict: it must be taken for none
 */
bool rspamd_read(struct slice bytes, struct arena *arena, struct rspamd_answer *out,
                 struct error *e) MUST_CHECK;
