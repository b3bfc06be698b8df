#include "ledger/stream.h"

#include "ledger/io.h"

/* Much that is written and not synced would have to go to the disk before the next commit can. */
static bool sync_some(struct stream *s, struct error *e)
{
    if (s->at - s->synced < STREAM_SYNC) {
        return true;
    }
    s->synced = s->at;
    return ledger_sync(s->fd, e);
}

bool stream_flush(struct stream *s, struct error *e)
{
    struct iovec iov = {s->bytes.ptr, s->bytes.len};

    if (s->bytes.len && !ledger_write(s->fd, &iov, 1, s->at, e)) {
        return false;
    }
    s->at += s->bytes.len;
    buf_reset(&s->bytes);
    return sync_some(s, e);
}

bool stream_add(struct stream *s, struct slice bytes, struct error *e)
{
    if (bytes.len > STREAM_STEP) {
        struct iovec iov = {NULL, bytes.len};
        (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
        if (!stream_flush(s, e) || !ledger_write(s->fd, &iov, 1, s->at, e)) {
            return false;
        }
        s->at += bytes.len;
        return sync_some(s, e);
    }
    if (s->bytes.len + bytes.len > STREAM_STEP && !stream_flush(s, e)) {
        return false;
    }
    buf_add(&s->bytes, bytes);
    return true;
}

struct stream stream_at(int fd, uint64_t at)
{
    return (struct stream){.fd = fd, .at = at, .synced = at, .bytes = {.max = STREAM_STEP}};
}

void stream_done(struct stream *s)
{
    buf_done(&s->bytes);
}
