#include "keeper/smime_ocsp.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/smime_fetch.h"
#include "keyring/digest.h"

#define KEPT        128                         /* answers */
#define KEPT_MAX_MS (INT64_C(12) * 3600 * 1000) /* an answer, whatever it says */
#define FAILED_MS   (INT64_C(300) * 1000)       /* before it is asked for again */
#define FETCH_MS    5000                        /* for all questions about a certificate */

struct answer {
    uint8_t what[DIGEST_LEN]; /* URL and question */
    int64_t until_ms;         /* steady clock; 0: empty */
    struct buf bytes;         /* empty: it could not be had, or is of no use */
};

static struct {
    pthread_mutex_t lock; /* guards the others */
    struct answer all[KEPT];
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The place of a question, or of what is over first. */
static struct answer *place_of(const uint8_t what[static DIGEST_LEN])
{
    struct answer *oldest = &memory.all[0];

    for (size_t i = 0; i < KEPT; i++) {
        if (memory.all[i].until_ms && memcmp(memory.all[i].what, what, DIGEST_LEN) == 0) {
            return &memory.all[i];
        }
        oldest = memory.all[i].until_ms < oldest->until_ms ? &memory.all[i] : oldest;
    }
    return oldest;
}

static bool recall(const uint8_t what[static DIGEST_LEN], struct arena *arena, struct slice *out)
{
    (void)pthread_mutex_lock(&memory.lock);
    const struct answer *a = place_of(what);
    bool known = a->until_ms > clock_steady_ms() && memcmp(a->what, what, DIGEST_LEN) == 0;
    if (known) {
        *out = arena_copy(arena, buf_slice(&a->bytes));
    }
    (void)pthread_mutex_unlock(&memory.lock);
    return known;
}

static void remember(const uint8_t what[static DIGEST_LEN], struct slice bytes, int64_t for_ms)
{
    (void)pthread_mutex_lock(&memory.lock);
    struct answer *a = place_of(what);
    buf_done(&a->bytes);
    buf_init(&a->bytes, SMIME_ANSWER_MAX);
    buf_add(&a->bytes, bytes);
    (void)memcpy(a->what, what, DIGEST_LEN);
    a->until_ms = clock_steady_ms() + for_ms;
    (void)pthread_mutex_unlock(&memory.lock);
}

static struct slice ask(struct keeper *k, const struct smime_ask_of *question, int64_t until_ms,
                        struct arena *arena)
{
    OWN(buf) struct buf out = {.max = SMIME_ANSWER_MAX};
    const struct smime_fetch_wish wish = {.url = question->url,
                                          .question = question->request,
                                          .answer_max = SMIME_ANSWER_MAX,
                                          .until_ms = until_ms};
    struct error e;

    if (!smime_fetch(k, &wish, arena, &out, &e)) {
        log_event(LOG_WARNING, "smime.no_answer", LOG_TEXT("reason", smime_fetch_reason(&e)));
        return SLICE_NONE;
    }
    return arena_copy(arena, buf_slice(&out));
}

void smime_ocsp_get(struct keeper *k, const struct cbor_list *questions, struct arena *arena,
                    struct smime_ocsp *out)
{
    const int64_t until_ms = clock_steady_ms() + FETCH_MS;
    const struct smime_ask_of *all = questions->items;

    *out = (struct smime_ocsp){.questions = questions};
    for (size_t i = 0; i < questions->count && i < SMIME_LISTS_MAX; i++) {
        uint8_t what[DIGEST_LEN];
        digest_of(all[i].url, all[i].request, what);
        if (!recall(what, arena, &out->answers[i].bytes)) {
            out->answers[i].bytes = ask(k, &all[i], until_ms, arena);
            out->fetched[i] = true;
        }
    }
}

void smime_ocsp_keep(const struct smime_ocsp *o, const struct cbor_list *until)
{
    const struct smime_ask_of *all = o->questions->items;
    const struct smime_until *ends = until->items;
    const int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < o->questions->count && i < SMIME_LISTS_MAX; i++) {
        uint64_t end_s = i < until->count ? ends[i].at_s : 0;
        int64_t left_ms = end_s && end_s < INT64_MAX / 1000 ? (int64_t)end_s * 1000 - now_ms : 0;
        uint8_t what[DIGEST_LEN];
        if (!o->fetched[i]) {
            continue;
        }
        digest_of(all[i].url, all[i].request, what);
        if (left_ms > 0) {
            remember(what, o->answers[i].bytes, left_ms < KEPT_MAX_MS ? left_ms : KEPT_MAX_MS);
        } else {
            remember(what, SLICE_NONE, FAILED_MS);
        }
    }
}
