#include "host/resolver.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unbound.h>

#include "base/clock.h"

#include "host/thread.h"

#define CLASS_IN        1
#define RCODE_NOERROR   0
#define KEPT_BYTES_MAX  4096 /* of one answer: larger ones are asked for again each time */
#define OPTION_TEXT_MAX 1024 /* a line of a trust anchor: an RSA-4096 DNSKEY fits */

/* An answer in the cache, one allocation: this, the records' lengths, their bytes. */
struct kept {
    char name[DNS_NAME_MAX + 1];
    enum dns_type type;
    enum dns_status status;
    bool secure;
    int64_t expires_ms;
    size_t n_records;
    uint8_t bytes[]; /* for each record two octets of length, then the record */
};

/* A question under way. Whoever waits frees it, unless it gave up while the answer was being
 * handed over: then the callback does. */
struct question {
    struct resolver *resolver;
    pthread_cond_t answered;
    bool done;
    bool abandoned;
    int failure; /* of libunbound */
    struct ub_result *result;
};

struct resolver {
    struct ub_ctx *ctx;
    pthread_mutex_t lock; /* guards what follows and every question */
    size_t waiting;
    struct kept *kept[DNS_ANSWERS_MAX];

    int stop; /* eventfd: written once to end the thread */
    bool running;
    pthread_t thread;
};

/* ---- settings -------------------------------------------------------------------------------- */

static bool refused(struct error *e, const char *what, struct slice value, int code)
{
    return error_set(e, ERROR_CONFIG, "DNS: %s '%.*s': %s", what, SLICE_ARG(value),
                     ub_strerror(code));
}

static bool to_text(struct slice s, char text[static OPTION_TEXT_MAX], struct error *e)
{
    if (s.len >= OPTION_TEXT_MAX || memchr(s.ptr, 0, s.len)) {
        return error_set(e, ERROR_CONFIG, "DNS: a value of %zu bytes is too long", s.len);
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    return true;
}

static bool set_option(struct ub_ctx *ctx, const char *option, struct slice value, struct error *e)
{
    char text[OPTION_TEXT_MAX];
    if (!to_text(value, text, e)) {
        return false;
    }
    int code = ub_ctx_set_option(ctx, option, text);
    return code == 0 || refused(e, option, value, code);
}

static bool is_loopback(struct slice server)
{
    return slice_starts(server, SLICE("127.")) || slice_starts(server, SLICE("::1"));
}

static bool set_servers(struct ub_ctx *ctx, const struct resolver_settings *s, bool *loopback,
                        struct error *e)
{
    char text[OPTION_TEXT_MAX];
    char zone[OPTION_TEXT_MAX];

    for (size_t i = 0; i < s->n_forwarders; i++) {
        if (!to_text(s->forwarders[i], text, e)) {
            return false;
        }
        int code = ub_ctx_set_fwd(ctx, text);
        if (code != 0) {
            return refused(e, "resolver", s->forwarders[i], code);
        }
        *loopback |= is_loopback(s->forwarders[i]);
    }
    for (size_t i = 0; i < s->n_stubs; i++) {
        if (!to_text(s->stubs[i].zone, zone, e) || !to_text(s->stubs[i].server, text, e)) {
            return false;
        }
        int code = ub_ctx_set_stub(ctx, zone, text, 0);
        if (code != 0) {
            return refused(e, "server", s->stubs[i].server, code);
        }
        *loopback |= is_loopback(s->stubs[i].server);
    }
    return true;
}

/* The next line of zone-file text without its comment and outer blanks; empty lines are passed
 * over. False at the end. */
static bool next_line(struct slice *text, struct slice *line)
{
    while (text->len > 0) {
        struct slice ignored = SLICE_NONE;
        *line = slice_trim(slice_cut(slice_cut(*text, '\n', text), ';', &ignored));
        if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
            *line = slice_head(*line, line->len - 1);
        }
        if (line->len > 0) {
            return true;
        }
    }
    return false;
}

static bool set_trust_anchors(struct ub_ctx *ctx, struct slice text, struct error *e)
{
    char record[OPTION_TEXT_MAX];
    struct slice line = SLICE_NONE;

    while (next_line(&text, &line)) {
        if (!to_text(line, record, e)) {
            return false;
        }
        int code = ub_ctx_add_ta(ctx, record);
        if (code != 0) {
            return refused(e, "trust anchor", line, code);
        }
    }
    return true;
}

/* The root's servers: the last word of each A or AAAA record. */
static bool set_root_hints(struct ub_ctx *ctx, struct slice text, struct error *e)
{
    char address[OPTION_TEXT_MAX];
    struct slice line = SLICE_NONE;

    while (next_line(&text, &line)) {
        size_t at = line.len;
        while (at > 0 && !isspace(line.ptr[at - 1])) {
            at--;
        }
        struct slice type = slice_trim(slice_head(line, at));
        bool is_address = type.len > 1 && type.ptr[type.len - 1] == 'A';
        if (!is_address) {
            continue;
        }
        if (!to_text(slice_from(line, at), address, e)) {
            return false;
        }
        int code = ub_ctx_set_stub(ctx, ".", address, 1);
        if (code != 0) {
            return refused(e, "root server", line, code);
        }
    }
    return true;
}

static bool configure(struct ub_ctx *ctx, const struct resolver_settings *s, struct error *e)
{
    static const struct {
        const char *name;
        struct slice value;
    } fixed[] = {
        {"outgoing-range:",         SLICE_INIT("64")  },
        {"num-queries-per-thread:", SLICE_INIT("512") }, /* DNS_WAITING_MAX */
        {"msg-cache-size:",         SLICE_INIT("2m")  },
        {"rrset-cache-size:",       SLICE_INIT("4m")  },
        {"key-cache-size:",         SLICE_INIT("1m")  },
        {"neg-cache-size:",         SLICE_INIT("256k")},
    };

    bool loopback = false;

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (!set_option(ctx, fixed[i].name, fixed[i].value, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->n_insecure; i++) {
        if (!set_option(ctx, "domain-insecure:", s->insecure[i], e)) {
            return false;
        }
    }
    if (!set_servers(ctx, s, &loopback, e) || !set_root_hints(ctx, s->root_hints, e) ||
        !set_trust_anchors(ctx, s->trust_anchors, e) ||
        (loopback && !set_option(ctx, "do-not-query-localhost:", SLICE("no"), e))) {
        return false;
    }
    (void)ub_ctx_async(ctx, 1);
    /* libunbound answers for "test." by itself; a company that tries Postern out has such names.
     * This also freezes the settings, so that what is wrong with them shows here. */
    int code = ub_ctx_zone_remove(ctx, "test.");
    return code == 0 || error_set(e, ERROR_CONFIG, "DNS: settings: %s", ub_strerror(code));
}

/* ---- the thread that hands answers over ------------------------------------------------------ */

static void question_free(struct question *q)
{
    ub_resolve_free(q->result);
    pthread_cond_destroy(&q->answered);
    free(q);
}

static void on_answer(void *context, int failure, struct ub_result *result)
{
    struct question *q = context;
    struct resolver *r = q->resolver;

    pthread_mutex_lock(&r->lock);
    q->done = true;
    q->failure = failure;
    q->result = result;
    bool abandoned = q->abandoned;
    if (!abandoned) {
        pthread_cond_signal(&q->answered);
    }
    pthread_mutex_unlock(&r->lock);
    if (abandoned) {
        question_free(q);
    }
}

static void hand_answers_over(void *context)
{
    struct resolver *r = context;
    struct pollfd wait[] = {
        {.fd = ub_fd(r->ctx), .events = POLLIN},
        {.fd = r->stop,       .events = POLLIN},
    };
    while (wait[1].revents == 0) {
        if (poll(wait, 2, -1) > 0 && wait[0].revents != 0) {
            (void)ub_process(r->ctx);
        }
    }
}

struct resolver *resolver_new(const struct resolver_settings *settings, struct error *e)
{
    OWN(resolver) struct resolver *r = calloc(1, sizeof(*r));
    if (!r) {
        arena_panic("resolver");
    }
    r->stop = -1;
    pthread_mutex_init(&r->lock, NULL);
    r->ctx = ub_ctx_create();
    if (!r->ctx) {
        (void)error_set(e, ERROR_BUSY, "DNS: libunbound does not start");
        return NULL;
    }
    (void)ub_ctx_debugout(r->ctx, NULL); /* it would write lines of its own to stderr */
    if (!configure(r->ctx, settings, e)) {
        return NULL;
    }
    r->stop = eventfd(0, EFD_CLOEXEC);
    if (r->stop < 0) {
        (void)error_errno(e, ERROR_BUSY, "DNS: eventfd");
        return NULL;
    }
    if (!thread_start_joinable("dns", THREAD_STACK_LARGE, hand_answers_over, r, &r->thread, e)) {
        return NULL;
    }
    r->running = true;
    return TAKE(r, NULL);
}

void resolver_free(struct resolver *r)
{
    if (!r) {
        return;
    }
    assert(r->waiting == 0);
    if (r->running) {
        uint64_t one = 1;
        (void)!write(r->stop, &one, sizeof(one));
        thread_join(r->thread);
    }
    if (r->stop >= 0) {
        (void)close(r->stop);
    }
    ub_ctx_delete(r->ctx);
    for (size_t i = 0; i < DNS_ANSWERS_MAX; i++) {
        free(r->kept[i]);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- the cache ------------------------------------------------------------------------------- */

/* FNV-1a. Names come from strangers; a collision costs one more question and nothing else. */
static size_t slot_of(const char *name, enum dns_type type)
{
    uint64_t hash = 14695981039346656037U ^ (uint64_t)type;
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * 1099511628211U;
    }
    return (size_t)(hash ^ hash >> 32) % DNS_ANSWERS_MAX;
}

static struct slice next_record(const uint8_t **at)
{
    struct slice record = {*at + 2, (size_t)(*at)[0] << 8 | (*at)[1]};
    *at += 2 + record.len;
    return record;
}

static bool cache_find(struct resolver *r, const char *name, enum dns_type type,
                       struct arena *arena, struct dns_answer *answer)
{
    int64_t now_ms = clock_steady_ms();
    pthread_mutex_lock(&r->lock);
    const struct kept *kept = r->kept[slot_of(name, type)];
    bool hit =
        kept && kept->type == type && kept->expires_ms > now_ms && strcmp(kept->name, name) == 0;
    if (hit) {
        const uint8_t *at = kept->bytes;
        *answer = (struct dns_answer){
            .status = kept->status,
            .secure = kept->secure,
            .ttl_s = (uint32_t)((kept->expires_ms - now_ms + 999) / 1000),
            .n_records = kept->n_records,
            .records = arena_array(arena, kept->n_records, sizeof(struct slice)),
        };
        for (size_t i = 0; i < kept->n_records; i++) {
            answer->records[i] = arena_copy(arena, next_record(&at));
        }
    }
    pthread_mutex_unlock(&r->lock);
    return hit;
}

static void cache_keep(struct resolver *r, const char *name, enum dns_type type,
                       const struct dns_answer *answer)
{
    size_t bytes = 0;
    for (size_t i = 0; i < answer->n_records; i++) {
        bytes += 2 + answer->records[i].len;
    }
    if (bytes > KEPT_BYTES_MAX || answer->ttl_s == 0) {
        return;
    }
    struct kept *kept = calloc(1, sizeof(*kept) + bytes);
    if (!kept) {
        arena_panic("resolver cache");
    }
    memcpy(kept->name, name, strlen(name));
    kept->type = type;
    kept->status = answer->status;
    kept->secure = answer->secure;
    kept->expires_ms = clock_steady_ms() + (int64_t)answer->ttl_s * 1000;
    kept->n_records = answer->n_records;
    uint8_t *at = kept->bytes;
    for (size_t i = 0; i < answer->n_records; i++) {
        struct slice record = answer->records[i];
        *at++ = (uint8_t)(record.len >> 8);
        *at++ = (uint8_t)record.len;
        memcpy(at, record.ptr, record.len);
        at += record.len;
    }
    pthread_mutex_lock(&r->lock);
    struct kept **slot = &r->kept[slot_of(name, type)];
    free(*slot);
    *slot = kept;
    pthread_mutex_unlock(&r->lock);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Lower case, without the final dot. False when it cannot be a name. */
static bool name_read(struct slice name, char text[static DNS_NAME_MAX + 1])
{
    if (name.len > 1 && name.ptr[name.len - 1] == '.') {
        name = slice_head(name, name.len - 1);
    }
    if (name.len == 0 || name.len > DNS_NAME_MAX) {
        return false;
    }
    size_t label = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool dot = c == '.';
        if (c <= ' ' || c >= 0x7f || c == '\\' || (dot && label == 0) || (!dot && ++label > 63)) {
            return false;
        }
        label = dot ? 0 : label;
        text[i] = (char)ascii_lower(c);
    }
    text[name.len] = 0;
    return label > 0;
}

static struct dns_answer failed(struct arena *arena, const char *name, const char *why)
{
    return (struct dns_answer){
        .status = DNS_FAILED,
        .why = arena_printf(arena, "DNS: %s: %s", name, why),
    };
}

static struct dns_answer read_result(const struct ub_result *result, const char *name,
                                     struct arena *arena)
{
    struct dns_answer answer = {.secure = result->secure != 0};

    if (result->bogus) {
        answer.status = DNS_BOGUS;
        answer.why = arena_printf(arena, "DNS: %s: DNSSEC validation failed: %.160s", name,
                                  result->why_bogus ? result->why_bogus : "no reason given");
        return answer;
    }
    if (!result->havedata && !result->nxdomain && result->rcode != RCODE_NOERROR) {
        return failed(arena, name, "the name servers gave no usable answer");
    }
    answer.ttl_s = result->ttl < 0               ? 0
                   : result->ttl < DNS_TTL_MAX_S ? (uint32_t)result->ttl
                                                 : DNS_TTL_MAX_S;
    if (!result->havedata) {
        answer.status = result->nxdomain ? DNS_NO_NAME : DNS_NO_DATA;
        return answer;
    }
    while (answer.n_records < DNS_RECORDS_MAX && result->data[answer.n_records]) {
        answer.n_records++;
    }
    answer.records = arena_array(arena, answer.n_records, sizeof(struct slice));
    for (size_t i = 0; i < answer.n_records; i++) {
        answer.records[i] = arena_copy(
            arena, slice_of(result->data[i], result->len[i] > 0 ? (size_t)result->len[i] : 0));
    }
    return answer;
}

static struct question *question_new(struct resolver *r)
{
    struct question *q = calloc(1, sizeof(*q));
    pthread_condattr_t steady;
    if (!q) {
        arena_panic("resolver question");
    }
    q->resolver = r;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&q->answered, &steady);
    pthread_condattr_destroy(&steady);
    return q;
}

/* Wait until the deadline. False when no answer came: the question must not be touched again. */
static bool await(struct resolver *r, struct question *q, int id, int64_t deadline_ms)
{
    const struct timespec until = {
        .tv_sec = deadline_ms / 1000,
        .tv_nsec = deadline_ms % 1000 * 1000000,
    };
    int late = 0;

    pthread_mutex_lock(&r->lock);
    while (!q->done && late != ETIMEDOUT) {
        late = pthread_cond_timedwait(&q->answered, &r->lock, &until);
    }
    bool done = q->done;
    q->abandoned = !done;
    pthread_mutex_unlock(&r->lock);
    /* Either the cancellation succeeds, then on_answer() is never called, or it comes too late,
     * then on_answer() finds the question abandoned and frees it. */
    if (!done && ub_cancel(r->ctx, id) == 0) {
        question_free(q);
    }
    return done;
}

/* Ask libunbound, a place among those who wait being taken. */
static struct dns_answer ask(struct resolver *r, const char *name, enum dns_type type,
                             int64_t deadline_ms, struct arena *arena)
{
    struct question *q = question_new(r);
    int id = 0;
    int code = ub_resolve_async(r->ctx, name, (int)type, CLASS_IN, q, on_answer, &id);
    if (code != 0) {
        question_free(q);
        return failed(arena, name, ub_strerror(code));
    }
    if (!await(r, q, id, deadline_ms)) {
        return failed(arena, name, "no answer in time");
    }
    struct dns_answer answer = q->failure != 0 || !q->result
                                   ? failed(arena, name, ub_strerror(q->failure))
                                   : read_result(q->result, name, arena);
    question_free(q);
    return answer;
}

static bool take_place(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    bool free_place = r->waiting < DNS_WAITING_MAX;
    r->waiting += free_place;
    pthread_mutex_unlock(&r->lock);
    return free_place;
}

void resolver_ask(struct resolver *r, struct slice name, enum dns_type type, int64_t deadline_ms,
                  struct arena *arena, struct dns_answer *answer)
{
    char text[DNS_NAME_MAX + 1];

    if (!name_read(name, text)) {
        *answer = (struct dns_answer){.status = DNS_NO_NAME};
        return;
    }
    if (cache_find(r, text, type, arena, answer)) {
        return;
    }
    if (!take_place(r)) {
        *answer = failed(arena, text, "too many questions at once");
        return;
    }
    *answer = ask(r, text, type, deadline_ms, arena);
    pthread_mutex_lock(&r->lock);
    r->waiting--;
    pthread_mutex_unlock(&r->lock);
    if (answer->status != DNS_FAILED && answer->status != DNS_BOGUS) {
        cache_keep(r, text, type, answer);
    }
}

static bool is_name_octet(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_mx_read(struct slice rdata, struct arena *arena, uint16_t *preference, struct slice *host)
{
    char name[DNS_NAME_MAX + 1];
    size_t len = 0;
    size_t at = 2;

    while (at < rdata.len && rdata.ptr[at] != 0) {
        size_t label = rdata.ptr[at++];
        if (label > 63 || at + label >= rdata.len || len + label + 1 > DNS_NAME_MAX) {
            return false;
        }
        if (len > 0) {
            name[len++] = '.';
        }
        for (size_t i = 0; i < label; i++) {
            uint8_t c = ascii_lower(rdata.ptr[at++]);
            if (!is_name_octet(c)) {
                return false;
            }
            name[len++] = (char)c;
        }
    }
    if (at + 1 != rdata.len) {
        return false;
    }
    *preference = (uint16_t)(rdata.ptr[0] << 8 | rdata.ptr[1]);
    *host = arena_copy(arena, slice_of(name, len));
    return true;
}
