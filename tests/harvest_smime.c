/* tests/harvest_smime - whose certificates signed letters offer: the product's judgement, one line a letter.
 *
 *     harvest_smime ANCHORS.pem LETTER...
 *
 * A line is the letter's path, what became of it, the sender's address and the fingerprint of the certificate, with tabs between them; the
 * last two are empty when it offers none. ANCHORS are who is trusted. For tests that have others' programs sign. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"

#include "formats/smime/harvest.h"

#define LETTER_MAX ((size_t)64 << 20)

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0;

    buf_reset(out);
    do {
        uint8_t *room = f ? buf_room(out, 65536) : NULL;
        n = room ? fread(room, 1, 65536, f) : 0;
        out->len += n;
    } while (n > 0);
    if (!f || ferror(f) || !feof(f) || fclose(f) != 0) {
        (void)fprintf(stderr, "harvest_smime: cannot read %s\n", path);
        exit(1);
    }
}

static void judge(const char *path, const struct smime_wish *wish, struct buf *letter,
                  struct arena *arena)
{
    struct smime_certificate certificate = {0};
    struct slice from = SLICE_NONE;

    read_file(path, letter);
    enum smime_offer offer = smime_harvest(buf_slice(letter), wish, arena, &certificate, &from);
    if (offer != SMIME_OFFERED) {
        (void)printf("%s\t%s\t\t\n", path, smime_offer_text(offer));
        return;
    }
    (void)printf("%s\t%s\t%.*s\t%.*s\n", path, smime_offer_text(offer), SLICE_ARG(from),
                 SLICE_ARG(certificate.fingerprint));
}

int main(int argc, char **argv)
{
    OWN(buf) struct buf anchors = {.max = SMIME_ANCHORS_MAX};
    OWN(buf) struct buf letter = {.max = LETTER_MAX};
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};

    if (argc < 3) {
        (void)fprintf(stderr, "usage: harvest_smime ANCHORS.pem LETTER...\n");
        return 2;
    }
    smime_init();
    read_file(argv[1], &anchors);
    const struct smime_wish wish = {.anchors = buf_slice(&anchors), .now_s = time(NULL)};
    for (int i = 2; i < argc; i++) {
        judge(argv[i], &wish, &letter, &arena);
        arena_reset(&arena);
    }
    return 0;
}
