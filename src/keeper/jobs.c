/* What delivery asks: a job, leave to begin, and here is what became of it. The record comes first
 * each time: an intent before a byte leaves, an outcome before the queue forgets. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/levels.h"
#include "keeper/overrides.h"
#include "keeper/sts.h"
#include "keeper/tlsrpt.h"
#include "keyring/keyring.h"
#include "stages/delivery/schedule.h"

#define IN_HAND_PER_CONNECTION 2      /* one is on the wire while the other one is reported */
#define WAIT_MAX_MS            600000 /* a longer wait for a job is cut */
#define BROKEN_DELAY_MS                                                                            \
    300000 /* an entry whose records cannot be read waits, alarmed, and tries again */
#define BUSY_DELAY_MS 15000 /* before one comes again that found all connections in use */

/* ── next ── */

static bool pick_recipients(const struct queue_entry *entry, const struct facts *f,
                            struct keeper_job *job, struct arena *arena, struct error *e)
{
    const struct recipient *all = f->recipients.items;
    struct recipient *mine = arena_array(arena, entry->n_pending + 1, sizeof(*mine));

    for (size_t i = 0; i < entry->n_pending; i++) {
        if (entry->pending[i] >= f->recipients.count) {
            return error_set(e, ERROR_CORRUPT, "a queue entry names a recipient too many");
        }
        mine[i] = all[entry->pending[i]];
    }
    job->recipients = (struct cbor_list){mine, entry->n_pending};
    return true;
}

static struct slice shown_by(struct keeper *k, const struct queue_entry *entry, struct arena *arena)
{
    return keeper_shown_by(k, entry->domain, entry->route, entry->smarthost, arena);
}

/* Never below what this next hop has shown before, unless a person released the letter. */
static uint64_t required_level(struct keeper *k, const struct queue_entry *entry,
                               struct arena *arena)
{
    uint64_t shown = 0;
    struct error e;

    if (entry->released) {
        return entry->level;
    }
    if (!state_level_get(k->state, shown_by(k, entry, arena), &shown, &e)) {
        log_event(LOG_ERROR, "state.failed", LOG_TEXT("reason", e.text));
        return LEVEL_VERIFIED; /* fails closed: a letter too late is better than one too open */
    }
    return shown > entry->level ? shown : entry->level;
}

/* The settings may want for a domain what a sender may want for a letter (RFC 8689), until a person says otherwise. */
static bool domain_requires_tls(struct keeper *k, const struct queue_entry *entry)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct domain_settings *own = settings_domain(s, entry->domain);

    return own && own->require_tls;
}

/* Copies: once let go the entry may be taken back and finished before the answer is written. */
static bool fill_job(struct keeper *k, struct queue_entry *entry, struct keeper_job *job, int *copy,
                     struct arena *arena, struct error *e)
{
    struct parcel_copy *mine = parcel_copy_at(entry->parcel, entry->copy);
    struct facts f;

    if (!mine) {
        return error_set(e, ERROR_CORRUPT, "a ruling names a copy that was not made");
    }
    if (!parcel_facts(k, entry->parcel, arena, &f, e) ||
        !pick_recipients(entry, &f, job, arena, e) ||
        !parcel_copy(k, entry->parcel, mine, copy, e)) {
        return false;
    }
    job->job = entry->job;
    job->letter = arena_copy(arena, letter_id_slice(&entry->parcel->id));
    job->attempt = entry->attempt + 1;
    job->domain = arena_copy(arena, entry->domain);
    job->route = arena_copy(arena, entry->route);
    job->smarthost = entry->smarthost;
    job->level = overrides_waived(k, entry, &f);
    job->unproven = job->level != 0;
    job->unpinned = job->unproven && overrides_level(k, entry->domain) != 0;
    job->require_tls =
        f.require_tls || (!f.tls_report && !job->unpinned && domain_requires_tls(k, entry));
    job->level = job->level ? job->level : required_level(k, entry, arena);
    if (f.tls_report && !entry->smarthost) { /* RFC 8460 section 3: in spite of what it reports */
        job->level = job->level > LEVEL_ENCRYPTED ? LEVEL_ENCRYPTED : job->level;
        job->unproven = true;
    }
    job->reverse_path = f.reverse_path;
    job->smtputf8 = f.smtputf8;
    job->envelope_id = f.envelope_id;
    job->dsn_return = guard_is_scanner(entry->guard) ? RETURN_HEADERS : f.dsn_return;
    (void)pthread_mutex_lock(&entry->parcel->lock);
    job->has_8bit = mine->has_8bit;
    job->size = mine->size;
    (void)pthread_mutex_unlock(&entry->parcel->lock);
    return true;
}

bool keeper_on_job_next(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_courier *courier = ctx;
    struct keeper *k = courier->keeper;
    const struct keeper_job_ask *ask = r->ask;
    struct keeper_job *job = r->answer;
    const struct settings *settings = k->options.settings(k->options.context);
    int64_t wait_ms = ask->wait_ms < WAIT_MAX_MS ? (int64_t)ask->wait_ms : WAIT_MAX_MS;
    const struct queue_limits limits = {.per_lane = IN_HAND_PER_CONNECTION *
                                                    settings->delivery.per_host_concurrency,
                                        .bytes = settings->process.bytes_in_flight};
    struct queue_entry *entry = queue_take(k->queue, courier->life, ask->route, limits, wait_ms);
    int copy = -1;

    if (!entry) {
        return true;
    }
    if (keeper_cancel_wanted(k, entry, r->arena)) {
        return true;
    }
    if (!fill_job(k, entry, job, &copy, r->arena, e)) {
        log_event(LOG_ERROR, "queue.unreadable", LOG_NUMBER("seq", entry->parcel->seq),
                  LOG_TEXT("reason", e->text));
        keeper_alert(k, "queue-unreadable", e->text);
        entry->next_at = (uint64_t)clock_wall_ms() + BROKEN_DELAY_MS;
        queue_put_back(k->queue, entry);
        *job = (struct keeper_job){0};
        return true;
    }
    queue_let_go(k->queue, entry);
    r->answer_fd = copy;
    return true;
}

/* ── begin ── */

/* A job that finds a resting connection dead begins again at another one: the same attempt. */
static bool begin_job(struct keeper *k, struct queue_entry *entry,
                      const struct keeper_begin_ask *ask, struct arena *arena, struct error *e)
{
    struct facts f;
    struct keeper_job mine = {0};

    if (!parcel_facts(k, entry->parcel, arena, &f, e) ||
        !pick_recipients(entry, &f, &mine, arena, e)) {
        return false;
    }
    struct slice *names = arena_array(arena, mine.recipients.count + 1, sizeof(*names));
    for (size_t i = 0; i < mine.recipients.count; i++) {
        names[i] = ((const struct recipient *)mine.recipients.items)[i].address;
    }
    uint64_t attempt = entry->begun ? entry->attempt : entry->attempt + 1;
    struct intent intent = {
        .id = letter_id_slice(&entry->parcel->id),
        .ruling = entry->ruling,
        .attempt = attempt,
        .domain = entry->domain,
        .host = ask->host,
        .address = ask->address,
        .recipients = {names, mine.recipients.count}
    };
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_INTENT, &intent_schema, &intent, e)) {
        return false;
    }
    entry->attempt = attempt;
    entry->begun = true;
    return true;
}

bool keeper_on_job_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_courier *courier = ctx;
    struct keeper *k = courier->keeper;
    const struct keeper_begin_ask *ask = r->ask;
    struct queue_entry *entry = queue_grasp(k->queue, courier->life, ask->job);

    if (!entry) {
        return error_set(e, ERROR_DENIED, "no such job");
    }
    bool begun = queue_entry_begins(entry)
                     ? begin_job(k, entry, ask, r->arena, e)
                     : error_set(e, ERROR_DENIED, "a job begins only so often");
    queue_let_go(k->queue, entry);
    return begun;
}

/* ── done ── */

/* One job's end while it is judged. */
struct ending {
    struct keeper *keeper;
    struct queue_entry *entry;
    const struct keeper_done_ask *ask;
    struct arena *arena;
    struct facts facts;
    struct recipient_outcome *outcomes; /* one for each pending recipient, in that order */
    bool deferred;                      /* at least one comes again */
    bool recorded;                      /* the outcome is in the ledger: what is final is final */
    bool untried;                       /* no server was asked: it comes again, uncounted */
    struct schedule_next next;
};

/* The reported outcome for an address; delivery's word is taken only about recipients of the job,
 * and a recipient it says nothing of counts as not tried. */
static struct recipient_outcome outcome_for(const struct ending *d, struct slice address)
{
    const struct recipient_outcome *reported = d->ask->recipients.items;

    for (size_t i = 0; i < d->ask->recipients.count; i++) {
        if (slice_equal(reported[i].address, address)) {
            return reported[i];
        }
    }
    return (struct recipient_outcome){.status = DELIVERY_DEFERRED,
                                      .reply = SLICE("nothing was reported")};
}

static bool match_outcomes(struct ending *d, struct error *e)
{
    const struct recipient *all = d->facts.recipients.items;
    size_t n = d->entry->n_pending;

    d->outcomes = arena_array(d->arena, n + 1, sizeof(*d->outcomes));
    for (size_t i = 0; i < n; i++) {
        uint16_t index = d->entry->pending[i];
        if (index >= d->facts.recipients.count) {
            return error_set(e, ERROR_CORRUPT, "a queue entry names a recipient too many");
        }
        d->outcomes[i] = outcome_for(d, all[index].address);
        d->outcomes[i].index = index;
        d->outcomes[i].address = all[index].address;
        if (d->outcomes[i].status == 0) {
            d->outcomes[i].status = DELIVERY_DEFERRED;
        }
        d->deferred = d->deferred || d->outcomes[i].status == DELIVERY_DEFERRED ||
                      d->outcomes[i].status == DELIVERY_UNKNOWN;
    }
    return true;
}

void keeper_schedule(const struct delivery_settings *settings, struct schedule *s)
{
    const int64_t *delays = settings->retry_schedule.items;

    *s = schedule_default;
    if (settings->retry_schedule.count) {
        s->n_delays = 0;
    }
    for (size_t i = 0; i < settings->retry_schedule.count && i < SCHEDULE_DELAYS_MAX; i++) {
        s->delays_s[s->n_delays++] = (uint32_t)(delays[i] / 1000);
    }
    s->lifetime_s = (uint32_t)(settings->queue_lifetime_ms / 1000);
    s->warn_after_s = (uint32_t)(settings->delay_warning_ms / 1000);
}

/* When do the deferred come again? At the end of the lifetime they have failed. */
static void schedule_rest(struct ending *d)
{
    const struct settings *settings = d->keeper->options.settings(d->keeper->options.context);
    struct schedule schedule;
    uint32_t random = 0;

    if (!d->deferred) {
        return;
    }
    keyring_random_bytes((uint8_t *)&random, sizeof(random));
    keeper_schedule(&settings->delivery, &schedule);
    d->next = schedule_after_failure(&schedule, (int64_t)d->entry->queued_at, clock_wall_ms(),
                                     (uint32_t)(d->entry->attempt + (d->entry->begun ? 0 : 1)),
                                     d->entry->warned, random);
    if (!d->next.give_up) {
        return;
    }
    for (size_t i = 0; i < d->entry->n_pending; i++) {
        struct recipient_outcome *o = &d->outcomes[i];
        if (o->status == DELIVERY_DEFERRED || o->status == DELIVERY_UNKNOWN) {
            o->status = DELIVERY_FAILED;
            o->enhanced = SLICE("5.4.7");
            o->reply = arena_printf(d->arena, "Given up after too many attempts; the last: %.*s",
                                    SLICE_ARG(slice_head(o->reply, 700)));
        }
    }
    d->deferred = false;
}

/* The next hop offers less than it did before. That may be an attack; a person decides. */
static bool is_downgrade(const struct ending *d, uint64_t shown)
{
    uint64_t level = d->ask->evidence.level;
    uint64_t waived = overrides_waived(d->keeper, d->entry, &d->facts);

    return d->deferred && !d->entry->released && level &&
           (!d->facts.tls_report || d->entry->smarthost) && level < (waived ? waived : shown);
}

static bool hold_downgraded(struct ending *d, struct error *e)
{
    struct order order = {.id = letter_id_slice(&d->entry->parcel->id),
                          .kind = ORDER_HOLD,
                          .ruling = d->entry->ruling + 1,
                          .domain = d->entry->domain,
                          .by = SLICE("postern"),
                          .reason = SLICE("the next hop offers weaker protection than before")};

    if (!keeper_record_one(d->keeper, LEDGER_PATIENT, RECORD_ORDER, &order_schema, &order, e)) {
        return false;
    }
    d->entry->state = QUEUE_HELD;
    queue_entry_reason(d->entry, order.reason);
    keeper_alert(d->keeper, "downgrade",
                 "A next hop offers weaker protection than before; its letters are held. See "
                 "`postern queue list`.");
    return true;
}

/* TLS that breaks where it worked before may be an attack as well. The letter waits as long as it
 * does: nothing weaker is tried, so there is nothing to hold it from. */
static void tell_of_broken_tls(const struct ending *d, uint64_t shown)
{
    if (d->ask->tls_broken && d->deferred && !d->facts.tls_report && !d->entry->released &&
        shown >= LEVEL_ENCRYPTED) {
        keeper_alert(d->keeper, "downgrade",
                     "TLS breaks with a next hop that had it before; its letters wait and leave no "
                     "weaker. See `postern queue list`.");
    }
}

static void count_outcomes(struct ending *d)
{
    struct keeper_counters *c = &d->keeper->counters;

    for (size_t i = 0; i < d->entry->n_pending; i++) {
        uint64_t status = d->outcomes[i].status;
        bool delivered = status == DELIVERY_DELIVERED || status == DELIVERY_RELAYED;
        (void)atomic_fetch_add(delivered                   ? &c->delivered
                               : status == DELIVERY_FAILED ? &c->failed
                                                           : &c->deferred,
                               1);
    }
}

/* Remember the best that this next hop has shown, once it has really taken a letter so. */
static bool learn_level(struct ending *d, uint64_t shown, struct error *e)
{
    bool taken = false;

    for (size_t i = 0; i < d->entry->n_pending; i++) {
        uint64_t status = d->outcomes[i].status;
        taken = taken || status == DELIVERY_DELIVERED || status == DELIVERY_RELAYED;
    }
    return !taken || keeper_level_learn(d->keeper, shown_by(d->keeper, d->entry, d->arena),
                                        &d->ask->evidence, shown, e);
}

static bool record_outcome(struct ending *d, struct error *e)
{
    struct outcome outcome = {
        .id = letter_id_slice(&d->entry->parcel->id),
        .ruling = d->entry->ruling,
        .attempt = d->entry->attempt,
        .domain = d->entry->domain,
        .evidence = d->ask->evidence,
        .recipients = {d->outcomes, d->entry->n_pending},
        .retry_at = d->deferred ? (uint64_t)d->next.at_ms : 0
    };

    return keeper_record_outcome(d->keeper, d->entry, &d->facts, &outcome,
                                 d->deferred && d->next.warn, d->arena, e);
}

/* Keep in the entry only whose outcome is not final. */
static void settle(struct ending *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->entry->n_pending; i++) {
        uint64_t status = d->outcomes[i].status;
        if (status == DELIVERY_DEFERRED || status == DELIVERY_UNKNOWN) {
            if (d->entry->state != QUEUE_HELD) { /* that has a reason of its own */
                queue_entry_reason(d->entry, d->outcomes[i].reply);
            }
            d->entry->pending[kept++] = d->entry->pending[i];
        }
    }
    d->entry->n_pending = kept;
}

static void log_outcome(const struct ending *d)
{
    char id[LETTER_ID_TEXT];
    const struct recipient_outcome *first = d->outcomes;

    letter_id_text(&d->entry->parcel->id, id);
    log_event(LOG_INFO, "letter.attempted", LOG_TEXT("id", id),
              LOG_NUMBER("attempt", d->entry->attempt),
              LOG_NUMBER("recipients", d->entry->n_pending),
              LOG_NUMBER("status", d->entry->n_pending ? first->status : 0),
              LOG_NUMBER("code", d->entry->n_pending ? first->code : 0),
              LOG_NUMBER("level", d->ask->evidence.level));
}

/* Nobody was asked: that is no attempt and has no outcome. Unless its time is over, or its sender
 * must hear that it waits. */
static bool was_untried(const struct ending *d)
{
    return d->ask->busy && !d->entry->begun && d->deferred && !d->next.warn;
}

static bool end_job(struct ending *d, struct error *e)
{
    uint64_t shown = 0;

    if (!parcel_facts(d->keeper, d->entry->parcel, d->arena, &d->facts, e) ||
        !match_outcomes(d, e) ||
        !state_level_get(d->keeper->state, shown_by(d->keeper, d->entry, d->arena), &shown, e)) {
        return false;
    }
    schedule_rest(d);
    if (was_untried(d)) {
        d->untried = true;
        queue_entry_reason(d->entry, d->outcomes[0].reply);
        return true;
    }
    /* One that came to no session had no intent, and counts all the same: pauses grow. */
    d->entry->attempt += d->entry->begun ? 0 : 1;
    d->entry->begun = true;
    if (!record_outcome(d, e)) {
        return false;
    }
    d->recorded = true;
    log_outcome(d);
    count_outcomes(d);
    tell_of_broken_tls(d, shown);
    return learn_level(d, shown, e) && (!is_downgrade(d, shown) || hold_downgraded(d, e));
}

/* Whether the next hop had a word for at least one recipient, or could not take the letter: not so
 * one that cannot be reached or hangs. */
static bool was_answered(const struct keeper_done_ask *ask)
{
    const struct recipient_outcome *reported = ask->recipients.items;
    bool answered = false;

    for (size_t i = 0; i < ask->recipients.count; i++) {
        answered = answered || reported[i].code || reported[i].status == DELIVERY_FAILED;
    }
    return answered;
}

bool keeper_on_job_done(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_courier *courier = ctx;
    struct keeper *k = courier->keeper;
    const struct keeper_done_ask *ask = r->ask;
    struct ending d = {.keeper = k,
                       .entry = queue_grasp(k->queue, courier->life, ask->job),
                       .ask = ask,
                       .arena = r->arena};

    if (!d.entry) {
        return error_set(e, ERROR_DENIED, "no such job");
    }
    queue_learn(k->queue, d.entry, was_answered(ask));
    if (d.entry->route.len == 0) {
        tlsrpt_count(k, d.entry->domain, ask->tls.items, ask->tls.count);
        sts_seen(k, d.entry->domain, &ask->evidence);
    }
    bool ended = end_job(&d, e);
    if (d.recorded) {
        settle(&d);
    }
    if (d.recorded && d.entry->n_pending == 0) {
        queue_finish(k->queue, d.entry);
        return ended;
    }
    /* Without a recorded outcome the attempt counts as unknown: it comes again soon. */
    d.entry->next_at = d.recorded && d.deferred ? (uint64_t)d.next.at_ms
                                                : (uint64_t)clock_wall_ms() +
                                                      (d.untried ? BUSY_DELAY_MS : BROKEN_DELAY_MS);
    if (keeper_cancel_wanted(k, d.entry, r->arena)) {
        return ended;
    }
    parcel_forget(d.entry->parcel);
    queue_put_back(k->queue, d.entry);
    return ended;
}
