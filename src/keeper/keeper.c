#include "keeper/keeper.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/account_like.h"
#include "keeper/account_salt.h"
#include "keeper/backups.h"
#include "keeper/callers.h"
#include "keeper/consent.h"
#include "keeper/contacts.h"
#include "keeper/copies.h"
#include "keeper/desks.h"
#include "keeper/drills.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/overrides.h"
#include "keeper/pulls.h"
#include "keeper/redecide_look.h"
#include "keeper/renewal.h"
#include "keeper/rotation.h"
#include "keeper/sts.h"
#include "keeper/sync.h"
#include "keeper/telling.h"
#include "keeper/tlsrpt.h"
#include "keeper/transport.h"
#include "requests/backup.h"
#include "requests/cases.h"
#include "requests/consent.h"
#include "requests/contacts.h"
#include "requests/delegation.h"
#include "requests/disposal.h"
#include "requests/drill.h"
#include "requests/factors.h"
#include "requests/guard.h"
#include "requests/holds.h"
#include "requests/keys.h"
#include "requests/oidc.h"
#include "requests/openpgp.h"
#include "requests/overrides.h"
#include "requests/own_domain.h"
#include "requests/passwords.h"
#include "requests/policy.h"
#include "requests/publish.h"
#include "requests/pull.h"
#include "requests/recipients.h"
#include "requests/redecide.h"
#include "requests/reseal.h"
#include "requests/retention.h"
#include "requests/secrets.h"
#include "requests/sessions.h"
#include "requests/smime.h"
#include "requests/sts.h"
#include "requests/subject.h"
#include "search/index.h"

#define RECORD_MAX ((size_t)16 << 20) /* bytes of a record that is no letter */

void keeper_alert(struct keeper *k, const char *event, const char *sentence)
{
    (void)atomic_fetch_add(&k->counters.alarms, 1);
    k->options.alert(k->options.context, event, sentence);
}

/* A batch that was refused but may still be on disk must never be answered with "no": the process
 * ends here, and recovery decides what was recorded. */
static void on_alarm(void *context, enum ledger_alarm alarm, const struct error *why)
{
    static const char *const events[] = {
        [LEDGER_ALARM_FAILED] = "ledger-failed", [LEDGER_ALARM_UNSETTLED] = "ledger-unsettled",
        [LEDGER_ALARM_DISK] = "disk-watermark",  [LEDGER_ALARM_CUT] = "ledger-cut",
        [LEDGER_ALARM_CLOCK] = "clock-jump",
    };
    struct keeper *k = context;

    log_event(alarm == LEDGER_ALARM_CUT ? LOG_WARNING : LOG_ERROR, "ledger.alarm",
              LOG_TEXT("alarm", events[alarm]), LOG_TEXT("reason", why->text));
    keeper_alert(k, events[alarm], why->text);
    if (alarm == LEDGER_ALARM_UNSETTLED) {
        abort();
    }
}

bool keeper_record(struct keeper *k, enum ledger_urgency urgency,
                   const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                   struct error *e)
{
    bool appended = ledger_append_as(k->ledger, urgency, records, n, refs, e);

    if (appended) {
        tail_wake(k);
    }
    return appended;
}

bool keeper_record_one(struct keeper *k, enum ledger_urgency urgency, uint16_t type,
                       const struct cbor_schema *schema, const void *value, struct error *e)
{
    OWN(buf) struct buf body = {.max = RECORD_MAX};

    cbor_write(&body, schema, value);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "%s does not fit into a record", schema->name);
    }
    const struct ledger_record record = {type, buf_slice(&body)};
    return keeper_record(k, urgency, &record, 1, NULL, e);
}

/* ── opening ── */

static void init_lock(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    (void)pthread_mutex_init(lock, NULL);
    if (changed) {
        (void)pthread_cond_init(changed, NULL);
    }
}

static struct keeper *keeper_new(const struct keeper_options *options)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (!k) {
        arena_panic("out of memory");
    }
    k->options = *options;
    k->copy_methods = copy_methods;
    k->started_at = clock_steady_ms();
    init_lock(&k->backlog.lock, &k->backlog.changed);
    init_lock(&k->indexer.lock, &k->indexer.changed);
    (void)pthread_cond_init(&k->indexer.taken, NULL);
    init_lock(&k->tail.lock, &k->tail.changed);
    (void)pthread_cond_init(&k->tail.folded, NULL);
    init_lock(&k->keys.lock, NULL);
    init_lock(&k->approvals.changing, NULL);
    init_lock(&k->lookups_lock, NULL);
    for (size_t i = 0; i < FACTORS_LOCKS; i++) {
        init_lock(&k->factors_locks[i], NULL);
    }
    init_lock(&k->consent_lock, NULL);
    init_lock(&k->suspensions.lock, NULL);
    init_lock(&k->policies.lock, NULL);
    init_lock(&k->imports.lock, NULL);
    init_lock(&k->retention.lock, NULL);
    init_lock(&k->approvals.order, NULL);
    init_lock(&k->approvals.lock, NULL);
    init_lock(&k->approvals.doing, NULL);
    init_lock(&k->senders.delegations.lock, NULL);
    init_lock(&k->senders.directory.lock, NULL);
    arena_init(&k->keys.arena, 1);
    k->sessions = sessions_new();
    k->queue = queue_new();
    k->repeats = repeats_new();
    k->guard = guard_new();
    k->likes = account_likes_new();
    k->drills = drills_new();
    k->pulls = pulls_new();
    k->syncs = syncs_new();
    return k;
}

/* What the catalog says is in the ledger and is not there: either of them is damaged. */
static bool explain_disagreement(struct error *e)
{
    return e->kind == ERROR_CORRUPT
               ? error_add(e, "the catalog does not fit the ledger (remove catalog/ and it is made "
                              "anew)")
               : false;
}

static bool open_stores(struct keeper *k, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    struct ledger_options options = {.segment_bytes = settings->archive.segment_size,
                                     .reserve_bytes = settings->archive.disk_watermark,
                                     .mode = 0640,
                                     .record_keys = k->options.record_keys,
                                     .alarm = on_alarm,
                                     .alarm_context = k};

    k->transport = transport_new();
    k->tellings = tellings_new();
    k->looks = redecide_looks_new();
    /* The ledger last, for opening it begins a segment. */
    return state_open(k->options.state_path, k->options.state_key, &k->state, e) &&
           account_salt_open(k, e) && desks_resume(k, e) && contacts_open(k, e) && sts_open(k, e) &&
           tlsrpt_open(k, e) && rotations_open(k, e) && overrides_open(k, e) &&
           delegations_open(k, e) && tail_open(k, e) && indexer_open(k, e) &&
           ledger_open(k->options.ledger_directory, k->options.ledger_key, &options, &k->ledger,
                       e) &&
           keeper_key_known(k, e) && tail_catch_up(k, e) && approvals_open(k, e) &&
           retention_open(k, e) && keeper_restore_pause(k, e) &&
           (keeper_restore(k, e) || explain_disagreement(e));
}

static bool start_thread(struct keeper *k, const char *name, thread_main *main, struct error *e)
{
    if (!thread_start_joinable(name, THREAD_STACK_LARGE, main, k, &k->threads[k->n_threads], e)) {
        return false;
    }
    k->n_threads++;
    return true;
}

static bool start_threads(struct keeper *k, struct error *e)
{
    if (!start_thread(k, "tail", keeper_tail, e) || !start_thread(k, "index", keeper_index, e) ||
        !start_thread(k, "watch", keeper_watch, e) || !start_thread(k, "sync", keeper_sync, e) ||
        !start_thread(k, "anchor", keeper_anchors, e) || !start_thread(k, "pack", keeper_pack, e) ||
        !start_thread(k, "retention", keeper_retention, e) ||
        !start_thread(k, "approval", keeper_approvals, e) ||
        !start_thread(k, "consent", keeper_consents, e) ||
        !start_thread(k, "tls-reports", keeper_tls_reports, e) ||
        !start_thread(k, "rotate", keeper_rotate, e) ||
        !start_thread(k, "redecide", keeper_redecide, e) ||
        !start_thread(k, "renew", keeper_renew, e)) {
        return false;
    }
    for (size_t i = 0; i < TELLING_THREADS; i++) {
        if (!start_thread(k, "telling", telling_work, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < KEEPER_WORKERS; i++) {
        if (!start_thread(k, "worker", keeper_work, e)) {
            return false;
        }
    }
    return true;
}

bool keeper_open(const struct keeper_options *options, struct keeper **out, struct error *e)
{
    OWN(keeper) struct keeper *k = keeper_new(options);

    if (!open_stores(k, e)) {
        return false;
    }
    k->anchors = anchors_new(k);
    k->backups = backups_new(k);
    if (!start_threads(k, e)) {
        return false;
    }
    *out = TAKE(k, NULL);
    return true;
}

static void close_tail(struct tail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->closed = true;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_cond_broadcast(&t->folded);
    (void)pthread_mutex_unlock(&t->lock);
}

static void free_lookups(struct keeper *k)
{
    while (k->lookups) {
        struct lookup *l = k->lookups;
        k->lookups = l->next;
        ledger_reader_close(l->reader);
        free(l);
    }
}

void keeper_close(struct keeper *k)
{
    if (!k) {
        return;
    }
    atomic_store(&k->closing, true);
    queue_close(k->queue);
    pulls_close(k->pulls);
    backlog_close(k);
    tellings_close(k->tellings);
    redecide_looks_close(k->looks);
    indexer_close(k);
    close_tail(&k->tail);
    for (size_t i = 0; i < k->n_threads; i++) {
        thread_join(k->threads[i]);
    }
    tellings_free(k->tellings);
    redecide_looks_free(k->looks);
    backlog_drop(k);
    search_index_close(k->indexer.index);
    free(k->indexer.removed);
    catalog_close(k->tail.catalog);
    state_close(k->state);
    account_salt_close(k);
    account_likes_free(k->likes);
    ledger_close(k->ledger);
    free_lookups(k);
    backups_free(k->backups);
    arena_done(&k->keys.arena);
    anchors_free(k->anchors);
    imports_done(&k->imports);
    retention_close(k);
    approvals_close(k);
    delegations_close(k);
    directory_close(&k->senders.directory);
    pulls_free(k->pulls);
    syncs_free(k->syncs);
    contacts_close(k);
    sts_close(k);
    tlsrpt_close(k);
    transport_free(k->transport);
    overrides_close(k);
    rotations_free(k->rotations);
    sessions_free(k->sessions);
    queue_free(k->queue);
    repeats_free(k->repeats);
    guard_free(k->guard);
    suspensions_close(&k->suspensions);
    drills_free(k->drills);
    free(k);
}

uint64_t keeper_delivery_restarted(struct keeper *k)
{
    return queue_reclaim(k->queue);
}

/* ── who may ask what ── */

static const struct ipc_row submission_rows[] = {
    {&keeper_submit,      0, keeper_on_submit     },
    {&keeper_session_end, 0, keeper_on_session_end},
    {&keeper_recipient,   0, keeper_on_recipient  },
};
const struct ipc_table keeper_submission_table = IPC_TABLE("submission", submission_rows);

static const struct ipc_row intake_rows[] = {
    {&keeper_import, 0, keeper_on_import},
};
const struct ipc_table keeper_intake_table = IPC_TABLE("intake", intake_rows);

static const struct ipc_row pull_rows[] = {
    {&keeper_pull_next,  0, keeper_on_pull_next },
    {&keeper_pull_begin, 0, keeper_on_pull_begin},
    {&keeper_import,     0, keeper_on_import    },
    {&keeper_pull_done,  0, keeper_on_pull_done },
};
const struct ipc_table keeper_pull_table = IPC_TABLE("pull", pull_rows);

static const struct ipc_row journal_rows[] = {
    {&keeper_journal_begin, 0, keeper_on_journal_begin},
    {&keeper_import,        0, keeper_on_import       },
};
const struct ipc_table keeper_journal_table = IPC_TABLE("journal", journal_rows);

static const struct ipc_row connector_rows[] = {
    {&keeper_assert, 0, keeper_on_assert},
};
const struct ipc_table keeper_connector_table = IPC_TABLE("connector", connector_rows);

static const struct ipc_row delivery_rows[] = {
    {&keeper_job_next,  0, keeper_on_job_next },
    {&keeper_job_begin, 0, keeper_on_job_begin},
    {&keeper_job_done,  0, keeper_on_job_done },
    {&keeper_sts,       0, keeper_on_sts      },
};
const struct ipc_table keeper_delivery_table = IPC_TABLE("delivery", delivery_rows);

static const struct ipc_row auth_rows[] = {
    {&keeper_account,        0,    keeper_on_account       },
    {&keeper_verifier,       600,  keeper_on_verifier      },
    {&keeper_session,        0,    keeper_on_session       },
    {&keeper_sign_in_failed, 6000, keeper_on_sign_in_failed},
};
const struct ipc_table keeper_auth_table = IPC_TABLE("auth", auth_rows);

static const struct ipc_row admin_rows[] = {
    {&caller_pass,         0, keeper_on_pass             },
    {&admin_sign_in,       0, keeper_on_sign_in          },
    {&oidc_begin,          0, keeper_on_oidc_begin       },
    {&oidc_finish,         0, keeper_on_oidc_finish      },
    {&admin_sign_out,      0, keeper_on_sign_out         },
    {&admin_user_add,      0, keeper_on_user_add         },
    {&admin_user_set,      0, keeper_on_user_set         },
    {&admin_user_list,     0, keeper_on_user_list        },
    {&app_password_add,    0, keeper_on_app_add          },
    {&app_password_list,   0, keeper_on_app_list         },
    {&device_add,          0, keeper_on_device_add       },
    {&app_password_revoke, 0, keeper_on_app_revoke       },
    {&app_password_set,    0, keeper_on_app_set          },
    {&device_list_all,     0, keeper_on_devices_all      },
    {&password_check,      0, keeper_on_password_check   },
    {&passwords_imported,  0, keeper_on_list_imported    },
    {&account_limits_set,  0, keeper_on_account_limits   },
    {&account_show,        0, keeper_on_account_show     },
    {&account_suspend,     0, keeper_on_account_suspend  },
    {&account_release,     0, keeper_on_account_release  },
    {&totp_begin,          0, keeper_on_totp_begin       },
    {&totp_confirm,        0, keeper_on_totp_confirm     },
    {&totp_codes,          0, keeper_on_codes_new        },
    {&totp_off,            0, keeper_on_totp_off         },
    {&passkey_begin,       0, keeper_on_passkey_begin    },
    {&passkey_add,         0, keeper_on_passkey_add      },
    {&passkey_list,        0, keeper_on_passkey_list     },
    {&passkey_remove,      0, keeper_on_passkey_remove   },
    {&passkey_sign_in,     0, keeper_on_passkey_sign_in  },
    {&session_list,        0, keeper_on_session_list     },
    {&session_end,         0, keeper_on_sessions_end     },
    {&admin_dkim_new,      0, keeper_on_dkim_new         },
    {&admin_dkim_list,     0, keeper_on_dkim_list        },
    {&admin_queue_list,    0, keeper_on_queue_list       },
    {&admin_order,         0, keeper_on_order            },
    {&letter_decide,       0, keeper_on_decide           },
    {&admin_status,        0, keeper_on_status           },
    {&admin_checkpoint,    0, keeper_on_checkpoint       },
    {&admin_anchored,      0, keeper_on_anchored         },
    {&admin_rebuild,       0, keeper_on_rebuild          },
    {&admin_backup,        0, keeper_on_backup           },
    {&admin_backup_order,  0, keeper_on_backup_order     },
    {&admin_backup_forget, 0, keeper_on_backup_forget    },
    {&admin_backups,       0, keeper_on_backups          },
    {&admin_pause,         0, keeper_on_pause            },
    {&admin_domain_forget, 0, keeper_on_domain_forget    },
    {&admin_override,      0, keeper_on_override         },
    {&own_rotate,          0, keeper_on_own_rotate       },
    {&own_rotations,       0, keeper_on_own_rotations    },
    {&own_records,         0, keeper_on_own_records      },
    {&own_publish,         0, keeper_on_own_publish      },
    {&domain_show,         0, keeper_on_domain_show      },
    {&domain_reports,      0, keeper_on_domain_reports   },
    {&admin_import_begin,  0, keeper_on_import_begin     },
    {&admin_import_end,    0, keeper_on_import_end       },
    {&admin_erase,         0, keeper_on_erase            },
    {&retention_set,       0, keeper_on_rule_set         },
    {&retention_remove,    0, keeper_on_rule_remove      },
    {&retention_list,      0, keeper_on_rule_list        },
    {&retention_date,      0, keeper_on_rule_date        },
    {&retention_dates,     0, keeper_on_rule_dates       },
    {&admin_requests,      0, keeper_on_requests         },
    {&admin_verdict,       0, keeper_on_verdict          },
    {&disposal_preview,    0, keeper_on_disposal_preview },
    {&disposal_ask,        0, keeper_on_disposal_ask     },
    {&disposal_clock,      0, keeper_on_disposal_clock   },
    {&subject_preview,     0, keeper_on_subject_preview  },
    {&subject_ask,         0, keeper_on_subject_ask      },
    {&subject_list,        0, keeper_on_subject_list     },
    {&subject_letters,     0, keeper_on_subject_letters  },
    {&hold_add,            0, keeper_on_hold_add         },
    {&hold_list,           0, keeper_on_hold_list        },
    {&hold_release,        0, keeper_on_hold_release     },
    {&case_act,            0, keeper_on_case_act         },
    {&case_close,          0, keeper_on_case_close       },
    {&delegation_add,      0, keeper_on_delegation_add   },
    {&delegation_remove,   0, keeper_on_delegation_remove},
    {&delegation_list,     0, keeper_on_delegation_list  },
    {&recipient_key_add,   0, keeper_on_recipient_add    },
    {&recipient_key_drop,  0, keeper_on_recipient_drop   },
    {&smime_add,           0, keeper_on_smime_add        },
    {&recipient_list,      0, keeper_on_recipient_list   },
    {&pgp_new,             0, keeper_on_pgp_new          },
    {&pgp_revoke,          0, keeper_on_pgp_revoke       },
    {&recipient_secret,    0, keeper_on_recipient_secret },
    {&recipient_phone,     0, keeper_on_recipient_phone  },
    {&letter_secret,       0, keeper_on_letter_secret    },
    {&letter_waiting,      0, keeper_on_letter_waiting   },
    {&letter_verdict,      0, keeper_on_letter_verdict   },
    {&policy_test,         0, keeper_on_policy_test      },
    {&policy_show,         0, keeper_on_policy_show      },
    {&contact_put,         0, keeper_on_contact_put      },
    {&contact_remove,      0, keeper_on_contact_remove   },
    {&contact_find,        0, keeper_on_contact_find     },
    {&contact_list,        0, keeper_on_contact_list     },
    {&contact_export,      0, keeper_on_contact_export   },
    {&decoys_order,        0, keeper_on_decoys_order     },
    {&drill_begin,         0, keeper_on_drill_begin      },
    {&drill_look,          0, keeper_on_drill_look       },
    {&drill_end,           0, keeper_on_drill_end        },
    {&keys_status,         0, keeper_on_keys_status      },
    {&admin_reseal,        0, keeper_on_reseal           },
    {&admin_pulls,         0, keeper_on_pulls            },
    {&admin_pull_now,      0, keeper_on_pull_now         },
    {&admin_directory_run, 0, keeper_on_directory_run    },
    {&admin_directories,   0, keeper_on_directories      },
};
const struct ipc_table keeper_admin_table = IPC_TABLE("the control socket", admin_rows);
