/* cli/cli - the command line `postern`: a table of verbs, what each is given, how it answers.
 *
 * A verb is a row of verbs.c and a function in a file of its own. It reads its arguments from the
 * struct, writes what it has to say into `out` and returns; what goes wrong is an error whose
 * sentence says what to do. The daemon is asked over its two Unix sockets (cli_ask); a verb that
 * needs more reads the data directory itself and says so. One thread. */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "cli/arguments.h"
#include "config/settings.h"
#include "ipc/pool.h"
#include "letter/id.h"

#define CLI_CONFIG_PATH "/etc/postern/postern.conf"
#define CLI_CONFIG_NAME "POSTERN_CONF" /* environment variable that names another file */

#define CLI_USAGE   64 /* exit status: the command line itself is wrong (sysexits.h EX_USAGE) */
#define CLI_NOTHING 1  /* exit status: all went well, and there was nothing to be found */

#define CLI_ASK_MS    60000               /* patience with the daemon for what is quick */
#define CLI_KEYGEN_MS 200000              /* and for a new private key */
#define CLI_LONG_MS   (24 * 3600 * 1000L) /* and for what reads or rebuilds the whole archive */

struct cli;
struct memfd_map;

struct verb {
    const char *name;  /* one word or two */
    const char *words; /* of its usage, behind the options; "" when it takes none */
    uint8_t words_min;
    uint16_t words_max;
    const struct argument_option *options; /* ended by a row without a name; NULL: none */
    const char *help;                      /* one sentence */
    const char *more;                      /* lines as they are shown, or NULL */
    bool (*run)(struct cli *c, struct error *e);
};

struct cli {
    const char *config_path;
    const struct verb *verb;
    struct arguments arguments;
    struct buf out; /* written to standard output by cli_flush() and at the end */
    struct arena arena;
    int status; /* exit status of a verb that returned true */

    const struct settings *settings; /* see cli_settings() */
    struct ipc_pool *keeper;
    struct ipc_pool *reader;
    struct ipc_pool *intake;
    struct ipc_pool *own; /* the supervisor's socket: root alone may use it */
    const char *as;       /* the account to act as, of those signed in; NULL: the last one */
    bool nobody;          /* ask as nobody, whoever is signed in: to sign in */
    pid_t supervisor;     /* which made the sockets; 0 before the first was connected */
};

extern const struct argument_option retention_set_options[];   /* retention_set.c */
extern const struct argument_option retention_packs_options[]; /* retention_packs.c */
extern const struct argument_option retention_take_options[];  /* retention_packs.c */

extern const struct verb verbs[];
extern const size_t verbs_count;

/* The verb called `name`, or NULL. */
const struct verb *verb_find(struct slice name);

/* The verb whose name stands at the beginning of these words, and how many they are; NULL: none. */
const struct verb *verb_match(const char *const *words, size_t count, size_t *used);

/* Append the names of the verbs that begin with this word, commas between them. */
void verb_siblings(struct slice word, struct buf *out);

/* Append "postern NAME [options] WORDS". */
void verb_usage(const struct verb *v, struct buf *out);

/* Append the list of all verbs. */
void verb_list(struct buf *out);

/* Append everything about one. */
void verb_explain(const struct verb *v, struct buf *out);

/* The whole program; returns the exit status. */
int cli_main(int argc, char **argv);

/* Write out what has been said so far. */
void cli_flush(struct cli *c);

/* Columns to which lines should be cut: those of the terminal, or 0 when output goes elsewhere. */
size_t cli_columns(void);

/* The settings of the configuration file; read once. False with ERROR_CONFIG. */
bool cli_settings(struct cli *c, const struct settings **out, struct error *e) MUST_CHECK;

/* Open the data directory. False with ERROR_CONFIG, ERROR_DENIED. */
bool cli_data(struct cli *c, int *fd, struct error *e) MUST_CHECK;

enum cli_peer { CLI_KEEPER, CLI_READER, CLI_INTAKE, CLI_SUPERVISOR };

/**
 * Ask the running daemon.
 *
 * @param within_ms  CLI_ASK_MS or CLI_LONG_MS
 * @return           false with what it said; ERROR_BUSY when it does not run, ERROR_DENIED when
 *                   this user may not ask it. Other parameters as ipc_call()
 */
bool cli_ask(struct cli *c, enum cli_peer peer, const struct ipc_message *message, const void *ask,
             void *answer, int *answer_fd, int64_t within_ms, struct error *e) MUST_CHECK;

/* Ask the reader for what it answers with in a memory file, of `max` bytes at most. *map is the caller's. */
bool cli_ask_bytes(struct cli *c, const struct ipc_message *message, const void *ask, size_t max,
                   struct memfd_map *map, struct error *e) MUST_CHECK;

/* As cli_ask(), with a descriptor for the daemon, which stays the caller's; the answer lives in the
 * arena. */
bool cli_give(struct cli *c, enum cli_peer peer, const struct ipc_message *message, const void *ask,
              int fd, void *answer, struct arena *arena, int64_t within_ms,
              struct error *e) MUST_CHECK;

/* Ask the reader; the answer lives in the arena. */
bool cli_pull(struct cli *c, const struct ipc_message *message, const void *ask, void *answer,
              int *answer_fd, struct arena *arena, int64_t within_ms, struct error *e) MUST_CHECK;

/* Connect anew with the next question: the daemon or a process of it was restarted. */
void cli_reconnect(struct cli *c);

/* Read a letter's id as it is printed. False with ERROR_INPUT. */
bool cli_letter(const char *text, struct letter_id *id, struct error *e) MUST_CHECK;

/* Read the number of one of a letter's copies, from 1 on, as --copy has it. False with ERROR_INPUT. */
bool cli_copy_number(const char *text, uint64_t *copy, struct error *e) MUST_CHECK;

/* The verbs' functions, each in the file of its (first) word. */
typedef bool cli_run(struct cli *c, struct error *e);

cli_run cli_help;
cli_run cli_init;
cli_run cli_login, cli_logout;
cli_run cli_key_wrap, cli_key_rotate, cli_key_adopt, cli_key_list, cli_key_retire;
cli_run cli_password_check, cli_passwords_import;
cli_run cli_user_add, cli_user_set, cli_user_list;
cli_run cli_app_password_add, cli_app_password_list, cli_app_password_revoke;
cli_run cli_device_add, cli_device_list, cli_app_password_set;
cli_run cli_totp_on, cli_totp_off, cli_totp_codes;
cli_run cli_account_show, cli_account_limits, cli_account_suspend, cli_account_release;
cli_run cli_account_evidence;
cli_run cli_dkim_new, cli_dkim_list, cli_dkim_dns;
cli_run cli_queue_decide;
cli_run cli_queue_list, cli_queue_retry, cli_queue_cancel, cli_queue_hold, cli_queue_release;
cli_run cli_queue_pause, cli_queue_resume;
cli_run cli_domain_forget;
cli_run cli_erase;
cli_run cli_subject_list, cli_subject_show, cli_subject_again;
cli_run cli_retention_set, cli_retention_remove, cli_retention_list, cli_retention_show;
cli_run cli_retention_date, cli_retention_packs, cli_retention_take;
cli_run cli_disposal_preview, cli_disposal_ask, cli_disposal_clock;
cli_run cli_disposal_list, cli_disposal_certificate;
cli_run cli_delegate_add, cli_delegate_list, cli_delegate_remove;
cli_run cli_hold_add, cli_hold_list, cli_hold_show, cli_hold_release;
cli_run cli_case_open, cli_case_add, cli_case_remove, cli_case_note;
cli_run cli_case_list, cli_case_show, cli_case_close, cli_case_hold;
cli_run cli_contact_add, cli_contact_set, cli_contact_remove, cli_contact_find;
cli_run cli_contact_show, cli_contact_list, cli_contact_import, cli_contact_export;
cli_run cli_decoys_on, cli_decoys_off, cli_decoys_status, cli_decoys_forget;
cli_run cli_approvals, cli_approve, cli_refuse, cli_withdraw;
cli_run cli_acts;
cli_run cli_search, cli_show, cli_export;
cli_run cli_ledger_verify, cli_ledger_anchors, cli_ledger_key, cli_ledger_reseal, cli_checkpoint;
cli_run cli_ledger_prove, cli_ledger_growth;
cli_run cli_status, cli_check_config, cli_config_explain;
cli_run cli_import_mbox, cli_import_eml, cli_import_maildir, cli_import_pst;
cli_run cli_pull_status, cli_pull_now;
cli_run cli_directory_sync, cli_directory_status, cli_directory_test;
cli_run cli_import_list, cli_import_report;
cli_run cli_catalog_rebuild, cli_backup, cli_restore;
cli_run cli_backup_now, cli_backup_list, cli_backup_verify, cli_backup_try, cli_backup_forget;
