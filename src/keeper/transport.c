#include "keeper/transport.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"

#include "formats/smtp/address.h"
#include "keeper/internal.h"
#include "keeper/patience.h"
#include "keeper/sts_transport.h"
#include "requests/transport.h"

#define ROWS        1024 /* a domain has one place; who shares it comes and goes */
#define KNOWN_MS    (5 * 60 * 1000)
#define UNKNOWN_MS  30000
#define QUESTION_MS 3000  /* of one question to the DNS */
#define CALL_MS     8000  /* for all of them: so long a letter waits to be decided, once a while */
#define SLOW_MS     10000 /* after such a wait nobody waits again for so long */
#define WHY_MAX     200

/* What was found out of one next hop. */
struct row {
    char key[SMTP_DOMAIN_MAX + 262]; /* domain, a blank, the route */
    enum recipient_transport transport;
    char why[WHY_MAX];
    int64_t until_ms; /* steady */
};

struct transport_cache {
    pthread_mutex_t lock;
    int64_t slow_until_ms;
    struct row rows[ROWS];
};

struct transport_cache *transport_new(void)
{
    struct transport_cache *c = calloc(1, sizeof(*c));

    if (!c) {
        arena_panic("transport");
    }
    (void)pthread_mutex_init(&c->lock, NULL);
    return c;
}

void transport_free(struct transport_cache *c)
{
    if (c) {
        (void)pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

/* FNV-1a: who shares a place costs a question, and nothing else. */
static struct row *place_of(struct transport_cache *c, struct slice key)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.ptr[i]) * UINT64_C(1099511628211);
    }
    return &c->rows[(hash ^ hash >> 32) % ROWS];
}

/* True when somebody must ask. */
static bool recall(struct transport_cache *c, struct slice key, struct arena *arena,
                   struct recipient_state *out)
{
    int64_t now = clock_steady_ms();

    (void)pthread_mutex_lock(&c->lock);
    const struct row *r = place_of(c, key);
    bool known = r->until_ms > now && slice_equal(slice_text(r->key), key);
    bool slow = !known && now < c->slow_until_ms;
    if (known) {
        out->transport = r->transport;
        out->transport_why = arena_copy(arena, slice_text(r->why));
    } else if (slow) {
        out->transport = TRANSPORT_UNKNOWN;
        out->transport_why = SLICE("the DNS is slow just now, so it was not asked");
    }
    (void)pthread_mutex_unlock(&c->lock);
    return !known && !slow;
}

static void remember(struct transport_cache *c, struct slice key,
                     const struct recipient_state *found, int64_t took_ms)
{
    int64_t now = clock_steady_ms();

    (void)pthread_mutex_lock(&c->lock);
    struct row *r = place_of(c, key);
    if (key.len < sizeof(r->key)) {
        (void)snprintf(r->key, sizeof(r->key), "%.*s", SLICE_ARG(key));
        (void)snprintf(r->why, sizeof(r->why), "%.*s", SLICE_ARG(found->transport_why));
        r->transport = found->transport;
        r->until_ms = now + (found->transport == TRANSPORT_UNKNOWN ? UNKNOWN_MS : KNOWN_MS);
    }
    if (took_ms >= QUESTION_MS) {
        c->slow_until_ms = now + SLOW_MS;
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static void ask(struct keeper *k, struct slice domain, struct slice route, struct arena *arena,
                struct recipient_state *out)
{
    const struct courier_survey_ask question = {domain, route, QUESTION_MS};
    struct courier_survey_answer answer = {0};
    struct error e = {0};

    if (!k->options.courier || !ipc_call(k->options.courier, &courier_survey, &question, -1,
                                         &answer, NULL, arena, CALL_MS, &e)) {
        out->transport = TRANSPORT_UNKNOWN;
        out->transport_why = SLICE("its DNS could not be asked");
        return;
    }
    out->transport_why = slice_head(answer.why, WHY_MAX - 1);
    switch ((enum survey_state)answer.state) {
    case SURVEY_DANE:
        out->transport = TRANSPORT_DANE;
        return;
    case SURVEY_NONE:
        out->transport = TRANSPORT_NONE;
        return;
    case SURVEY_UNKNOWN:
        break;
    }
    out->transport = TRANSPORT_UNKNOWN;
}

static void find(struct keeper *k, struct slice domain, struct slice route, struct arena *arena,
                 struct recipient_state *out)
{
    struct slice key = arena_printf(arena, "%.*s %.*s", SLICE_ARG(domain), SLICE_ARG(route));

    if (recall(k->transport, key, arena, out)) {
        if (!patience_take()) {
            out->transport = TRANSPORT_UNKNOWN;
            out->transport_why = SLICE("too many wait for others just now, so it was not asked");
            return;
        }
        int64_t began_ms = clock_steady_ms();
        ask(k, domain, route, arena, out);
        if (route.len == 0 && k->options.courier) {
            sts_transport(k, domain, arena, out);
        }
        patience_give();
        remember(k->transport, key, out, clock_steady_ms() - began_ms);
    }
}

static struct slice route_of(const struct domain_settings *own, struct arena *arena)
{
    bool v6 = own->route.port && slice_find(own->route.host, ':') < own->route.host.len;

    return own->route.port ? arena_printf(arena, v6 ? "[%.*s]:%u" : "%.*s:%u",
                                          SLICE_ARG(own->route.host), own->route.port)
                           : SLICE_NONE;
}

void recipients_transport(struct keeper *k, const struct facts *f, struct slice address,
                          struct arena *arena, struct recipient_state *out)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct error ignored = {0};
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;

    (void)f;
    if (s->policies.count ==
        0) { /* nobody's decision depends on it: no question to the DNS before each */
        return;
    }
    if (!smtp_domain_canonical(letter_domain(address), text, &len, &ignored)) {
        out->transport_why = SLICE("it is no domain");
        return;
    }
    struct slice domain = arena_copy(arena, slice_of(text, len));
    const struct domain_settings *own = settings_domain(s, domain);
    if (own && (own->tls_pins.count || own->tls_ca.len)) {
        out->transport = TRANSPORT_PIN;
        out->transport_why = SLICE("the settings pin its servers");
        return;
    }
    if (s->smarthost.present && !(own && own->route.port)) {
        out->transport_why =
            SLICE("a smart host takes letters to it, and of what is behind nothing is known");
        return;
    }
    find(k, domain, own ? route_of(own, arena) : SLICE_NONE, arena, out);
}
