#include <openssl/evp.h>

#include "ledger/checkpoint.h"
#include "tests/test.h"

struct signer {
    EVP_PKEY *pkey;
    uint8_t public_key[CHECKPOINT_KEY_LEN];
};

static void signer_init(struct signer *s)
{
    size_t len = sizeof(s->public_key);

    s->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(s->pkey);
    assert_int_equal(EVP_PKEY_get_raw_public_key(s->pkey, s->public_key, &len), 1);
}

static void sign(struct signer *s, struct slice text, uint8_t signature[static 64])
{
    size_t len = CHECKPOINT_SIGNED_LEN;
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, s->pkey), 1);
    assert_int_equal(EVP_DigestSign(c, signature, &len, text.ptr, text.len), 1);
    EVP_MD_CTX_free(c);
}

static const struct slice name = SLICE_INIT("example.test/ledger");

static void make_note(struct signer *s, const struct checkpoint *c, struct buf *note)
{
    uint8_t signature[CHECKPOINT_SIGNED_LEN];
    OWN(buf) struct buf text = {.max = CHECKPOINT_NOTE_MAX};

    checkpoint_text(c, &text);
    sign(s, buf_slice(&text), signature);
    checkpoint_note(c, name, s->public_key, signature, note);
}

static void notes_verify(void **unused)
{
    (void)unused;
    struct signer ours;
    struct signer other;
    struct checkpoint c = {.origin = name, .size = 1234567};
    struct checkpoint got;
    struct error e = {0};
    OWN(buf) struct buf note = {.max = CHECKPOINT_NOTE_MAX};

    signer_init(&ours);
    signer_init(&other);
    (void)memset(c.root, 0xab, sizeof(c.root));
    make_note(&ours, &c, &note);
    assert_ok(checkpoint_verify(buf_slice(&note), name, ours.public_key, &got, &e), e);
    assert_slice(got.origin, "example.test/ledger");
    assert_int_equal(got.size, 1234567);
    assert_memory_equal(got.root, c.root, sizeof(c.root));

    assert_false(checkpoint_verify(buf_slice(&note), name, other.public_key, &got, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(checkpoint_verify(buf_slice(&note), SLICE("x"), ours.public_key, &got, &e));
    for (size_t i = 0; i < note.len; i++) {
        note.ptr[i] ^= 0x01;
        assert_false(checkpoint_verify(buf_slice(&note), name, ours.public_key, &got, &e));
        note.ptr[i] ^= 0x01;
    }
    for (size_t cut = 0; cut < note.len; cut++) {
        assert_false(
            checkpoint_verify(slice_head(buf_slice(&note), cut), name, ours.public_key, &got, &e));
    }
    EVP_PKEY_free(ours.pkey);
    EVP_PKEY_free(other.pkey);
}

static bool reads(struct slice note, struct checkpoint *c)
{
    struct error e;
    return checkpoint_read(note, c, &e);
}

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define SIG  "\xe2\x80\x94 a AAAAAAAA\n"

static void one_form_only(void **unused)
{
    (void)unused;
    struct checkpoint c;

    assert_true(reads(SLICE("a\n0\n" ROOT "\n\n" SIG), &c));
    assert_true(reads(SLICE("a\n18446744073709551615\n" ROOT "\n\n" SIG), &c));
    assert_true(c.size == UINT64_MAX);
    assert_true(reads(SLICE("a\n1\n" ROOT "\nextension\n\n" SIG SIG), &c));
    assert_false(reads(SLICE("a\n01\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("a\n18446744073709551616\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("a\n-1\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("a\n\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("\n1\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("a b\n1\n" ROOT "\n\n" SIG), &c));
    assert_false(reads(SLICE("a\r\n1\r\n" ROOT "\r\n\r\n" SIG), &c));
    assert_false(reads(SLICE("a\n1\n" ROOT "\n\n"), &c));
    assert_false(reads(SLICE("a\n1\n" ROOT "\n" SIG), &c));
    assert_false(reads(SLICE("a\n1\n" ROOT "\n\nx a AAAA\n"), &c));
    assert_false(reads(SLICE("a\n1\n" ROOT "=\n\n" SIG), &c));
    /* the same 32 bytes, with bits that decoding drops */
    assert_false(reads(SLICE("a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\n" SIG), &c));
}

/* The example of c2sp.org/signed-note: a verifier line's hash comes from name and key. */
static void verifier_lines(void **unused)
{
    (void)unused;
    struct signer ours;
    struct slice got = SLICE_NONE;
    uint8_t key[CHECKPOINT_KEY_LEN];
    struct error e = {0};
    OWN(buf) struct buf line = {.max = CHECKPOINT_NOTE_MAX};
    struct slice peter =
        SLICE("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");

    assert_ok(checkpoint_read_verifier(peter, &got, key, &e), e);
    assert_slice(got, "PeterNeumann");
    checkpoint_verifier(got, key, &line);
    assert_true(slice_equal(buf_slice(&line), peter));

    signer_init(&ours);
    buf_reset(&line);
    checkpoint_verifier(name, ours.public_key, &line);
    assert_ok(checkpoint_read_verifier(buf_slice(&line), &got, key, &e), e);
    assert_memory_equal(key, ours.public_key, sizeof(key));
    for (size_t i = 0; i < line.len; i++) {
        line.ptr[i] ^= 0x02;
        assert_false(checkpoint_read_verifier(buf_slice(&line), &got, key, &e));
        line.ptr[i] ^= 0x02;
    }
    EVP_PKEY_free(ours.pkey);
}

/* golang.org/x/mod/sumdb/note's published example, signed by that key. */
static void a_note_made_by_others(void **unused)
{
    (void)unused;
    struct slice got = SLICE_NONE;
    uint8_t key[CHECKPOINT_KEY_LEN];
    struct checkpoint c;
    struct error e = {0};

    assert_ok(checkpoint_read_verifier(
                  SLICE("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &got,
                  key, &e),
              e);
    /* Not a checkpoint, though a signed note: refused as such. */
    assert_false(checkpoint_verify(
        SLICE("If you think cryptography is the answer to your problem,\n"
              "then you don't know what your problem is.\n\n"
              "\xe2\x80\x94 PeterNeumann "
              "x08go/ZJkuBS9UG/"
              "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ"
              "nAM=\n"),
        got, key, &c, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_verify),
        cmocka_unit_test(one_form_only),
        cmocka_unit_test(verifier_lines),
        cmocka_unit_test(a_note_made_by_others),
    };
    return cmocka_run_group_tests_name("ledger/checkpoint", tests, NULL, NULL);
}
