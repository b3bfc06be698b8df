#include "bench/letters.h"

#include <openssl/evp.h>

#include "base/arena.h"

#define VOCABULARY      30000
#define WORD_MAX        16
#define LINE_BYTES      72
#define BASE64_LINE     76
#define BLOB_LINE_BYTES 57 /* BASE64_LINE characters */
#define CHANGED_LINES   16 /* of an attachment, from one letter to the next */

struct word {
    uint8_t len;
    char text[WORD_MAX - 1];
};

struct letters {
    struct letters_options options;
    struct word words[VOCABULARY];
    struct buf attachment; /* base64 in lines, the same for all letters but for some lines */
};

/* splitmix64: small, quick, good enough to draw words with. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void make_words(struct letters *l)
{
    static const char *const onsets[] = {"b", "br", "d", "f", "g", "gr", "h", "k", "l",  "m",
                                         "n", "p",  "r", "s", "t", "st", "v", "w", "sh", "tr"};
    static const char *const cores[] = {"a", "e", "i", "o", "u", "ai", "ea", "on", "er", "in"};
    uint64_t state = 1;

    for (size_t i = 0; i < VOCABULARY; i++) {
        struct word *w = &l->words[i];
        /* Frequent words, which come first, are short. */
        size_t syllables = i < 100 ? 1 : i < 3000 ? 2 : 3;
        for (size_t s = 0; s < syllables; s++) {
            uint64_t r = draw(&state);
            const char *const parts[] = {onsets[r % 20], cores[(r >> 20) % 10]};
            for (size_t p = 0; p < 2; p++) {
                for (const char *c = parts[p]; *c; c++) {
                    w->text[w->len++] = *c;
                }
            }
        }
    }
}

/* The inverse of Zipf's law, near enough: half of a text are the 230 most frequent words. */
static const struct word *draw_word(const struct letters *l, uint64_t *state)
{
    double unit = (double)(draw(state) >> 11) * 0x1p-53;

    return &l->words[(size_t)(VOCABULARY * unit * unit * unit * unit * unit * unit * unit)];
}

static void add_text(const struct letters *l, uint64_t *state, size_t bytes, struct buf *out)
{
    size_t end = out->len + bytes;
    size_t line = 0;

    while (out->len < end) {
        const struct word *w = draw_word(l, state);
        buf_add(out, slice_of(w->text, w->len));
        line += w->len + 1U;
        if (line > LINE_BYTES) {
            buf_add_text(out, line % 5 ? "\r\n" : ".\r\n");
            line = 0;
        } else {
            buf_add_byte(out, ' ');
        }
    }
    buf_add_text(out, "\r\n");
}

/* One line of the attachment: bytes that no compressor makes smaller. */
static void write_blob_line(uint64_t *state, uint8_t line[static BASE64_LINE + 3])
{
    uint8_t bytes[BLOB_LINE_BYTES + 7];

    for (size_t i = 0; i < BLOB_LINE_BYTES; i += sizeof(uint64_t)) {
        uint64_t r = draw(state);
        (void)memcpy(bytes + i, &r, sizeof(r));
    }
    (void)EVP_EncodeBlock(line, bytes, BLOB_LINE_BYTES);
    line[BASE64_LINE] = '\r';
    line[BASE64_LINE + 1] = '\n';
}

static void make_attachment(struct letters *l, size_t bytes)
{
    uint8_t line[BASE64_LINE + 3];
    uint64_t state = 2;

    buf_init(&l->attachment, LETTERS_BYTES_MAX);
    while (l->attachment.len < bytes) {
        write_blob_line(&state, line);
        buf_add(&l->attachment, slice_of(line, BASE64_LINE + 2));
    }
    (void)EVP_EncodeBlock(line, (const uint8_t *)"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", 24);
    (void)memcpy(l->attachment.ptr, line, 32); /* what a reader of file types looks at */
}

struct letters *letters_new(const struct letters_options *o)
{
    struct letters *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("out of memory");
    }
    l->options = *o;
    make_words(l);
    if (o->bytes > LETTERS_TEXT_MAX) {
        make_attachment(l, o->bytes - LETTERS_TEXT_MAX / 2);
    }
    return l;
}

void letters_free(struct letters *l)
{
    if (l) {
        buf_done(&l->attachment);
        free(l);
    }
}

void letters_recipient(const struct letters *l, uint64_t n, struct buf *out)
{
    buf_printf(out, "recipient%u@%s", (unsigned)(n % 100), l->options.domain);
}

static void add_header(const struct letters *l, uint64_t n, uint64_t *state, struct buf *out)
{
    buf_printf(out, "From: Alice Example <%s>\r\nTo: ", l->options.from);
    letters_recipient(l, n, out);
    buf_add_text(out, "\r\nSubject:");
    for (size_t i = 0; i < 6; i++) {
        const struct word *w = draw_word(l, state);
        buf_add_byte(out, ' ');
        buf_add(out, slice_of(w->text, w->len));
    }
    buf_printf(out,
               "\r\nDate: Tue, 24 Nov 2026 10:%02u:%02u +0000\r\n"
               "Message-ID: <bench.%llu.%zu@client.example>\r\nMIME-Version: 1.0\r\n",
               (unsigned)(n / 60 % 60), (unsigned)(n % 60), (unsigned long long)n,
               l->options.bytes);
}

static void add_attachment(struct letters *l, uint64_t *state, struct buf *out)
{
    uint8_t line[BASE64_LINE + 3];
    size_t lines = l->attachment.len / (BASE64_LINE + 2);

    for (size_t i = 0; i < CHANGED_LINES; i++) {
        size_t at = 1 + draw(state) % (lines - 1);
        write_blob_line(state, line);
        (void)memcpy(l->attachment.ptr + at * (BASE64_LINE + 2), line, BASE64_LINE);
    }
    buf_add(out, buf_slice(&l->attachment));
}

void letters_write(struct letters *l, uint64_t n, struct buf *out)
{
    uint64_t state = n * 1000003 + l->options.bytes;

    buf_reset(out);
    add_header(l, n, &state, out);
    if (!l->attachment.len) {
        buf_add_text(out, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
        add_text(l, &state, l->options.bytes - out->len, out);
    } else {
        buf_add_text(out, "Content-Type: multipart/mixed; boundary=\"=_bench\"\r\n\r\n"
                          "--=_bench\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        add_text(l, &state, LETTERS_TEXT_MAX / 2 - out->len, out);
        buf_add_text(out, "--=_bench\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\n"
                          "Content-Disposition: attachment; filename=\"report.pdf\"\r\n"
                          "Content-Transfer-Encoding: base64\r\n\r\n");
        add_attachment(l, &state, out);
        buf_add_text(out, "--=_bench--\r\n");
    }
    buf_add_text(out, ".\r\n");
}
