#include <stdio.h>

#include "formats/dsn/internal.h"
#include "formats/mail/date.h"

struct wording {
    const char *before; /* the recipients, behind "Your letter ... " */
    const char *after;
};

static const struct wording wordings[] = {
    [DSN_FAILED] = {"could not be delivered to:",
                    "It is not tried again for them. When the reason is gone, please send it once "
                    "more."                                   },
    [DSN_DELAYED] = {"has not been delivered yet to:",
                    "It is tried again by itself; you need do nothing. Please do not send it "
                     "again."                                 },
    [DSN_RELAYED] = {"was handed to the next server for:",
                    "That server took the letter but does not report what becomes of it, so "
                     "nothing more can be said."              },
    [DSN_DELIVERED] = {"was delivered to:",                  NULL},
};

/* A paragraph of cleaned words between margins. */
static void add_paragraph(struct buf *out, const char *margin, struct slice text, size_t max)
{
    OWN(buf) struct buf words = {.max = DSN_VALUE_ROOM};
    char fold[16];
    size_t column = strlen(margin);

    dsn_add_clean(&words, dsn_head(text, max), DSN_UTF8);
    buf_add_text(out, margin);
    (void)snprintf(fold, sizeof(fold), "\r\n%s", margin);
    dsn_add_folded(out, buf_slice(&words), fold, &column);
    buf_add_text(out, "\r\n");
}

static void add_recipient(struct buf *out, const struct dsn_recipient *r)
{
    OWN(buf) struct buf text = {.max = 2 * DSN_VALUE_ROOM};
    struct slice status = dsn_status(r);
    char date[MAIL_DATE_MAX];

    add_paragraph(out, "  ", r->address, DSN_VALUE_MAX);
    buf_printf(&text, "%s (%.*s)", dsn_status_sentence(status), SLICE_ARG(status));
    if (r->action != DSN_DELIVERED || r->status.len) {
        add_paragraph(out, "      ", buf_slice(&text), DSN_VALUE_MAX);
    }
    if (r->reason.len) {
        add_paragraph(out, "      ", r->reason, DSN_VALUE_MAX);
    }
    if (r->diagnostic.len) {
        buf_reset(&text);
        buf_printf(&text, "%.*s said: ", SLICE_ARG(dsn_head(r->remote_mta, DSN_VALUE_MAX)));
        buf_add(&text, dsn_head(r->diagnostic, DSN_DIAGNOSTIC_MAX));
        add_paragraph(out, "      ", buf_slice(&text), DSN_VALUE_ROOM / 3);
    }
    if (r->action == DSN_DELAYED && r->retry_until_ms) {
        mail_date_write(r->retry_until_ms, date);
        buf_printf(out, "      It is tried until %s.\r\n", date);
    }
}

static void add_action(struct buf *out, const struct dsn_report *report, enum dsn_action action)
{
    bool any = false;

    for (size_t i = 0; i < report->n_recipients; i++) {
        if (report->recipients[i].action != action) {
            continue;
        }
        if (!any) {
            buf_printf(out, "It %s\r\n\r\n", wordings[action].before);
        }
        any = true;
        add_recipient(out, &report->recipients[i]);
        buf_add_text(out, "\r\n");
    }
    if (any && wordings[action].after) {
        add_paragraph(out, "", slice_text(wordings[action].after), DSN_VALUE_MAX);
        buf_add_text(out, "\r\n");
    }
}

void dsn_add_sentences(struct buf *out, const struct dsn_report *report)
{
    OWN(buf) struct buf text = {.max = 2 * DSN_VALUE_ROOM};
    char date[MAIL_DATE_MAX];

    mail_date_write(report->arrived_ms, date);
    buf_printf(&text, "This is the mail gateway %.*s. It has news of your letter of %s%s",
               SLICE_ARG(dsn_head(report->reporting_mta, DSN_VALUE_MAX)), date,
               report->subject.len ? ":" : ".");
    add_paragraph(out, "", buf_slice(&text), DSN_VALUE_ROOM / 3);
    buf_add_text(out, "\r\n");
    if (report->subject.len) {
        add_paragraph(out, "  ", report->subject, DSN_VALUE_MAX);
        buf_add_text(out, "\r\n");
    }
    for (int action = DSN_FAILED; action <= DSN_DELIVERED; action++) {
        add_action(out, report, (enum dsn_action)action);
    }
    buf_add_text(out, "Details for programs and the letter's own lines are attached.\r\n");
}
