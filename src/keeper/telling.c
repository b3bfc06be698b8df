/* Invariants:
 *  1. That a run begins is durable in the state before the program is started, and what became of it before the letter is decided
 *     by it. So a run that began and has no end, in a process that knows nothing of it, may have told the password: it is
 *     recorded as not known, and never run again.
 *  2. A password is told only after it is marked for all recipients of its letter (keeper/secret_marks).
 *  3. Every run that ended, or whose end is not known, is an act in the ledger, with neither number nor address.
 *
 * States of a value, by letter and recipient:
 *
 *     none ── begins ──► BEGUN ── 0 ──► TOLD          again, in a new process: BEGUN ──► UNSURE
 *                         │ ▲  ├─ 75, the fifth time, or any other ──► NEVER
 *                    75   ▼ │  └─ ended by a signal, or too late ──► UNSURE
 *                        AGAIN
 *
 * All go when the letter is decided. */
#include "keeper/telling.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/backlog.h"
#include "keeper/internal.h"
#include "keeper/secrets_parts.h"

#define JOBS_MAX   1000
#define TRIES_MAX  5
#define PACE_MS    200 /* between two runs: the supervisor hears so much of one process in a minute */
#define LOOK_MS    60000
#define VALUE_MAX  64
#define RECORD_MAX 4096

/* What is kept of one letter and recipient. */
struct kept {
    uint64_t state; /* enum secret_told */
    uint64_t tries;
};

static const struct cbor_field kept_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct kept, state, SECRET_UNSURE),
    CBOR_FIELD(2, CBOR_UINT, struct kept, tries, TRIES_MAX),
};
static const struct cbor_schema kept_schema = CBOR_SCHEMA(kept_fields, struct kept);

struct job {
    struct job *next;
    struct letter_id id;
    char name[STATE_KEY_MAX + 1]; /* of the value */
    char telephone[TELEPHONE_MAX + 1];
    struct secret *password;
    size_t recipient; /* from 1, for the record */
    uint64_t tries;
    int64_t due_at; /* steady clock */
    bool running;
};

struct tellings {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs;
    struct parcel *parked; /* by `next` */
    size_t n_jobs;
    int64_t next_at; /* steady clock: not earlier is another one begun */
    bool closed;
};

struct tellings *tellings_new(void)
{
    struct tellings *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("tellings");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->changed, NULL);
    return t;
}

static void job_free(struct job *j)
{
    secret_free(j->password);
    free(j);
}

void tellings_free(struct tellings *t)
{
    if (!t) {
        return;
    }
    while (t->jobs) {
        struct job *j = t->jobs;
        t->jobs = j->next;
        job_free(j);
    }
    while (t->parked) {
        struct parcel *p = t->parked;
        t->parked = p->next;
        parcel_drop(p);
    }
    free(t);
}

void tellings_close(struct tellings *t)
{
    if (!t) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    t->closed = true;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->lock);
}

/* ── what is kept ── */

static struct slice name_for(const struct facts *f, struct slice address, struct arena *arena)
{
    char id[LETTER_ID_TEXT] = "";
    struct letter_id of;

    if (letter_id_from(f->id, &of)) {
        letter_id_text(&of, id);
    }
    return secrets_name("told", arena_printf(arena, "%s %.*s", id, SLICE_ARG(address)), arena);
}

static bool read_kept(struct keeper *k, struct slice name, struct arena *arena, struct kept *out,
                      struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct kept){SECRET_NOT_BEGUN, 0};
    return state_value_get(k->state, name, arena, &value, &found, e) &&
           (!found || cbor_read(value, &kept_schema, arena, out, e));
}

static bool keep(struct keeper *k, struct slice name, uint64_t state, uint64_t tries,
                 struct error *e)
{
    OWN(buf) struct buf value = {.max = VALUE_MAX};
    const struct kept kept = {state, tries};

    cbor_write(&value, &kept_schema, &kept);
    return state_value_put(k->state, name, buf_slice(&value), e);
}

static const char *text_of(uint64_t told)
{
    static const char *const texts[] = {
        [SECRET_TOLD] = "the program says that it was told",
        [SECRET_AGAIN] = "the program could not tell it so far",
        [SECRET_NEVER] = "the program cannot tell it",
        [SECRET_UNSURE] =
            "it is not known whether it was told: the program was ended before it said",
    };

    return told < sizeof(texts) / sizeof(texts[0]) && texts[told] ? texts[told] : "?";
}

/* The act first: a state without one would be an end that nobody can show. */
static bool record(struct keeper *k, const struct letter_id *id, size_t recipient,
                   struct slice name, const struct kept *kept, struct error *e)
{
    OWN(buf) struct buf detail = {.max = RECORD_MAX};
    char text[LETTER_ID_TEXT];

    letter_id_text(id, text);
    buf_printf(&detail, "recipient %zu: %s", recipient, text_of(kept->state));
    const struct act act = {.verb = SLICE("letter secret told"),
                            .object = slice_text(text),
                            .by = SLICE("postern"),
                            .detail = buf_slice(&detail)};
    return keeper_record_one(k, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, e) &&
           keep(k, name, kept->state, kept->tries, e);
}

static size_t number_of(const struct facts *f, struct slice address)
{
    const struct recipient *all = f->recipients.items;
    size_t i = 0;

    while (i < f->recipients.count && !slice_equal(all[i].address, address)) {
        i++;
    }
    return i + 1;
}

/* ── jobs ── */

/* With the lock. */
static bool has_job(const struct tellings *t, struct slice name)
{
    const struct job *j = t->jobs;

    while (j && !slice_equal(slice_text(j->name), name)) {
        j = j->next;
    }
    return j != NULL;
}

static bool is_under_way(struct tellings *t, struct slice name)
{
    (void)pthread_mutex_lock(&t->lock);
    bool under_way = has_job(t, name);
    (void)pthread_mutex_unlock(&t->lock);
    return under_way;
}

bool telling_look(struct keeper *k, const struct telling_ask *ask, struct arena *arena,
                  enum secret_told *told, struct error *e)
{
    struct slice name = name_for(ask->facts, ask->address, arena);
    bool under_way = is_under_way(k->tellings, name); /* before what it writes at its end */
    struct letter_id id;
    struct kept kept;

    if (!letter_id_from(ask->facts->id, &id)) {
        return error_set(e, ERROR_CORRUPT, "facts without an id");
    }
    if (!read_kept(k, name, arena, &kept, e)) {
        return false;
    }
    if (under_way) {
        *told = SECRET_BEGUN;
        return true;
    }
    if (kept.state == SECRET_BEGUN) {
        kept.state = SECRET_UNSURE;
        if (!record(k, &id, number_of(ask->facts, ask->address), name, &kept, e)) {
            return false;
        }
    }
    *told = kept.state == SECRET_AGAIN ? SECRET_NOT_BEGUN : (enum secret_told)kept.state;
    return true;
}

static struct job *job_new(const struct telling_ask *ask, struct slice name, struct slice password,
                           uint64_t tries)
{
    struct job *j = calloc(1, sizeof(*j));

    if (!j) {
        arena_panic("a telling");
    }
    (void)memcpy(j->name, name.ptr, name.len < STATE_KEY_MAX ? name.len : STATE_KEY_MAX);
    (void)memcpy(j->telephone, ask->telephone.ptr,
                 ask->telephone.len < TELEPHONE_MAX ? ask->telephone.len : TELEPHONE_MAX);
    if (!letter_id_from(ask->facts->id, &j->id)) {
        arena_panic("facts without an id"); /* telling_look() has seen it */
    }
    j->password = secret_copy(password);
    j->recipient = number_of(ask->facts, ask->address);
    j->tries = tries;
    return j;
}

bool telling_begin_job(struct keeper *k, const struct telling_ask *ask, struct slice password,
                       struct arena *arena, struct error *e)
{
    struct tellings *t = k->tellings;
    struct slice name = name_for(ask->facts, ask->address, arena);
    struct kept kept;

    if (!read_kept(k, name, arena, &kept, e)) {
        return false;
    }
    struct job *j = job_new(ask, name, password, kept.tries);
    (void)pthread_mutex_lock(&t->lock);
    bool room = t->n_jobs < JOBS_MAX;
    bool add = room && !has_job(t, name);
    if (add) {
        j->next = t->jobs;
        t->jobs = j;
        t->n_jobs++;
        (void)pthread_cond_signal(&t->changed);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!add) {
        job_free(j);
    }
    return room || error_set(e, ERROR_BUSY, "too many recipients wait to be told their password");
}

/* With the lock. */
static bool is_waited_for(const struct tellings *t, const struct letter_id *id)
{
    const struct job *j = t->jobs;

    while (j && memcmp(j->id.bytes, id->bytes, LETTER_ID_LEN) != 0) {
        j = j->next;
    }
    return j != NULL;
}

void telling_park(struct keeper *k, struct parcel *p)
{
    struct tellings *t = k->tellings;

    (void)pthread_mutex_lock(&t->lock);
    bool parked = is_waited_for(t, &p->id);
    if (parked) {
        p->next = t->parked;
        t->parked = p;
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!parked) {
        backlog_add(k, p);
    }
}

/* A job is over: take it out, and its letter when it waits for no other. */
static struct parcel *finish(struct tellings *t, struct job *over)
{
    struct parcel *free_now = NULL;

    (void)pthread_mutex_lock(&t->lock);
    struct job **j = &t->jobs;
    while (*j != over) {
        j = &(*j)->next;
    }
    *j = over->next;
    t->n_jobs--;
    struct parcel **p = &t->parked;
    while (*p && memcmp((*p)->id.bytes, over->id.bytes, LETTER_ID_LEN) != 0) {
        p = &(*p)->next;
    }
    if (*p && !is_waited_for(t, &over->id)) {
        free_now = *p;
        *p = free_now->next;
        free_now->next = NULL;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return free_now;
}

/* With the lock: one whose time has come, the oldest of them; or how long it is until then. */
static struct job *find_due(const struct tellings *t, int64_t *wait_ms)
{
    int64_t now = clock_steady_ms();
    struct job *found = NULL;

    *wait_ms = LOOK_MS;
    for (struct job *j = t->jobs; j; j = j->next) {
        int64_t due_at = j->due_at > t->next_at ? j->due_at : t->next_at;
        if (j->running) {
            continue;
        }
        if (due_at <= now) {
            found = j; /* the oldest stands last */
        } else if (due_at - now < *wait_ms) {
            *wait_ms = due_at - now;
        }
    }
    return found;
}

/* With the lock. */
static void sleep_for(struct tellings *t, int64_t ms)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end); /* the condition's */
    int64_t at = (int64_t)end.tv_sec * 1000 + end.tv_nsec / 1000000 + ms;
    end = (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
    (void)pthread_cond_timedwait(&t->changed, &t->lock, &end);
}

/* The next one whose time has come, marked as running; NULL when closing. */
static struct job *take_job(struct tellings *t)
{
    int64_t wait_ms = 0;

    (void)pthread_mutex_lock(&t->lock);
    struct job *found = find_due(t, &wait_ms);
    while (!t->closed && !found) {
        sleep_for(t, wait_ms);
        found = find_due(t, &wait_ms);
    }
    if (t->closed) {
        found = NULL;
    }
    if (found) {
        found->running = true;
        t->next_at = clock_steady_ms() + PACE_MS;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

static void put_back(struct tellings *t, struct job *j, int64_t due_at)
{
    (void)pthread_mutex_lock(&t->lock);
    j->running = false;
    j->due_at = due_at;
    (void)pthread_cond_signal(&t->changed);
    (void)pthread_mutex_unlock(&t->lock);
}

/* One run. True when it is over. */
static bool run(struct keeper *k, struct job *j, struct error *e)
{
    struct slice name = slice_text(j->name);
    char id[LETTER_ID_TEXT];

    letter_id_text(&j->id, id);
    if (!keep(k, name, SECRET_BEGUN, j->tries, e)) {
        return false;
    }
    struct kept kept = {SECRET_NEVER, j->tries + 1};
    if (k->options.tell_secret) {
        kept.state = k->options.tell_secret(k->options.context, slice_text(j->telephone),
                                            secret_slice(j->password), slice_text(id));
    }
    if (kept.state == SECRET_NOT_RUN) { /* it has not had its chance */
        return keep(k, name, SECRET_AGAIN, j->tries, e) &&
               error_set(e, ERROR_BUSY, "the program could not be started");
    }
    if (kept.state == SECRET_AGAIN && kept.tries >= TRIES_MAX) {
        kept.state = SECRET_NEVER;
    }
    j->tries = kept.tries;
    log_event(kept.state == SECRET_TOLD ? LOG_INFO : LOG_WARNING, "letter.secret_told",
              LOG_TEXT("id", id), LOG_NUMBER("recipient", (int64_t)j->recipient),
              LOG_NUMBER("state", (int64_t)kept.state), LOG_NUMBER("tries", (int64_t)kept.tries));
    if (kept.state == SECRET_NEVER || kept.state == SECRET_UNSURE) {
        keeper_alert(k, "secret-not-told",
                     "a recipient was not told the password of a letter, or perhaps not: look at "
                     "the program of `attachments-password-command`, and at `postern acts`");
    }
    struct error ignored = {.text = ""};
    if (!record(k, &j->id, j->recipient, name, &kept, &ignored)) {
        log_event(LOG_ERROR, "letter.secret_not_recorded", LOG_TEXT("id", id),
                  LOG_TEXT("reason", ignored.text)); /* so its end is not known */
        return true;
    }
    return kept.state != SECRET_AGAIN || error_set(e, ERROR_BUSY, "the program says: not now");
}

void telling_work(void *keeper)
{
    struct keeper *k = keeper;
    struct tellings *t = k->tellings;

    for (struct job *j = take_job(t); j; j = take_job(t)) {
        const struct settings *s = k->options.settings(k->options.context);
        struct error e = {.text = ""};
        if (!run(k, j, &e)) {
            put_back(t, j, clock_steady_ms() + s->documents.command_ms);
            continue;
        }
        struct parcel *p = finish(t, j);
        job_free(j);
        if (p) {
            backlog_add(k, p);
        }
    }
}

void telling_forget(struct keeper *k, const struct facts *f, struct arena *arena)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct recipient *all = f->recipients.items;
    struct error e;

    for (size_t i = 0; s->documents.command.len && i < f->recipients.count; i++) {
        struct slice name = name_for(f, all[i].address, arena);
        struct slice value = SLICE_NONE;
        bool found = false;
        if (!state_value_get(k->state, name, arena, &value, &found, &e) ||
            (found && !state_value_delete(k->state, name, &found, &e))) {
            log_event(LOG_WARNING, "secrets.not_forgotten", LOG_TEXT("reason", e.text));
            return;
        }
    }
}
