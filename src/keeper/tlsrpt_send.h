/* keeper/tlsrpt_send - one report on TLS to the domain that it is about. For keeper/tlsrpt. */
#pragma once

#include "keeper/tlsrpt_days.h"

/* What is reported: one domain's counts of one day, the thread's own. */
struct tlsrpt_job {
    int64_t day;
    struct rpt_domain counts;
    bool last; /* it will not be tried again */
};

/* Copy the counts into the arena. */
void tlsrpt_job_copy(const struct rpt_domain *from, int64_t day, struct arena *arena,
                     struct tlsrpt_job *job);

enum tlsrpt_end {
    TLSRPT_OVER,    /* nothing is left to do: it was sent, or nobody wants it */
    TLSRPT_TRIED,   /* somebody outside was asked in vain */
    TLSRPT_UNASKED, /* courier could not be asked: that was no try */
};

/* Ask where the domain wants its report, make it, and send it. */
enum tlsrpt_end tlsrpt_send(struct keeper *k, const struct tlsrpt_job *job,
                            struct arena *arena) MUST_CHECK;

/* The last reports, as they are remembered. */
bool tlsrpt_sent(struct keeper *k, struct arena *arena, struct domain_reports_answer *out,
                 struct error *e) MUST_CHECK;
