#include "formats/dsn/dsn.h"

#include "formats/dsn/internal.h"
#include "formats/mail/date.h"

#define RANDOM_TEXT (2 * DSN_RANDOM_LEN + 1)

struct writer {
    struct buf *out;
    const struct dsn_report *report;
    bool utf8;                /* the forms of RFC 6533 */
    bool eight_bit;           /* some part is not ASCII */
    char unique[RANDOM_TEXT]; /* boundary and Message-ID */
};

static struct slice header_of(const struct dsn_report *report)
{
    const struct slice *o = &report->original;
    const uint8_t *end = o->len ? memmem(o->ptr, o->len, "\r\n\r\n", 4) : NULL;

    return end ? slice_head(*o, (size_t)(end - o->ptr) + 2) : *o;
}

bool dsn_needs_utf8(const struct dsn_report *report)
{
    if (!slice_is_ascii(report->to) || !slice_is_ascii(report->from) ||
        !slice_is_ascii(header_of(report))) {
        return true;
    }
    for (size_t i = 0; i < report->n_recipients; i++) {
        if (!slice_is_ascii(report->recipients[i].address)) {
            return true;
        }
    }
    return false;
}

/* An address or name on one line, cut and cleaned. */
static void add_value(struct writer *w, struct slice s)
{
    dsn_add_clean(w->out, dsn_head(s, DSN_VALUE_MAX),
                  DSN_ONE_WORD | (w->utf8 ? DSN_UTF8 : DSN_ASCII));
}

static void add_date(struct writer *w, const char *label, int64_t ms)
{
    char date[MAIL_DATE_MAX];

    if (ms) {
        mail_date_write(ms, date);
        buf_printf(w->out, "%s: %s\r\n", label, date);
    }
}

static void add_header(struct writer *w)
{
    static const char *const subjects[] = {
        [DSN_FAILED] = "Not delivered",
        [DSN_DELAYED] = "Not delivered yet",
        [DSN_RELAYED] = "Handed on",
        [DSN_DELIVERED] = "Delivered",
    };
    OWN(buf) struct buf subject = {.max = 2 * DSN_VALUE_MAX};
    const struct dsn_report *r = w->report;

    buf_add_text(&subject, subjects[dsn_gravest(r)]);
    if (r->subject.len) {
        buf_add_text(&subject, ": ");
        buf_add(&subject, dsn_head(r->subject, DSN_VALUE_MAX));
    }
    buf_add_text(w->out, "From: Mail gateway <");
    add_value(w, r->from);
    buf_add_text(w->out, ">\r\nTo: <");
    add_value(w, r->to);
    buf_add_text(w->out, ">\r\n");
    dsn_add_unstructured(w->out, "Subject", buf_slice(&subject));
    add_date(w, "Date", r->now_ms);
    buf_printf(w->out, "Message-ID: <%s@", w->unique);
    add_value(w, r->reporting_mta);
    buf_add_text(w->out, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    buf_printf(w->out,
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               "\tboundary=\"%s\"\r\n",
               w->unique);
    if (w->eight_bit) {
        buf_add_text(w->out, "Content-Transfer-Encoding: 8bit\r\n");
    }
    buf_add_text(w->out, "\r\n");
}

static void start_part(struct writer *w, const char *type, const char *encoding)
{
    buf_printf(w->out, "--%s\r\nContent-Type: %s\r\n", w->unique, type);
    if (encoding) {
        buf_printf(w->out, "Content-Transfer-Encoding: %s\r\n", encoding);
    }
    buf_add_text(w->out, "\r\n");
}

static void add_sentences(struct writer *w)
{
    OWN(buf) struct buf text = {.max = w->out->max};

    dsn_add_sentences(&text, w->report);
    w->out->full = w->out->full || text.full;
    start_part(w, "text/plain; charset=utf-8", "quoted-printable");
    dsn_add_quoted_printable(w->out, buf_slice(&text));
}

/* "Diagnostic-Code: smtp; 550 No such user" over as many lines as it takes. */
static void add_diagnostic(struct writer *w, struct slice reply)
{
    static const char label[] = "Diagnostic-Code: smtp; ";
    OWN(buf) struct buf words = {.max = DSN_VALUE_ROOM};
    size_t column = sizeof(label) - 1;

    dsn_add_clean(&words, dsn_head(reply, DSN_DIAGNOSTIC_MAX), w->utf8 ? DSN_UTF8 : DSN_ASCII);
    if (words.len) {
        buf_add_text(w->out, label);
        dsn_add_folded(w->out, buf_slice(&words), "\r\n ", &column);
        buf_add_text(w->out, "\r\n");
    }
}

/* RFC 3464 section 2.3.1. An original recipient without a type is none. */
static void add_original(struct writer *w, struct slice orcpt)
{
    OWN(buf) struct buf address = {.max = DSN_VALUE_MAX};
    struct slice rest = dsn_head(orcpt, DSN_VALUE_MAX);
    struct slice type = slice_cut(rest, ';', &rest);

    if (type.len == 0 || rest.len == 0) {
        return;
    }
    dsn_add_xtext(&address, rest);
    buf_add_text(w->out, "Original-Recipient: ");
    add_value(w, type);
    buf_add_text(w->out, "; ");
    add_value(w, buf_slice(&address));
    buf_add_text(w->out, "\r\n");
}

/* A name, or an address as a literal (RFC 3464 section 2.1.2). */
static void add_remote(struct writer *w, struct slice host)
{
    bool ip6 = slice_find(host, ':') != host.len;
    bool literal = ip6;

    if (!ip6) {
        size_t digits = 0;
        while (digits < host.len &&
               ((host.ptr[digits] >= '0' && host.ptr[digits] <= '9') || host.ptr[digits] == '.')) {
            digits++;
        }
        literal = digits == host.len;
    }
    buf_add_text(w->out, ip6       ? "Remote-MTA: dns; [IPv6:"
                         : literal ? "Remote-MTA: dns; ["
                                   : "Remote-MTA: dns; ");
    add_value(w, host);
    buf_add_text(w->out, literal ? "]\r\n" : "\r\n");
}

static void add_recipient(struct writer *w, const struct dsn_recipient *r)
{
    static const char *const actions[] = {
        [DSN_FAILED] = "failed",
        [DSN_DELAYED] = "delayed",
        [DSN_RELAYED] = "relayed",
        [DSN_DELIVERED] = "delivered",
    };

    buf_add_text(w->out, "\r\n");
    add_original(w, r->original);
    buf_add_text(w->out, slice_is_ascii(r->address) ? "Final-Recipient: rfc822; "
                                                    : "Final-Recipient: utf-8; ");
    add_value(w, r->address);
    buf_printf(w->out, "\r\nAction: %s\r\nStatus: %.*s\r\n", actions[r->action],
               SLICE_ARG(dsn_status(r)));
    if (r->remote_mta.len) {
        add_remote(w, r->remote_mta);
    }
    add_diagnostic(w, r->diagnostic);
    add_date(w, "Last-Attempt-Date", r->last_attempt_ms);
    add_date(w, "Will-Retry-Until", r->action == DSN_DELAYED ? r->retry_until_ms : 0);
}

static void add_status(struct writer *w)
{
    start_part(w, w->utf8 ? "message/global-delivery-status" : "message/delivery-status",
               w->utf8 ? "8bit" : NULL);
    buf_add_text(w->out, "Reporting-MTA: dns; ");
    add_value(w, w->report->reporting_mta);
    buf_add_text(w->out, "\r\n");
    if (w->report->envelope_id.len) {
        buf_add_text(w->out, "Original-Envelope-Id: ");
        add_value(w, w->report->envelope_id);
        buf_add_text(w->out, "\r\n");
    }
    add_date(w, "Arrival-Date", w->report->arrived_ms);
    for (size_t i = 0; i < w->report->n_recipients; i++) {
        add_recipient(w, &w->report->recipients[i]);
    }
}

/* What is returned, byte for byte: the line end before the boundary is the boundary's. */
static void add_returned(struct writer *w)
{
    const struct dsn_report *r = w->report;
    bool utf8 = !slice_is_ascii(header_of(r));
    const char *type = r->original_whole ? utf8 ? "message/global" : "message/rfc822"
                       : utf8            ? "message/global-headers"
                                         : "text/rfc822-headers";

    buf_add_text(w->out, "\r\n");
    start_part(w, type, slice_is_ascii(r->original) ? NULL : "8bit");
    buf_add(w->out, r->original);
    buf_printf(w->out, "\r\n--%s--\r\n", w->unique);
}

void dsn_write(struct buf *out, const struct dsn_report *report)
{
    bool utf8 = dsn_needs_utf8(report);
    struct writer w = {.out = out,
                       .report = report,
                       .utf8 = utf8,
                       .eight_bit = utf8 || !slice_is_ascii(report->original)};

    for (size_t i = 0; i < DSN_RANDOM_LEN; i++) {
        w.unique[2 * i] = "0123456789abcdef"[report->random[i] >> 4];
        w.unique[2 * i + 1] = "0123456789abcdef"[report->random[i] & 15];
    }
    add_header(&w);
    add_sentences(&w);
    buf_add_text(out, "\r\n");
    add_status(&w);
    add_returned(&w);
}
