#include "base/clock.h"

#include "host/dial.h"
#include "stages/intake/pull.h"

#define INPUT_MAX      ((size_t)64 << 10)
#define OUTPUT_MAX     ((size_t)256 << 10)
#define CONNECT_MS     30000
#define COMMAND_MAX_MS (30 * 60 * 1000) /* for everything that was asked at once */
#define GOOD_BYE_MS    2000
#define SHOWN_MAX      200 /* of what a server says in a sentence */
#define ANSWER_MAX     8192

/* What the server said, in a sentence of ours. */
static bool refused(struct error *e, enum error_kind kind, const char *what, struct slice text)
{
    char shown[SHOWN_MAX + 1];
    size_t len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;

    for (size_t i = 0; i < len; i++) {
        shown[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? (char)text.ptr[i] : '?';
    }
    shown[len] = 0;
    return error_set(e, kind, "%s: %s", what, shown);
}

/* ── bytes ── */

bool pull_send(struct pull_session *s, struct error *e)
{
    if (s->out.full) {
        return error_set(e, ERROR_LIMIT, "a command too long to be said");
    }
    s->until_ms = clock_steady_ms() + COMMAND_MAX_MS;
    bool sent = conn_write(s->conn, buf_slice(&s->out), clock_steady_ms() + s->timeout_ms, e);
    explicit_bzero(s->out.ptr, s->out.len); /* a password, perhaps */
    buf_reset(&s->out);
    return sent;
}

static bool read_more(struct pull_session *s, struct error *e)
{
    enum conn_event event = CONN_CLOSED;
    int64_t deadline = clock_steady_ms() + s->timeout_ms;

    deadline = deadline < s->until_ms ? deadline : s->until_ms;
    buf_reset(&s->in);
    if (!conn_read(s->conn, &s->in, deadline, &event, e)) {
        return false;
    }
    s->unread = buf_slice(&s->in);
    if (event == CONN_BYTES) {
        return true;
    }
    return error_set(e, ERROR_BUSY,
                     event == CONN_CLOSED ? "the server hung up" : "the server does not answer");
}

bool pull_next(struct pull_session *s, enum imap_got *got, struct slice *run,
               struct imap_response *r, struct error *e)
{
    for (;;) {
        *got = imap_reader_next(s->reader, &s->unread, run, r);
        if (*got == IMAP_BROKEN) {
            return error_set(e, ERROR_INPUT, "the server does not speak IMAP as it should");
        }
        if (*got == IMAP_RESPONSE && r->kind == IMAP_BYE) {
            return refused(e, ERROR_BUSY, "the server says good-bye", r->text);
        }
        if (*got != IMAP_MORE) {
            return true;
        }
        if (!read_more(s, e)) {
            return false;
        }
    }
}

/* The next response; there is no letter to come. */
static bool next_response(struct pull_session *s, struct imap_response *r, struct error *e)
{
    enum imap_got got = IMAP_MORE;
    struct slice run;

    if (!pull_next(s, &got, &run, r, e)) {
        return false;
    }
    if (got == IMAP_BODY) {
        return error_set(e, ERROR_INPUT, "the server sends a letter that nobody asked for");
    }
    if (r->capabilities) {
        s->capabilities = r->capabilities;
    }
    return true;
}

/* Read up to the answer of the last command. */
static bool wait_for_tag(struct pull_session *s, struct imap_response *r, struct error *e)
{
    do {
        if (!next_response(s, r, e)) {
            return false;
        }
    } while (r->tag != s->tag);
    return true;
}

/* ── opening ── */

static bool connect_any(const struct pull_target *t, int *fd, struct error *e)
{
    for (size_t i = 0; i < t->n_addresses; i++) {
        if (dial_tcp(&t->addresses[i], NULL, clock_steady_ms() + CONNECT_MS, fd, e)) {
            return true;
        }
    }
    return t->n_addresses ? false : error_set(e, ERROR_BUSY, "the server has no address");
}

static bool secure(const struct pull_target *t, struct conn *c, struct error *e)
{
    struct slice name = t->settings->tls_name.len ? t->settings->tls_name : t->settings->host.host;

    if (!conn_tls_connect(c, t->trust, name, clock_steady_ms() + CONNECT_MS, e)) {
        return error_add(e, "TLS");
    }
    enum tls_verdict verdict = conn_tls(c)->verdict;
    return verdict == TLS_VERIFIED ||
           error_set(e, ERROR_DENIED, "the server's certificate does not convince for %.*s: %s",
                     SLICE_ARG(name), tls_verdict_text(verdict));
}

static bool greet(struct pull_session *s, struct error *e)
{
    struct imap_response r;

    if (!next_response(s, &r, e)) {
        return false;
    }
    if (r.kind != IMAP_OK || r.tag != 0) {
        return refused(e, ERROR_BUSY, "the server does not want us", r.text);
    }
    if (s->capabilities & IMAP_CAN_KNOWN) {
        return true;
    }
    imap_say(&s->out, ++s->tag, "CAPABILITY");
    return pull_send(s, e) && wait_for_tag(s, &r, e);
}

/* The server asks for the answer, or, XOAUTH2 being refused, tells why and wants an empty one. */
static bool converse(struct pull_session *s, struct slice answer, bool said, struct error *e)
{
    struct imap_response r;

    do {
        if (!next_response(s, &r, e)) {
            return false;
        }
        if (r.kind == IMAP_GO_ON) {
            imap_say_answer(&s->out, said ? SLICE_NONE : answer);
            said = true;
            if (!pull_send(s, e)) {
                return false;
            }
        }
    } while (r.tag != s->tag);
    return r.kind == IMAP_OK || refused(e, ERROR_DENIED, "the sign-in is refused", r.text);
}

static bool sign_in(const struct pull_target *t, struct pull_session *s, struct error *e)
{
    bool token = t->settings->sign_in == SETTING_SIGN_IN_XOAUTH2;
    struct slice user = t->settings->user.len ? t->settings->user : t->mailbox;
    bool at_once = s->capabilities & IMAP_CAN_SASL_IR;
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};

    if (!(s->capabilities & (token ? IMAP_CAN_XOAUTH2 : IMAP_CAN_PLAIN))) {
        return error_set(e, ERROR_DENIED, "the server offers no AUTH=%s",
                         token ? "XOAUTH2" : "PLAIN");
    }
    if (token) {
        imap_xoauth2(&answer, user, t->secret);
    } else {
        imap_plain(&answer, t->settings->on_behalf ? t->mailbox : SLICE_NONE, user, t->secret);
    }
    imap_say_authenticate(&s->out, ++s->tag, token ? "XOAUTH2" : "PLAIN", buf_slice(&answer),
                          at_once);
    bool told = answer.full ? error_set(e, ERROR_CONFIG, "password or token is too long")
                            : pull_send(s, e) && converse(s, buf_slice(&answer), at_once, e);
    explicit_bzero(answer.ptr, answer.len);
    return told;
}

bool pull_open(const struct pull_target *target, struct pull_session *s, struct error *e)
{
    int fd = -1;

    *s = (struct pull_session){.timeout_ms = target->timeout_ms,
                               .until_ms = clock_steady_ms() + COMMAND_MAX_MS};
    if (!connect_any(target, &fd, e)) {
        return false;
    }
    s->conn = conn_new(fd);
    s->reader = calloc(1, sizeof(*s->reader));
    if (!s->reader) {
        arena_panic("out of memory");
    }
    imap_reader_init(s->reader);
    buf_init(&s->in, INPUT_MAX);
    buf_init(&s->out, OUTPUT_MAX);
    if (secure(target, s->conn, e) && greet(s, e) && sign_in(target, s, e)) {
        return true;
    }
    pull_close(s, false);
    return false;
}

void pull_close(struct pull_session *s, bool kindly)
{
    struct error ignored;

    if (s->conn && kindly) {
        imap_say(&s->out, ++s->tag, "LOGOUT");
        (void)!pull_send(s, &ignored);
        conn_close(s->conn, clock_steady_ms() + GOOD_BYE_MS);
    } else {
        conn_free(s->conn);
    }
    free(s->reader);
    buf_done(&s->in);
    buf_done(&s->out);
    *s = (struct pull_session){0};
}

/* ── folders ── */

static bool is_called_sent(struct slice name)
{
    static const char *const names[] = {"Sent", "Sent Items", "Sent Messages", "INBOX.Sent",
                                        "INBOX/Sent"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal_nocase(name, slice_text(names[i]))) {
            return true;
        }
    }
    return false;
}

/* What the server marks as \Sent, otherwise what is called so. */
static bool find_sent(struct pull_session *s, struct arena *arena, struct slice *names,
                      size_t *count, struct error *e)
{
    struct imap_response r;
    struct slice called = SLICE_NONE;
    size_t n = 0;

    imap_say(&s->out, ++s->tag, "LIST \"\" \"*\"");
    if (!pull_send(s, e)) {
        return false;
    }
    do {
        if (!next_response(s, &r, e)) {
            return false;
        }
        if (r.kind != IMAP_FOLDER || r.folder.noselect) {
            continue;
        }
        if (r.folder.sent && n < PULL_FOLDERS_MAX) {
            names[n++] = arena_copy(arena, r.folder.name);
        } else if (called.len == 0 && is_called_sent(r.folder.name)) {
            called = arena_copy(arena, r.folder.name);
        }
    } while (r.tag != s->tag);
    if (n == 0 && called.len) {
        names[n++] = called;
    }
    *count = n;
    return n != 0 || error_set(e, ERROR_INPUT,
                               "the server marks no folder as \\Sent: name one with `folder`");
}

bool pull_folders(struct pull_session *s, const struct pull_settings *settings, struct arena *arena,
                  struct slice *names, size_t *count, struct error *e)
{
    const struct slice *wanted = settings->folders.items;

    if (settings->folders.count == 0) {
        return find_sent(s, arena, names, count, e);
    }
    for (*count = 0; *count < settings->folders.count && *count < PULL_FOLDERS_MAX; ++*count) {
        OWN(buf) struct buf wire = {.max = IMAP_NAME_MAX};
        if (!imap_name_encode(wanted[*count], &wire)) {
            return error_set(e, ERROR_CONFIG, "`folder`: %.*s cannot be a folder's name",
                             SLICE_ARG(wanted[*count]));
        }
        names[*count] = arena_copy(arena, buf_slice(&wire));
    }
    return true;
}
