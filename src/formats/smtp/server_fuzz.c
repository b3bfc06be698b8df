#include <stdlib.h>

#include "base/buf.h"

#include "formats/smtp/server.h"

/* The same octets, however they are cut, lead to the same requests, replies and letters; and no
 * letter holds a CR, LF or NUL that it must not.
 *
 * Input: a byte of settings, a seed for answers and cuts, then what the client sends. */
enum { WITH_TLS = 1, SIGNED_IN = 2, WITH_STARTTLS = 4, SMALL = 8, FEW = 16, NARROW = 32 };

struct run {
    struct smtp_server server;
    struct buf letter;
    struct buf log;
    uint32_t answers; /* state of a small generator, stepped once a request */
};

static uint32_t step(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

static void require(bool what)
{
    if (!what) {
        abort();
    }
}

static void check_letter(struct slice letter)
{
    for (size_t i = 0; i < letter.len; i++) {
        uint8_t before = i ? letter.ptr[i - 1] : 0;
        require(letter.ptr[i] != 0);
        require((letter.ptr[i] == '\n') == (before == '\r'));
    }
    require(letter.len == 0 || letter.ptr[letter.len - 1] != '\r');
}

static void note(struct run *r, enum smtp_got got, struct slice what)
{
    buf_printf(&r->log, "[%d %.*s]", (int)got, SLICE_ARG(what));
}

/* Answer yes mostly, refuse at times, hang up rarely. Whether it was yes. */
static bool answer(struct run *r)
{
    uint32_t n = step(&r->answers);

    if (n % 64 == 63) {
        smtp_server_end(&r->server, 421, "4.3.2", SLICE("Bye"));
    } else if (n % 8 == 7) {
        smtp_server_reply(&r->server, 550, "5.0.0", SLICE("No\nnever\n"));
    } else {
        smtp_server_accept(&r->server);
        return true;
    }
    return false;
}

static void handle(struct run *r, enum smtp_got got, const struct smtp_request *q)
{
    switch (got) {
    case SMTP_GOT_HELLO:
        note(r, got, q->name);
        break;
    case SMTP_GOT_STARTTLS:
        note(r, got, SLICE(""));
        smtp_server_accept(&r->server);
        smtp_server_secured(&r->server);
        return;
    case SMTP_GOT_AUTH:
        require(r->server.tls && q->credentials.user.len && q->credentials.password.len);
        note(r, got, q->credentials.password);
        break;
    case SMTP_GOT_SASL:
        require(r->server.tls && !r->server.signed_in);
        note(r, got, q->sasl.message);
        if (step(&r->answers) % 2) {
            smtp_server_challenge(&r->server, slice_head(q->sasl.message, SMTP_CHALLENGE_MAX));
            return;
        }
        break;
    case SMTP_GOT_MAIL:
        require(r->server.tls && r->server.signed_in);
        note(r, got, q->mail.sender.text);
        break;
    case SMTP_GOT_RCPT:
        require(q->rcpt.recipient.local.len > 0);
        note(r, got, q->rcpt.recipient.text);
        break;
    case SMTP_GOT_DATA:
        buf_reset(&r->letter);
        note(r, got, SLICE(""));
        if (answer(r) && step(&r->answers) % 8 == 0) {
            smtp_server_discard(&r->server, 452, "4.3.1", SLICE("No room"));
        }
        return;
    case SMTP_GOT_BODY:
        require(q->body.len > 0);
        buf_add(&r->letter, q->body);
        return;
    case SMTP_GOT_LETTER:
        check_letter(buf_slice(&r->letter));
        note(r, got, buf_slice(&r->letter));
        break;
    case SMTP_GOT_RESET:
    case SMTP_GOT_SASL_END:
    case SMTP_GOT_END:
        note(r, got, SLICE(""));
        return;
    case SMTP_GOT_NOTHING:
    case SMTP_GOT_FLUSH:
        return;
    }
    (void)answer(r);
}

static void drain(struct run *r)
{
    require(r->server.out_len <= SMTP_OUT_MAX);
    buf_add(&r->log, smtp_server_output(&r->server));
    smtp_server_sent(&r->server);
}

/* Feed all of `input`; with cuts, a little at a time. */
static void play(struct run *r, struct slice input, uint32_t cuts)
{
    struct smtp_request q = {0};
    size_t at = 0;
    size_t offered = 0;

    for (;;) {
        size_t more = cuts ? 1 + step(&cuts) % 40 : input.len;
        offered = input.len - offered < more ? input.len : offered + more;
        struct slice in = slice_of(input.ptr + at, offered - at);
        enum smtp_got got = SMTP_GOT_FLUSH;
        while (got != SMTP_GOT_NOTHING && got != SMTP_GOT_END) {
            size_t before = in.len;
            got = smtp_server_next(&r->server, &in, &q);
            require(in.len <= before);
            drain(r);
            handle(r, got, &q);
            drain(r);
        }
        at = offered - in.len;
        if (got == SMTP_GOT_END || offered == input.len) {
            return;
        }
    }
}

static void run_all(struct run *r, const struct smtp_server_config *config, unsigned settings,
                    struct slice input, uint32_t cuts)
{
    buf_init(&r->letter, 1 << 22);
    buf_init(&r->log, 1 << 24);
    r->answers = 0;
    smtp_server_init(&r->server, config, settings & WITH_TLS);
    drain(r);
    if (settings & SIGNED_IN) {
        play(r, SLICE("EHLO c\r\nAUTH PLAIN AGEAYg==\r\n"), 0);
    }
    play(r, input, cuts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole;
    static struct run cut;

    if (size < 2) {
        return 0;
    }
    unsigned settings = data[0];
    struct slice input = slice_from(slice_of(data, size), 2);
    struct smtp_server_config config = {
        .host = SLICE("mx.example"),
        .features = SMTP_SIZE | SMTP_AUTH | SMTP_8BITMIME | SMTP_SMTPUTF8 | SMTP_CHUNKING |
                    SMTP_DSN | (settings & WITH_STARTTLS ? SMTP_STARTTLS : 0),
        .mechanisms = SMTP_PLAIN | SMTP_LOGIN | SMTP_SCRAM_SHA_256,
        .size_max = settings & SMALL ? 20 : 100000,
        .recipients_max = settings & SMALL ? 2 : 100,
        /* Not with SMALL: which of two limits is passed first depends on the cuts. */
        .line_max = settings & NARROW && !(settings & SMALL) ? 10 : 998,
        .errors_max = settings & FEW ? 2 : 100,
        .commands_max = settings & FEW ? 8 : 1000,
    };
    run_all(&whole, &config, settings, input, 0);
    run_all(&cut, &config, settings, input, 1U + data[1]);
    /* What follows STARTTLS in the same piece of input decides its fate, so cuts do matter there. */
    if (!(settings & WITH_STARTTLS)) {
        require(slice_equal(buf_slice(&whole.log), buf_slice(&cut.log)));
    }
    buf_done(&whole.letter);
    buf_done(&whole.log);
    buf_done(&cut.letter);
    buf_done(&cut.log);
    return 0;
}
