/* libqpdf reads the document and writes it anew without the two places in which it speaks of itself. */
#include <qpdf/qpdf-c.h>

#include "formats/scrub/internal.h"

/* The library prints an error at its end that nobody looked at. */
static void forget(qpdf_data *q)
{
    if (qpdf_has_error(*q)) {
        (void)qpdf_get_error(*q);
    }
    qpdf_cleanup(q);
}

OWN_VALUE(qpdf, qpdf_data, forget)

static bool take_out(qpdf_data q, qpdf_oh from, const char *key)
{
    bool has = qpdf_oh_is_dictionary(q, from) && qpdf_oh_has_key(q, from, key);

    if (has) {
        qpdf_oh_remove_key(q, from, key);
    }
    return has;
}

enum scrub_end scrub_pdf(struct slice bytes, struct buf *out, struct buf *what)
{
    OWN(qpdf) qpdf_data q = qpdf_init();

    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    qpdf_set_attempt_recovery(q, QPDF_FALSE);
    if (qpdf_read_memory(q, "document", (const char *)bytes.ptr, bytes.len, NULL) != QPDF_SUCCESS ||
        qpdf_is_encrypted(q) || memmem(bytes.ptr, bytes.len, "/ByteRange", 10)) {
        return SCRUB_CANNOT;
    }
    if (take_out(q, qpdf_get_trailer(q), "/Info")) {
        scrub_say(what, "document information");
    }
    if (take_out(q, qpdf_get_root(q), "/Metadata")) {
        scrub_say(what, "XMP");
    }
    if (what->len == 0) {
        return SCRUB_NOTHING;
    }
    if (qpdf_init_write_memory(q) != QPDF_SUCCESS) {
        return SCRUB_CANNOT;
    }
    qpdf_set_object_stream_mode(q, qpdf_o_preserve);
    qpdf_set_stream_data_mode(q, qpdf_s_preserve);
    qpdf_set_decode_level(q, qpdf_dl_none);
    if (qpdf_write(q) != QPDF_SUCCESS) {
        return SCRUB_CANNOT;
    }
    buf_add(out, slice_of(qpdf_get_buffer(q), qpdf_get_buffer_length(q)));
    return out->full ? SCRUB_CANNOT : SCRUB_CLEANED;
}
