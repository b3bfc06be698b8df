#include "host/resolver.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unbound.h>

#include "base/clock.h"

#include "host/resolver_settings.h"
#include "host/thread.h"

#define CLASS_IN       1
#define RCODE_NOERROR  0
#define KEPT_BYTES_MAX 4096 /* of one answer: larger ones are asked for again each time */

/* An answer in the cache, one allocation: this, the records' lengths, their bytes. */
struct kept {
    char name[DNS_NAME_MAX + 1];
    char canonical[DNS_NAME_MAX + 1]; /* empty: the name is no alias */
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
    if (!resolver_configure(r->ctx, settings, e)) {
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
            .canonical = arena_copy(arena, slice_text(kept->canonical)),
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
    if (answer->canonical.len > 0) {
        memcpy(kept->canonical, answer->canonical.ptr, answer->canonical.len);
    }
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

static uint32_t ttl_of(const struct ub_result *result)
{
    if (result->ttl < 0) {
        return 0;
    }
    return result->ttl < DNS_TTL_MAX_S ? (uint32_t)result->ttl : DNS_TTL_MAX_S;
}

static void read_records(const struct ub_result *result, struct arena *arena,
                         struct dns_answer *answer)
{
    while (answer->n_records < DNS_RECORDS_MAX && result->data[answer->n_records]) {
        answer->n_records++;
    }
    answer->records = arena_array(arena, answer->n_records, sizeof(struct slice));
    for (size_t i = 0; i < answer->n_records; i++) {
        size_t len = result->len[i] > 0 ? (size_t)result->len[i] : 0;
        answer->records[i] = arena_copy(arena, slice_of(result->data[i], len));
    }
}

/* What the name is an alias of. */
static struct slice read_canonical(const struct ub_result *result, const char *name,
                                   struct arena *arena)
{
    char text[DNS_NAME_MAX + 1];

    if (!result->canonname || !name_read(slice_text(result->canonname), text) ||
        strcmp(text, name) == 0) {
        return SLICE_NONE;
    }
    return arena_copy(arena, slice_text(text));
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
    answer.ttl_s = ttl_of(result);
    answer.canonical = read_canonical(result, name, arena);
    if (!result->havedata) {
        answer.status = result->nxdomain ? DNS_NO_NAME : DNS_NO_DATA;
        return answer;
    }
    read_records(result, arena, &answer);
    return answer;
}

static struct question *question_new(struct resolver *r)
{
    struct question *q = calloc(1, sizeof(*q));
    if (!q) {
        arena_panic("resolver question");
    }
    q->resolver = r;
    pthread_cond_init(&q->answered, NULL);
    return q;
}

/* Wait until the deadline. False when no answer came: the question must not be touched again. */
static bool await(struct resolver *r, struct question *q, int id, int64_t deadline_ms)
{
    pthread_mutex_lock(&r->lock);
    while (!q->done && thread_wait(&q->answered, &r->lock, deadline_ms)) {
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

bool dns_txt_read(struct slice rdata, struct arena *arena, struct slice *text)
{
    uint8_t *bytes = arena_alloc(arena, rdata.len + 1);
    size_t len = 0;

    for (size_t at = 0; at < rdata.len; at += 1 + (size_t)rdata.ptr[at]) {
        size_t string = rdata.ptr[at];
        if (string > rdata.len - at - 1) {
            return false;
        }
        (void)memcpy(bytes + len, rdata.ptr + at + 1, string);
        len += string;
    }
    *text = slice_of(bytes, len);
    return rdata.len > 0;
}
