#include "keeper/backup_report.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/date.h"
#include "keeper/internal.h"
#include "requests/backup.h"

#define REPORT_MAX ((size_t)256 << 10)

static void alarm_with(struct keeper *k, const char *event, const char *what, struct slice why)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence), "%s: %.*s", what, SLICE_ARG(why));
    keeper_alert(k, event, sentence);
}

bool backup_report_made(struct keeper *k, const struct backup_record *record, struct error *e)
{
    if (record->reason.len) {
        log_event(LOG_ERROR, "backup.failed", LOG_SLICE("reason", record->reason));
        alarm_with(k, "backup-failed", "the backup failed", record->reason);
    } else {
        log_event(LOG_INFO, "backup.made", LOG_NUMBER("number", record->number),
                  LOG_NUMBER("put_bytes", record->put_bytes),
                  LOG_NUMBER("removed", record->removed));
    }
    if (record->rolled_back) {
        keeper_alert(k, "backup-rolled-back",
                     "the backup target no longer holds the last backup as it was stored: it was "
                     "put back to an earlier state, or somebody changed it");
    }
    return keeper_record_one(k, LEDGER_PATIENT, RECORD_BACKUP, &backup_record_schema, record, e);
}

void backup_report_unlocked(struct keeper *k, struct slice reason)
{
    log_event(LOG_ERROR, "backup.unlocked", LOG_SLICE("reason", reason));
    alarm_with(k, "backup-unlocked",
               "objects that the last backup shares with others are not locked for as long as it",
               reason);
}

void backup_report_lost(uint64_t order, struct slice place, struct slice by,
                        struct backup_record *made, struct trial_record *tried)
{
    static const struct slice why = SLICE_INIT(
        "the process that makes backups ended over it again and again; the log says why");

    *made = (struct backup_record){.place = place, .by = by, .reason = why};
    *tried = (struct trial_record){.kind = order == BACKUP_TRY ? TRIAL_RESTORE : TRIAL_OBJECTS,
                                   .place = place,
                                   .by = by,
                                   .reason = why};
}

/* ── the trial's letter ── */

static void write_header(const struct settings *settings, const struct letter_id *id, bool good,
                         struct buf *out)
{
    const struct slice *domains = settings->general.domains.items;

    own_letter_header(settings, id, &settings->backup.report, out);
    buf_printf(out,
               "Subject: Trial restore of the mail archive of %.*s: %s\r\n"
               "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
               SLICE_ARG(domains[0]), good ? "it worked" : "IT FAILED");
}

/* Only what cannot end a line or leave ASCII. */
static void write_plain(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        buf_add_byte(out, s.ptr[i] >= ' ' && s.ptr[i] < 0x7f ? s.ptr[i] : '?');
    }
}

static void write_body(const struct trial_record *r, struct buf *out)
{
    char at[CLOCK_TEXT_MAX];

    clock_rfc3339((int64_t)r->at, at);
    if (r->reason.len) {
        buf_add_text(out, "The newest backup could NOT be restored as it should be:\r\n\r\n    ");
        write_plain(r->reason, out);
        buf_add_text(out, "\r\n\r\nPlease have this looked at today: `postern backup list`.\r\n");
    } else {
        buf_add_text(out, "The newest backup was fetched into an empty folder, opened, verified "
                          "and read.\r\n");
    }
    buf_printf(out,
               "\r\n  backup number     %llu\r\n  made              %s\r\n"
               "  files             %llu\r\n  bytes             %llu\r\n"
               "  ledger records    %llu, every one verified\r\n"
               "  letters read      %llu, picked at random\r\n"
               "  accounts          %llu\r\n  took              %llu s\r\n  target            ",
               (unsigned long long)r->number, r->number ? at : "-", (unsigned long long)r->files,
               (unsigned long long)r->bytes, (unsigned long long)r->records,
               (unsigned long long)r->letters, (unsigned long long)r->accounts,
               (unsigned long long)(r->took_ms / 1000));
    write_plain(r->place, out);
    buf_add_text(out, "\r\n");
}

static bool mail_report(struct keeper *k, const struct settings *settings,
                        const struct trial_record *r, struct arena *arena, struct error *e)
{
    const struct slice *to = settings->backup.report.items;
    size_t n = settings->backup.report.count;
    struct recipient *recipients = arena_array(arena, n, sizeof(*recipients));
    OWN(buf) struct buf bytes = {.max = REPORT_MAX};
    OWN(buf) struct buf record = {.max = REPORT_MAX};
    struct own_letter letter = {
        .id = letter_id_new(),
        .to = {recipients, n},
        .subject = SLICE("Trial restore of the mail archive")
    };

    for (size_t i = 0; i < n; i++) {
        recipients[i] = (struct recipient){.address = to[i], .notify = NOTIFY_NEVER};
    }
    write_header(settings, &letter.id, r->reason.len == 0, &bytes);
    write_body(r, &bytes);
    cbor_write(&record, &trial_record_schema, r);
    if (bytes.full || record.full) {
        return error_set(e, ERROR_LIMIT, "a report of a trial restore does not fit");
    }
    letter.bytes = buf_slice(&bytes);
    letter.with = (struct ledger_record){RECORD_TRIAL, buf_slice(&record)};
    return keeper_write_letters(k, (struct ledger_record){0}, &letter, 1, e);
}

bool backup_report_tried(struct keeper *k, const struct trial_record *record, struct arena *arena,
                         struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);

    if (record->reason.len) {
        log_event(LOG_ERROR, "backup.trial_failed", LOG_SLICE("reason", record->reason));
        alarm_with(k, "backup-trial-failed", "the backup cannot be restored as it should be",
                   record->reason);
    } else {
        log_event(LOG_INFO, "backup.tried", LOG_NUMBER("number", record->number),
                  LOG_NUMBER("records", record->records), LOG_NUMBER("letters", record->letters));
    }
    if (record->kind == TRIAL_RESTORE && settings->backup.report.count) {
        return mail_report(k, settings, record, arena, e);
    }
    return keeper_record_one(k, LEDGER_PATIENT, RECORD_TRIAL, &trial_record_schema, record, e);
}
