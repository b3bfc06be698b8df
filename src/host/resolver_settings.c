#include "host/resolver_settings.h"

#include <ctype.h>
#include <unbound.h>

#define OPTION_TEXT_MAX 1024 /* a line of a trust anchor: an RSA-4096 DNSKEY fits */

static bool refused(struct error *e, const char *what, struct slice value, int code)
{
    return error_set(e, ERROR_CONFIG, "DNS: %s '%.*s': %s", what, SLICE_ARG(value),
                     ub_strerror(code));
}

static bool to_text(struct slice s, char text[static OPTION_TEXT_MAX], struct error *e)
{
    if (s.len >= OPTION_TEXT_MAX || memchr(s.ptr, 0, s.len)) {
        return error_set(e, ERROR_CONFIG, "DNS: a value of %zu bytes is too long", s.len);
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = 0;
    return true;
}

static bool set_option(struct ub_ctx *ctx, const char *option, struct slice value, struct error *e)
{
    char text[OPTION_TEXT_MAX];
    if (!to_text(value, text, e)) {
        return false;
    }
    int code = ub_ctx_set_option(ctx, option, text);
    return code == 0 || refused(e, option, value, code);
}

static bool is_loopback(struct slice server)
{
    return slice_starts(server, SLICE("127.")) || slice_starts(server, SLICE("::1"));
}

static bool set_servers(struct ub_ctx *ctx, const struct resolver_settings *s, bool *loopback,
                        struct error *e)
{
    char text[OPTION_TEXT_MAX];
    char zone[OPTION_TEXT_MAX];

    for (size_t i = 0; i < s->n_forwarders; i++) {
        if (!to_text(s->forwarders[i], text, e)) {
            return false;
        }
        int code = ub_ctx_set_fwd(ctx, text);
        if (code != 0) {
            return refused(e, "resolver", s->forwarders[i], code);
        }
        *loopback |= is_loopback(s->forwarders[i]);
    }
    for (size_t i = 0; i < s->n_stubs; i++) {
        if (!to_text(s->stubs[i].zone, zone, e) || !to_text(s->stubs[i].server, text, e)) {
            return false;
        }
        int code = ub_ctx_set_stub(ctx, zone, text, 0);
        if (code != 0) {
            return refused(e, "server", s->stubs[i].server, code);
        }
        *loopback |= is_loopback(s->stubs[i].server);
    }
    return true;
}

/* The next line of zone-file text without its comment and outer blanks; empty lines are passed
 * over. False at the end. */
static bool next_line(struct slice *text, struct slice *line)
{
    while (text->len > 0) {
        struct slice ignored = SLICE_NONE;
        *line = slice_trim(slice_cut(slice_cut(*text, '\n', text), ';', &ignored));
        if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
            *line = slice_head(*line, line->len - 1);
        }
        if (line->len > 0) {
            return true;
        }
    }
    return false;
}

static bool set_trust_anchors(struct ub_ctx *ctx, struct slice text, struct error *e)
{
    char record[OPTION_TEXT_MAX];
    struct slice line = SLICE_NONE;

    while (next_line(&text, &line)) {
        if (!to_text(line, record, e)) {
            return false;
        }
        int code = ub_ctx_add_ta(ctx, record);
        if (code != 0) {
            return refused(e, "trust anchor", line, code);
        }
    }
    return true;
}

/* The root's servers: the last word of each A or AAAA record. */
static bool set_root_hints(struct ub_ctx *ctx, struct slice text, struct error *e)
{
    char address[OPTION_TEXT_MAX];
    struct slice line = SLICE_NONE;

    while (next_line(&text, &line)) {
        size_t at = line.len;
        while (at > 0 && !isspace(line.ptr[at - 1])) {
            at--;
        }
        struct slice type = slice_trim(slice_head(line, at));
        bool is_address = type.len > 1 && type.ptr[type.len - 1] == 'A';
        if (!is_address) {
            continue;
        }
        if (!to_text(slice_from(line, at), address, e)) {
            return false;
        }
        int code = ub_ctx_set_stub(ctx, ".", address, 1);
        if (code != 0) {
            return refused(e, "root server", line, code);
        }
    }
    return true;
}

bool resolver_configure(struct ub_ctx *ctx, const struct resolver_settings *s, struct error *e)
{
    static const struct {
        const char *name;
        struct slice value;
    } fixed[] = {
        {"outgoing-range:",         SLICE_INIT("64")  },
        {"num-queries-per-thread:", SLICE_INIT("512") }, /* DNS_WAITING_MAX */
        {"msg-cache-size:",         SLICE_INIT("2m")  },
        {"rrset-cache-size:",       SLICE_INIT("4m")  },
        {"key-cache-size:",         SLICE_INIT("1m")  },
        {"neg-cache-size:",         SLICE_INIT("256k")},
    };

    bool loopback = false;

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (!set_option(ctx, fixed[i].name, fixed[i].value, e)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->n_insecure; i++) {
        if (!set_option(ctx, "domain-insecure:", s->insecure[i], e)) {
            return false;
        }
    }
    if (!set_servers(ctx, s, &loopback, e) || !set_root_hints(ctx, s->root_hints, e) ||
        !set_trust_anchors(ctx, s->trust_anchors, e) ||
        (loopback && !set_option(ctx, "do-not-query-localhost:", SLICE("no"), e))) {
        return false;
    }
    (void)ub_ctx_async(ctx, 1);
    /* libunbound answers for "test." by itself; a company that tries Postern out has such names.
     * This also freezes the settings, so that what is wrong with them shows here. */
    int code = ub_ctx_zone_remove(ctx, "test.");
    return code == 0 || error_set(e, ERROR_CONFIG, "DNS: settings: %s", ub_strerror(code));
}
