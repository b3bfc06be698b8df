#include "processes/webhook.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "letter/records.h"
#include "processes/alerts.h"
#include "processes/control.h"
#include "processes/role_told.h"

#define TIMEOUT_MS  15000
#define ANSWER_MAX  ((size_t)64 << 10)
#define JSON_MAX    ((size_t)8 << 10)
#define FIRST_GOOD  200
#define LAST_GOOD   299
#define ARENA_BYTES ((size_t)1 << 20)

/* An alarm that waits, as copies. */
struct told {
    char event[ALERTS_WORD_MAX];
    char from[CONTROL_NAME_MAX + 1];
    char sentence[CONTROL_SENTENCE_MAX + 1];
    int64_t raised_at; /* wall clock */
};

static struct webhook {
    const struct errands *errands;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct told waiting[WEBHOOK_WAITING_MAX];
    size_t count;
} self = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The control thread's: what the supervisor says. */
static void on_alert(void *context, struct slice from, struct slice event, struct slice sentence)
{
    struct told t = {.raised_at = clock_wall_ms()};
    bool room = false;

    (void)context;
    alerts_word(t.event, event);
    (void)memcpy(t.from, from.ptr, from.len < CONTROL_NAME_MAX ? from.len : CONTROL_NAME_MAX);
    (void)memcpy(t.sentence, sentence.ptr,
                 sentence.len < CONTROL_SENTENCE_MAX ? sentence.len : CONTROL_SENTENCE_MAX);
    (void)pthread_mutex_lock(&self.lock);
    room = self.count < WEBHOOK_WAITING_MAX;
    if (room) {
        self.waiting[self.count++] = t;
        (void)pthread_cond_signal(&self.changed);
    }
    (void)pthread_mutex_unlock(&self.lock);
    if (!room) {
        log_event(LOG_ERROR, "webhook.lost", LOG_TEXT("alert", t.event));
    }
}

static struct told next_told(void)
{
    (void)pthread_mutex_lock(&self.lock);
    while (self.count == 0) {
        (void)pthread_cond_wait(&self.changed, &self.lock);
    }
    struct told t = self.waiting[0];
    self.count--;
    (void)memmove(&self.waiting[0], &self.waiting[1], self.count * sizeof(self.waiting[0]));
    (void)pthread_mutex_unlock(&self.lock);
    return t;
}

/* A JSON string (RFC 8259 section 7) of what may be no UTF-8. */
static void add_member(struct buf *json, struct arena *arena, const char *name, struct slice value)
{
    struct slice text = letter_text(arena, value, JSON_MAX);

    buf_printf(json, "%s\"%s\":\"", json->len > 1 ? "," : "", name);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < ' ' || c == '"' || c == '\\' || c == 0x7f) {
            buf_printf(json, "\\u%04x", c);
        } else {
            buf_add_byte(json, c);
        }
    }
    buf_add_byte(json, '"');
}

static void write_json(const struct told *t, struct slice host, struct arena *arena,
                       struct buf *json)
{
    char when[CLOCK_TEXT_MAX];

    clock_rfc3339(t->raised_at, when);
    buf_add_byte(json, '{');
    add_member(json, arena, "alarm", slice_text(t->event));
    add_member(json, arena, "from", slice_text(t->from));
    add_member(json, arena, "sentence", slice_text(t->sentence));
    add_member(json, arena, "host", host);
    add_member(json, arena, "time", slice_text(when));
    buf_add_text(json, "}\n");
}

static bool post(const struct told *t, struct error *e)
{
    const struct general_settings *s = &role_settings(self.errands->role)->general;
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf json = {.max = JSON_MAX};
    OWN(buf) struct buf got = {.max = ANSWER_MAX};
    struct slice type = SLICE("Content-Type: application/json");
    const struct courier_ask ask = {
        .method = FETCH_POST,
        .url = s->alert_webhook,
        .headers = {&type, 1},
        .answer_max = ANSWER_MAX,
        .timeout_ms = TIMEOUT_MS
    };
    struct fetch_answer answer;

    if (s->alert_webhook.len == 0) {
        return true; /* a reload took it away */
    }
    write_json(t, s->hostname, &arena, &json);
    if (!errand_run(self.errands, &ask, buf_slice(&json), &arena, &got, &answer, e)) {
        return false;
    }
    return (answer.status >= FIRST_GOOD && answer.status <= LAST_GOOD) ||
           error_set(e, ERROR_BUSY, "it answers with status %u", answer.status);
}

static void tell(void *unused)
{
    (void)unused;
    for (;;) {
        struct told t = next_told();
        struct error e;
        bool done = post(&t, &e);
        for (unsigned tries = 1; !done && tries < WEBHOOK_TRIES; tries++) {
            log_event(LOG_WARNING, "webhook.again", LOG_TEXT("alert", t.event),
                      LOG_TEXT("reason", e.text));
            (void)sleep(1U << tries);
            done = post(&t, &e);
        }
        role_told(self.errands->role, slice_text(t.event), SLICE("webhook"), slice_text(t.sentence),
                  done);
        if (!done) {
            log_event(LOG_ERROR, "webhook.failed", LOG_TEXT("alert", t.event),
                      LOG_TEXT("reason", e.text));
        }
    }
}

bool webhook_start(const struct errands *errands, struct error *e)
{
    self.errands = errands;
    role_on_alert(errands->role, on_alert, NULL);
    return thread_start("webhook", THREAD_STACK_LARGE, tell, NULL, e);
}
