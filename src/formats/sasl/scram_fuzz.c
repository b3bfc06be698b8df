#include <stdlib.h>

#include "formats/sasl/prepare.h"
#include "formats/sasl/scram.h"

/* What reads, reads within the message and is what was sent; and nothing that was written is misread. */
static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static void within(struct slice part, struct slice whole)
{
    require(part.len <= whole.len);
    require(part.len == 0 ||
            (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void check_first(struct slice message)
{
    struct scram_client_first first;
    uint8_t name[SCRAM_NAME_MAX];
    size_t len = 0;

    if (!scram_read_first(message, &first)) {
        return;
    }
    within(first.user, message);
    within(first.nonce, message);
    within(first.binding, message);
    within(first.authorize, message);
    require(first.header.len + first.bare.len == message.len && first.user.len && first.nonce.len);
    require(slice_starts(first.bare, SLICE("n=")) &&
            slice_find(first.nonce, ',') == first.nonce.len);
    require((first.flag == SCRAM_BOUND) == (first.binding.len > 0));
    if (scram_name(first.user, name, &len)) {
        require(len <= first.user.len && slice_is_utf8(slice_of(name, len)));
    }
}

static void check_final(struct slice message)
{
    struct scram_client_final last;
    struct buf again = {.max = SCRAM_MESSAGE_MAX + 64};

    if (!scram_read_final(message, &last)) {
        return;
    }
    within(last.binding, message);
    within(last.nonce, message);
    require(slice_starts(message, last.proven));
    buf_add(&again, last.proven);
    buf_add_text(&again, ",p=");
    scram_write_base64(&again, SLICE_ARRAY(last.proof));
    require(slice_equal(buf_slice(&again), message));
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = slice_of(data, size);
    struct buf once = {.max = 1 << 16};
    struct buf twice = {.max = 1 << 16};

    check_first(message);
    check_final(message);
    if (sasl_prepare(message, &once)) {
        require(once.len && slice_is_utf8(buf_slice(&once)));
        (void)!sasl_prepare(buf_slice(&once), &twice);
    }
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
