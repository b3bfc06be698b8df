#include "keeper/smime_fetch.h"

#include "base/clock.h"

#include "host/fetch.h"
#include "host/memfd.h"
#include "keeper/internal.h"
#include "requests/courier.h"

#define HTTP_OK    200
#define REDIRECTS  3
#define CHANNEL_MS 2000 /* more, for a channel to courier */

bool smime_fetch(struct keeper *k, const struct smime_fetch_wish *wish, struct arena *arena,
                 struct buf *out, struct error *e)
{
    const int64_t left_ms = wish->until_ms - clock_steady_ms();
    const bool asks = wish->question.len > 0;
    struct slice type = SLICE("Content-Type: application/ocsp-request");
    const struct courier_ask ask = {
        .method = asks ? FETCH_POST : FETCH_GET,
        .url = wish->url,
        .headers = {&type, asks ? 1 : 0},
        .answer_max = wish->answer_max,
        .timeout_ms = (uint64_t)left_ms,
        .redirects = asks ? 0 : REDIRECTS,
        .public_only = true
    };
    OWN(memfd_map) struct memfd_map body = {0};
    struct courier_answer answer;
    OWN(fd) int question = -1;
    OWN(fd) int fd = -1;

    if (left_ms <= 0) {
        return error_set(e, ERROR_BUSY, "no time was left for it");
    }
    if ((asks && !memfd_from("question", wish->question, &question, e)) ||
        !ipc_call(k->options.courier, &courier_fetch, &ask, question, &answer, &fd, arena,
                  left_ms + CHANNEL_MS, e)) {
        return false;
    }
    if (answer.status != HTTP_OK) {
        return error_set(e, ERROR_BUSY, "it answers with status %u", (unsigned)answer.status);
    }
    if (!memfd_map(fd, wish->answer_max, &body, e)) {
        return false;
    }
    buf_add(out, body.bytes);
    return true;
}

const char *smime_fetch_reason(const struct error *e)
{
    return e->kind == ERROR_DENIED ? "it is at no public address, or nothing proves its server"
                                   : "it cannot be had, or is too long";
}
