#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <zlib.h>

#include "formats/sts/tlsrpt.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to say: with the head of gzip */

void tlsrpt_time_write(int64_t seconds, char out[static TLSRPT_TIME_MAX])
{
    time_t at = (time_t)seconds;
    struct tm tm = {0};

    if (!gmtime_r(&at, &tm) || strftime(out, TLSRPT_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        (void)snprintf(out, TLSRPT_TIME_MAX, "1970-01-01T00:00:00Z");
    }
}

/* NULL when it is no UTF-8. */
static json_t *text(struct slice s)
{
    return s.len ? json_stringn((const char *)s.ptr, s.len) : json_string("");
}

static json_t *texts(const struct slice *all, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(list, text(all[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Every setter takes its value over, NULL too, and answers whether it went in. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool set_text(json_t *object, const char *key, struct slice s)
{
    return s.len == 0 || set(object, key, text(s));
}

static bool add_failure(json_t *list, const struct tlsrpt_failure *f)
{
    json_t *one = json_object();
    bool good = set(one, "result-type", text(f->type)) &&
                set_text(one, "sending-mta-ip", f->sending_ip) &&
                set_text(one, "receiving-mx-hostname", f->mx_host) &&
                set_text(one, "receiving-ip", f->receiving_ip) &&
                set(one, "failed-session-count", json_integer((json_int_t)f->count));

    return json_array_append_new(list, one) == 0 && good;
}

static bool add_policy(json_t *list, const struct tlsrpt_report *report,
                       const struct tlsrpt_policy *p)
{
    json_t *one = json_object();
    json_t *policy = json_object();
    json_t *summary = json_object();
    json_t *failures = json_array();
    bool good =
        set(policy, "policy-type", text(p->type)) &&
        (p->n_strings == 0 || set(policy, "policy-string", texts(p->strings, p->n_strings))) &&
        set(policy, "policy-domain", text(report->domain)) &&
        (p->n_mx == 0 || set(policy, "mx-host", texts(p->mx, p->n_mx))) &&
        set(summary, "total-successful-session-count", json_integer((json_int_t)p->successes)) &&
        set(summary, "total-failure-session-count", json_integer((json_int_t)p->failed));

    for (size_t i = 0; i < p->n_failures; i++) {
        good = add_failure(failures, &p->failures[i]) && good;
    }
    bool any = json_array_size(failures) > 0;
    good = set(one, "policy", policy) && good;
    good = set(one, "summary", summary) && good;
    if (any) {
        good = set(one, "failure-details", failures) && good;
    } else {
        json_decref(failures);
    }
    return json_array_append_new(list, one) == 0 && good;
}

static bool fill(json_t *root, const struct tlsrpt_report *r)
{
    char from[TLSRPT_TIME_MAX];
    char to[TLSRPT_TIME_MAX];
    json_t *range = json_object();
    json_t *policies = json_array();

    tlsrpt_time_write(r->from_s, from);
    tlsrpt_time_write(r->to_s, to);
    bool good = set(range, "start-datetime", json_string(from)) &&
                set(range, "end-datetime", json_string(to)) &&
                set(root, "organization-name", text(r->organisation));
    for (size_t i = 0; i < r->n_policies; i++) {
        good = add_policy(policies, r, &r->policies[i]) && good;
    }
    good = set(root, "date-range", range) && good;
    good = set(root, "contact-info", text(r->contact)) && good;
    good = set(root, "report-id", text(r->id)) && good;
    return set(root, "policies", policies) && good;
}

static int append(const char *bytes, size_t len, void *out)
{
    buf_add(out, slice_of(bytes, len));
    return ((struct buf *)out)->full ? -1 : 0;
}

bool tlsrpt_report_write(const struct tlsrpt_report *report, struct buf *out, struct error *e)
{
    json_t *root = json_object();
    bool good = fill(root, report);
    bool written = good && json_dump_callback(root, append, out, JSON_INDENT(1)) == 0;

    json_decref(root);
    if (!good) {
        return error_set(e, ERROR_INPUT, "a name in the report is no UTF-8");
    }
    return written || error_set(e, ERROR_LIMIT, "the report is too large");
}

bool tlsrpt_gzip(struct slice bytes, struct buf *out, struct error *e)
{
    z_stream z = {0};

    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        arena_panic("deflate");
    }
    size_t bound = deflateBound(&z, bytes.len);
    uint8_t *room = buf_room(out, bound);
    if (room) {
        z.next_in = (Bytef *)(uintptr_t)bytes.ptr;
        z.avail_in = (uInt)bytes.len;
        z.next_out = room;
        z.avail_out = (uInt)bound;
        (void)deflate(&z, Z_FINISH); /* it has the room that it asked for */
        out->len += z.total_out;
    }
    (void)deflateEnd(&z);
    return room || error_set(e, ERROR_LIMIT, "the report is too large");
}
