/* A letter on standard input, protected by a password as an inspector does it, on standard output; what became of each file on
 * standard error. For tests/system/test_documents_sealed.py and bench/sealing.py: lock_letter PASSWORD inside|outside [TIMES], or
 * `archive TIMES`: what is on standard input is no letter, but a file that goes into an archive, and nothing is written. */
#include <stdio.h>
#include <stdlib.h>

#include "formats/lock/lock.h"
#include "letter/records.h"
#include "stages/attachments/attachments.h"

static bool read_all(struct buf *b)
{
    size_t n = 0;

    do {
        uint8_t *room = buf_room(b, 65536);
        n = room ? fread(room, 1, 65536, stdin) : 0;
        b->len += n;
    } while (n > 0);
    return !b->full;
}

/* Once more, for nothing but what it costs. */
static bool protect_again(struct slice letter, const struct attachments_wish *wish)
{
    OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX};
    OWN(arena) struct arena arena = {.max = ATTACHMENTS_ARENA_MAX};
    struct cbor_list texts = {NULL, 0};
    struct error e = {0};

    return attachments_protect(letter, wish, &arena, &out, &texts, &e);
}

static int archive(struct slice bytes, struct slice password, long times)
{
    const struct lock_entry entry = {SLICE("file.bin"), bytes};

    for (long i = 0; i < times; i++) {
        OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX + 65536};
        struct error e = {0};
        if (!lock_archive(&entry, 1, "documents.zip", password, &out, &e)) {
            (void)fprintf(stderr, "%s\n", e.text);
            return error_exit_code(&e);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    OWN(buf) struct buf letter = {.max = LETTER_BYTES_MAX + 65536};
    OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX};
    OWN(arena) struct arena arena = {.max = ATTACHMENTS_ARENA_MAX};
    struct cbor_list texts = {NULL, 0};
    struct error e = {0};

    if (argc < 3 || argc > 4 || !read_all(&letter)) {
        return 64;
    }
    const struct attachments_wish wish = {
        .password = slice_text(argv[1]),
        .text_stays = slice_equal(slice_text(argv[2]), SLICE("outside")),
    };
    long times = argc == 4 ? strtol(argv[3], NULL, 10) : 1;
    attachments_init();
    if (slice_equal(slice_text(argv[2]), SLICE("archive"))) {
        return archive(buf_slice(&letter), wish.password, times);
    }
    if (!attachments_protect(buf_slice(&letter), &wish, &arena, &out, &texts, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        return error_exit_code(&e);
    }
    for (long i = 1; i < times; i++) {
        if (!protect_again(buf_slice(&letter), &wish)) {
            return 70;
        }
    }
    const struct slice *lines = texts.items;
    for (size_t i = 0; i < texts.count; i++) {
        (void)fprintf(stderr, "%.*s\n", SLICE_ARG(lines[i]));
    }
    return fwrite(out.ptr, 1, out.len, stdout) == out.len ? 0 : 74;
}
