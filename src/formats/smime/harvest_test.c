/* Signed letters from outside: which of them offer a certificate, and that none does which only looks so. */
#include "base/buf.h"

#include "formats/smime/harvest.h"
#include "formats/smime/made_test.h"

#define LETTER                                                                                     \
    "From: Anna <Anna@example.org>\r\nTo: bert@example.net\r\nSubject: x\r\n"                      \
    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello Bert.\r\n"

struct world {
    struct made ca, anna;
    struct arena arena;
    struct smime_wish wish;
    struct slice letter; /* signed by Anna */
};

static struct slice signed_by(struct world *w, const struct made *m, const char *text)
{
    OWN(buf) struct buf out = {.max = 1 << 20};
    struct mail_header h;
    struct smime_ask ask = {.letter = &h, .signer = made_der_of(m, &w->arena)};
    struct cms_draft draft;
    struct smime_made how;
    struct error e = {0};

    made_letter(slice_text(text), &w->arena, &h);
    assert_ok(cms_draft_write(&h, ask.encrypt, ask.signer, NOW, &w->arena, &draft, &e), e);
    ask.attributes = draft.attributes;
    ask.signature = made_sign(m, &draft, &w->arena);
    assert_ok(smime_seal(&ask, &w->arena, &out, &how, &e), e);
    return arena_copy(&w->arena, buf_slice(&out));
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    arena_init(&w->arena, (size_t)256 << 20);
    w->ca = made_new(NULL, "P-256", NULL, NULL, 365);
    w->anna =
        made_new(&w->ca, "RSA", "email:anna@example.org", "digitalSignature,keyEncipherment", 30);
    w->wish = (struct smime_wish){.anchors = made_one_pem(&w->ca, &w->arena), .now_s = NOW};
    w->letter = signed_by(w, &w->anna, LETTER);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    made_done(&w->anna);
    made_done(&w->ca);
    arena_done(&w->arena);
    free(w);
    return 0;
}

static enum smime_offer offer(struct world *w, struct slice letter)
{
    struct smime_certificate c;
    struct slice from = SLICE_NONE;
    enum smime_offer o = smime_harvest(letter, &w->wish, &w->arena, &c, &from);

    if (o == SMIME_OFFERED) {
        assert_slice(from, "anna@example.org");
        assert_true(smime_names(&c, from));
    }
    return o;
}

/* Put `by` in the place of the first `what`. */
static struct slice changed(struct world *w, struct slice letter, const char *what, const char *by)
{
    OWN(buf) struct buf out = {.max = 1 << 20};
    const uint8_t *at = memmem(letter.ptr, letter.len, what, strlen(what));

    assert_non_null(at);
    buf_add(&out, slice_head(letter, (size_t)(at - letter.ptr)));
    buf_add_text(&out, by);
    buf_add(&out, slice_from(letter, (size_t)(at - letter.ptr) + strlen(what)));
    return arena_copy(&w->arena, buf_slice(&out));
}

static void a_signed_letter_offers_its_certificate(void **state)
{
    struct world *w = *state;

    assert_int_equal(offer(w, w->letter), SMIME_OFFERED);
    w->wish.now_s += 31 * 86400; /* it has ended */
    assert_int_equal(offer(w, w->letter), SMIME_NOT_TRUSTED);
    w->wish.now_s = NOW;
    w->wish.anchors = SLICE_NONE;
    w->wish.vouched = true; /* of what came by itself nobody vouched */
    assert_int_equal(offer(w, w->letter), SMIME_NOT_TRUSTED);
}

static void what_only_looks_so_offers_none(void **state)
{
    static const struct {
        const char *what, *by;
        enum smime_offer offer;
    } rows[] = {
        {"Hello Bert",                                "Jello Bert",                                           SMIME_BAD_SIGNATURE  },
        {"From: Anna <Anna@example.org>",             "From: <bert@example.org>",                             SMIME_NOT_THE_SENDERS},
        {"From: Anna <Anna@example.org>",             "From: Anna <anna@example.org>, <bert@example.org>",
         SMIME_NOT_THE_SENDERS                                                                                                     },
        {"From: Anna <Anna@example.org>",             "From: <bert@example.org>\r\nFrom: <anna@example.org>",
         SMIME_OTHER_FORM                                                                                                          },
        {"From: Anna <Anna@example.org>",             "X: y",                                                 SMIME_NOT_THE_SENDERS},
        {"multipart/signed",                          "multipart/mixed",                                      SMIME_NOT_SIGNED     },
        {"protocol=\"application/pkcs7-signature\"",  "protocol=\"application/pgp-signature\"",
         SMIME_NOT_SIGNED                                                                                                          },
        {"Content-Type: multipart/signed",
         "Content-Type: text/plain\r\nContent-Type: multipart/signed",                                        SMIME_NOT_SIGNED     },
        {"boundary=",                                 "boundary=\"x\"; boundary=",                            SMIME_OTHER_FORM     },
        {"boundary=",                                 "boundary*0=\"x\"; boundary=",                          SMIME_OTHER_FORM     },
        {"Content-Type: application/pkcs7-signature", "Content-Type: text/plain",                             SMIME_OTHER_FORM     },
        {"Content-Transfer-Encoding: base64",         "Content-Transfer-Encoding: binary",
         SMIME_OTHER_FORM                                                                                                          },
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(offer(w, changed(w, w->letter, rows[i].what, rows[i].by)), rows[i].offer);
    }
    assert_int_equal(offer(w, SLICE(LETTER)), SMIME_NOT_SIGNED);
    assert_int_equal(offer(w, SLICE_NONE), SMIME_NOT_SIGNED);
    for (size_t cut = 0; cut < w->letter.len; cut += 97) {
        assert_int_not_equal(offer(w, slice_head(w->letter, cut)), SMIME_OFFERED);
    }
}

/* A signed letter within one that a stranger wrote around it. */
static void a_signature_within_is_not_the_letters(void **state)
{
    struct world *w = *state;
    OWN(buf) struct buf out = {.max = 1 << 20};

    buf_add_text(&out, "From: Anna <anna@example.org>\r\nMIME-Version: 1.0\r\n"
                       "Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\r\n"
                       "Pay here.\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n");
    buf_add(&out, w->letter);
    buf_add_text(&out, "\r\n--outer--\r\n");
    assert_int_equal(offer(w, buf_slice(&out)), SMIME_NOT_SIGNED);
}

static void a_certificate_for_another_use_is_not_taken(void **state)
{
    struct world *w = *state;
    struct made other = made_new(NULL, "P-256", NULL, NULL, 365);
    struct made forged =
        made_new(&other, "RSA", "email:anna@example.org", "digitalSignature,keyEncipherment", 30);
    struct made signs = made_new(&w->ca, "RSA", "email:anna@example.org", "digitalSignature", 30);
    struct made eve =
        made_new(&w->ca, "RSA", "email:eve@example.org", "digitalSignature,keyEncipherment", 30);

    assert_int_equal(offer(w, signed_by(w, &forged, LETTER)), SMIME_NOT_TRUSTED);
    assert_int_equal(offer(w, signed_by(w, &signs, LETTER)), SMIME_NOT_TRUSTED);
    assert_int_equal(offer(w, signed_by(w, &eve, LETTER)), SMIME_NOT_THE_SENDERS);
    made_done(&eve);
    made_done(&signs);
    made_done(&forged);
    made_done(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signed_letter_offers_its_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_only_looks_so_offers_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signature_within_is_not_the_letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_for_another_use_is_not_taken, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
