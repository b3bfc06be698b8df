/* Whether a letter may be sent now: limits, and signs that its sender's account is stolen. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/drills.h"
#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/outside.h"
#include "keeper/suspend.h"
#include "letter/device.h"
#include "letter/guard.h"

#define WORDS_SKIPPED 40 /* of a letter: how it begins is different for each reader */
#define WORDS_MAX     2000
#define SENTENCE_MAX  400

/* Whom nobody here has written to; under the lock. */
static void mark_first(const struct guard *g, struct outside *o)
{
    for (size_t i = 0; i < o->n; i++) {
        bool known = false;
        for (size_t d = 0; d < o->n_domains; d++) {
            known = known || set_get(&g->known, o->numbers[i * o->n_domains + d]);
        }
        o->first[i] = !known;
    }
}

/* Those of its recipients that become known by it. */
static void make_known(struct guard *g, struct guard_letter *l, struct arena *arena)
{
    uint64_t *numbers = arena_array(arena, l->letter.n_outside + 1, sizeof(*numbers));

    for (size_t i = 0; i < l->letter.n_outside; i++) {
        if (l->letter.first[i]) {
            guard_make_known(g, l->letter.outside[i]);
            numbers[l->n_known++] = l->letter.outside[i];
        }
    }
    l->known = numbers;
}

/* Whether the person responsible is to be told: once within a window. */
static bool is_news(int64_t told[static LIMITS_WINDOWS], const struct limits_excess *excess,
                    int64_t now_ms)
{
    int64_t window = excess->window == LIMITS_HOUR ? LIMITS_HOUR_MS : LIMITS_DAY_MS;
    int64_t *told_at = &told[excess->window];

    if (*told_at && now_ms >= *told_at && now_ms - *told_at < window) {
        return false;
    }
    *told_at = now_ms;
    return true;
}

/* What one letter is judged by, under the lock. */
struct judging {
    struct guarded *account;
    struct limits limits;
    struct limits_excess excess;
    struct signs_verdict verdict;
    struct app_limits app; /* by which it came */
    bool allowed, news, was_closed, stolen, approved, large;
    uint64_t added;            /* recipients to whom nothing went within the hour */
    bool by_app;               /* the excess is the app password's */
    uint64_t network, history; /* from where it comes; that the account was used */
    uint64_t device, devices;  /* by which machine, and that one is known; 0: it has no name */
    uint64_t app_network, app_history; /* the same of the app password; 0: it came by none */
    uint64_t country, countries;       /* likewise; when the first is 0, it is not known */
};

/* `app` is the app password or device whose limit it is; without a number: the account's. */
static void tell(struct keeper *k, const struct facts *f, const struct app_limits *app,
                 const struct limits_excess *x)
{
    struct limit_record record = {.account = f->account,
                                  .window = (uint64_t)x->window + 1,
                                  .measure = (uint64_t)x->measure + 1,
                                  .most = x->most,
                                  .had = x->had,
                                  .added = x->added,
                                  .client = f->client,
                                  .app = app->id};
    char sentence[ERROR_TEXT_MAX];
    struct error e;

    log_event(LOG_WARNING, "limits.reached",
              LOG_TEXT("limit", limits_setting(x->window, x->measure)), LOG_NUMBER("most", x->most),
              LOG_NUMBER("had", x->had), LOG_NUMBER("added", x->added));
    if (!keeper_record_one(k, LEDGER_PATIENT, RECORD_LIMIT, &limit_record_schema, &record, &e)) {
        log_event(LOG_ERROR, "limits.not_recorded", LOG_TEXT("reason", e.text));
    }
    (void)snprintf(
        sentence, sizeof(sentence),
        app->number
            ? "%.*s reached a limit of its app password or device `%.*s`: %s is %llu. What is "
              "beyond is put off. See `postern app-password list` and `device list`"
            : "%.*s reached a limit%.*s: %s is %llu. What is beyond is put off. See `postern "
              "account show`; `postern account limits` gives higher ones",
        SLICE_ARG(f->account), SLICE_ARG(app->name), limits_setting(x->window, x->measure),
        (unsigned long long)x->most);
    keeper_alert_about(k, f->account, "account-limit", sentence);
}

static void refuse(struct keeper *k, const struct facts *f, const struct judging *j,
                   struct arena *arena, struct guard_letter *out)
{
    OWN(buf) struct buf sentence = {.max = SENTENCE_MAX};
    const struct app_limits none = {0};

    limits_sentence(&j->excess, j->by_app ? "this program or device" : "your account", &sentence);
    out->code = limits_code(&j->excess, &out->enhanced);
    out->sentence = arena_copy(arena, buf_slice(&sentence));
    if (j->news) {
        tell(k, f, j->by_app ? &j->app : &none, &j->excess);
    }
}

static void refuse_for_now(struct guard_letter *out, const struct error *why)
{
    log_event(LOG_ERROR, "limits.unknown", LOG_TEXT("reason", why->text));
    out->code = 451;
    out->enhanced = "4.3.0";
    out->sentence = SLICE("Your account could not be looked up; please try again later");
}

/* The letters that its words are written with, but for how it begins: a greeting differs from reader to reader. */
static uint64_t words_of(struct slice bytes)
{
    static const char end[] = "\r\n\r\n";
    const uint8_t *body = memmem(bytes.ptr, bytes.len, end, 4);
    uint64_t hash = 14695981039346656037U;
    size_t n = 0;

    for (struct slice s = body ? slice_from(bytes, (size_t)(body - bytes.ptr)) : SLICE_NONE;
         s.len && n < WORDS_MAX; s = slice_from(s, 1)) {
        uint8_t c = ascii_lower(*s.ptr);
        if (c >= 'a' && c <= 'z' && ++n > WORDS_SKIPPED) {
            hash = (hash ^ c) * 1099511628211U;
        }
    }
    return n > WORDS_SKIPPED ? hash : 0;
}

/* Whether a rule has a second person look at every letter to so many. */
static bool is_approved(const struct settings *s, size_t outside)
{
    const struct approval_settings *all = s->approvals.items;
    bool approved = false;

    for (size_t i = 0; i < s->approvals.count; i++) {
        approved = approved ||
                   (outside > all[i].recipients_outside && settings_conditions_none(&all[i].when));
    }
    return approved;
}

static void count_it(struct guard *g, struct judging *j, const struct facts *f, uint64_t words,
                     struct arena *arena, struct guard_letter *out)
{
    struct guarded *x = j->account;
    const struct signs_letter seen = {
        .words = words, .outside = out->letter.n_outside, .approved = j->approved};

    limits_add(&x->count, &out->letter, out->at_ms);
    if (!f->drill) {
        make_known(g, out, arena);
    }
    guard_make_known(g, j->network);
    guard_make_known(g, j->history);
    if (j->device) {
        guard_make_known(g, j->device);
        guard_make_known(g, j->devices);
    }
    if (j->country) {
        guard_make_known(g, j->country);
        guard_make_known(g, j->countries);
    }
    if (j->app_network) {
        guard_make_known(g, j->app_network);
        guard_make_known(g, j->app_history);
    }
    if (out->app) {
        limits_add(&guard_app(g, out->app)->count, &out->letter, out->at_ms);
    }
    signs_sent(&x->signs, &x->count, &seen, out->at_ms);
    if (letter_id_from(f->id, &out->id)) {
        guard_note_letter(x, &out->id, out->at_ms);
    }
}

/* Within limits of both; what the account may not, its app password may not either. */
static bool allow(struct guard *g, struct judging *j, const struct guard_letter *out)
{
    struct guarded *x = j->account;

    if (!limits_allow(&x->count, &j->limits, &out->letter, out->at_ms, &j->excess)) {
        j->news = is_news(x->told_at, &j->excess, out->at_ms);
        return false;
    }
    if (!out->app) {
        return true;
    }
    struct guarded_app *app = guard_app(g, out->app);
    j->by_app = !limits_allow(&app->count, &j->app.limits, &out->letter, out->at_ms, &j->excess);
    j->news = j->by_app && is_news(app->told_at, &j->excess, out->at_ms);
    return !j->by_app;
}

/* One sends a letter to many, and no thief need be there: it is put off before anything of it counts, until somebody allows more. */
static bool is_large(struct keeper *k, struct judging *j, const struct guard_letter *l)
{
    struct guarded *x = j->account;
    uint64_t score = k->options.settings(k->options.context)->limits.suspend_score;
    const struct limits_excess hour = {.window = LIMITS_HOUR, .measure = LIMITS_ADDRESSES};

    guard_judge(k, x, l->at_ms, &j->verdict);
    j->added = limits_new_addresses(&x->count, &l->letter, l->at_ms);
    bool large =
        score && !j->approved && signs_is_large(&j->verdict, l->letter.n_outside, j->added);
    j->news = large && is_news(x->told_at, &hour, l->at_ms);
    return large;
}

static void refuse_large(struct keeper *k, const struct facts *f, const struct judging *j,
                         struct arena *arena, struct guard_letter *out)
{
    uint64_t n = out->letter.n_outside;
    uint64_t hour = j->verdict.value[SIGN_MANY] + j->added;
    char sentence[ERROR_TEXT_MAX];

    out->code = 452;
    out->enhanced = "4.5.3";
    out->sentence = arena_printf(
        arena,
        "This letter was not taken: it goes to %llu recipients outside, of %llu within an hour, "
        "and that is more than your account may write to at once. Ask your mail administrator, "
        "who can allow it, or send it to fewer",
        (unsigned long long)n, (unsigned long long)hour);
    log_event(LOG_WARNING, "limits.large", LOG_NUMBER("recipients", n), LOG_NUMBER("hour", hour));
    if (!j->news) {
        return;
    }
    (void)snprintf(
        sentence, sizeof(sentence),
        "a letter of %.*s to %llu recipients outside, of %llu within an hour, was put off. "
        "`postern account limits` allows more, or an [approval] that asks a second person",
        SLICE_ARG(f->account), (unsigned long long)n, (unsigned long long)hour);
    keeper_alert_about(k, f->account, "account-limit", sentence);
}

static void judge(struct keeper *k, struct judging *j, const struct facts *f, uint64_t words,
                  struct arena *arena, struct guard_letter *out)
{
    struct guarded *x = j->account;

    j->was_closed = x->closed;
    if (x->closed) {
        return;
    }
    j->allowed = allow(k->guard, j, out);
    j->large = j->allowed && is_large(k, j, out);
    if (j->large) {
        j->allowed = false;
    } else if (j->allowed) {
        count_it(k->guard, j, f, words, arena, out);
    } else if (!j->by_app && j->excess.measure != LIMITS_LETTERS &&
               j->excess.measure != LIMITS_BYTES) {
        /* many letters to people one knows are no more than many, and what a program is not to send is no sign */
        signs_put_off(&x->signs, &x->count, words ? words : f->size, out->at_ms);
    }
    j->stolen = !j->large && guard_tips(k, x, out->at_ms, &j->verdict);
}

static void say_suspended(struct guard_letter *out)
{
    out->code = 450;
    out->enhanced = "4.7.1";
    out->sentence = SLICE(GUARD_CLOSED_SENTENCE);
}

bool guard_admit(struct keeper *k, const struct facts *f, const struct session *session,
                 struct slice bytes, struct arena *arena, struct guard_letter *out)
{
    struct guard *g = k->guard;
    struct judging j = {0};
    uint8_t country[CATALOG_COUNTRY_LEN];
    struct outside outside;
    struct error e;

    *out = (struct guard_letter){.account = guard_number(k, f->account), .at_ms = clock_wall_ms()};
    if (!guard_know_own(k, f->account, out->account, arena, &e)) {
        refuse_for_now(out, &e);
        return false;
    }
    guard_app_limits(k, f, session, &j.app);
    outside_read(k, f, arena, &outside);
    out->letter = (struct limits_letter){.bytes = f->size,
                                         .outside = outside_numbers(&outside, arena),
                                         .first = outside.first,
                                         .n_outside = outside.n};
    j.network = guard_network(k->tail.catalog, f->account, f->client);
    j.history = guard_network(k->tail.catalog, f->account, SLICE_NONE);
    if (device_name(f->helo).len) {
        j.device = catalog_known_device(k->tail.catalog, f->account, f->app, device_name(f->helo));
        j.devices = catalog_known_device(k->tail.catalog, f->account, f->app, SLICE_NONE);
    }
    if (f->country.len) {
        j.country = catalog_known_key(k->tail.catalog, f->account,
                                      catalog_known_country(f->country, country));
        j.countries = catalog_known_key(k->tail.catalog, f->account,
                                        catalog_known_country(SLICE_NONE, country));
    }
    if (f->app.len) {
        j.app_network = catalog_known_app(k->tail.catalog, f->account, f->app, f->client);
        j.app_history = catalog_known_app(k->tail.catalog, f->account, f->app, SLICE_NONE);
    }
    out->app = j.app.number;
    uint64_t words = words_of(bytes);
    (void)pthread_mutex_lock(&g->lock);
    j.account = guard_account(g, out->account);
    j.limits = guard_limits(k, &j.account->own, j.account->own_until, out->at_ms);
    j.approved = !f->drill && is_approved(k->options.settings(k->options.context), outside.n);
    mark_first(g, &outside);
    judge(k, &j, f, words, arena, out);
    (void)pthread_mutex_unlock(&g->lock);
    if (j.was_closed || j.stolen) {
        say_suspended(out);
        if (j.allowed) { /* it was counted, and is not sent */
            guard_take_back(k, out);
        }
        if (!j.was_closed) {
            suspension_by_signs(k, f->account, f->client, &j.verdict, arena);
        }
        return false;
    }
    if (j.large) {
        refuse_large(k, f, &j, arena, out);
    } else if (!j.allowed) {
        refuse(k, f, &j, arena, out);
    }
    return j.allowed;
}
