#include "keeper/sts_fetch.h"

#include "host/memfd.h"
#include "host/resolver.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "requests/courier.h"

#define DNS_MS   10000
#define FETCH_MS 20000 /* for everything: who is slower has no policy */
#define PATIENCE 5000  /* more, for a channel to courier */
#define LEAST_MS 500   /* with less nobody is asked */
#define METHOD   1     /* GET, of host/fetch */
#define HTTP_OK  200

/* What is asked in less time than it may take says nothing when it does not come. */
static const struct slice no_time = SLICE_INIT("the letter could not wait for it");

enum sts_asked sts_texts(struct keeper *k, struct slice name, struct arena *arena,
                         struct slice texts[static STS_TEXTS_MAX], size_t *n, struct slice *why)
{
    const int64_t within_ms = patience_left_ms(DNS_MS);
    const struct courier_dns_ask ask = {name, DNS_TXT, (uint64_t)within_ms};
    struct courier_dns_answer answer = {0};
    struct error e = {0};

    if (within_ms < LEAST_MS) {
        *why = no_time;
        return STS_UNASKED;
    }
    if (!ipc_call(k->options.courier, &courier_dns, &ask, -1, &answer, NULL, arena,
                  within_ms + PATIENCE, &e)) {
        *why = arena_copy(arena, slice_text(e.text));
        return STS_UNASKED;
    }
    *n = 0;
    const struct courier_dns_record *all = answer.records.items;
    for (size_t i = 0; i < answer.records.count && *n < STS_TEXTS_MAX; i++) {
        *n += sts_text_join(all[i].rdata, arena, &texts[*n]);
    }
    *why = answer.why;
    if (answer.status != DNS_FAILED && answer.status != DNS_BOGUS) {
        return STS_ANSWERED;
    }
    return within_ms < DNS_MS && answer.status == DNS_FAILED ? STS_UNASKED : STS_FAILED;
}

enum sts_text sts_fetch_id(struct keeper *k, struct slice domain, struct arena *arena,
                           struct slice *id, struct slice *why)
{
    struct slice texts[STS_TEXTS_MAX];
    struct slice name = arena_printf(arena, STS_RECORD_NAME "%.*s", SLICE_ARG(domain));
    size_t n = 0;

    enum sts_asked asked = sts_texts(k, name, arena, texts, &n, why);
    if (asked != STS_ANSWERED) {
        return asked == STS_UNASKED ? STS_TEXT_UNASKED : STS_TEXT_UNKNOWN;
    }
    return sts_id_read(texts, n, id) ? STS_TEXT_PRESENT : STS_TEXT_ABSENT;
}

/* "text/plain", whatever its parameters. */
static bool is_plain(struct slice type)
{
    struct slice rest = SLICE_NONE;

    return slice_equal_nocase(slice_trim(slice_cut(type, ';', &rest)), SLICE("text/plain"));
}

static const char *ask_server(struct keeper *k, struct slice domain, struct arena *arena, int *body,
                              struct slice *why)
{
    struct slice accept = SLICE("Accept: text/plain");
    const int64_t within_ms = patience_left_ms(FETCH_MS);
    const struct courier_ask ask = {
        .method = METHOD,
        .url = arena_printf(arena, "https://" STS_HOST_NAME "%.*s" STS_PATH, SLICE_ARG(domain)),
        .headers = {&accept, 1},
        .answer_max = STS_POLICY_MAX,
        .timeout_ms = (uint64_t)within_ms,
        .told = true,
    };
    struct courier_answer answer = {0};
    struct error e = {0};

    if (within_ms < LEAST_MS) {
        *why = no_time;
        return STS_PROBLEM_UNASKED;
    }
    if (!ipc_call(k->options.courier, &courier_fetch, &ask, -1, &answer, body, arena,
                  within_ms + PATIENCE, &e)) {
        *why = arena_copy(arena, slice_text(e.text));
        return STS_PROBLEM_UNASKED;
    }
    if (answer.failed) {
        *why = answer.why;
        if (within_ms < FETCH_MS && answer.failed != ERROR_DENIED) {
            return STS_PROBLEM_UNASKED; /* who is slow may have one */
        }
        return answer.failed == ERROR_DENIED ? "sts-webpki-invalid" : "sts-policy-fetch-error";
    }
    if (answer.status != HTTP_OK) {
        *why = arena_printf(arena, "the server of its policy answers with status %u",
                            (unsigned)answer.status);
        return "sts-policy-fetch-error";
    }
    if (!is_plain(answer.type)) {
        *why = SLICE("the server of its policy sends something else than text/plain");
        return "sts-policy-fetch-error";
    }
    return NULL;
}

const char *sts_fetch_policy(struct keeper *k, struct slice domain, struct arena *arena,
                             struct sts_policy *out, struct slice *why)
{
    OWN(fd) int body = -1;
    OWN(memfd_map) struct memfd_map map = {SLICE_NONE};
    struct error e = {0};
    const char *problem = ask_server(k, domain, arena, &body, why);

    if (problem) {
        return problem;
    }
    if (!memfd_map(body, STS_POLICY_MAX, &map, &e)) {
        *why = arena_copy(arena, slice_text(e.text));
        return "sts-policy-fetch-error";
    }
    if (!sts_policy_read(map.bytes, arena, out, &e)) {
        *why = arena_copy(arena, slice_text(e.text));
        return "sts-policy-invalid";
    }
    return NULL;
}
