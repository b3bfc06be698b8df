#include <openssl/evp.h>

#include "base/buf.h"

#include "stages/protect/protect.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

/* Build the copy as delivery does, piece by piece. */
static void apply(const struct edit_script *s, struct slice letter, struct buf *out)
{
    struct slice piece;
    struct error e;

    for (size_t i = 0; i < s->n_edits; i++) {
        assert_ok(protect_piece(&s->edits[i], letter, &piece, &e), e);
        buf_add(out, piece);
    }
    assert_false(out->full);
}

static void protect(struct slice letter, const struct protect_context *c, struct arena *a,
                    struct edit_script *s, struct buf *copy)
{
    struct mail_header h;
    struct error e;
    uint8_t digest[PROTECT_DIGEST_LEN];

    mail_header_read(letter, &limits, c->utf8, a, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    assert_ok(protect_letter(letter, &h, c, a, s, &e), e);
    buf_reset(copy);
    apply(s, letter, copy);
    assert_int_equal(EVP_Digest(copy->ptr, copy->len, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(digest, s->digest, sizeof(digest));
    assert_int_equal(s->size, copy->len);
    assert_ok(protect_verify(s, letter, &e), e);
}

static const struct protect_context plain = {
    .host = SLICE_INIT("mail.example.test"),
    .letter_id = SLICE_INIT("0123456789abcdef"),
    .received_ms = 1795505400000,
    .tls_version = SLICE_INIT("TLSv1.3"),
    .tls_cipher = SLICE_INIT("TLS_AES_256_GCM_SHA384"),
};

static void what_is_missing_is_added_and_bcc_is_cut(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;

    protect(SLICE("Received: from a by b; c\r\n"
                  "Bcc: secret@x.test,\r\n\tother@x.test\r\n"
                  "From: alice@example.test\r\n"
                  "Return-Path: <x@y.test>\r\n"
                  "resent-bcc: third@x.test\r\n"
                  "Subject: hi\r\n"
                  "\r\n"
                  "Bcc: this is text\r\n"),
            &plain, &a, &s, &copy);
    assert_slice(buf_slice(&copy), "Received: by mail.example.test (Postern) with ESMTPSA id "
                                   "0123456789abcdef\r\n"
                                   "\t(TLSv1.3 TLS_AES_256_GCM_SHA384);\r\n"
                                   "\tTue, 24 Nov 2026 07:30:00 +0000\r\n"
                                   "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
                                   "Message-ID: <0000000000000000000000000@mail.example.test>\r\n"
                                   "Received: from a by b; c\r\n"
                                   "From: alice@example.test\r\n"
                                   "Subject: hi\r\n"
                                   "\r\n"
                                   "Bcc: this is text\r\n");
    assert_int_equal(s.n_edits, 4);
}

/* What protects the content gets it so; our Received comes after it. */
static void bare_it_has_no_received(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct protect_context c = plain;
    struct edit_script s;

    c.bare = true;
    c.sender = SLICE("anna@example.test");
    protect(SLICE("From: alice@example.test\r\nBcc: b@x.test\r\n\r\nText\r\n"), &c, &a, &s, &copy);
    assert_slice(buf_slice(&copy), "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
                                   "Message-ID: <0000000000000000000000000@mail.example.test>\r\n"
                                   "Sender: anna@example.test\r\n"
                                   "From: alice@example.test\r\n\r\nText\r\n");
}

/* A copy that cannot be made a second time is kept as a whole. */
static void a_whole_script_takes_nothing_of_the_letter(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf letter = {.max = 2 * PROTECT_LITERAL_MAX + 100};
    OWN(buf) struct buf copy = {.max = 3 * PROTECT_LITERAL_MAX};
    OWN(buf) struct buf again = {.max = 3 * PROTECT_LITERAL_MAX};
    struct edit_script s;
    struct error e;

    buf_add_text(&letter, "From: alice@example.test\r\nBcc: b@x.test\r\nSubject: x\r\n\r\n");
    while (letter.len < 2 * PROTECT_LITERAL_MAX) {
        buf_add_text(&letter, "0123456789012345678901234567890123456789012345678901234567890\r\n");
    }
    protect(buf_slice(&letter), &plain, &a, &s, &copy);
    assert_ok(protect_whole(&s, buf_slice(&letter), &a, &e), e);
    for (size_t i = 0; i < s.n_edits; i++) {
        assert_true(s.edits[i].literal);
        assert_in_range(s.edits[i].bytes.len, 1, PROTECT_LITERAL_MAX);
    }
    apply(&s, SLICE_NONE, &again);
    assert_true(slice_equal(buf_slice(&copy), buf_slice(&again)));
    assert_ok(protect_verify(&s, SLICE_NONE, &e), e);
    s.edits[0] = (struct edit){.offset = letter.len, .length = 1};
    assert_false(protect_whole(&s, buf_slice(&letter), &a, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void marks_of_who_handed_it_on_do_not_leave(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    const struct slice names[] = {SLICE("X-Ours"), SLICE("X-Other")};
    struct protect_context c = plain;
    struct edit_script s;

    c.handed_on = true;
    c.cut = names;
    c.n_cut = 2;
    protect(SLICE("From: alice@example.test\r\n"
                  "x-ours: a secret,\r\n\tof two lines\r\n"
                  "X-Ours-Not: stays\r\n"
                  "X-OTHER: goes\r\n"
                  "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
                  "Message-ID: <a@example.test>\r\n"
                  "\r\n"
                  "X-Ours: text\r\n"),
            &c, &a, &s, &copy);
    assert_slice(buf_slice(&copy), "Received: by mail.example.test (Postern) with ESMTPS id "
                                   "0123456789abcdef\r\n"
                                   "\t(TLSv1.3 TLS_AES_256_GCM_SHA384);\r\n"
                                   "\tTue, 24 Nov 2026 07:30:00 +0000\r\n"
                                   "From: alice@example.test\r\n"
                                   "X-Ours-Not: stays\r\n"
                                   "Date: Tue, 24 Nov 2026 07:30:00 +0000\r\n"
                                   "Message-ID: <a@example.test>\r\n"
                                   "\r\n"
                                   "X-Ours: text\r\n");
}

static void what_is_there_stays(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;
    struct slice letter = SLICE("Date: once\r\nMESSAGE-ID: <1@x>\r\nFrom: a@x.test\r\n");

    protect(letter, &plain, &a, &s, &copy);
    assert_int_equal(s.n_edits, 2);
    assert_true(slice_equal(slice_from(buf_slice(&copy), copy.len - letter.len), letter));
    assert_null(memmem(copy.ptr, copy.len - letter.len, "Date:", 5));
}

static void clients_cannot_write_into_received(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;
    struct protect_context c = plain;

    c.client_name = SLICE("evil) by\r\nX: (\xc3\xa4");
    c.client_address = SLICE("2001:db8::1");
    c.utf8 = true;
    c.received_ms = 0;
    protect(SLICE("Date: x\r\nMessage-ID: <1@x>\r\n\r\n"), &c, &a, &s, &copy);
    assert_slice(buf_slice(&copy),
                 "Received: from evil??by??X:???? ([IPv6:2001:db8::1])\r\n"
                 "\tby mail.example.test (Postern) with UTF8SMTPSA id 0123456789abcdef\r\n"
                 "\t(TLSv1.3 TLS_AES_256_GCM_SHA384);\r\n"
                 "\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
                 "Date: x\r\nMessage-ID: <1@x>\r\n\r\n");
    c = plain;
    c.tls_version = SLICE_NONE;
    protect(SLICE("Date: x\r\nMessage-ID: <1@x>\r\n\r\n"), &c, &a, &s, &copy);
    assert_true(slice_starts(buf_slice(&copy), SLICE("Received: by mail.example.test (Postern) id "
                                                     "0123456789abcdef;\r\n\tTue, ")));
}

/* Who sends for another is shown, unless the letter shows him already. */
static void the_sender_is_added_when_he_is_missing(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;
    struct protect_context c = plain;
    struct slice letter = SLICE("Date: x\r\nMessage-ID: <1@x>\r\nFrom: board@x.test\r\n\r\n");
    struct slice shown = SLICE("Date: x\r\nMessage-ID: <1@x>\r\nsender: <anna@x.test>\r\n\r\n");
    struct slice added = SLICE("\r\nSender: anna@x.test\r\n");

    c.sender = SLICE("anna@x.test");
    protect(letter, &c, &a, &s, &copy);
    assert_non_null(memmem(copy.ptr, copy.len, added.ptr, added.len));
    protect(shown, &c, &a, &s, &copy);
    assert_null(memmem(copy.ptr, copy.len, "Sender:", 7));
    protect(letter, &plain, &a, &s, &copy);
    assert_null(memmem(copy.ptr, copy.len, "Sender:", 7));
}

/* A callback that notes what it was asked for; the key's number stands in for a signature. */
struct signer {
    size_t asked;
    bool away;
    uint8_t digests[PROTECT_KEYS_MAX][DKIM_DIGEST_LEN];
};

static bool sign(void *ctx, const struct dkim_draft *drafts, size_t n,
                 struct protect_signature *signatures, struct error *e)
{
    struct signer *s = ctx;

    for (size_t i = 0; i < n; i++) {
        (void)memcpy(s->digests[s->asked++], drafts[i].digest, DKIM_DIGEST_LEN);
        (void)memset(signatures[i].bytes, (int)i, 3);
        signatures[i].len = 3;
    }
    return !s->away || error_set(e, ERROR_BUSY, "signer away");
}

static void every_key_signs_the_fields_that_leave(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;
    struct signer signer = {0};
    struct dkim_key keys[] = {
        {DKIM_RSA_SHA256,     SLICE_INIT("x.test"), SLICE_INIT("r")},
        {DKIM_ED25519_SHA256, SLICE_INIT("x.test"), SLICE_INIT("e")}
    };
    struct protect_context c = plain;
    struct slice letter = SLICE("Bcc: b\r\nFrom: a@x.test\r\n\r\nhi\r\n");
    struct mail_header h;
    struct dkim_draft draft;
    uint8_t body_hash[DKIM_DIGEST_LEN];

    c.keys = keys;
    c.n_keys = 2;
    c.sign = sign;
    c.sign_ctx = &signer;
    protect(letter, &c, &a, &s, &copy);
    assert_int_equal(signer.asked, 2);
    /* The added Date and Message-ID are signed: what was asked for is the digest of the copy. */
    struct slice sent = buf_slice(&copy);
    mail_header_read(sent, &limits, false, &a, &h);
    assert_int_equal(h.n_fields, 6);
    assert_int_equal(h.fields[0].name, MAIL_DKIM_SIGNATURE);
    assert_int_equal(h.fields[1].name, MAIL_DKIM_SIGNATURE);
    assert_int_equal(h.fields[2].name, MAIL_RECEIVED);
    dkim_body_hash(h.body, body_hash);
    for (size_t i = 0; i < 2; i++) {
        dkim_prepare(h.fields + 2, 4, &keys[i], body_hash, 1795505400, &a, &draft);
        assert_memory_equal(draft.digest, signer.digests[i], DKIM_DIGEST_LEN);
        assert_true(slice_starts(h.fields[i].raw, draft.field));
    }
}

static void without_a_signature_there_is_no_copy(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct edit_script s = {.size = 7};
    struct signer signer = {.away = true};
    struct dkim_key keys[] = {
        {DKIM_RSA_SHA256,     SLICE_INIT("x.test"), SLICE_INIT("r")},
        {DKIM_ED25519_SHA256, SLICE_INIT("x.test"), SLICE_INIT("e")}
    };
    struct protect_context c = plain;
    struct slice letter = SLICE("From: a@x.test\r\n\r\nhi\r\n");
    struct mail_header h;
    struct error e;

    c.keys = keys;
    c.n_keys = 2;
    c.sign = sign;
    c.sign_ctx = &signer;
    mail_header_read(letter, &limits, false, &a, &h);
    assert_false(protect_letter(letter, &h, &c, &a, &s, &e));
    assert_string_equal(e.text, "sign as x.test: signer away");
    assert_int_equal(s.size, 7);
}

static void many_cuts_make_a_small_script(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 4 << 20};
    OWN(buf) struct buf letter = {.max = 1 << 16};
    OWN(buf) struct buf wanted = {.max = 1 << 16};
    OWN(buf) struct buf copy = {.max = 1 << 17};
    struct edit_script s;

    for (int cuts = 98; cuts < 103; cuts++) {
        buf_reset(&letter);
        buf_reset(&wanted);
        for (int i = 0; i < cuts; i++) {
            buf_printf(&letter, "Resent-Bcc: b%d\r\nX-Kept: %d\r\n", i, i);
            buf_printf(&wanted, "X-Kept: %d\r\n", i);
        }
        buf_add_text(&letter, "\r\nbody\r\n");
        buf_add_text(&wanted, "\r\nbody\r\n");
        protect(buf_slice(&letter), &plain, &a, &s, &copy);
        assert_true(s.n_edits <= PROTECT_RANGES_MAX + 2);
        assert_int_equal(s.n_edits, cuts < PROTECT_RANGES_MAX ? (size_t)cuts + 1 : 2);
        assert_true(
            slice_equal(slice_from(buf_slice(&copy), copy.len - wanted.len), buf_slice(&wanted)));
    }
}

static void damage_is_found(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf copy = {.max = 1 << 16};
    struct edit_script s;
    struct error e;
    struct slice letter = SLICE("From: a@x.test\r\n\r\nhi\r\n");

    protect(letter, &plain, &a, &s, &copy);
    assert_false(protect_verify(&s, SLICE("From: a@x.test\r\n\r\nho\r\n"), &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(protect_verify(&s, slice_head(letter, letter.len - 1), &e));
    s.edits[1].offset = UINT64_MAX;
    assert_false(protect_verify(&s, letter, &e));
    assert_string_equal(e.text, "an edit script reaches beyond its letter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_added_and_bcc_is_cut),
        cmocka_unit_test(marks_of_who_handed_it_on_do_not_leave),
        cmocka_unit_test(bare_it_has_no_received),
        cmocka_unit_test(a_whole_script_takes_nothing_of_the_letter),
        cmocka_unit_test(what_is_there_stays),
        cmocka_unit_test(clients_cannot_write_into_received),
        cmocka_unit_test(the_sender_is_added_when_he_is_missing),
        cmocka_unit_test(every_key_signs_the_fields_that_leave),
        cmocka_unit_test(without_a_signature_there_is_no_copy),
        cmocka_unit_test(many_cuts_make_a_small_script),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
