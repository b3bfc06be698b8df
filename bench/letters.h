/* bench/letters - the letters that the load sender submits: the same ones in every run.
 *
 * Letter n depends on n, the size and the addresses alone. Its words are drawn from some 30,000 made
 * up ones, frequent words often and rare words rarely, as in a language: what is compressed, indexed
 * and signed is neither constant nor noise. Sizes above LETTERS_TEXT_MAX are a text and a
 * base64 attachment of bytes that look like a PDF's compressed streams. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define LETTERS_TEXT_MAX  ((size_t)16 << 10)
#define LETTERS_BYTES_MAX ((size_t)40 << 20)

struct letters;

struct letters_options {
    size_t bytes;       /* of each letter, about: 500 to LETTERS_BYTES_MAX */
    const char *from;   /* address; outlives the letters */
    const char *domain; /* of the recipients, the same */
};

/* Never NULL. */
struct letters *letters_new(const struct letters_options *o) __attribute__((returns_nonnull));

/* NULL is fine. */
void letters_free(struct letters *l);

/* Put letter n, dot-stuffed and ended by CRLF.CRLF, into `out`, which is emptied first. */
void letters_write(struct letters *l, uint64_t n, struct buf *out);

/* The recipient of letter n: its local part is one of a hundred. */
void letters_recipient(const struct letters *l, uint64_t n, struct buf *out);
