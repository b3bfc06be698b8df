/* How it is going: the same facts for people (`postern status`) and for monitoring. */
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/backups.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/overrides.h"
#include "keeper/status_oidc.h"

/* Everything that is shown, gathered at one moment. */
struct view {
    struct queue_counts queue;
    struct ledger_head head;
    uint64_t disk_free;
    uint64_t backlog;
    uint64_t sessions;
    uint64_t index_position;
    uint64_t catalog_position;
    int64_t checkpoint_at;
    int64_t up_ms;
    uint64_t with_second, without_second; /* open accounts of people */
    uint64_t known, links;                /* recipients and hosts */
};

/* An application has no hands to type a code with. */
static bool is_persons(const struct account *a)
{
    return !a->disabled && a->role != ACCOUNT_APPLICATION && !a->drill_until;
}

/* What cannot be read is not counted, and said. */
static void count_accounts(struct keeper *k, struct view *v)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    OWN(arena) struct arena one = {.max = STATE_VALUE_MAX * 2};
    struct account *accounts = NULL;
    size_t count = 0;
    struct error e;

    bool read = state_accounts(k->state, &arena, &accounts, &count, &e);
    for (size_t i = 0; read && i < count; i++) {
        struct factors f;
        arena_reset(&one);
        if (is_persons(&accounts[i])) {
            read = state_factors_get(k->state, accounts[i].name, &one, &f, &e);
            bool second = read && factors_are_on(&f);
            v->with_second += second;
            v->without_second += read && !second;
        }
    }
    if (!read) {
        log_event(LOG_WARNING, "status.accounts_uncounted", LOG_TEXT("reason", e.text));
    }
}

static void look(struct keeper *k, struct view *v)
{
    struct statvfs disk;

    *v = (struct view){0};
    queue_count(k->queue, &v->queue);
    ledger_head(k->ledger, &v->head);
    if (statvfs(k->options.ledger_path, &disk) == 0) {
        v->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    v->backlog = backlog_length(&k->backlog);
    (void)pthread_mutex_lock(&k->backlog.lock);
    v->backlog += k->backlog.busy;
    (void)pthread_mutex_unlock(&k->backlog.lock);
    v->sessions = sessions_count(k->sessions);
    v->index_position = atomic_load(&k->indexer.position);
    v->catalog_position = atomic_load(&k->tail.position);
    v->checkpoint_at = atomic_load(&k->checkpoint_at);
    v->up_ms = clock_steady_ms() - k->started_at;
    count_accounts(k, v);
    guard_known(k, &v->known, &v->links);
}

/* One row: how people see it, how Prometheus does, and where the number is. */
struct metric {
    const char *name;   /* of the fact */
    const char *metric; /* of the metric */
    const char *help;
    bool counter;
    bool is_time; /* milliseconds since 1970 */
    uint64_t (*value)(struct keeper *k, const struct view *v);
};

#define VALUE(name, expression)                                                                    \
    static uint64_t name(struct keeper *k, const struct view *v)                                   \
    {                                                                                              \
        (void)k;                                                                                   \
        (void)v;                                                                                   \
        return (uint64_t)(expression);                                                             \
    }

VALUE(value_of_up_seconds, v->up_ms / 1000)
VALUE(value_of_recorded, atomic_load(&k->counters.recorded))
VALUE(value_of_repeated, atomic_load(&k->counters.repeated))
VALUE(value_of_refused, atomic_load(&k->counters.refused))
VALUE(value_of_delivered, atomic_load(&k->counters.delivered))
VALUE(value_of_deferred, atomic_load(&k->counters.deferred))
VALUE(value_of_failed, atomic_load(&k->counters.failed))
VALUE(value_of_notices, atomic_load(&k->counters.notices))
VALUE(value_of_sign_ins, atomic_load(&k->counters.sign_ins))
VALUE(value_of_sign_in_failures, atomic_load(&k->counters.sign_in_failures))
VALUE(value_of_alarms, atomic_load(&k->counters.alarms))
VALUE(value_of_backlog, v->backlog)
VALUE(value_of_queue_waiting, v->queue.waiting)
VALUE(value_of_queue_deferred, v->queue.deferred)
VALUE(value_of_queue_held, v->queue.held)
VALUE(value_of_queue_in_hand, v->queue.in_hand)
VALUE(value_of_queue_paused, v->queue.paused)
VALUE(value_of_queue_oldest, v->queue.oldest_at)
VALUE(value_of_ledger_records, v->head.size)
VALUE(value_of_ledger_bytes, v->head.stored_bytes)
VALUE(value_of_ledger_commit, v->head.time_ms)
VALUE(value_of_reseal_left, atomic_load(&k->reseal_left))
VALUE(value_of_key_generation, k->options.master.generation)
VALUE(value_of_key_since, k->options.master.since_ms)
VALUE(value_of_checkpoint_time, v->checkpoint_at)
VALUE(value_of_anchor_file, anchors_last(k->anchors, ANCHOR_FILE))
VALUE(value_of_anchor_mail, anchors_last(k->anchors, ANCHOR_MAIL))
VALUE(value_of_anchor_timestamp, anchors_last(k->anchors, ANCHOR_TIMESTAMP))
VALUE(value_of_backup_made, backups_last_made(k->backups))
VALUE(value_of_backup_tried, backups_last_tried(k->backups))
VALUE(value_of_catalog_position, v->catalog_position)
VALUE(value_of_index_position, v->index_position)
VALUE(value_of_retention_left, atomic_load(&k->retention.left))
VALUE(value_of_retention_unruled, atomic_load(&k->retention.unruled))
VALUE(value_of_subjects_due, subjects_due(k))
VALUE(value_of_disk_free, v->disk_free)
VALUE(value_of_sessions_open, v->sessions)
VALUE(value_of_with_second, v->with_second)
VALUE(value_of_without_second, v->without_second)
VALUE(value_of_suspended, suspensions_count(k))
VALUE(value_of_known, v->known)
VALUE(value_of_known_links, v->links)

static const struct metric metrics[] = {
    {"uptime.seconds",            "postern_uptime_seconds",                 "Since the keeper began",                       false, false,
     value_of_up_seconds                                                                                                                                            },
    {"letters.recorded",          "postern_letters_recorded_total",         "Letters answered with 250",                    true,  false,
     value_of_recorded                                                                                                                                              },
    {"letters.repeated",          "postern_letters_repeated_total",         "The same letter sent again",                   true,
     false,                                                                                                                               value_of_repeated         },
    {"letters.refused",           "postern_letters_refused_total",          "Letters refused",                              true,  false,
     value_of_refused                                                                                                                                               },
    {"recipients.delivered",      "postern_recipients_delivered_total",     "Handed to the next hop",                       true,
     false,                                                                                                                               value_of_delivered        },
    {"recipients.deferred",       "postern_recipients_deferred_total",      "Attempts that come again",                     true,
     false,                                                                                                                               value_of_deferred         },
    {"recipients.failed",         "postern_recipients_failed_total",        "Given up",                                     true,  false,
     value_of_failed                                                                                                                                                },
    {"notices.sent",              "postern_notices_total",                  "Bounces, warnings and receipts made",          true,  false,
     value_of_notices                                                                                                                                               },
    {"signins.accepted",          "postern_sign_ins_total",                 "Logins accepted",                              true,  false,
     value_of_sign_ins                                                                                                                                              },
    {"signins.failed",            "postern_sign_in_failures_total",         "Logins refused",                               true,  false,
     value_of_sign_in_failures                                                                                                                                      },
    {"alarms",                    "postern_alarms_total",                   "Alarms raised",                                true,  false, value_of_alarms           },
    {"sessions.open",             "postern_sessions",                       "Sessions that are logged in",                  false, false,
     value_of_sessions_open                                                                                                                                         },
    {"accounts.second_factor",    "postern_accounts_second_factor",
     "Open accounts of people with a second factor",                                                                        false, false, value_of_with_second      },
    {"accounts.no_second_factor", "postern_accounts_no_second_factor",
     "Open accounts of people without one",                                                                                 false, false, value_of_without_second   },
    {"accounts.suspended",        "postern_accounts_suspended",
     "Accounts that send nothing until somebody releases them",                                                             false, false, value_of_suspended        },
    {"backlog.letters",           "postern_backlog_letters",                "Recorded, not yet inspected",                  false, false,
     value_of_backlog                                                                                                                                               },
    {"queue.waiting",             "postern_queue_waiting",                  "Queue entries to be delivered",                false, false,
     value_of_queue_waiting                                                                                                                                         },
    {"queue.deferred",            "postern_queue_deferred",                 "Of these, waiting for their next attempt",     false,
     false,                                                                                                                               value_of_queue_deferred   },
    {"queue.held",                "postern_queue_held",                     "Queue entries that wait for a person",         false, false,
     value_of_queue_held                                                                                                                                            },
    {"queue.in_hand",             "postern_queue_in_hand",                  "Queue entries being delivered",                false, false,
     value_of_queue_in_hand                                                                                                                                         },
    {"queue.paused",              "postern_queue_paused",                   "Whether a person stopped deliveries",          false, false,
     value_of_queue_paused                                                                                                                                          },
    {"queue.oldest",              "postern_queue_oldest_timestamp_ms",      "When the oldest entry was received",
     false,                                                                                                                        true,  value_of_queue_oldest     },
    {"ledger.records",            "postern_ledger_records",                 "Records in the ledger",                        false, false,
     value_of_ledger_records                                                                                                                                        },
    {"ledger.bytes",              "postern_ledger_bytes",                   "Bytes of the ledger on disk",                  false, false,
     value_of_ledger_bytes                                                                                                                                          },
    {"ledger.reseal_left",        "postern_ledger_reseal_left",
     "Segments that a reseal under way has still to look at",                                                               false, false, value_of_reseal_left      },
    {"ledger.last_commit",        "postern_ledger_commit_timestamp_ms",     "When the last commit was made",
     false,                                                                                                                        true,  value_of_ledger_commit    },
    {"ledger.last_checkpoint",    "postern_ledger_checkpoint_timestamp_ms",
     "When the last checkpoint was signed",                                                                                 false, true,  value_of_checkpoint_time  },
    {"key.generation",            "postern_key_generation",
     "Generation of the master key that the processes work with",                                                           false, false,
     value_of_key_generation                                                                                                                                        },
    {"key.since",                 "postern_key_since_timestamp_ms",         "When that one was put in force on the disk",
     false,                                                                                                                        true,  value_of_key_since        },
    {"anchor.last_file",          "postern_anchor_file_timestamp_ms",
     "When a checkpoint was last written to a file",                                                                        false, true,  value_of_anchor_file      },
    {"anchor.last_mail",          "postern_anchor_mail_timestamp_ms",       "When a checkpoint was last mailed",
     false,                                                                                                                        true,  value_of_anchor_mail      },
    {"anchor.last_timestamp",     "postern_anchor_timestamp_timestamp_ms",
     "When a checkpoint was last time-stamped",                                                                             false, true,  value_of_anchor_timestamp },
    {"backup.last_made",          "postern_backup_made_timestamp_ms",       "When the last backup was made",                false,
     true,                                                                                                                                value_of_backup_made      },
    {"backup.last_tried",         "postern_backup_tried_timestamp_ms",
     "When a backup was last restored on trial with success",                                                               false, true,  value_of_backup_tried     },
    {"catalog.position",          "postern_catalog_position",               "Records folded into the catalog",              false,
     false,                                                                                                                               value_of_catalog_position },
    {"index.position",            "postern_index_position",                 "Below this record every letter is searchable",
     false,                                                                                                                        false, value_of_index_position   },
    {"retention.left",            "postern_retention_left",                 "Letters to be looked at since a rule changed",
     false,                                                                                                                        false, value_of_retention_left   },
    {"retention.unruled",         "postern_retention_unruled",              "Letters under no rule, kept for ever",
     false,                                                                                                                        false, value_of_retention_unruled},
    {"subjects.due",              "postern_subjects_due",                   "Erasure requests that kept what is over now",  false,
     false,                                                                                                                               value_of_subjects_due     },
    {"guard.recipients",          "postern_guard_recipients",
     "Recipients and networks known; 4000000 at most",                                                                      false, false, value_of_known            },
    {"guard.links",               "postern_guard_links",                    "Hosts of links known; 4000000 at most",        false, false,
     value_of_known_links                                                                                                                                           },
    {"disk.free_bytes",           "postern_disk_free_bytes",                "Free space for the ledger",                    false, false,
     value_of_disk_free                                                                                                                                             },
};

#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

#define REASON_SHOWN 500

/* What a person lowered stands here until it is over. */
static size_t add_overrides(struct keeper *k, struct arena *arena, struct admin_fact *facts)
{
    struct override_row *rows = NULL;
    size_t n = overrides_list(k, arena, &rows);

    for (size_t i = 0; i < n; i++) {
        char until[CLOCK_TEXT_MAX];
        clock_rfc3339((int64_t)rows[i].until, until);
        facts[i].name = arena_printf(arena, "override.%.*s", SLICE_ARG(rows[i].domain));
        facts[i].value = arena_printf(arena, "%s until %s, by %.*s: %.*s",
                                      rows[i].level == LEVEL_VERIFIED ? "verified" : "encrypted",
                                      until, SLICE_ARG(rows[i].by),
                                      SLICE_ARG(slice_head(rows[i].reason, REASON_SHOWN)));
    }
    return n;
}

bool keeper_on_status(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    struct admin_status_answer *answer = r->answer;
    struct admin_fact *facts =
        arena_array(r->arena, N_METRICS + STATUS_OIDC_MAX + OVERRIDES_MAX, sizeof(*facts));
    size_t n = N_METRICS;
    struct view v;

    (void)e;
    look(k, &v);
    for (size_t i = 0; i < N_METRICS; i++) {
        uint64_t value = metrics[i].value(k, &v);
        char when[CLOCK_TEXT_MAX] = "never";
        if (metrics[i].is_time && value) {
            clock_rfc3339((int64_t)value, when);
        }
        facts[i].name = slice_text(metrics[i].name);
        facts[i].value = metrics[i].is_time
                             ? arena_copy(r->arena, slice_text(when))
                             : arena_printf(r->arena, "%llu", (unsigned long long)value);
    }
    n += status_oidc_facts(k, r->arena, facts + n);
    n += add_overrides(k, r->arena, facts + n);
    answer->facts = (struct cbor_list){facts, n};
    return true;
}

void keeper_metrics(struct keeper *k, struct buf *out)
{
    struct view v;

    look(k, &v);
    for (size_t i = 0; i < N_METRICS; i++) {
        const struct metric *m = &metrics[i];
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", m->metric, m->help, m->metric,
                   m->counter ? "counter" : "gauge", m->metric,
                   (unsigned long long)m->value(k, &v));
    }
    status_oidc_metrics(k, out);
}
