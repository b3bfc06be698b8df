/* tests/seal_smime - sign and encrypt every letter in a folder by S/MIME.
 *
 *     seal_smime MODE SIGNER-KEY.pem SIGNER.pem FROM-FOLDER TO-FOLDER RECIPIENT.pem...
 *
 * MODE is `sign` alone, `cbc` or `gcm`. The code that seals is the product's; the keys are the caller's. A letter that Postern would
 * refuse is not written, nor in mode `sign` one that cannot be signed. Says what a letter took in processor time. For tests that open the letters with others' programs. */
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

#include "formats/cms/signing.h"
#include "formats/mail/structure.h"
#include "formats/smime/seal.h"

#define LETTER_MAX     ((size_t)64 << 20)
#define RECIPIENTS_MAX 16

struct job {
    EVP_PKEY *key;
    struct smime_ask ask;
    struct smime_recipient recipients[RECIPIENTS_MAX];
    const char *from, *to;
    double seconds; /* of the product's code and the signature */
    unsigned letters;
};

static _Noreturn void fail(const char *what, const char *name)
{
    (void)fprintf(stderr, "seal_smime: %s %s\n", what, name);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");

    buf_reset(out);
    while (f && !feof(f)) {
        uint8_t *room = buf_room(out, 65536);
        if (!room || ferror(f)) {
            fail("cannot read", path);
        }
        out->len += fread(room, 1, 65536, f);
    }
    if (!f || fclose(f) != 0) {
        fail("cannot read", path);
    }
}

static struct slice read_chain(const char *path, struct arena *arena)
{
    OWN(buf) struct buf file = {.max = 1 << 20};
    struct smime_certificate c;
    struct error e;

    read_file(path, &file);
    if (!smime_certificate_read(buf_slice(&file), arena, &c, &e)) {
        fail(e.text, path);
    }
    return c.bytes;
}

static struct slice sign(EVP_PKEY *key, const uint8_t *digest, struct arena *arena)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t room[SMIME_SIGNATURE_MAX];
    size_t len = sizeof(room);

    if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
        EVP_PKEY_sign(ctx, room, &len, digest, SMIME_DIGEST_LEN) != 1) {
        fail("the key does not sign", "");
    }
    EVP_PKEY_CTX_free(ctx);
    return arena_copy(arena, slice_of(room, len));
}

static void write_file(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(bytes.ptr, 1, bytes.len, f) != bytes.len || fclose(f) != 0) {
        fail("cannot write", path);
    }
}

static void seal_one(struct job *j, const char *name, struct buf *letter, struct arena *arena)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    OWN(buf) struct buf out = {.max = 4 * LETTER_MAX};
    struct mail_structure structure;
    struct mail_header header;
    struct cms_draft draft;
    struct smime_made made;
    struct error e = {0};
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s", j->from, name);
    read_file(path, letter);
    mail_header_read(buf_slice(letter), &limits, true, arena, &header);
    if (!mail_structure_judge(buf_slice(letter), &header, &limits, &structure)) {
        return;
    }
    double begun = now();
    j->ask.letter = &header;
    if (!cms_draft_write(&header, j->ask.encrypt, j->ask.signer, time(NULL), arena, &draft, &e)) {
        if (j->ask.encrypt) {
            fail(e.text, name);
        }
        (void)printf("not signed: %s: %s\n", name, e.text);
        return;
    }
    j->ask.attributes = draft.attributes;
    j->ask.signature = sign(j->key, draft.digest, arena);
    if (!smime_seal(&j->ask, arena, &out, &made, &e)) {
        fail(e.text, name);
    }
    j->seconds += now() - begun;
    j->letters++;
    (void)snprintf(path, sizeof(path), "%s/%s", j->to, name);
    write_file(path, buf_slice(&out));
}

static void seal_all(struct job *j)
{
    OWN(arena) struct arena arena = {.max = (size_t)256 << 20};
    OWN(buf) struct buf letter = {.max = LETTER_MAX};
    DIR *folder = opendir(j->from);
    const struct dirent *entry = NULL;

    if (!folder) {
        fail("cannot read the folder", j->from);
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            seal_one(j, entry->d_name, &letter, &arena);
            arena_reset(&arena);
        }
    }
    (void)closedir(folder);
    (void)printf("%u letters, %.3f ms each\n", j->letters,
                 j->letters ? j->seconds * 1e3 / j->letters : 0.0);
}

int main(int argc, char **argv)
{
    OWN(arena) struct arena arena = {.max = 16 << 20};
    struct job j = {.from = argc > 5 ? argv[4] : "", .to = argc > 5 ? argv[5] : ""};

    if (argc < 6 || argc > 6 + RECIPIENTS_MAX) {
        fail("needs five arguments and recipients", "");
    }
    smime_init();
    FILE *f = fopen(argv[2], "r");
    j.key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    if (!j.key || fclose(f) != 0) {
        fail("cannot read the key", argv[2]);
    }
    j.ask = (struct smime_ask){.encrypt = strcmp(argv[1], "sign") != 0,
                               .signer = read_chain(argv[3], &arena),
                               .recipients = j.recipients,
                               .n_recipients = (size_t)argc - 6,
                               .gcm = strcmp(argv[1], "gcm") == 0,
                               .oaep = strcmp(argv[1], "gcm") == 0};
    for (size_t i = 0; i < j.ask.n_recipients; i++) {
        j.recipients[i].chain = read_chain(argv[6 + i], &arena);
    }
    seal_all(&j);
    EVP_PKEY_free(j.key);
    return 0;
}
