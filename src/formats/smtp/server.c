#include <assert.h>
#include <stdio.h>

#include "formats/smtp/internal.h"

void smtp_server_enter(struct smtp_server *s, enum state next)
{
    s->state = next;
    if (next == STATE_READY) {
        s->recipients = 0;
        s->utf8 = false;
        s->refusal_code = 0;
    }
}

static void put(struct smtp_server *s, struct slice text, size_t end)
{
    for (size_t i = 0; i < text.len && s->out_len < end; i++) {
        uint8_t c = text.ptr[i];
        s->out[s->out_len++] = c >= ' ' && c < 0x7f ? c : '?';
    }
}

/* One line for each line of the text, all with code and enhanced code (RFC 2034 section 4). */
void smtp_server_say(struct smtp_server *s, int code, const char *enhanced, struct slice text)
{
    size_t end = s->out_len + SMTP_REPLY_MAX;
    struct slice rest = text;
    bool more = true;

    assert(end <= SMTP_OUT_MAX && code >= 200 && code <= 599);
    while (more) {
        char start[24];
        struct slice line = slice_cut(rest, '\n', &rest);
        /* A last line that would not fit whole is not begun: the one before is the last. */
        more = rest.len > 0 && s->out_len + line.len + 2 * sizeof(start) + 4 < end;
        (void)snprintf(start, sizeof(start), "%d%c%.15s%s", code, more ? '-' : ' ',
                       enhanced ? enhanced : "", enhanced && line.len ? " " : "");
        put(s, slice_text(start), end - 2);
        put(s, line, end - 2);
        s->out[s->out_len++] = '\r';
        s->out[s->out_len++] = '\n';
    }
}

enum smtp_got smtp_server_mistake(struct smtp_server *s, int code, const char *enhanced,
                                  const char *text)
{
    if (++s->errors > s->config->errors_max) {
        smtp_server_say(s, 421, "4.7.0", SLICE("Too many mistakes: closing the connection"));
        smtp_server_enter(s, STATE_CLOSED);
        return SMTP_GOT_NOTHING;
    }
    smtp_server_say(s, code, enhanced, slice_text(text));
    return SMTP_GOT_NOTHING;
}

enum smtp_got smtp_server_give_up(struct smtp_server *s, int code, const char *enhanced,
                                  const char *text)
{
    smtp_server_say(s, code, enhanced, slice_text(text));
    smtp_server_enter(s, STATE_CLOSED);
    return SMTP_GOT_NOTHING;
}

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config, bool tls)
{
    char text[SMTP_DOMAIN_MAX + 32];

    *s = (struct smtp_server){
        .config = config, .state = STATE_FRESH, .tls = tls, .signed_in = tls && config->open};
    (void)snprintf(text, sizeof(text), "%.*s ESMTP Postern", SLICE_ARG(config->host));
    smtp_server_say(s, 220, NULL, slice_text(text));
}

enum line { LINE_WHOLE, LINE_PARTIAL, LINE_LONG, LINE_BROKEN };

/* Take one line off *in. CR and LF may stand only together, at its end; NUL nowhere. */
static enum line take_line(struct slice *in, struct slice *line)
{
    struct slice window = slice_head(*in, SMTP_INPUT_MIN);
    size_t end = slice_find(window, '\n');
    struct slice text = slice_head(window, end);
    size_t cr = slice_find(text, '\r');

    if (slice_find(text, 0) < text.len || (cr < text.len && cr + 1 != text.len)) {
        return LINE_BROKEN;
    }
    if (end == window.len) {
        return window.len == SMTP_INPUT_MIN ? LINE_LONG : LINE_PARTIAL;
    }
    if (cr == text.len) {
        return LINE_BROKEN;
    }
    *line = slice_head(text, cr);
    *in = slice_from(*in, end + 1);
    return LINE_WHOLE;
}

static enum smtp_got next_command(struct smtp_server *s, struct slice *in, struct smtp_request *out,
                                  bool *partial)
{
    struct slice line = SLICE_NONE;

    switch (take_line(in, &line)) {
    case LINE_PARTIAL:
        *partial = true;
        return SMTP_GOT_NOTHING;
    case LINE_LONG:
        (void)smtp_server_give_up(s, 500, "5.5.2", "The line is too long");
        return SMTP_GOT_NOTHING;
    case LINE_BROKEN:
        (void)smtp_server_give_up(s, 500, "5.5.2",
                                  "Lines must end with CR LF and hold neither of them alone");
        return SMTP_GOT_NOTHING;
    case LINE_WHOLE:
        break;
    }
    if (++s->commands > s->config->commands_max) {
        (void)smtp_server_give_up(s, 421, "4.7.0",
                                  "Too many commands without a letter: closing the connection");
        return SMTP_GOT_NOTHING;
    }
    enum smtp_got got = smtp_server_line(s, line, out);
    if (got == SMTP_GOT_STARTTLS && in->len) {
        /* Octets behind STARTTLS would be taken as if they came under TLS (RFC 3207 section 5). */
        (void)smtp_server_give_up(s, 501, "5.5.4",
                                  "Nothing may follow STARTTLS before TLS is made");
        return SMTP_GOT_NOTHING;
    }
    return got;
}

enum smtp_got smtp_server_next(struct smtp_server *s, struct slice *in,
                               struct smtp_request *request)
{
    enum smtp_got got = SMTP_GOT_NOTHING;
    bool partial = false;

    assert(s->pending == SMTP_GOT_NOTHING);
    while (got == SMTP_GOT_NOTHING && !partial) {
        if (s->state == STATE_CLOSED) {
            return SMTP_GOT_END;
        }
        if (SMTP_OUT_MAX - s->out_len < SMTP_REPLY_MAX) {
            return SMTP_GOT_FLUSH;
        }
        if (s->state & (STATE_DATA | STATE_CHUNK)) {
            partial = in->len == 0 && !(s->state == STATE_CHUNK && s->chunk_left == 0);
            got = partial ? got : smtp_server_octets(s, in, request);
        } else {
            got = next_command(s, in, request, &partial);
        }
    }
    if (got != SMTP_GOT_BODY && got != SMTP_GOT_RESET && got != SMTP_GOT_SASL_END) {
        s->pending = got;
    }
    return got;
}

/* The state that a positive answer to a request leads to. */
static void proceed(struct smtp_server *s, enum smtp_got answered)
{
    if (answered == SMTP_GOT_HELLO) {
        smtp_server_enter(s, s->signed_in ? STATE_READY : STATE_HELLO);
    } else if (answered == SMTP_GOT_STARTTLS) {
        smtp_server_enter(s, STATE_TLS);
    } else if (answered == SMTP_GOT_AUTH || answered == SMTP_GOT_SASL) {
        s->signed_in = true;
        smtp_server_enter(s, STATE_READY);
    } else if (answered == SMTP_GOT_MAIL) {
        smtp_server_enter(s, STATE_MAIL);
    } else if (answered == SMTP_GOT_RCPT) {
        s->recipients++;
        smtp_server_enter(s, STATE_RCPT);
    } else if (answered == SMTP_GOT_DATA) {
        smtp_data_reader_init(&s->reader, true);
        smtp_server_enter(s, STATE_DATA);
    }
}

/* The usual positive reply to each kind of request. */
static const struct {
    int code;
    const char *enhanced;
    const char *text;
} usual[] = {
    [SMTP_GOT_STARTTLS] = {220, "2.0.0", "Ready to start TLS"                                       },
    [SMTP_GOT_AUTH] = {235, "2.7.0", "Signed in"                                                },
    [SMTP_GOT_SASL] = {235, "2.7.0", "Signed in"                                                },
    [SMTP_GOT_MAIL] = {250, "2.1.0", "Sender accepted"                                          },
    [SMTP_GOT_RCPT] = {250, "2.1.5", "Recipient accepted"                                       },
    [SMTP_GOT_DATA] = {354, NULL,    "Send the letter, end it with a line that holds only a dot"},
    [SMTP_GOT_LETTER] = {250, "2.0.0", "Letter accepted"                                          },
};

void smtp_server_accept(struct smtp_server *s)
{
    assert(s->pending > SMTP_GOT_FLUSH && s->pending < SMTP_GOT_RESET);
    if (s->pending == SMTP_GOT_HELLO) {
        s->pending = SMTP_GOT_NOTHING;
        smtp_server_say_features(s);
        proceed(s, SMTP_GOT_HELLO);
        return;
    }
    smtp_server_reply(s, usual[s->pending].code, usual[s->pending].enhanced,
                      slice_text(usual[s->pending].text));
}

void smtp_server_reply(struct smtp_server *s, int code, const char *enhanced, struct slice text)
{
    enum smtp_got answered = s->pending;
    bool closing = code == 421 || code == 221;

    assert(answered > SMTP_GOT_FLUSH && answered < SMTP_GOT_RESET && answered != SMTP_GOT_BODY);
    s->pending = SMTP_GOT_NOTHING;
    explicit_bzero(s->credentials, sizeof(s->credentials));
    if (answered == SMTP_GOT_DATA && s->chunked && !closing) {
        /* The answer to BDAT comes behind its octets (RFC 3030 section 2). */
        if (code >= 400) {
            smtp_server_refuse(s, code, enhanced, text);
        }
        smtp_server_enter(s, STATE_CHUNK);
        return;
    }
    smtp_server_say(s, code, enhanced, text);
    if (closing) {
        smtp_server_enter(s, STATE_CLOSED);
    } else if (answered == SMTP_GOT_LETTER) {
        s->commands = code < 400 ? 0 : s->commands;
        smtp_server_enter(s, STATE_READY);
    } else if (code < 400) {
        proceed(s, answered);
    }
}

void smtp_server_refuse(struct smtp_server *s, int code, const char *enhanced, struct slice text)
{
    s->refusal_code = (uint16_t)code;
    (void)snprintf(s->refusal_status, sizeof(s->refusal_status), "%s", enhanced ? enhanced : "");
    (void)snprintf(s->refusal, sizeof(s->refusal), "%.*s", SLICE_ARG(text));
}

void smtp_server_discard(struct smtp_server *s, int code, const char *enhanced, struct slice text)
{
    assert(s->state & (STATE_DATA | STATE_CHUNK | STATE_CHUNKS) && s->pending == SMTP_GOT_NOTHING);
    if (s->refusal_code == 0) {
        smtp_server_refuse(s, code, enhanced, text);
    }
}

void smtp_server_end(struct smtp_server *s, int code, const char *enhanced, struct slice text)
{
    s->pending = SMTP_GOT_NOTHING;
    explicit_bzero(s->credentials, sizeof(s->credentials));
    /* A client that never reads its replies does not get this one either. */
    if (SMTP_OUT_MAX - s->out_len >= SMTP_REPLY_MAX && s->state != STATE_CLOSED) {
        smtp_server_say(s, code, enhanced, text);
    }
    smtp_server_enter(s, STATE_CLOSED);
}

void smtp_server_secured(struct smtp_server *s)
{
    assert(s->state == STATE_TLS && s->pending == SMTP_GOT_NOTHING);
    s->tls = true;
    s->signed_in = s->config->open;
    s->esmtp = false;
    smtp_server_enter(s, STATE_FRESH);
}

bool smtp_server_idle(const struct smtp_server *s)
{
    return s->pending == SMTP_GOT_NOTHING && (s->state & (STATE_FRESH | STATE_HELLO | STATE_READY));
}
