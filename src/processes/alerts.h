/* processes/alerts - tell the operator: a log line, and the program of `alert-command`.
 *
 * The program gets the event's name as its only argument and a sentence on standard input. The same
 * event of the same process is quiet for `alert-interval` after it was raised: one that was taken over
 * cannot keep another's quiet; and of the events that begin with `account-`, `contacts-`, `decoy-` or `dkim-`, which name an account or a
 * domain, the same sentence. The supervisor's; one thread. Every other process keeps its own events
 * apart with alerts_due(), by a lock of its own. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

#include "config/settings.h"

#define ALERTS_REMEMBERED 64 /* events; beyond, the oldest is forgotten */
#define ALERTS_WORD_MAX   64 /* of an event, with the NUL */
#define ALERTS_EVENT_MAX  96 /* with the process that raises it and the NUL */

struct alerts {
    struct {
        char event[ALERTS_EVENT_MAX];
        int64_t raised_at; /* steady milliseconds */
    } last[ALERTS_REMEMBERED];

    size_t count;
    pid_t program; /* that was started for the last one; 0: none was */
};

/* The event as one word and no option, whoever sent it: lower-case letters, digits and hyphens. */
void alerts_word(char name[static ALERTS_WORD_MAX], struct slice event);

/* The sentence as it stands in the log: without addresses. */
struct slice alerts_for_log(struct slice sentence, char out[static ERROR_TEXT_MAX]);

/* What an alarm is kept quiet by: who raises it and the event; of one about an account the sentence too. */
void alerts_own(char own[static ALERTS_EVENT_MAX], const char *role, const char *name,
                struct slice sentence);

/* Whether the event has not been raised for `interval_ms`; then it is raised now. */
bool alerts_due(struct alerts *a, const char *event, int64_t interval_ms);

/**
 * Raise an alert.
 *
 * @param role      who raises it, for the log
 * @param event     lower-case letters, digits and hyphens; another byte becomes a hyphen, because a
 *                  process that was taken over may have sent it
 * @param sentence  for a person
 * @return          false when the event is still quiet
 */
bool alerts_raise(struct alerts *a, const struct general_settings *settings, const char *role,
                  struct slice event, struct slice sentence);
