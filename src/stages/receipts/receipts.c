#include "stages/receipts/receipts.h"

/* A client that says nothing wants to know of failures and of delays (RFC 3461 section 4.1). */
static unsigned wanted(unsigned notify)
{
    if (notify & RECEIPT_NEVER) {
        return 0;
    }
    return notify ? notify : RECEIPT_FAILURE | RECEIPT_DELAY;
}

/* Is a report due, and which? */
static bool is_due(struct receipt_recipient *r)
{
    unsigned notify = wanted(r->notify);

    switch (r->state) {
    case RECEIPT_WAITING:
    case RECEIPT_SENT: /* the next hop was told what the sender wants to know */
        return false;
    case RECEIPT_LATE:
        r->about.action = DSN_DELAYED;
        return (notify & RECEIPT_DELAY) && !r->delay_reported;
    case RECEIPT_SENT_PLAIN:
        r->about.action = DSN_RELAYED;
        return (notify & RECEIPT_SUCCESS) && !r->final_reported;
    case RECEIPT_FAILED:
        r->about.action = DSN_FAILED;
        return (notify & RECEIPT_FAILURE) && !r->final_reported;
    }
    return false;
}

size_t receipts_due(struct slice reverse_path, struct receipt_recipient *recipients, size_t n,
                    size_t *due)
{
    size_t n_due = 0;

    for (size_t i = 0; reverse_path.len && i < n; i++) {
        if (is_due(&recipients[i])) {
            due[n_due++] = i;
        }
    }
    return n_due;
}

void receipts_write(struct buf *out, const struct receipt_letter *letter,
                    const struct receipt_recipient *recipients, const size_t *due, size_t n_due,
                    struct arena *arena, bool *needs_utf8)
{
    struct dsn_recipient *about = arena_array(arena, n_due + 1, sizeof(*about));
    bool failed = false;

    for (size_t i = 0; i < n_due; i++) {
        about[i] = recipients[due[i]].about;
        failed = failed || about[i].action == DSN_FAILED;
    }
    bool whole = letter->return_full && failed;
    struct dsn_report report = {
        .reporting_mta = letter->host,
        .from = letter->from,
        .to = letter->reverse_path,
        .envelope_id = letter->envelope_id,
        .subject = letter->subject,
        .arrived_ms = letter->arrived_ms,
        .now_ms = letter->now_ms,
        .recipients = about,
        .n_recipients = n_due,
        .original = whole ? letter->copy : slice_head(letter->copy, letter->header_len),
        .original_whole = whole,
    };

    (void)memcpy(report.random, letter->random, DSN_RANDOM_LEN);
    *needs_utf8 = dsn_needs_utf8(&report);
    dsn_write(out, &report);
}
