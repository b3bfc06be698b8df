/* keeper/backup_report - what is said of a backup and of a trial restore: a record, an alarm, a letter. */
#pragma once

#include "letter/backups.h"

struct keeper;

/* Record it; alarm when it failed, or when the target was put back. */
bool backup_report_made(struct keeper *k, const struct backup_record *record,
                        struct error *e) MUST_CHECK;

/* Alarm: what a backup shares with those before it is not locked for as long as it. */
void backup_report_unlocked(struct keeper *k, struct slice reason);

/* Record it; alarm when it failed; mail the report to `backup-report`, in the same commit. */
bool backup_report_tried(struct keeper *k, const struct trial_record *record, struct arena *arena,
                         struct error *e) MUST_CHECK;

/* Fill in what is recorded of an order that nobody carried out: a backup (`made`) or a trial (`tried`), as the order
 * says; the texts live as those given do. */
void backup_report_lost(uint64_t order, struct slice place, struct slice by,
                        struct backup_record *made, struct trial_record *tried);
