/* keeper/handlers - who answers which request: the functions that the tables of keeper.c and
 * admin.c name. Each gets the keeper as its context. */
#pragma once

#include "ipc/ipc.h"

ipc_handler keeper_on_submit;           /* submit.c */
ipc_handler keeper_on_import;           /* import.c */
ipc_handler keeper_on_import_begin;     /* import.c */
ipc_handler keeper_on_import_end;       /* import.c */
ipc_handler keeper_on_pull_next;        /* pulls.c */
ipc_handler keeper_on_pull_begin;       /* pulls.c */
ipc_handler keeper_on_pull_done;        /* pulls.c */
ipc_handler keeper_on_pulls;            /* pulls.c */
ipc_handler keeper_on_pull_now;         /* pulls.c */
ipc_handler keeper_on_journal_begin;    /* import_standing.c */
ipc_handler keeper_on_session_end;      /* accounts.c */
ipc_handler keeper_on_account;          /* accounts.c */
ipc_handler keeper_on_session;          /* accounts.c */
ipc_handler keeper_on_sign_in_failed;   /* accounts.c */
ipc_handler keeper_on_pass;             /* callers.c */
ipc_handler keeper_on_sign_in;          /* callers.c */
ipc_handler keeper_on_sign_out;         /* callers.c */
ipc_handler keeper_on_user_add;         /* account_change.c */
ipc_handler keeper_on_user_set;         /* account_change.c */
ipc_handler keeper_on_user_list;        /* accounts.c */
ipc_handler keeper_on_job_next;         /* jobs.c */
ipc_handler keeper_on_job_begin;        /* jobs.c */
ipc_handler keeper_on_job_done;         /* jobs.c */
ipc_handler keeper_on_dkim_new;         /* admin.c */
ipc_handler keeper_on_dkim_list;        /* admin.c */
ipc_handler keeper_on_queue_list;       /* admin.c */
ipc_handler keeper_on_order;            /* orders.c */
ipc_handler keeper_on_pause;            /* orders.c */
ipc_handler keeper_on_domain_forget;    /* levels.c */
ipc_handler keeper_on_erase;            /* erase.c */
ipc_handler keeper_on_rule_set;         /* retention_admin.c */
ipc_handler keeper_on_rule_remove;      /* retention_admin.c */
ipc_handler keeper_on_rule_list;        /* retention_admin.c */
ipc_handler keeper_on_rule_date;        /* retention_admin.c */
ipc_handler keeper_on_rule_dates;       /* retention_admin.c */
ipc_handler keeper_on_hold_add;         /* holds.c */
ipc_handler keeper_on_hold_list;        /* holds.c */
ipc_handler keeper_on_hold_release;     /* holds.c */
ipc_handler keeper_on_case_act;         /* cases.c */
ipc_handler keeper_on_case_close;       /* cases.c */
ipc_handler keeper_on_held;             /* holds.c */
ipc_handler keeper_on_disposal_preview; /* disposal.c */
ipc_handler keeper_on_disposal_ask;     /* disposal.c */
ipc_handler keeper_on_disposal_clock;   /* disposal_clock.c */
ipc_handler keeper_on_subject_preview;  /* subject_ask.c */
ipc_handler keeper_on_subject_ask;      /* subject_ask.c */
ipc_handler keeper_on_subject_list;     /* subject_list.c */
ipc_handler keeper_on_subject_letters;  /* subject_list.c */
ipc_handler keeper_on_requests;         /* approvals.c */
ipc_handler keeper_on_verdict;          /* approvals.c */
ipc_handler keeper_on_status;           /* status.c */
ipc_handler keeper_on_checkpoint;       /* admin.c */
ipc_handler keeper_on_anchored;         /* admin.c */
ipc_handler keeper_on_rebuild;          /* admin.c */
ipc_handler keeper_on_backup;           /* admin.c */
ipc_handler keeper_on_backup_order;     /* backups.c */
ipc_handler keeper_on_backup_forget;    /* backup_gone.c */
ipc_handler keeper_on_backups;          /* backups.c */
ipc_handler keeper_on_keys_status;      /* renewal.c */
ipc_handler keeper_on_reseal;           /* reseals.c */
