/* libqpdf reads the document and writes it anew, encrypted. Streams pass as they are packed. What it must
 * mend is not believed to be whole afterwards: such a document belongs into the archive. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <qpdf/qpdf-c.h>
#include <stdio.h>

#include "formats/document/pdf_signed.h"
#include "formats/lock/internal.h"

#define OWNER_LEN 24 /* bytes of a password that nobody has */

/* The library prints an error at its end that nobody looked at. */
static void forget(qpdf_data *q)
{
    if (qpdf_has_error(*q)) {
        (void)qpdf_get_error(*q);
    }
    qpdf_cleanup(q);
}

OWN_VALUE(qpdf, qpdf_data, forget)

static qpdf_data open_pdf(void)
{
    qpdf_data q = qpdf_init();

    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    qpdf_set_attempt_recovery(q, QPDF_FALSE);
    return q;
}

static bool failed(QPDF_ERROR_CODE code)
{
    return (code & QPDF_ERRORS) != 0;
}

/* What asks for a password may have encrypted its attachments alone: it is not read here, so it belongs into
 * the archive. */
enum lock_form lock_pdf_form(struct slice bytes)
{
    OWN(qpdf) qpdf_data q = open_pdf();
    QPDF_ERROR_CODE read =
        qpdf_read_memory(q, "document", (const char *)bytes.ptr, bytes.len, NULL);

    return read == QPDF_SUCCESS && !pdf_is_signed(q, bytes) && qpdf_get_num_pages(q) > 0 &&
                   !qpdf_more_warnings(q)
               ? LOCK_PDF
               : LOCK_ARCHIVE;
}

/* Whoever has the password may do all; the other password, which could take it away, nobody has. */
static bool set_passwords(qpdf_data q, struct slice password)
{
    char user[LOCK_PASSWORD_MAX + 1] = "";
    char owner[2 * OWNER_LEN + 1];
    uint8_t random[OWNER_LEN];

    if (RAND_priv_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    for (size_t i = 0; i < OWNER_LEN; i++) {
        (void)snprintf(owner + 2 * i, 3, "%02x", random[i]);
    }
    (void)memcpy(user, password.ptr, password.len);
    qpdf_set_r6_encryption_parameters2(q, user, owner, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
                                       QPDF_TRUE, QPDF_TRUE, qpdf_r3p_full, QPDF_TRUE);
    OPENSSL_cleanse(user, sizeof(user));
    OPENSSL_cleanse(owner, sizeof(owner));
    OPENSSL_cleanse(random, sizeof(random));
    return true;
}

bool lock_pdf(struct slice bytes, struct slice password, struct buf *out, struct error *e)
{
    OWN(qpdf) qpdf_data q = open_pdf();

    if (qpdf_read_memory(q, "document", (const char *)bytes.ptr, bytes.len, NULL) != QPDF_SUCCESS ||
        failed(qpdf_init_write_memory(q))) {
        return error_set(e, ERROR_INPUT, "a PDF document that is damaged");
    }
    qpdf_set_object_stream_mode(q, qpdf_o_preserve);
    qpdf_set_stream_data_mode(q, qpdf_s_preserve);
    qpdf_set_decode_level(q, qpdf_dl_none);
    qpdf_set_preserve_unreferenced_objects(q, QPDF_FALSE);
    if (!set_passwords(q, password)) {
        return error_set(e, ERROR_BUSY, "OpenSSL gives no random bytes");
    }
    if (qpdf_write(q) != QPDF_SUCCESS) {
        return error_set(e, ERROR_INPUT, "a PDF document that cannot be written anew");
    }
    buf_add(out, slice_of(qpdf_get_buffer(q), qpdf_get_buffer_length(q)));
    return !out->full || error_set(e, ERROR_LIMIT, "the encrypted document does not fit");
}

void lock_init(void)
{
    qpdf_data q = qpdf_init(); /* its cipher library, and what that loads */

    qpdf_silence_errors(q);
    if (!failed(qpdf_empty_pdf(q)) && !failed(qpdf_init_write_memory(q)) &&
        set_passwords(q, SLICE("to-load-it-all"))) {
        (void)qpdf_write(q);
    }
    qpdf_cleanup(&q);
}
