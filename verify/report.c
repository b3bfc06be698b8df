#include "verify/report.h"

#include <time.h>

void report_finding(struct report *r, const struct place *where, const char *text)
{
    r->findings++;
    if (r->findings == FINDINGS_MAX + 1) {
        (void)fputs("more findings are counted, and not shown\n", r->out);
    }
    if (r->findings > FINDINGS_MAX) {
        return;
    }
    (void)fprintf(r->out, "segment %u, byte %llu, ", where->segment,
                  (unsigned long long)where->offset);
    if (where->first < where->last) {
        (void)fprintf(r->out, "records %llu to %llu: %s\n", (unsigned long long)where->first,
                      (unsigned long long)where->last, text);
    } else {
        (void)fprintf(r->out, "record %llu: %s\n", (unsigned long long)where->first, text);
    }
}

void report_stop(struct report *r, uint32_t segment, const char *text, int error)
{
    r->cannot_judge = true;
    if (segment) {
        (void)fprintf(r->out, "segment %u: ", segment);
    }
    (void)fprintf(r->out, "%s%s%s\n", text, error ? ": " : "", error ? strerror(error) : "");
}

void report_text(FILE *out, struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        (void)fputc(text.at[i] > ' ' && text.at[i] < 0x7f ? text.at[i] : '?', out);
    }
}

void report_time(int64_t ms, char when[static REPORT_TIME_ROOM])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    (void)snprintf(when, REPORT_TIME_ROOM, "at a time that no calendar has");
    if (gmtime_r(&seconds, &tm)) {
        (void)strftime(when, REPORT_TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
}

void report_words(FILE *out, struct view text)
{
    while (text.len) {
        const uint8_t *blank = memchr(text.at, ' ', text.len);
        size_t len = blank ? (size_t)(blank - text.at) : text.len;
        report_text(out, (struct view){text.at, len});
        len += blank ? 1 : 0;
        (void)fputs(blank ? " " : "", out);
        text = (struct view){text.at + len, text.len - len};
    }
}

void report_act(FILE *out, const char *what, int64_t at, struct view by, struct view why)
{
    char when[REPORT_TIME_ROOM];

    report_time(at, when);
    (void)fprintf(out, "  %-10s %s", what, when);
    if (by.len) {
        (void)fputs(" by ", out);
        report_words(out, by);
    }
    if (why.len) {
        (void)fputs(": ", out);
        report_words(out, why);
    }
    (void)fputc('\n', out);
}
