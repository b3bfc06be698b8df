/* Signing in by an OpenID provider: a page for the browser, and the code that it brings back to this machine; or one that is
 * typed on a page at another. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"

#include "cli/loopback.h"
#include "cli/print.h"
#include "cli/sign_in.h"
#include "formats/jose/form.h"
#include "requests/admin.h"
#include "requests/oidc.h"

#define WAIT_MS        300000
#define POLL_ARENA_MAX ((size_t)256 << 10) /* of one answer */

static bool port_of(const struct cli *c, uint16_t *port, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "port", 0);
    uint64_t number = 0;

    if (text && (!slice_decimal(slice_text(text), UINT16_MAX, &number) || number == 0)) {
        return error_set(e, ERROR_INPUT, "--port wants a number from 1 to 65535");
    }
    *port = (uint16_t)number;
    return true;
}

/* The state that the page's address has: the browser brings it back. */
static bool state_of(struct slice url, struct arena *arena, struct slice *state, struct error *e)
{
    struct slice query;

    (void)slice_cut(url, '?', &query);
    return form_value(query, "state", arena, state) ||
           error_set(e, ERROR_CORRUPT, "the daemon's answer is not understood");
}

static void show_page(struct cli *c, struct slice url)
{
    (void)fprintf(stderr, "Open this page in a browser on this machine, and sign in there:\n");
    buf_printf(&c->out, "%.*s\n", SLICE_ARG(url));
    cli_flush(c);
}

static bool ask_how(struct cli *c, const struct oidc_finish_ask *ask, struct arena *arena,
                    struct admin_sign_in_answer *answer, struct error *e)
{
    return cli_give(c, CLI_KEEPER, &oidc_finish, ask, -1, answer, arena, CLI_ASK_MS, e);
}

/* The provider has said who it is; a code or passkey of ours may be wanted. */
static bool conclude(struct cli *c, struct oidc_finish_ask *ask,
                     struct admin_sign_in_answer *answer, struct error *e)
{
    if ((answer->wants_code || answer->asked.challenge.len) &&
        (!sign_in_second(c, answer, &ask->factor, &ask->passkey, e) ||
         !ask_how(c, ask, &c->arena, answer, e))) {
        return false;
    }
    return sign_in_keep(c, answer, e);
}

/* ── at any machine ── */

static void show_code(struct cli *c, const struct oidc_begin_answer *begun)
{
    (void)fprintf(stderr,
                  "Open this page in a browser, on any machine, sign in there and type this "
                  "code; give it to nobody:\n");
    buf_printf(&c->out, "%.*s\n%.*s\n", SLICE_ARG(print_cleaned(&c->arena, begun->url)),
               SLICE_ARG(print_cleaned(&c->arena, begun->user_code)));
    cli_flush(c);
}

/* Until somebody typed it; the daemon says when that is over. */
static bool login_device(struct cli *c, struct error *e)
{
    const struct oidc_begin_ask ask = {
        .provider = slice_text(arguments_text(&c->arguments, "oidc", 0)), .device = true};
    struct admin_sign_in_answer answer = {.wants_code = false};
    struct oidc_begin_answer begun;

    if (arguments_text(&c->arguments, "port", 0)) {
        return error_set(e, ERROR_INPUT, "--port is for a browser that comes back: not --device");
    }
    if (!cli_ask(c, CLI_KEEPER, &oidc_begin, &ask, &begun, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    show_code(c, &begun);
    struct oidc_finish_ask last = {.id = begun.id,
                                   .factor = slice_text(arguments_text(&c->arguments, "code", 0))};
    OWN(arena) struct arena arena = {.max = POLL_ARENA_MAX};
    answer.wait_ms = begun.wait_ms;
    while (answer.wait_ms) {
        (void)usleep((useconds_t)answer.wait_ms * 1000);
        arena_reset(&arena);
        if (!ask_how(c, &last, &arena, &answer, e)) {
            return false;
        }
    }
    return conclude(c, &last, &answer, e);
}

bool login_oidc(struct cli *c, struct error *e)
{
    struct oidc_begin_ask ask = {.provider = slice_text(arguments_text(&c->arguments, "oidc", 0))};
    struct oidc_begin_answer begun;
    struct loopback_answer brought;
    struct slice state;
    OWN(fd) int listener = -1;
    uint16_t port = 0;

    if (arguments_flag(&c->arguments, "device")) {
        return login_device(c, e);
    }
    if (!port_of(c, &port, e) || !loopback_listen(&port, &listener, e)) {
        return false;
    }
    ask.port = port;
    if (!cli_ask(c, CLI_KEEPER, &oidc_begin, &ask, &begun, NULL, CLI_ASK_MS, e) ||
        !state_of(begun.url, &c->arena, &state, e)) {
        return false;
    }
    show_page(c, begun.url);
    if (!loopback_wait(listener, state, clock_steady_ms() + WAIT_MS, &c->arena, &brought, e)) {
        return false;
    }
    if (brought.code.len == 0) {
        return error_set(e, ERROR_DENIED, "the provider says: %s",
                         arena_text(&c->arena, print_cleaned(&c->arena, brought.problem)));
    }
    struct oidc_finish_ask last = {.id = begun.id,
                                   .code = brought.code,
                                   .state = state,
                                   .issuer = brought.issuer,
                                   .factor = slice_text(arguments_text(&c->arguments, "code", 0))};
    struct admin_sign_in_answer answer;
    return ask_how(c, &last, &c->arena, &answer, e) && conclude(c, &last, &answer, e);
}
