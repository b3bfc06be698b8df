#include <stdlib.h>

#include "formats/sasl/bearer.h"

static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static void check(struct slice message, const struct bearer_message *m)
{
    require(m->user_len <= BEARER_NAME_MAX && slice_is_utf8(slice_of(m->user, m->user_len)));
    require(m->token.len == 0 || (m->token.ptr >= message.ptr &&
                                  m->token.ptr + m->token.len <= message.ptr + message.len));
    require(slice_find(m->token, ' ') == m->token.len && slice_is_ascii(m->token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = slice_of(data, size);
    struct bearer_message m;
    struct buf out = {.max = 1024};

    if (bearer_read(message, &m)) {
        check(message, &m);
    }
    if (bearer_read_xoauth2(message, &m)) {
        check(message, &m);
        require(m.user_len && m.token.len);
    }
    bearer_write_error(&(struct bearer_error){.status = message, .scope = message}, &out);
    require(out.full || (out.ptr[0] == '{' && out.ptr[out.len - 1] == '}'));
    buf_done(&out);
    return 0;
}
