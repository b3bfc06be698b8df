/* requests/sts - what the keeper knows of a recipient domain's MTA-STS policy (RFC 8461), and of the domain at large. */
#pragma once

#include "formats/sts/sts.h"
#include "ipc/ipc.h"

/* keeper_sts: from delivery. The policy that is in force for a domain. It takes as long as looking it up does. */
struct keeper_sts_ask {
    struct slice domain; /* lower case, A-labels */
    bool renew;          /* letters fail by the one that is known: is there a newer one? */
};

struct keeper_sts_answer {
    uint64_t mode; /* enum sts_mode; STS_NO_MODE: no policy */
    struct slice id;
    struct cbor_list mx; /* texts: patterns */
    uint64_t max_age_s;
    bool doubt; /* none is in force, and there may be one */
};

extern const struct ipc_message keeper_sts;

/* By what a domain's servers are proved, as RFC 8460 section 4.4 tells them apart. */
enum tls_policy { TLS_POLICY_NONE = 1, TLS_POLICY_DANE = 2, TLS_POLICY_STS = 3 };

#define TLS_RESULTS_MAX 32 /* of one attempt */

/* One session that was opened for letters, or could not be because of TLS: with keeper_job_done. */
struct tls_result {
    uint64_t policy;   /* enum tls_policy */
    struct slice type; /* result type of RFC 8460 section 4.3; empty: it was opened */
    struct slice host; /* as the MX record names it */
    struct slice address;
};

extern const struct cbor_schema tls_result_schema;

/* domain_show: over the control socket. What is known of the servers of a recipient domain. */
struct domain_show_ask {
    struct slice domain;
};

struct domain_show_answer {
    struct slice domain; /* lower case, A-labels */
    struct slice
        where; /* whose level it is: the domain, or the fixed next hop that its letters go to */
    uint64_t level; /* the best that was shown; 0: none yet */
    bool fixed; /* the settings name the next hop: MX records do not count, and MTA-STS neither */
    uint64_t mode; /* enum sts_mode of the policy in force; STS_NO_MODE: none is */
    struct slice id;
    struct cbor_list mx; /* texts */
    uint64_t max_age_s;
    uint64_t fetched_at;  /* wall milliseconds */
    uint64_t looked_at;   /* likewise; 0: not since the start */
    struct slice problem; /* what failed when it was fetched last */
    struct slice why;
    struct slice proof;      /* of the last session: what authenticated the server */
    struct slice published;  /* and what the domain published by DANE */
    uint64_t seen_at;        /* when that was; 0: not since the start */
    bool pinned;             /* the settings pin its servers */
    uint64_t override_level; /* enum tls_level that a person said is enough; 0: none did */
    uint64_t override_until; /* wall milliseconds */
    struct slice override_by;
    struct slice override_reason;
};

extern const struct ipc_message domain_show;

#define DOMAIN_REPORTS_MAX 500

/* domain_reports: over the control socket. Reports on TLS that were sent, the newest last. */
struct domain_reports_ask {
    struct slice domain; /* empty: of all */
};

struct domain_report {
    uint64_t at; /* wall milliseconds */
    struct slice domain;
    uint64_t day;        /* days since 1970, UTC: the day that it is about */
    struct slice place;  /* mailbox or URL; empty: it could not be sent */
    struct slice letter; /* id, of one by mail */
    uint64_t successes;
    uint64_t failed;
    struct slice why; /* it could not be sent */
};

struct domain_reports_answer {
    struct cbor_list reports; /* struct domain_report */
};

extern const struct cbor_schema domain_reports_schema;
extern const struct ipc_message domain_reports;
