/* tests/sign_letters - make of every letter in a folder the copy that would leave, signed.
 *
 *     sign_letters DOMAIN RSA-KEY.pem ED25519-KEY.pem FROM-FOLDER TO-FOLDER
 *
 * The code that signs is the product's; the keys are the caller's, under the selectors "rsa" and
 * "ed". A letter that Postern would refuse is not written; its name and the reason go to standard
 * output. For tests that check signatures with the eyes of others. */
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

#include "formats/mail/structure.h"
#include "stages/protect/protect.h"

#define LETTER_MAX (64 << 20)

static _Noreturn void fail(const char *what, const char *name)
{
    (void)fprintf(stderr, "sign_letters: %s %s\n", what, name);
    exit(1);
}

static bool sign_with(EVP_PKEY *pkey, bool ed25519, const uint8_t digest[static DKIM_DIGEST_LEN],
                      struct protect_signature *s)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *rsa = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = false;

    s->len = PROTECT_SIGNATURE_MAX;
    if (ed25519) {
        ok = EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 &&
             EVP_DigestSign(md, s->bytes, &s->len, digest, DKIM_DIGEST_LEN) == 1;
    } else {
        ok = EVP_PKEY_sign_init(rsa) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PADDING) > 0 &&
             EVP_PKEY_CTX_set_signature_md(rsa, EVP_sha256()) > 0 &&
             EVP_PKEY_sign(rsa, s->bytes, &s->len, digest, DKIM_DIGEST_LEN) == 1;
    }
    EVP_PKEY_CTX_free(rsa);
    EVP_MD_CTX_free(md);
    return ok;
}

static bool sign(void *ctx, const struct dkim_draft *drafts, size_t n,
                 struct protect_signature *signatures, struct error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (!sign_with(((EVP_PKEY **)ctx)[i], i == 1, drafts[i].digest, &signatures[i])) {
            return error_set(e, ERROR_BUSY, "the key does not sign");
        }
    }
    return true;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (!key) {
        fail("cannot read the key", path);
    }
    (void)fclose(f);
    return key;
}

static void read_letter(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    uint8_t *room = NULL;

    buf_reset(out);
    while (f && !feof(f)) {
        room = buf_room(out, 65536);
        if (!room || ferror(f)) {
            fail("cannot read", path);
        }
        out->len += fread(room, 1, 65536, f);
    }
    if (!f || fclose(f) != 0) {
        fail("cannot read", path);
    }
}

static void write_copy(const char *path, const struct edit_script *script, struct slice letter)
{
    FILE *f = fopen(path, "wb");
    struct slice piece;
    struct error e;

    for (size_t i = 0; f && i < script->n_edits; i++) {
        if (!protect_piece(&script->edits[i], letter, &piece, &e) ||
            fwrite(piece.ptr, 1, piece.len, f) != piece.len) {
            fail("cannot write", path);
        }
    }
    if (!f || fclose(f) != 0) {
        fail("cannot write", path);
    }
}

static void sign_one(const char *from, const char *to, const char *name, struct slice domain,
                     EVP_PKEY **keys, struct arena *arena, struct buf *letter)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    const struct dkim_key dkim_keys[] = {
        {DKIM_RSA_SHA256,     domain, SLICE("rsa")},
        {DKIM_ED25519_SHA256, domain, SLICE("ed") }
    };
    char path[4096];
    struct mail_header header;
    struct mail_structure structure;
    struct edit_script script;
    struct error e;
    struct protect_context context = {.host = SLICE("gate.example.test"),
                                      .letter_id = slice_text(name),
                                      .received_ms = clock_wall_ms(),
                                      .tls_version = SLICE("TLSv1.3"),
                                      .tls_cipher = SLICE("TLS_AES_256_GCM_SHA384"),
                                      .keys = dkim_keys,
                                      .n_keys = 2,
                                      .sign = sign,
                                      .sign_ctx = keys};

    (void)snprintf(path, sizeof(path), "%s/%s", from, name);
    read_letter(path, letter);
    mail_header_read(buf_slice(letter), &limits, false, arena, &header);
    if (!mail_structure_judge(buf_slice(letter), &header, &limits, &structure)) {
        char sentence[MAIL_SENTENCE_MAX];
        mail_structure_sentence(&structure, &limits, sentence);
        (void)printf("%s: %s\n", name, sentence);
        return;
    }
    if (!protect_letter(buf_slice(letter), &header, &context, arena, &script, &e)) {
        fail(e.text, name);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", to, name);
    write_copy(path, &script, buf_slice(letter));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fail("needs five arguments, not", argc > 1 ? argv[1] : "none");
    }
    EVP_PKEY *keys[] = {read_key(argv[2]), read_key(argv[3])};
    OWN(arena) struct arena arena = {.max = (size_t)256 << 20};
    OWN(buf) struct buf letter = {.max = LETTER_MAX};
    DIR *folder = opendir(argv[4]);
    const struct dirent *entry = NULL;

    if (!folder) {
        fail("cannot read the folder", argv[4]);
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            sign_one(argv[4], argv[5], entry->d_name, slice_text(argv[1]), keys, &arena, &letter);
            arena_reset(&arena);
        }
    }
    (void)closedir(folder);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    return 0;
}
