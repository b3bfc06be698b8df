#include "cli/drill.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#include "cli/print.h"

#define LETTERS     200
#define LETTERS_MAX 10000
#define AT_MOST     50
#define NETWORKS    4
#define TIMEOUT_MS  30000
#define ALARMS_MS   30000 /* how long is waited for what becomes of alarms */
#define PAUSE_MS    200

const struct argument_option drill_options[] = {
    OPTION("letters", 0, "N", "how many the thief would send; 200"),
    OPTION("networks", 0, "N", "from how many networks he signs in; 4"),
    OPTION("at-most", 0, "N", "recipients whom he may reach; 50"),
    OPTION("decoy", 0, NULL, "his second letter is to a decoy"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static bool read_number(struct cli *c, const char *name, uint64_t most, uint64_t *out,
                        struct error *e)
{
    const char *text = arguments_text(&c->arguments, name, 0);

    return !text || slice_decimal(slice_text(text), most, out) ||
           error_set(e, ERROR_INPUT, "`--%s` wants a number, %llu at most", name,
                     (unsigned long long)most);
}

/* Where mail programs connect: on this machine, wherever it listens. */
static bool find_server(struct drill *d, struct error *e)
{
    const struct submission_settings *s = &d->cli->settings->submission;
    const struct config_list *list =
        s->listen_submissions.count ? &s->listen_submissions : &s->listen_submission;
    const struct config_endpoint *at = list->items;

    if (list->count == 0) {
        return error_set(e, ERROR_CONFIG,
                         "nobody can send here: neither `listen-submissions` nor "
                         "`listen-submission` is set");
    }
    d->implicit_tls = list == &s->listen_submissions;
    if (!address_parse(at->is_address ? at->host : SLICE("127.0.0.1"), at->port, &d->server, e)) {
        return false;
    }
    address_set_port(&d->server, at->port);
    d->loopback = d->server.socket.any.sa_family == AF_INET;
    return true;
}

static bool prepare(struct drill *d, struct error *e)
{
    const struct tls_client_options options = {.trust_file = NULL};

    d->trust = tls_client_new(&options, e);
    if (!d->trust) {
        return false;
    }
    d->settings = (struct session_settings){.name = d->cli->settings->general.hostname,
                                            .trust = d->trust,
                                            .connect_timeout_ms = TIMEOUT_MS,
                                            .command_timeout_ms = TIMEOUT_MS,
                                            .data_timeout_ms = TIMEOUT_MS,
                                            .attempt_timeout_ms = TIMEOUT_MS};
    return find_server(d, e);
}

/* ── what came of it ── */

static bool is_settled(const struct drill_look_answer *seen)
{
    const struct drill_alarm *alarms = seen->alarms.items;
    bool settled = true;
    bool said =
        !seen->suspended_at; /* that it is closed stands there first, then somebody is told */

    for (size_t i = 0; i < seen->alarms.count; i++) {
        settled = settled && alarms[i].command != DRILL_WAITS && alarms[i].webhook != DRILL_WAITS;
        said = said || slice_equal(alarms[i].event, SLICE("account-suspended"));
    }
    return settled && said;
}

/* Programs and web servers take their time. */
static bool await_alarms(struct drill *d, struct error *e)
{
    const struct drill_account_ask ask = {.account = d->account.account};
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int64_t until = clock_steady_ms() + ALARMS_MS;
    struct drill_look_answer seen;

    do {
        (void)nanosleep(&pause, NULL); /* also before the first look: a sentence is on its way */
        if (!cli_ask(d->cli, CLI_KEEPER, &drill_look, &ask, &seen, NULL, CLI_ASK_MS, e)) {
            return false;
        }
    } while (!is_settled(&seen) && clock_steady_ms() < until);
    return true;
}

static const char *way_text(uint64_t way)
{
    static const char *const words[] = {"not set", "NO ANSWER", "told", "FAILED"};

    return way <= DRILL_FAILED ? words[way] : "?";
}

/* Whether anybody heard of it. */
static bool print_alarms(struct cli *c, const struct drill_look_answer *seen)
{
    const struct drill_alarm *alarms = seen->alarms.items;
    bool heard = false;

    buf_printf(&c->out, "alarms:      %s\n", seen->alarms.count ? "" : "NONE");
    for (size_t i = 0; i < seen->alarms.count; i++) {
        buf_add_text(&c->out, "             ");
        print_clean(&c->out, alarms[i].event);
        buf_printf(&c->out, ": alert-command %s, alert-webhook %s\n", way_text(alarms[i].command),
                   way_text(alarms[i].webhook));
        heard = heard || alarms[i].command == DRILL_TOLD || alarms[i].webhook == DRILL_TOLD;
    }
    return heard;
}

static void print_result(struct drill *d, const struct drill_look_answer *seen, uint64_t at_most)
{
    struct cli *c = d->cli;
    bool few = seen->reached <= at_most;

    buf_printf(&c->out, "\nreached:     %llu recipients outside, %llu allowed\n",
               (unsigned long long)seen->reached, (unsigned long long)at_most);
    buf_add_text(&c->out, "suspended:   ");
    if (seen->suspended_at) {
        int64_t after = (int64_t)seen->suspended_at - d->sending_ms;
        buf_printf(&c->out, "%lld.%lld s after the first letter to a stranger, %llu points: ",
                   (long long)(after > 0 ? after / 1000 : 0),
                   (long long)(after > 0 ? after % 1000 / 100 : 0),
                   (unsigned long long)seen->points);
        print_clean(&c->out, seen->why);
    } else {
        buf_add_text(&c->out, "NO");
    }
    buf_add_byte(&c->out, '\n');
    bool heard = print_alarms(c, seen);
    buf_add_text(&c->out, "left here:   nothing; the account is closed\n");
    buf_printf(&c->out, "result:      %s\n",
               !few     ? "TOO MANY were reached"
               : !heard ? "NOBODY WAS TOLD: set `alert-command` or `alert-webhook`, and look why "
                          "they fail"
                        : "held");
    c->status = few && heard ? 0 : 1;
}

/* The account is closed in any case. */
static bool run(struct drill *d, uint64_t at_most, struct error *e)
{
    const struct drill_account_ask ask = {.account = d->account.account};
    struct drill_look_answer seen;
    struct error ending;

    drill_clock(d);
    buf_printf(&d->cli->out, "%.*s stands for an account whose password somebody stole\n",
               SLICE_ARG(d->account.account));
    bool played = drill_play(d, e) && await_alarms(d, e);
    bool ended = cli_ask(d->cli, CLI_KEEPER, &drill_end, &ask, &seen, NULL, CLI_ASK_MS, &ending);
    if (!ended && played) {
        *e = ending;
    }
    if (played && ended) {
        print_result(d, &seen, at_most);
    }
    return played && ended;
}

bool cli_drill_stolen_account(struct cli *c, struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    const struct drill_begin_ask ask = {.reason = slice_text(reason),
                                        .decoy = arguments_flag(&c->arguments, "decoy")};
    struct drill d = {
        .cli = c, .letters = LETTERS, .networks = NETWORKS, .began_ms = clock_steady_ms()};
    const struct settings *settings = NULL;
    uint64_t at_most = AT_MOST;

    if (!cli_settings(c, &settings, e) || !read_number(c, "letters", LETTERS_MAX, &d.letters, e) ||
        !read_number(c, "networks", DRILL_NETWORKS_MAX, &d.networks, e) ||
        !read_number(c, "at-most", LETTERS_MAX, &at_most, e)) {
        return false;
    }
    if (!prepare(&d, e) ||
        !cli_ask(c, CLI_KEEPER, &drill_begin, &ask, &d.account, NULL, CLI_ASK_MS, e)) {
        tls_client_free(d.trust);
        return false;
    }
    bool done = run(&d, at_most, e);
    tls_client_free(d.trust);
    return done;
}
