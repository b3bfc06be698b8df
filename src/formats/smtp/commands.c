#include <stdio.h>

#include "formats/smtp/internal.h"

/* Which command may come where (RFC 5321 section 4.1.4), and what it needs. One row a command; a
 * positive answer leads to the next state, all others leave it.
 *
 *   FRESH --EHLO--> HELLO --AUTH--> [what AUTH waits for] --> READY --MAIL--> MAIL --RCPT--> RCPT
 *     ^               |                                         ^                             |
 *     +-- STARTTLS ---+                                         +--- LETTER --- DATA, CHUNK --+
 *
 * RSET and EHLO lead from MAIL, RCPT and CHUNKS back to READY. */
enum {
    AT_REST = STATE_FRESH | STATE_HELLO | STATE_READY,
    IN_TRANSACTION = STATE_MAIL | STATE_RCPT | STATE_CHUNKS,
    ANYWHERE = AT_REST | IN_TRANSACTION,
    WITH_SENDER = STATE_MAIL | STATE_RCPT,
    WITH_RECIPIENT = STATE_RCPT | STATE_CHUNKS,
};

enum need { NEED_NOTHING, NEED_TLS, NEED_SIGN_IN };

typedef enum smtp_got command_function(struct smtp_server *s, struct slice arg,
                                       struct smtp_request *out);

static command_function hello, helo, starttls, reset, noop, verify, help, quit, unoffered;

static const char hello_first[] = "Say EHLO before STARTTLS";
static const char signed_in[] = "You are signed in already";
static const char letter_begun[] = "A letter is begun already: finish it or say RSET";
static const char no_sender[] = "Name the sender first, with MAIL";
static const char no_recipient[] = "The letter has no recipient that was accepted";

enum {
    MAIL_MAX = SMTP_LINE_MAIL_MAX,
    RCPT_MAX = SMTP_LINE_RCPT_MAX,
    AUTH_MAX = SMTP_LINE_AUTH_MAX,
    LINE_MAX = SMTP_LINE_MAX,
};

static const struct command {
    struct slice verb;
    unsigned allowed; /* states */
    enum need need;
    size_t line_max; /* octets with CRLF */
    command_function *run;
    const char *disorder; /* said where it is not allowed */
} commands[] = {
    {SLICE_INIT("EHLO"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, hello,            NULL        },
    {SLICE_INIT("HELO"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, helo,             NULL        },
    {SLICE_INIT("STARTTLS"), STATE_HELLO,    NEED_NOTHING, LINE_MAX, starttls,         hello_first },
    {SLICE_INIT("AUTH"),     STATE_HELLO,    NEED_TLS,     AUTH_MAX, smtp_server_auth, signed_in   },
    {SLICE_INIT("MAIL"),     STATE_READY,    NEED_SIGN_IN, MAIL_MAX, smtp_server_mail, letter_begun},
    {SLICE_INIT("RCPT"),     WITH_SENDER,    NEED_SIGN_IN, RCPT_MAX, smtp_server_rcpt, no_sender   },
    {SLICE_INIT("DATA"),     STATE_RCPT,     NEED_SIGN_IN, LINE_MAX, smtp_server_data, no_recipient},
    {SLICE_INIT("BDAT"),     WITH_RECIPIENT, NEED_SIGN_IN, LINE_MAX, smtp_server_bdat, no_recipient},
    {SLICE_INIT("RSET"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, reset,            NULL        },
    {SLICE_INIT("NOOP"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, noop,             NULL        },
    {SLICE_INIT("VRFY"),     ANYWHERE,       NEED_SIGN_IN, LINE_MAX, verify,           NULL        },
    {SLICE_INIT("EXPN"),     ANYWHERE,       NEED_SIGN_IN, LINE_MAX, unoffered,        NULL        },
    {SLICE_INIT("HELP"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, help,             NULL        },
    {SLICE_INIT("QUIT"),     ANYWHERE,       NEED_NOTHING, LINE_MAX, quit,             NULL        },
};

/* Verbs that only a browser or another program led astray sends: what follows them may be a form
 * full of SMTP commands, so not one line more is read. */
static const struct slice foreign[] = {
    SLICE_INIT("GET"),  SLICE_INIT("POST"),    SLICE_INIT("PUT"),
    SLICE_INIT("HEAD"), SLICE_INIT("OPTIONS"), SLICE_INIT("CONNECT"),
};

static bool offers(const struct smtp_server *s, enum smtp_feature feature)
{
    return s->config->features & feature;
}

static enum smtp_got greet(struct smtp_server *s, struct slice name, bool esmtp,
                           struct smtp_request *out)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f) {
            name.len = 0;
        }
    }
    if (name.len == 0 || name.len > SMTP_DOMAIN_MAX) {
        return smtp_server_mistake(s, 501, "5.5.4", "Say your host's name behind EHLO");
    }
    if (s->state & IN_TRANSACTION) {
        smtp_server_enter(s, STATE_READY); /* RFC 5321 section 4.1.4: as RSET */
    }
    out->name = name;
    out->esmtp = s->esmtp = esmtp;
    return SMTP_GOT_HELLO;
}

static enum smtp_got hello(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    return greet(s, arg, true, out);
}

static enum smtp_got helo(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    return greet(s, arg, false, out);
}

static int list_mechanisms(unsigned offered, char *text, size_t room)
{
    enum smtp_mechanism mechanism = SMTP_NO_MECHANISM;
    struct slice name;
    int at = 0;

    for (size_t n = 0; (mechanism = smtp_mechanism_at(n, &name)) != SMTP_NO_MECHANISM; n++) {
        if (mechanism & offered) {
            at += snprintf(text + at, room - (size_t)at, " %.*s", SLICE_ARG(name));
        }
    }
    return at;
}

/* The reply to EHLO (RFC 5321 section 4.1.1.1): what is usable now, no more. */
void smtp_server_say_features(struct smtp_server *s)
{
    static const struct {
        enum smtp_feature feature;
        const char *line;
    } plain[] = {
        {SMTP_PIPELINING,          "\nPIPELINING"         },
        {SMTP_8BITMIME,            "\n8BITMIME"           },
        {SMTP_SMTPUTF8,            "\nSMTPUTF8"           },
        {SMTP_CHUNKING,            "\nCHUNKING"           },
        {SMTP_DSN,                 "\nDSN"                },
        {SMTP_ENHANCEDSTATUSCODES, "\nENHANCEDSTATUSCODES"},
    };

    char text[SMTP_REPLY_MAX];

    if (!s->esmtp) {
        smtp_server_say(s, 250, NULL, s->config->host);
        return;
    }
    int at = snprintf(text, sizeof(text), "%.*s", SLICE_ARG(s->config->host));

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (offers(s, plain[i].feature)) {
            at += snprintf(text + at, sizeof(text) - (size_t)at, "%s", plain[i].line);
        }
    }
    if (offers(s, SMTP_STARTTLS) && !s->tls) {
        at += snprintf(text + at, sizeof(text) - (size_t)at, "\nSTARTTLS");
    }
    if (offers(s, SMTP_REQUIRETLS) && s->tls) {
        at += snprintf(text + at, sizeof(text) - (size_t)at, "\nREQUIRETLS");
    }
    if (offers(s, SMTP_AUTH) && s->tls) {
        at += snprintf(text + at, sizeof(text) - (size_t)at, "\nAUTH");
        at += list_mechanisms(s->config->mechanisms, text + at, sizeof(text) - (size_t)at);
    }
    /* At the end: gsasl(1) sees neither of the two above in the last line. */
    if (offers(s, SMTP_SIZE)) {
        at += snprintf(text + at, sizeof(text) - (size_t)at, "\nSIZE %llu",
                       (unsigned long long)s->config->size_max);
    }
    smtp_server_say(s, 250, NULL, slice_of(text, (size_t)at));
}

static enum smtp_got starttls(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)out;
    if (arg.len) {
        return smtp_server_mistake(s, 501, "5.5.4", "STARTTLS takes no argument");
    }
    if (s->tls || !offers(s, SMTP_STARTTLS)) {
        return smtp_server_mistake(s, 503, "5.5.1",
                                   s->tls ? "TLS is in use already" : "TLS is not offered here");
    }
    return SMTP_GOT_STARTTLS;
}

static enum smtp_got reset(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    bool transaction = s->state & IN_TRANSACTION;

    (void)out;
    if (arg.len) {
        return smtp_server_mistake(s, 501, "5.5.4", "RSET takes no argument");
    }
    smtp_server_say(s, 250, "2.0.0", SLICE("Forgotten"));
    if (transaction) {
        smtp_server_enter(s, STATE_READY);
    }
    return transaction ? SMTP_GOT_RESET : SMTP_GOT_NOTHING;
}

static enum smtp_got noop(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)arg;
    (void)out;
    smtp_server_say(s, 250, "2.0.0", SLICE("OK"));
    return SMTP_GOT_NOTHING;
}

static enum smtp_got verify(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)out;
    if (arg.len == 0) {
        return smtp_server_mistake(s, 501, "5.5.4", "Say an address behind VRFY");
    }
    smtp_server_say(s, 252, "2.5.0", SLICE("Addresses are checked when a letter is sent"));
    return SMTP_GOT_NOTHING;
}

static enum smtp_got help(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)arg;
    (void)out;
    smtp_server_say(s, 214, "2.0.0",
                    SLICE("This server sends your mail: set your mail program to TLS with your "
                          "user name and password"));
    return SMTP_GOT_NOTHING;
}

static enum smtp_got quit(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)out;
    if (arg.len) {
        return smtp_server_mistake(s, 501, "5.5.4", "QUIT takes no argument");
    }
    smtp_server_say(s, 221, "2.0.0", SLICE("Goodbye"));
    smtp_server_enter(s, STATE_CLOSED);
    return SMTP_GOT_NOTHING;
}

static enum smtp_got unoffered(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    (void)arg;
    (void)out;
    return smtp_server_mistake(s, 502, "5.5.1", "This command is not offered here");
}

static const struct command *find(struct slice verb)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (slice_equal_nocase(verb, commands[i].verb)) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool is_foreign(struct slice verb)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (slice_equal(verb, foreign[i])) {
            return true;
        }
    }
    return false;
}

/* What stands in the way of a command, or NULL; *code and *enhanced to say with it. */
static const char *obstacle(const struct smtp_server *s, const struct command *c, int *code,
                            const char **enhanced)
{
    *code = 530;
    *enhanced = "5.7.0";
    if (c->need != NEED_NOTHING && !s->tls) {
        if (c->need == NEED_TLS) {
            *code = 538; /* RFC 4954 section 6 */
            *enhanced = "5.7.11";
        }
        return "Encrypt the connection first, with STARTTLS";
    }
    if (c->need == NEED_SIGN_IN && !s->signed_in) {
        return "Sign in first: your mail program must use your user name and password";
    }
    *code = 503;
    *enhanced = "5.5.1";
    if (c->allowed & s->state) {
        return NULL;
    }
    if (s->state == STATE_CHUNKS) {
        return "The letter is being sent in chunks: go on with BDAT or say RSET";
    }
    return s->state == STATE_FRESH ? "Say EHLO first" : c->disorder;
}

enum smtp_got smtp_server_line(struct smtp_server *s, struct slice line, struct smtp_request *out)
{
    struct slice arg;
    const char *enhanced = NULL;
    int code = 0;
    size_t octets = line.len + 2;

    if (s->state & (STATE_USER | STATE_PASSWORD | STATE_PLAIN | STATE_BEGIN | STATE_SASL)) {
        return smtp_server_auth_line(s, line, out);
    }
    while (line.len && line.ptr[line.len - 1] == ' ') {
        line.len--; /* RFC 5321 section 4.1.1: trailing blanks are tolerated */
    }
    struct slice verb = slice_cut(line, ' ', &arg);
    const struct command *command = find(verb);
    if (!command) {
        if (is_foreign(verb)) {
            smtp_server_enter(s, STATE_CLOSED);
        }
        return smtp_server_mistake(s, 500, "5.5.1", "Command not recognised");
    }
    const char *why = obstacle(s, command, &code, &enhanced);
    if (command->run == smtp_server_bdat && why) {
        return smtp_server_bdat_misplaced(s, arg, code, enhanced, why);
    }
    if (octets > command->line_max) {
        return smtp_server_mistake(s, 500, "5.5.2", "The line is too long for this command");
    }
    return why ? smtp_server_mistake(s, code, enhanced, why) : command->run(s, arg, out);
}
