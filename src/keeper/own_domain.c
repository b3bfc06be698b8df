#include "keeper/own_domain.h"

#include <openssl/sha.h>

#include "base/clock.h"

#include "host/resolver.h"
#include "keeper/admin.h"
#include "keeper/handlers.h"
#include "keeper/internal.h"
#include "requests/courier.h"
#include "requests/own_domain.h"

#define QUESTION_MS 5000
#define CHECK_MS    60000 /* for all of a person's question */
#define ED25519_LEN 32    /* the key itself, at the end of its SubjectPublicKeyInfo (RFC 8410) */
#define ADDRESSES   16
#define RECORDS     COURIER_DNS_RECORDS /* of an answer, all that there may be */
#define RECORD_MAX  4096 /* bytes; longer ones are none of those that are judged here */
#define ANSWER_MAX  ((size_t)8 << 20)
#define LOOK_MAX    ((size_t)32 << 20) /* of memory for one judgement, whatever the DNS says */

/* ── questions ── */

/* An answer's records, each as the judgement wants it; those that are not in form are left out. */
static void take(const struct courier_dns_answer *from, enum zone_type type, struct arena *arena,
                 struct zone_answer *out)
{
    const struct courier_dns_record *records = from->records.items;

    out->items = arena_array(arena, RECORDS, sizeof(struct slice));
    for (size_t i = 0; i < from->records.count && out->n_items < RECORDS; i++) {
        if (records[i].rdata.len > RECORD_MAX) {
            continue;
        }
        struct slice *item = &out->items[out->n_items];
        uint16_t preference;
        bool sound = true;
        *item = arena_copy(arena, records[i].rdata);
        if (type == ZONE_TXT) {
            sound = dns_txt_read(*item, arena, item);
        } else if (type == ZONE_MX) {
            sound = dns_mx_read(*item, arena, &preference, item) && item->len;
        } else if (type == ZONE_A || type == ZONE_AAAA) {
            sound = item->len == (type == ZONE_A ? 4 : 16);
        }
        out->n_items += sound;
    }
}

static void look_up(void *context, struct slice name, enum zone_type type, struct arena *arena,
                    struct zone_answer *out)
{
    const struct own_domain *own = context;
    int64_t left = own->deadline_ms - clock_steady_ms();
    int64_t within = left < QUESTION_MS ? left : QUESTION_MS;
    struct courier_dns_ask ask = {name, type, (uint64_t)(within > 0 ? within : 1)};
    OWN(arena) struct arena scratch = {.max = ANSWER_MAX};
    struct courier_dns_answer answer = {0};
    struct error ignored;

    *out = (struct zone_answer){.found = ZONE_FAILED};
    if (name.len == 0 || name.len > DNS_NAME_MAX || !slice_is_ascii(name) || within <= 0 ||
        !ipc_call(own->keeper->options.courier, &courier_dns, &ask, -1, &answer, NULL, &scratch,
                  within + QUESTION_MS, &ignored)) {
        return;
    }
    if (answer.status == DNS_FOUND) {
        take(&answer, type, arena, out);
        out->found = ZONE_FOUND;
        out->secure = answer.secure;
    } else if (answer.status == DNS_NO_DATA || answer.status == DNS_NO_NAME) {
        out->found = ZONE_NOTHING;
    }
}

struct zone_lookup own_domain_lookup(struct own_domain *own)
{
    return (struct zone_lookup){look_up, own};
}

/* ── what is known ── */

/* The keys of a domain, and digests of those of TLS, whosever they are. */
static void sort_keys(struct own_domain *own, const struct signer_keys *all, struct arena *arena)
{
    const struct signer_key *keys = all->keys.items;
    struct zone_key *ours = arena_array(arena, all->keys.count + 1, sizeof(*ours));
    struct slice *tls = arena_array(arena, all->keys.count + 1, sizeof(*tls));
    struct zone_facts *f = &own->facts;

    for (size_t i = 0; i < all->keys.count; i++) {
        const struct signer_key *key = &keys[i];
        bool ed25519 = key->kind == KEY_DKIM_ED25519 && key->public.len >= ED25519_LEN;
        if (key->kind == KEY_TLS) {
            uint8_t *digest = arena_alloc(arena, ZONE_DIGEST_LEN);
            (void)SHA256(key->public.ptr, key->public.len, digest);
            tls[f->n_tls++] = slice_of(digest, ZONE_DIGEST_LEN);
        } else if ((key->kind == KEY_DKIM_RSA || ed25519) &&
                   slice_equal_nocase(key->domain, f->domain)) {
            ours[f->n_keys++] = (struct zone_key){
                .selector = key->name,
                .algorithm = ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
                .public =
                    ed25519 ? slice_from(key->public, key->public.len - ED25519_LEN) : key->public,
                .used = keeper_signs_with(own->keeper, key)};
        }
    }
    f->keys = ours;
    f->tls = tls;
}

static uint16_t first_port(const struct config_list *endpoints)
{
    const struct config_endpoint *all = endpoints->items;

    return endpoints->count ? all[0].port : 0;
}

static void find_hosts(struct own_domain *own, struct arena *arena)
{
    struct slice *addresses = arena_array(arena, 2 * ADDRESSES, sizeof(*addresses));
    struct zone_answer mx;

    look_up(own, own->facts.domain, ZONE_MX, arena, &mx);
    own->facts.mx = mx.items;
    own->facts.n_mx = mx.n_items;
    for (int six = 0; six < 2; six++) {
        struct zone_answer found;
        look_up(own, own->facts.hostname, six ? ZONE_AAAA : ZONE_A, arena, &found);
        for (size_t i = 0; i < found.n_items && i < ADDRESSES; i++) {
            addresses[own->facts.n_addresses++] = found.items[i];
        }
    }
    own->facts.addresses = addresses;
}

bool own_domain_gather(struct keeper *k, struct slice domain, int64_t deadline_ms,
                       struct arena *arena, struct own_domain *out, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct signer_keys keys;

    if (!keeper_keys_copy(k, arena, &keys, e)) {
        return false;
    }
    *out = (struct own_domain){
        .keeper = k,
        .domain = domain,
        .deadline_ms = deadline_ms,
        .facts = {.domain = domain,
                  .hostname = s->general.hostname,
                  .smarthost = s->smarthost.present,
                  .implicit_port = first_port(&s->submission.listen_submissions),
                  .starttls_port = first_port(&s->submission.listen_submission)}
    };
    sort_keys(out, &keys, arena);
    find_hosts(out, arena);
    return true;
}

/* ── for a person ── */

static struct own_record as_record(const struct own_domain *own, const struct zone_record *r,
                                   struct arena *arena)
{
    OWN(buf) struct buf line = {.max = OWN_TEXT_MAX};

    zone_line(&line, r);
    return (struct own_record){.domain = own->domain,
                               .name = r->name,
                               .type = r->type,
                               .line = arena_copy(arena, buf_slice(&line)),
                               .note = r->note,
                               .optional = r->optional};
}

static void look(struct own_domain *own, const struct zone_record *r, struct arena *arena,
                 struct own_record *out)
{
    const struct zone_lookup lookup = own_domain_lookup(own);
    OWN(arena) struct arena scratch = {.max = LOOK_MAX};
    struct zone_verdict verdict;

    zone_judge(r, &own->facts, &lookup, &scratch, &verdict);
    out->mark = verdict.mark;
    out->what = letter_text(arena, verdict.what, OWN_TEXT_MAX);
    out->mend = letter_text(arena, verdict.mend, OWN_TEXT_MAX);
}

struct listing {
    struct keeper *keeper;
    const struct own_records_ask *ask;
    struct arena *arena;
    int64_t deadline_ms;
    struct own_record *records;
    size_t n_records;
    struct own_policy *policies;
    size_t n_policies;
};

static bool list_domain(struct listing *l, struct slice domain, struct error *e)
{
    struct zone_record *wanted = NULL;
    struct own_domain own;

    if (!own_domain_gather(l->keeper, domain, l->deadline_ms, l->arena, &own, e)) {
        return false;
    }
    size_t n = zone_wanted(&own.facts, l->arena, &wanted);
    for (size_t i = 0; i < n && l->n_records < OWN_RECORDS_MAX; i++) {
        struct own_record *r = &l->records[l->n_records++];
        *r = as_record(&own, &wanted[i], l->arena);
        if (l->ask->check) {
            look(&own, &wanted[i], l->arena, r);
        }
    }
    struct slice file = zone_sts_file(&own.facts, l->arena);
    if (file.len && l->n_policies < OWN_DOMAINS_MAX) {
        l->policies[l->n_policies++] = (struct own_policy){domain, file};
    }
    return true;
}

bool keeper_on_own_records(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct own_records_ask *ask = r->ask;
    struct own_records_answer *answer = r->answer;
    const struct settings *s = k->options.settings(k->options.context);
    const struct slice *domains = s->general.domains.items;
    struct listing l = {.keeper = k,
                        .ask = ask,
                        .arena = r->arena,
                        .deadline_ms = clock_steady_ms() + CHECK_MS,
                        .records = arena_array(r->arena, OWN_RECORDS_MAX, sizeof(*l.records)),
                        .policies = arena_array(r->arena, OWN_DOMAINS_MAX, sizeof(*l.policies))};
    size_t looked = 0;

    for (size_t i = 0; i < s->general.domains.count; i++) {
        if (ask->domain.len == 0 || slice_equal_nocase(ask->domain, domains[i])) {
            looked++;
            if (!list_domain(&l, domains[i], e)) {
                return false;
            }
        }
    }
    *answer = (struct own_records_answer){
        {l.records,  l.n_records },
        {l.policies, l.n_policies}
    };
    return looked || error_set(e, ERROR_INPUT, "%.*s is none of our domains; `domains` lists them",
                               SLICE_ARG(ask->domain));
}
