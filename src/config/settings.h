/* config/settings - every setting of the daemon, one struct for each module that reads them.
 *
 * A module takes the struct that is its own (`const struct delivery_settings *`), never the whole. The rows stand in settings_*.c
 * beside this file, because the command line must know them without linking the stages. Durations are milliseconds, sizes bytes;
 * a text that was not set is empty. After settings_read() the values never change: a reload reads into a new struct and arena. */
#pragma once

#include "config/config.h"
#include "config/settings_approval.h"
#include "config/settings_auth.h"
#include "config/settings_backup.h"
#include "config/settings_certificates.h"
#include "config/settings_contacts.h"
#include "config/settings_directory.h"
#include "config/settings_documents.h"
#include "config/settings_domain.h"
#include "config/settings_intake.h"
#include "config/settings_limits.h"
#include "config/settings_oidc.h"
#include "config/settings_openpgp.h"
#include "config/settings_policy.h"
#include "config/settings_reports.h"
#include "config/settings_scanners.h"
#include "config/settings_signing.h"
#include "config/settings_smime.h"
#include "config/settings_submission.h"
#include "config/settings_update.h"

enum setting_log_level {
    SETTING_LOG_ERROR,
    SETTING_LOG_WARNING,
    SETTING_LOG_INFO,
    SETTING_LOG_DEBUG
};

enum setting_smarthost_tls {
    SETTING_SMARTHOST_STARTTLS,
    SETTING_SMARTHOST_IMPLICIT,
    SETTING_SMARTHOST_NONE
};

enum setting_second_person { SETTING_SECOND_ACCOUNT, SETTING_SECOND_ROOT };

enum setting_sandbox { SETTING_SANDBOX_STRICT, SETTING_SANDBOX_BEST_EFFORT };

/* The most that may be set, as the records of letters bound it (letter/records). */
#define SETTINGS_SIZE_LIMIT_MAX       (64 << 20)
#define SETTINGS_RECIPIENTS_LIMIT_MAX 1000

/* Who we are and where things are. */
struct general_settings {
    struct config_list domains; /* slices: the domains whose people send through this server */
    struct slice hostname;
    struct slice data_directory;
    enum setting_log_level log_level;
    bool log_addresses;
    struct slice alert_command; /* path */
    struct slice alert_webhook; /* URL */
    int64_t alert_interval_ms;
};

/* The walls: read once at start. */
struct process_settings {
    enum setting_sandbox sandbox;
    uint64_t uid_base;
    uint64_t inspectors;          /* instances */
    uint64_t inspector_letters;   /* letters in one life */
    int64_t inspector_timeout_ms; /* for one letter */
    uint64_t bytes_in_flight;
    int64_t restart_delay_ms;
    int64_t restart_delay_max_ms;
};

struct archive_settings {
    uint64_t segment_size;
    int64_t pack_after_ms;  /* 0: not by age */
    uint64_t reseal_erased; /* percent of a pack; 0: never by itself */
    int64_t reseal_after_ms;
    int64_t checkpoint_interval_ms;
    struct config_list anchor_mail; /* slices: mailboxes */
    int64_t anchor_mail_interval_ms;
    struct config_list anchor_file;   /* slices: paths */
    struct config_list timestamp_url; /* slices: URLs, in the order to try */
    struct slice timestamp_trust;     /* path */
    int64_t timestamp_interval_ms;
    int64_t anchor_alarm_ms;
    int64_t request_lifetime_ms; /* of what waits for a second person */
    enum setting_second_person second_person;
    uint64_t disk_watermark; /* free bytes below which nothing new is accepted */
    uint64_t disk_warning;   /* free bytes below which an alert is raised */
};

struct dns_settings {
    struct config_list resolvers; /* endpoints; none: full recursion from the root */
    struct slice trust_anchor;    /* path */
    struct slice root_hints;      /* path */
    struct config_list insecure_domains;
    int64_t timeout_ms;
};

struct delivery_settings {
    enum setting_tls tls; /* never SETTING_TLS_DEFAULT */
    struct slice trust_store;
    uint64_t port;
    struct config_list retry_schedule; /* int64_t: before the 2nd, 3rd ... attempt; last repeats */
    int64_t queue_lifetime_ms;
    int64_t delay_warning_ms; /* 0: none */
    uint64_t concurrency;
    uint64_t per_host_concurrency;
    uint64_t letters_per_connection;
    int64_t connect_timeout_ms;
    int64_t command_timeout_ms;
    int64_t data_timeout_ms;
    int64_t attempt_timeout_ms;
    int64_t idle_timeout_ms; /* how long a connection is kept for the next letter */
    bool ipv6;
};

struct dkim_settings {
    struct config_list selectors; /* slices; none: letters leave unsigned */
    int64_t rotate_ms;            /* how old keys get; 0: until a person changes them */
    int64_t rotate_seen_ms;       /* how long the DNS must have shown new ones */
    int64_t rotate_retire_ms;     /* how long former ones stay; 0: as the queue's lifetime says */
};

struct courier_settings { /* of what is fetched from outside and is no mail */
    struct slice trust_store;
    struct slice proxy; /* URL; empty: none */
};

struct metrics_settings {
    struct slice socket; /* path; empty: run/metrics.sock in the data directory */
};

/* [smarthost]: everything without a route of its own goes there. */
struct smarthost_settings {
    bool present;
    struct config_endpoint host;
    struct slice user;
    struct slice password_file;
    enum setting_smarthost_tls tls;
};

struct settings {
    struct general_settings general;
    struct process_settings process;
    struct submission_settings submission;
    struct auth_settings auth;
    struct archive_settings archive;
    struct dns_settings dns;
    struct delivery_settings delivery;
    struct dkim_settings dkim;
    struct courier_settings courier;
    struct backup_settings backup;
    struct metrics_settings metrics;
    struct journal_settings journal;
    struct connectors_settings connectors;
    struct contacts_settings contacts;
    struct limits_settings limits;
    struct openpgp_settings openpgp;
    struct tls_reports_settings tls_reports;
    struct scanners_settings scanners;
    struct smime_settings smime;
    struct signing_settings signing;
    struct documents_settings documents;
    struct smarthost_settings smarthost;
    struct config_list domains;            /* struct domain_settings, in the order of the file */
    struct config_list pulls;              /* struct pull_settings, likewise */
    struct config_list connector_sections; /* struct connector_settings, likewise */
    struct config_list approvals;          /* struct approval_settings, likewise */
    struct config_list policies;           /* struct policy_settings, likewise */
    struct config_list labels;             /* struct label_settings, likewise */
    struct config_list oidcs;              /* struct oidc_settings, likewise */
    struct config_list directories;        /* struct directory_settings, likewise */
    struct config_list certificates;       /* struct certificates_settings, likewise */
    struct config_list updates;            /* struct update_settings, likewise */
};

extern const struct config_schema settings_schema;

/* config_read() with the schema above, then the checks across settings. Same parameters. */
bool settings_read(struct slice bytes, const char *file, struct arena *arena, struct settings *out,
                   struct config_problems *problems, struct error *e) MUST_CHECK;

/* The [domain] section for `domain` (any case), or NULL when the file has none. */
const struct domain_settings *settings_domain(const struct settings *s, struct slice domain);

/* Whether a domain is one that we send mail of. */
bool settings_is_ours(const struct settings *s, struct slice domain);

/* The level demanded of the next hop for `domain`: its own or the default. */
enum setting_tls settings_domain_tls(const struct settings *s, struct slice domain);
