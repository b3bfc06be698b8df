#include "processes/alerts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/own.h"

#include "host/sandbox.h"

#define EXIT_NO_EXEC  127
#define FIRST_UNKNOWN 3 /* descriptor */

/* Event and sentence come from a process that may have been taken over, and go to a program that may
 * be a script: the event is one word and no option, the sentence one line. */
void alerts_word(char name[static ALERTS_WORD_MAX], struct slice event)
{
    size_t len = event.len < ALERTS_WORD_MAX ? event.len : ALERTS_WORD_MAX - 1;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = ascii_lower(event.ptr[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        name[i] = plain ? (char)c : i ? '-' : 'x';
    }
    name[len] = '\0';
}

static size_t one_line(char line[static ERROR_TEXT_MAX + 1], struct slice sentence)
{
    size_t len = sentence.len < ERROR_TEXT_MAX ? sentence.len : ERROR_TEXT_MAX;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = sentence.ptr[i];
        line[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    line[len++] = '\n';
    return len;
}

bool alerts_due(struct alerts *a, const char *event, int64_t interval_ms)
{
    int64_t now = clock_steady_ms();
    size_t oldest = 0;
    size_t i = 0;

    while (i < a->count && strcmp(a->last[i].event, event) != 0) {
        oldest = a->last[i].raised_at < a->last[oldest].raised_at ? i : oldest;
        i++;
    }
    if (i < a->count) {
        if (now - a->last[i].raised_at < interval_ms) {
            return false;
        }
    } else if (a->count < ALERTS_REMEMBERED) {
        a->count++;
    } else {
        i = oldest;
    }
    (void)snprintf(a->last[i].event, sizeof(a->last[i].event), "%s", event);
    a->last[i].raised_at = now;
    return true;
}

/* Nobody waits for the program; the supervisor's loop collects it. The sentence fits into a pipe. */
static pid_t run(const char *command, const char *event, struct slice sentence)
{
    char line[ERROR_TEXT_MAX + 1];
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        log_event(LOG_ERROR, "alert.failed", LOG_TEXT("alert", event));
        return 0;
    }
    OWN(fd) int out = ends[1];
    OWN(fd) int in = ends[0];
    (void)!write(out, line, one_line(line, sentence));
    pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)setsid();
        (void)dup2(in, STDIN_FILENO);
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
        sandbox_close_others(FIRST_UNKNOWN);
        (void)execl(command, command, event, (char *)NULL);
        _exit(EXIT_NO_EXEC);
    }
    if (child < 0) {
        log_event(LOG_ERROR, "alert.failed", LOG_TEXT("alert", event));
    }
    return child < 0 ? 0 : child;
}

/* FNV-1a: tells sentences apart, and nobody gains by two that are alike. */
static uint32_t hash_of(struct slice s)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ s.ptr[i]) * 16777619U;
    }
    return hash;
}

/* Alarms about one account, or one domain of ours, must not silence those about another. */
static bool is_about_somebody(struct slice name)
{
    return slice_starts(name, SLICE("account-")) || slice_starts(name, SLICE("contacts-")) ||
           slice_starts(name, SLICE("decoy-")) || slice_starts(name, SLICE("dkim-"));
}

void alerts_own(char own[static ALERTS_EVENT_MAX], const char *role, const char *name,
                struct slice sentence)
{
    if (is_about_somebody(slice_text(name))) {
        (void)snprintf(own, ALERTS_EVENT_MAX, "%.20s %.50s %08x", role, name, hash_of(sentence));
    } else {
        (void)snprintf(own, ALERTS_EVENT_MAX, "%.24s %s", role, name);
    }
}

struct slice alerts_for_log(struct slice sentence, char out[static ERROR_TEXT_MAX])
{
    size_t len = 0;

    while (sentence.len && len + sizeof("an account") < ERROR_TEXT_MAX) {
        size_t word = slice_find(sentence, ' ');
        struct slice shown = slice_head(sentence, word);
        if (slice_find(shown, '@') < shown.len) {
            shown = SLICE("an account");
        }
        shown = slice_head(shown, ERROR_TEXT_MAX - len - 1);
        (void)memcpy(out + len, shown.ptr, shown.len);
        len += shown.len;
        if (word < sentence.len) {
            out[len++] = ' ';
        }
        sentence = slice_from(sentence, word + 1);
    }
    return slice_of(out, len);
}

bool alerts_raise(struct alerts *a, const struct general_settings *settings, const char *role,
                  struct slice event, struct slice sentence)
{
    char name[ALERTS_WORD_MAX];
    char own[ALERTS_EVENT_MAX];
    char masked[ERROR_TEXT_MAX];

    alerts_word(name, event);
    alerts_own(own, role, name, sentence);
    if (!alerts_due(a, own, settings->alert_interval_ms)) {
        return false;
    }
    log_event(
        LOG_ERROR, "alert", LOG_TEXT("alert", name), LOG_TEXT("from", role),
        LOG_SLICE("reason", settings->log_addresses ? sentence : alerts_for_log(sentence, masked)));
    a->program = 0;
    if (settings->alert_command.len) {
        a->program = run((const char *)settings->alert_command.ptr, name, sentence);
    }
    return true;
}
