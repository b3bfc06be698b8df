#include <stdlib.h>

#include "formats/mail/covered.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* What was the subject or a blind copy must not be outside; the payload ends in the body and reads back with one
 * Content-Type that says what covers it. */
static void check(const struct mail_header *h, enum covered_by by, size_t size, struct arena *a)
{
    OWN(buf) struct buf outer = {.max = 4 * size + 4096};
    OWN(buf) struct buf payload = {.max = 16 * size + 4096};
    struct mail_header again;

    covered_outer_write(h, by, &outer);
    covered_payload_write(h, by, buf_slice(&outer), &payload);
    must(!outer.full && !payload.full);
    mail_header_read(buf_slice(&payload), &limits, true, a, &again);
    must(mail_header_find(&again, MAIL_BCC) == NULL);
    must(again.defect != MAIL_SOUND || slice_equal(again.body, h->body));
    mail_header_read(buf_slice(&outer), &limits, true, a, &again);
    const struct mail_field *subject = mail_header_find(&again, MAIL_SUBJECT);
    must(!mail_header_find(&again, MAIL_BCC) && !mail_header_find(&again, MAIL_CONTENT_TYPE));
    must(!subject || by == COVERED_BY_SIGNATURE ||
         slice_equal(subject->value, SLICE(" " COVERED_SUBJECT)));
    (void)covered_outer_text(buf_slice(&outer), a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 16 << 20};
    struct mail_header h;

    mail_header_read(slice_of(data, size), &limits, true, &a, &h);
    if (h.defect == MAIL_SOUND) {
        check(&h, COVERED_BY_ENCRYPTION, size, &a);
        check(&h, COVERED_BY_SIGNATURE, size, &a);
    }
    return 0;
}
