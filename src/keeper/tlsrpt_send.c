#include "keeper/tlsrpt_send.h"

#include "base/clock.h"
#include "base/log.h"

#include "formats/smtp/address.h"
#include "formats/smtp/base64.h"
#include "formats/sts/tlsrpt.h"
#include "host/memfd.h"
#include "keeper/internal.h"
#include "keeper/sts.h"
#include "keeper/sts_fetch.h"
#include "requests/courier.h"

#define SENT_ROW   SLICE("tlsrpt/sent")
#define LETTER_MAX ((size_t)4 << 20)
#define POST       2 /* of host/fetch */
#define POST_MS    30000
#define ANSWER_MAX ((size_t)64 << 10)
#define TEXT_MAX   150
#define PLACE_MAX  255
#define LINE_BYTES 57 /* a line of 76 characters */
#define BOUNDARY   "=_report_on_TLS"

/* One report on its way. */
struct sending {
    struct keeper *k;
    const struct settings *settings;
    const struct tlsrpt_job *job;
    struct arena *arena;
    struct letter_id id;
    struct slice submitter; /* the first of our domains */
    struct slice report_id;
    struct slice packed;
    uint64_t successes;
    uint64_t failed;
    struct slice why; /* the last thing that went wrong */
};

void tlsrpt_job_copy(const struct rpt_domain *from, int64_t day, struct arena *arena,
                     struct tlsrpt_job *job)
{
    const struct rpt_policy *all = from->policies.items;
    struct rpt_policy *policies = arena_array(arena, RPT_POLICIES, sizeof(*policies));

    job->day = day;
    job->counts = *from;
    job->counts.domain = arena_copy(arena, from->domain);
    job->counts.policies.items = policies;
    for (size_t i = 0; i < from->policies.count; i++) {
        const struct rpt_failure *failures = all[i].failures.items;
        struct rpt_failure *mine = arena_array(arena, RPT_FAILURES_MAX, sizeof(*mine));
        for (size_t f = 0; f < all[i].failures.count; f++) {
            mine[f] = (struct rpt_failure){
                arena_copy(arena, failures[f].type), arena_copy(arena, failures[f].host),
                arena_copy(arena, failures[f].address), failures[f].count};
        }
        policies[i] = all[i];
        policies[i].failures.items = mine;
    }
}

/* ── making it ── */

/* The policy as it is known now: a line each, as the file has them. */
static void describe_sts(struct sending *s, struct tlsrpt_policy *out)
{
    struct sts_known known;

    sts_find(s->k, s->job->counts.domain, STS_KNOWN, s->arena, &known);
    if (known.policy.mode == STS_NO_MODE) {
        return;
    }
    struct slice *lines = arena_array(s->arena, known.policy.n_mx + 3, sizeof(*lines));
    size_t n = 0;
    lines[n++] = SLICE("version: STSv1");
    lines[n++] = arena_printf(s->arena, "mode: %s", sts_mode_name(known.policy.mode));
    for (size_t i = 0; i < known.policy.n_mx; i++) {
        lines[n++] = arena_printf(s->arena, "mx: %.*s", SLICE_ARG(known.policy.mx[i]));
    }
    lines[n++] =
        arena_printf(s->arena, "max_age: %llu", (unsigned long long)known.policy.max_age_s);
    out->strings = lines;
    out->n_strings = n;
    out->mx = known.policy.mx;
    out->n_mx = known.policy.n_mx;
}

static struct tlsrpt_policy describe(struct sending *s, const struct rpt_policy *p)
{
    static const struct slice types[] = {[TLS_POLICY_NONE] = SLICE_INIT("no-policy-found"),
                                         [TLS_POLICY_DANE] = SLICE_INIT("tlsa"),
                                         [TLS_POLICY_STS] = SLICE_INIT("sts")};
    const struct rpt_failure *failures = p->failures.items;
    struct tlsrpt_failure *out = arena_array(s->arena, p->failures.count + 1, sizeof(*out));
    struct tlsrpt_policy policy = {
        .type = types[p->kind <= TLS_POLICY_STS && p->kind ? p->kind : TLS_POLICY_NONE],
        .successes = p->successes,
        .failed = p->failed,
        .failures = out,
        .n_failures = p->failures.count};

    for (size_t i = 0; i < p->failures.count; i++) {
        out[i] = (struct tlsrpt_failure){.type = failures[i].type,
                                         .mx_host = failures[i].host,
                                         .receiving_ip = failures[i].address,
                                         .count = failures[i].count};
    }
    if (p->kind == TLS_POLICY_STS) {
        describe_sts(s, &policy);
    }
    s->successes += p->successes;
    s->failed += p->failed;
    return policy;
}

static bool make(struct sending *s, struct error *e)
{
    const struct tls_reports_settings *set = &s->settings->tls_reports;
    const struct rpt_policy *all = s->job->counts.policies.items;
    size_t n = s->job->counts.policies.count;
    struct tlsrpt_policy *policies = arena_array(s->arena, n + 1, sizeof(*policies));
    OWN(buf) struct buf json = {.max = TLSRPT_REPORT_MAX};
    OWN(buf) struct buf packed = {.max = TLSRPT_REPORT_MAX};

    for (size_t i = 0; i < n; i++) {
        policies[i] = describe(s, &all[i]);
    }
    const struct tlsrpt_report report = {
        .organisation = set->organisation.len ? set->organisation : s->submitter,
        .contact = set->contact.len
                       ? set->contact
                       : arena_printf(s->arena, "postmaster@%.*s", SLICE_ARG(s->submitter)),
        .id = s->report_id,
        .domain = s->job->counts.domain,
        .from_s = s->job->day * (RPT_DAY_MS / 1000),
        .to_s = (s->job->day + 1) * (RPT_DAY_MS / 1000) - 1,
        .policies = policies,
        .n_policies = n};
    if (!tlsrpt_report_write(&report, &json, e) || !tlsrpt_gzip(buf_slice(&json), &packed, e)) {
        return false;
    }
    s->packed = arena_copy(s->arena, buf_slice(&packed));
    return true;
}

/* ── by mail ── */

static void add_base64(struct slice bytes, struct buf *out)
{
    while (bytes.len > 0) {
        struct slice part = slice_head(bytes, LINE_BYTES);
        uint8_t *room = buf_room(out, SMTP_BASE64_LEN(part.len));
        out->len += room ? smtp_base64_encode(part, room) : 0;
        buf_add_text(out, "\r\n");
        bytes = slice_from(bytes, part.len);
    }
}

/* RFC 8460 section 5.3. `TLS-Required: No` (RFC 8689): a report about TLS that fails must arrive in spite of it. */
static void write_letter(const struct sending *s, struct slice to, struct buf *out)
{
    struct slice domain = s->job->counts.domain;
    const struct config_list recipients = {&to, 1};
    int64_t from_s = s->job->day * (RPT_DAY_MS / 1000);

    own_letter_header(s->settings, &s->id, &recipients, out);
    buf_printf(out,
               "Subject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n"
               "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\nTLS-Required: No\r\n",
               SLICE_ARG(domain), SLICE_ARG(s->submitter), SLICE_ARG(s->report_id),
               SLICE_ARG(domain), SLICE_ARG(s->submitter));
    buf_printf(out,
               "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"" BOUNDARY
               "\"\r\n\r\n--" BOUNDARY "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
               "This is the daily report of %.*s on TLS with the mail servers of\r\n%.*s.\r\n\r\n"
               "--" BOUNDARY "\r\nContent-Type: application/tlsrpt+gzip\r\n"
               "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
               " filename=\"%.*s!%.*s!%lld!%lld.json.gz\"\r\n\r\n",
               SLICE_ARG(s->submitter), SLICE_ARG(domain), SLICE_ARG(s->submitter),
               SLICE_ARG(domain), (long long)from_s, (long long)(from_s + RPT_DAY_MS / 1000 - 1));
    add_base64(s->packed, out);
    buf_add_text(out, "--" BOUNDARY "--\r\n");
}

static bool is_mailbox(struct slice where)
{
    struct smtp_mailbox mailbox;
    struct error ignored;

    return where.len <= PLACE_MAX && slice_is_ascii(where) &&
           smtp_mailbox_parse(where, &mailbox, &ignored);
}

static bool by_mail(struct sending *s, struct slice to, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = LETTER_MAX};
    struct recipient recipient = {.address = to, .notify = NOTIFY_NEVER};
    struct own_letter letter = {
        .id = s->id, .to = {&recipient, 1},
             .subject = SLICE("Report on TLS"), .tls_report = true
    };

    if (!is_mailbox(to)) {
        return error_set(e, ERROR_INPUT, "it names no mailbox");
    }
    write_letter(s, to, &bytes);
    if (bytes.full) {
        return error_set(e, ERROR_LIMIT, "the report does not fit into a letter");
    }
    letter.bytes = buf_slice(&bytes);
    return keeper_write_letters(s->k, (struct ledger_record){0}, &letter, 1, e);
}

/* ── by HTTPS ── */

static bool by_post(struct sending *s, struct slice url, struct error *e)
{
    struct slice type = SLICE("Content-Type: application/tlsrpt+gzip");
    const struct courier_ask ask = {
        .method = POST,
        .url = url,
        .headers = {&type, 1},
        .answer_max = ANSWER_MAX,
        .timeout_ms = POST_MS
    };
    OWN(fd) int fd = -1;
    OWN(fd) int got = -1;
    struct courier_answer answer;

    if (!memfd_from("report", s->packed, &fd, e) ||
        !ipc_call(s->k->options.courier, &courier_fetch, &ask, fd, &answer, &got, s->arena,
                  POST_MS + KEEPER_ASK_MS, e)) {
        return false;
    }
    return answer.status / 100 == 2 ||
           error_set(e, ERROR_BUSY, "it answers with status %u", (unsigned)answer.status);
}

/* ── what is remembered ── */

bool tlsrpt_sent(struct keeper *k, struct arena *arena, struct domain_reports_answer *out,
                 struct error *e)
{
    struct slice value;
    bool found = false;

    *out = (struct domain_reports_answer){0};
    return state_value_get(k->state, SENT_ROW, arena, &value, &found, e) &&
           (!found || cbor_read(value, &domain_reports_schema, arena, out, e));
}

static void remember(struct sending *s, const struct tlsrpt_place *place)
{
    struct domain_reports_answer all;
    OWN(buf) struct buf out = {.max = STATE_VALUE_MAX};
    char id[LETTER_ID_TEXT];
    struct error e;

    if (!tlsrpt_sent(s->k, s->arena, &all, &e)) {
        log_event(LOG_WARNING, "tlsrpt.unremembered", LOG_TEXT("reason", e.text));
        return;
    }
    size_t kept =
        all.reports.count < DOMAIN_REPORTS_MAX ? all.reports.count : DOMAIN_REPORTS_MAX - 1;
    struct domain_report *reports = arena_array(s->arena, kept + 1, sizeof(*reports));
    const struct domain_report *old = all.reports.items;
    for (size_t i = 0; i < kept; i++) {
        reports[i] = old[all.reports.count - kept + i];
    }
    letter_id_text(&s->id, id);
    reports[kept] = (struct domain_report){
        .at = (uint64_t)clock_wall_ms(),
        .domain = s->job->counts.domain,
        .day = (uint64_t)s->job->day,
        .place = place ? slice_head(place->where, PLACE_MAX) : SLICE_NONE,
        .letter = place && place->mail ? slice_text(id) : SLICE_NONE,
        .successes = s->successes,
        .failed = s->failed,
        .why = place ? SLICE_NONE : slice_head(s->why, TEXT_MAX),
    };
    all.reports = (struct cbor_list){reports, kept + 1};
    cbor_write(&out, &domain_reports_schema, &all);
    if (out.full || !state_value_put(s->k->state, SENT_ROW, buf_slice(&out), &e)) {
        log_event(LOG_WARNING, "tlsrpt.unremembered",
                  LOG_TEXT("reason", out.full ? "too much" : e.text));
    }
}

/* ── sending ── */

/* The first that takes it. */
static bool try_places(struct sending *s, const struct tlsrpt_place *places, size_t n)
{
    struct error e = {0};

    for (size_t i = 0; i < n; i++) {
        bool sent =
            places[i].mail ? by_mail(s, places[i].where, &e) : by_post(s, places[i].where, &e);
        if (sent) {
            log_event(LOG_INFO, "tlsrpt.sent", LOG_TEXT("by", places[i].mail ? "mail" : "https"),
                      LOG_NUMBER("successes", s->successes), LOG_NUMBER("failures", s->failed));
            remember(s, &places[i]);
            return true;
        }
        s->why = arena_copy(s->arena, slice_text(e.text));
        log_event(LOG_WARNING, "tlsrpt.not-sent", LOG_TEXT("reason", e.text));
    }
    if (s->job->last) {
        remember(s, NULL);
    }
    return false;
}

enum tlsrpt_end tlsrpt_send(struct keeper *k, const struct tlsrpt_job *job, struct arena *arena)
{
    struct sending s = {.k = k,
                        .settings = k->options.settings(k->options.context),
                        .job = job,
                        .arena = arena,
                        .id = letter_id_new()};
    struct slice texts[STS_TEXTS_MAX];
    struct tlsrpt_place places[TLSRPT_PLACES_MAX];
    char id[LETTER_ID_TEXT];
    size_t n = 0;
    struct error e = {0};

    enum sts_asked asked =
        sts_texts(k, arena_printf(arena, TLSRPT_RECORD_NAME "%.*s", SLICE_ARG(job->counts.domain)),
                  arena, texts, &n, &s.why);
    if (asked != STS_ANSWERED) {
        return asked == STS_UNASKED ? TLSRPT_UNASKED : TLSRPT_TRIED;
    }
    n = tlsrpt_places_read(texts, n, arena, places);
    if (n == 0) {
        return TLSRPT_OVER;
    }
    letter_id_text(&s.id, id);
    s.submitter = ((const struct slice *)s.settings->general.domains.items)[0];
    s.report_id = arena_printf(arena, "%s@%.*s", id, SLICE_ARG(s.settings->general.hostname));
    if (!make(&s, &e)) {
        log_event(LOG_WARNING, "tlsrpt.not-made", LOG_TEXT("reason", e.text));
        return TLSRPT_OVER;
    }
    return try_places(&s, places, n) ? TLSRPT_OVER : TLSRPT_TRIED;
}
