/* For tests/system/test_openpgp.py: the OpenPGP of Postern by itself, with a private key of its own.
 *
 *     seal_openpgp judge FILE...                one line a file: "taken" or "refused", a tab, why
 *     seal_openpgp own OUT                      write a new public key to OUT, its private half for `seal` behind it
 *     seal_openpgp seal OWN DIR KEY... -- LETTER...   write each letter, signed and encrypted to all keys, into DIR
 */
#include <libgen.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

#include "formats/mail/covered.h"
#include "formats/openpgp/key.h"
#include "formats/openpgp/packet.h"
#include "formats/openpgp/seal.h"

#define BYTES_MAX ((size_t)64 << 20)
#define SEED_LEN  32
#define KEYS_MAX  16

static const struct mail_limits limits = {.letter_bytes = BYTES_MAX,
                                          .header_bytes = BYTES_MAX,
                                          .field_bytes = BYTES_MAX,
                                          .line_bytes = BYTES_MAX,
                                          .fields = 100000};

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "seal_openpgp: %s\n", what);
        exit(1);
    }
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    must(f != NULL, path);
    for (;;) {
        uint8_t *room = buf_room(out, 65536);
        must(room != NULL, path);
        size_t n = fread(room, 1, 65536, f);
        out->len += n;
        if (n == 0) {
            break;
        }
    }
    (void)fclose(f);
}

static void write_file(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    must(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len && fclose(f) == 0, path);
}

static void sign(const uint8_t seed[static SEED_LEN], const struct openpgp_draft *draft,
                 struct buf *out)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t signature[OPENPGP_SIGNATURE_LEN];
    size_t len = sizeof(signature);

    must(key && md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(md, signature, &len, draft->digest, OPENPGP_DIGEST_LEN) == 1,
         "cannot sign");
    openpgp_write_signature(draft, signature, out);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
}

static int make_own(const char *path)
{
    OWN(buf) struct buf bytes = {.max = 4096};
    OWN(buf) struct buf armored = {.max = 8192};
    uint8_t seed[SEED_LEN];
    uint8_t public[OPENPGP_PUBLIC_LEN];
    size_t len = sizeof(public);
    struct openpgp_own own;
    struct openpgp_draft draft;
    struct slice user_id = SLICE("Anna <ann@example.test>");
    uint32_t now = (uint32_t)time(NULL);
    char text[2 * OPENPGP_FINGERPRINT_LEN + 1];

    must(RAND_bytes(seed, sizeof(seed)) == 1, "no random bytes");
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_LEN);
    must(key && EVP_PKEY_get_raw_public_key(key, public, &len) == 1, "no key");
    EVP_PKEY_free(key);
    openpgp_own_init(&own, public, now);
    openpgp_write_public(&own, &bytes);
    openpgp_write_user_id(user_id, &bytes);
    openpgp_draft_user_id(&own, user_id, now, &draft);
    sign(seed, &draft, &bytes);
    openpgp_armor(OPENPGP_ARMOR_KEY, buf_slice(&bytes), &armored);
    write_file(path, buf_slice(&armored));
    buf_add(&bytes, SLICE_ARRAY(seed));
    char secret[4000];
    (void)snprintf(secret, sizeof(secret), "%s.private", path);
    write_file(secret, buf_slice(&bytes));
    openpgp_fingerprint_text(own.fingerprint, text);
    (void)printf("%s\n", text);
    return 0;
}

static int judge(char **files)
{
    for (; *files; files++) {
        OWN(buf) struct buf file = {.max = BYTES_MAX};
        OWN(arena) struct arena arena = {.max = 8 << 20};
        struct openpgp_key key;
        struct error e = {0};

        read_file(*files, &file);
        bool taken = openpgp_key_read(buf_slice(&file), time(NULL), &arena, &key, &e);
        (void)printf("%s\t%s\t%s\n", *files, taken ? "taken" : "refused", taken ? "" : e.text);
    }
    return 0;
}

static void seal_one(const struct buf *private, const char *directory, const struct slice *keys,
                     size_t n_keys, const char *path)
{
    OWN(buf) struct buf letter = {.max = BYTES_MAX};
    OWN(buf) struct buf outer = {.max = BYTES_MAX};
    OWN(buf) struct buf payload = {.max = BYTES_MAX};
    OWN(buf) struct buf packets = {.max = BYTES_MAX};
    OWN(buf) struct buf armored = {.max = 2 * BYTES_MAX};
    OWN(buf) struct buf sealed = {.max = 2 * BYTES_MAX};
    OWN(arena) struct arena arena = {.max = 256 << 20};
    const uint8_t *seed = private->ptr + private->len - SEED_LEN;
    uint8_t boundary[OPENPGP_BOUNDARY_LEN];
    struct mail_header h;
    struct openpgp_own own;
    struct openpgp_draft draft;
    struct error e = {0};
    char name[4000];
    char to[8100];

    read_file(path, &letter);
    mail_header_read(buf_slice(&letter), &limits, true, &arena, &h);
    covered_outer_write(&h, COVERED_BY_ENCRYPTION, &outer);
    covered_payload_write(&h, COVERED_BY_ENCRYPTION, buf_slice(&outer), &payload);
    must(openpgp_own_read(buf_slice(private), &own), "no own key");
    openpgp_draft_document(&own, buf_slice(&payload), (uint32_t)time(NULL), &draft);
    openpgp_write_signed(&draft, buf_slice(&payload), &packets);
    sign(seed, &draft, &packets);
    must(openpgp_encrypt(keys, n_keys, buf_slice(&packets), time(NULL), &armored, &e), e.text);
    must(RAND_bytes(boundary, sizeof(boundary)) == 1, "no random bytes");
    openpgp_mime_begin(buf_slice(&outer), boundary, &sealed);
    buf_add(&sealed, buf_slice(&armored));
    openpgp_mime_end(boundary, &sealed);
    (void)snprintf(name, sizeof(name), "%s", path);
    (void)snprintf(to, sizeof(to), "%s/%s", directory, basename(name));
    write_file(to, buf_slice(&sealed));
    (void)snprintf(to, sizeof(to), "%s/%s.payload", directory, basename(name));
    write_file(to, buf_slice(&payload));
}

static int seal(const char *own, const char *directory, char **more)
{
    OWN(buf) struct buf private = {.max = 1 << 20};
    struct buf files[KEYS_MAX] = {0};
    struct slice keys[KEYS_MAX];
    size_t n = 0;
    char secret[4000];

    (void)snprintf(secret, sizeof(secret), "%s.private", own);
    read_file(secret, &private);
    for (; *more && strcmp(*more, "--") != 0 && n < KEYS_MAX; more++, n++) {
        buf_init(&files[n], BYTES_MAX);
        read_file(*more, &files[n]);
        keys[n] = buf_slice(&files[n]);
    }
    must(*more != NULL, "no -- behind the keys");
    while (*++more) {
        seal_one(&private, directory, keys, n, *more);
    }
    for (size_t i = 0; i < n; i++) {
        buf_done(&files[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    openpgp_init();
    if (argc > 2 && strcmp(argv[1], "judge") == 0) {
        return judge(argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "own") == 0) {
        return make_own(argv[2]);
    }
    if (argc > 5 && strcmp(argv[1], "seal") == 0) {
        return seal(argv[2], argv[3], argv + 4);
    }
    (void)printf(
        "usage: seal_openpgp judge FILE... | own OUT | seal OWN DIR KEY... -- LETTER...\n");
    return 2;
}
