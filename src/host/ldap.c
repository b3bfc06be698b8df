#include "host/ldap.h"

#include <errno.h>
#include <stdlib.h>

/* The library's headers. */
#include <ldap.h>
#include <openldap.h>

#include "base/clock.h"

#include "host/conn.h"
#include "host/dial.h"
#include "host/ldap_entry.h"

#define GOOD_BYE_MS 200
#define INPUT_MAX   ((size_t)64 << 10)
#define SHOWN_MAX   200  /* of what a server says in a sentence */
#define ENTRIES_MAX 5000 /* of one answer */
#define COOKIE_MAX  16384

struct dirlink {
    LDAP *ldap;
    struct conn *conn;
    struct buf in;
    int64_t timeout_ms;
    int64_t until_ms;
    int64_t deadline_ms; /* of the question under way */
    size_t room;         /* bytes that its answer may still have */
    struct error why;    /* the connection broke */
    bool broken;
};

/* ── bytes ── */

static int io_setup(Sockbuf_IO_Desc *io, void *link)
{
    io->sbiod_pvt = link;
    return 0;
}

static int io_remove(Sockbuf_IO_Desc *io)
{
    io->sbiod_pvt = NULL;
    return 0;
}

/* The connection is ours, and closed by us. */
static int io_close(Sockbuf_IO_Desc *io)
{
    (void)io;
    return 0;
}

/* There is always something to read: io_read() waits for it, until the deadline. */
static int io_ctrl(Sockbuf_IO_Desc *io, int what, void *argument)
{
    (void)io;
    (void)argument;
    return what == LBER_SB_OPT_DATA_READY;
}

static ber_slen_t broke(struct dirlink *l)
{
    l->broken = true;
    errno = ECONNRESET;
    return -1;
}

/* A server that keeps talking is stopped like one that says nothing. */
static bool may_go_on(struct dirlink *l)
{
    if (clock_steady_ms() >= l->deadline_ms) {
        return error_set(&l->why, ERROR_BUSY, "the server does not come to an end");
    }
    return l->room || error_set(&l->why, ERROR_LIMIT, "the server's answer is too long");
}

static ber_slen_t io_read(Sockbuf_IO_Desc *io, void *out, ber_len_t room)
{
    struct dirlink *l = io->sbiod_pvt;
    enum conn_event event = CONN_BYTES;

    if (l->broken || !may_go_on(l)) {
        return broke(l);
    }
    if (l->in.len == 0 && !conn_read(l->conn, &l->in, l->deadline_ms, &event, &l->why)) {
        return broke(l);
    }
    if (event != CONN_BYTES) {
        (void)error_set(&l->why, ERROR_BUSY,
                        event == CONN_CLOSED ? "the server hung up" : "the server does not answer");
        return broke(l);
    }
    size_t n = l->in.len < room ? l->in.len : room;
    n = n < l->room ? n : l->room;
    l->room -= n;
    (void)memcpy(out, l->in.ptr, n);
    buf_drop(&l->in, n);
    return (ber_slen_t)n;
}

static ber_slen_t io_write(Sockbuf_IO_Desc *io, void *bytes, ber_len_t len)
{
    struct dirlink *l = io->sbiod_pvt;

    if (l->broken || !conn_write(l->conn, slice_of(bytes, len), l->deadline_ms, &l->why)) {
        return broke(l);
    }
    return (ber_slen_t)len;
}

static Sockbuf_IO our_io = {
    .sbi_setup = io_setup,
    .sbi_remove = io_remove,
    .sbi_ctrl = io_ctrl,
    .sbi_read = io_read,
    .sbi_write = io_write,
    .sbi_close = io_close,
};

/* ── what went wrong ── */

static void begin(struct dirlink *l, size_t room)
{
    int64_t deadline = clock_steady_ms() + l->timeout_ms;

    l->deadline_ms = deadline < l->until_ms ? deadline : l->until_ms;
    l->room = room;
}

static enum error_kind kind_of(int code)
{
    switch (code) {
    case LDAP_FILTER_ERROR:
        return ERROR_INPUT;
    case LDAP_INSUFFICIENT_ACCESS:
        return ERROR_DENIED;
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
        return ERROR_LIMIT;
    default:
        return ERROR_BUSY;
    }
}

/* What the server said, in a sentence of ours. */
static bool failed(const struct dirlink *l, int code, const char *doing, const char *said,
                   struct error *e)
{
    char shown[SHOWN_MAX + 1] = "";

    if (l->broken) {
        return error_set(e, l->why.kind == ERROR_LIMIT ? ERROR_LIMIT : ERROR_BUSY, "%s: %s", doing,
                         l->why.text);
    }
    for (size_t i = 0; said && i < SHOWN_MAX && said[i]; i++) {
        shown[i] = said[i] >= ' ' && said[i] <= '~' ? said[i] : '?';
    }
    return error_set(e, kind_of(code), "%s: %s%s%s", doing, ldap_err2string(code),
                     shown[0] ? ": " : "", shown);
}

/* Take an answer apart: the server's code, and the controls with it, if they are asked for. */
static bool outcome(struct dirlink *l, LDAPMessage *answer, const char *doing, int *code,
                    LDAPControl ***controls, struct error *e)
{
    char *said = NULL;
    int parsed = ldap_parse_result(l->ldap, answer, code, NULL, &said, NULL, controls, 0);
    bool fine = parsed == LDAP_SUCCESS && *code == LDAP_SUCCESS;

    if (parsed != LDAP_SUCCESS) {
        *code = parsed;
    }
    if (!fine) {
        (void)failed(l, *code, doing, said, e);
    }
    ldap_memfree(said);
    return fine;
}

/* Wait for the answer to a question that was sent. */
static bool await(struct dirlink *l, int sent, int id, const char *doing, LDAPMessage **answer,
                  struct error *e)
{
    if (sent != LDAP_SUCCESS) {
        return failed(l, sent, doing, NULL, e);
    }
    if (ldap_result(l->ldap, id, LDAP_MSG_ALL, NULL, answer) > 0) {
        return true;
    }
    int code = LDAP_SERVER_DOWN;
    (void)ldap_get_option(l->ldap, LDAP_OPT_RESULT_CODE, &code);
    return failed(l, code, doing, NULL, e);
}

/* ── opening ── */

void dirlink_prepare(void)
{
    LDAP *ldap = NULL;

    (void)setenv("LDAPNOINIT", "1", 1);       /* no ldap.conf, ... */
    (void)setenv("SASL_PATH", "/nowhere", 1); /* ... and no mechanisms of others */
    if (ldap_create(&ldap) == LDAP_SUCCESS) {
        (void)ldap_unbind_ext(ldap, NULL, NULL);
    }
}

static bool secure(struct dirlink *l, const struct dirlink_target *t, struct error *e)
{
    if (!conn_tls_connect(l->conn, t->trust, t->name, l->deadline_ms, e)) {
        return error_add(e, "TLS");
    }
    enum tls_verdict verdict = conn_tls(l->conn)->verdict;
    return verdict == TLS_VERIFIED ||
           error_set(e, ERROR_DENIED, "the server's certificate does not convince for %.*s: %s",
                     SLICE_ARG(t->name), tls_verdict_text(verdict));
}

static bool start_tls(struct dirlink *l, const struct dirlink_target *t, struct error *e)
{
    LDAPMessage *answer = NULL;
    int id = 0;
    int code = LDAP_OTHER;
    int sent = ldap_extended_operation(l->ldap, LDAP_EXOP_START_TLS, NULL, NULL, NULL, &id);

    if (!await(l, sent, id, "STARTTLS", &answer, e)) {
        return false;
    }
    bool agreed = outcome(l, answer, "STARTTLS", &code, NULL, e);
    ldap_msgfree(answer);
    if (agreed && l->in.len) { /* somebody put words into its mouth */
        return error_set(e, ERROR_DENIED, "the server said more than it was asked before TLS");
    }
    return agreed && secure(l, t, e);
}

static bool set_up(struct dirlink *l, int fd, struct error *e)
{
    ber_len_t most = DIRLINK_MESSAGE_MAX;
    int version = LDAP_VERSION3;
    Sockbuf *sockbuf = NULL;

    if (ldap_init_fd(fd, LDAP_PROTO_EXT, NULL, &l->ldap) != LDAP_SUCCESS ||
        ldap_get_option(l->ldap, LDAP_OPT_SOCKBUF, &sockbuf) != LDAP_OPT_SUCCESS ||
        ber_sockbuf_add_io(sockbuf, &our_io, LBER_SBIOD_LEVEL_PROVIDER, l) != 0 ||
        ldap_set_option(l->ldap, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
        ldap_set_option(l->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS) {
        return error_set(e, ERROR_BUSY, "libldap does not begin");
    }
    (void)ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &most);
    return true;
}

void dirlink_until(struct dirlink *l, int64_t until_ms)
{
    l->until_ms = until_ms;
}

struct dirlink *dirlink_open(const struct dirlink_target *target, struct error *e)
{
    OWN(dirlink) struct dirlink *l = calloc(1, sizeof(*l));
    int fd = -1;

    if (!l) {
        arena_panic("out of memory");
    }
    buf_init(&l->in, INPUT_MAX);
    l->timeout_ms = target->timeout_ms;
    l->until_ms = target->until_ms;
    begin(l, DIRLINK_LOOKUP_MAX);
    if (!dial_tcp(target->address, NULL, l->deadline_ms, &fd, e)) {
        return NULL;
    }
    l->conn = conn_new(fd);
    if (!target->starttls && !secure(l, target, e)) {
        return NULL;
    }
    if (!set_up(l, fd, e) || (target->starttls && !start_tls(l, target, e))) {
        return NULL;
    }
    return TAKE(l, NULL);
}

void dirlink_close(struct dirlink *l)
{
    if (l) {
        l->deadline_ms = clock_steady_ms() + GOOD_BYE_MS;
        if (l->ldap) {
            (void)ldap_unbind_ext(l->ldap, NULL, NULL);
        }
        conn_free(l->conn);
        buf_done(&l->in);
        free(l);
    }
}

/* ── signing in ── */

/* What says that this password is not good for this entry, of whatever server. */
static bool is_refusal(int code)
{
    return code == LDAP_INVALID_CREDENTIALS || code == LDAP_NO_SUCH_OBJECT ||
           code == LDAP_INVALID_DN_SYNTAX || code == LDAP_INAPPROPRIATE_AUTH ||
           code == LDAP_CONSTRAINT_VIOLATION || code == LDAP_UNWILLING_TO_PERFORM ||
           code == LDAP_INSUFFICIENT_ACCESS;
}

static char *text_of(struct slice s)
{
    char *text = malloc(s.len + 1);

    if (!text) {
        arena_panic("out of memory");
    }
    (void)memcpy(text, s.ptr ? s.ptr : (const uint8_t *)"", s.len);
    text[s.len] = 0;
    return text;
}

bool dirlink_bind(struct dirlink *l, struct slice dn, struct slice password,
                  enum dirlink_bound *bound, struct error *e)
{
    struct berval secret = {.bv_len = password.len, .bv_val = NULL};
    LDAPMessage *answer = NULL;
    int code = LDAP_OTHER;
    int id = 0;

    if (password.len == 0 || dn.len == 0) {
        *bound = DIRLINK_REFUSED;
        return true;
    }
    begin(l, DIRLINK_LOOKUP_MAX);
    char *name = text_of(dn);
    secret.bv_val = text_of(password);
    int sent = ldap_sasl_bind(l->ldap, name, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &id);
    explicit_bzero(secret.bv_val, secret.bv_len);
    free(secret.bv_val);
    free(name);
    if (!await(l, sent, id, "sign-in", &answer, e)) {
        return false;
    }
    bool right = outcome(l, answer, "sign-in", &code, NULL, e);
    ldap_msgfree(answer);
    if (right || is_refusal(code)) {
        *bound = right ? DIRLINK_BOUND : DIRLINK_REFUSED;
        return true;
    }
    return false;
}

/* ── looking up ── */

/* Where the next page begins. */
static bool take_cookie(struct dirlink *l, LDAPControl **controls, struct arena *arena,
                        struct slice *cookie, struct error *e)
{
    LDAPControl *page =
        controls ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL) : NULL;
    struct berval next = {0, NULL};
    ber_int_t estimate = 0;
    bool fine = true;

    *cookie = SLICE_NONE;
    if (page && ldap_parse_pageresponse_control(l->ldap, page, &estimate, &next) == LDAP_SUCCESS) {
        fine = next.bv_len <= COOKIE_MAX && ldap_entry_fits(arena, next.bv_len, e);
        *cookie = fine ? arena_copy(arena, slice_of(next.bv_val, next.bv_len)) : SLICE_NONE;
    }
    if (next.bv_len > COOKIE_MAX) {
        (void)error_set(e, ERROR_LIMIT, "search: the server's cookie of the next page is too long");
    }
    ber_memfree(next.bv_val);
    ldap_controls_free(controls);
    return fine;
}

static bool send_search(struct dirlink *l, const struct dirlink_search *s, char **names,
                        LDAPMessage **answer, struct error *e)
{
    struct berval cookie = {s->cookie.len, (char *)(uintptr_t)s->cookie.ptr};
    LDAPControl *page = NULL;
    LDAPControl *controls[] = {NULL, NULL};
    int id = 0;

    begin(l, s->paged        ? DIRLINK_PAGE_MAX
             : s->base_alone ? DIRLINK_MESSAGE_MAX
                             : DIRLINK_LOOKUP_MAX);
    if (s->paged && ldap_create_page_control(l->ldap, DIRLINK_PAGE, s->cookie.len ? &cookie : NULL,
                                             1, &page) != LDAP_SUCCESS) {
        return error_set(e, ERROR_BUSY, "libldap makes no page");
    }
    controls[0] = page;
    char *base = text_of(s->base);
    char *filter = text_of(s->filter);
    int sent =
        ldap_search_ext(l->ldap, base, s->base_alone ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE, filter,
                        names, 0, page ? controls : NULL, NULL, NULL, LDAP_NO_LIMIT, &id);
    free(base);
    free(filter);
    ldap_control_free(page);
    return await(l, sent, id, "search", answer, e);
}

static bool take_answer(struct dirlink *l, struct dirlink_search *s, LDAPMessage *answer,
                        char *const *names, struct arena *arena, struct dirlink_entry **entries,
                        size_t *count, bool *found, struct error *e)
{
    LDAPControl **controls = NULL;
    int code = LDAP_OTHER;
    int n = ldap_count_entries(l->ldap, answer);
    bool fine = outcome(l, answer, "search", &code, &controls, e);

    *found = fine;
    *count = 0;
    if (!fine) {
        ldap_controls_free(controls);
        s->cookie = SLICE_NONE;
        s->limited = code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_ADMINLIMIT_EXCEEDED;
        return code == LDAP_NO_SUCH_OBJECT;
    }
    if (!take_cookie(l, controls, arena, &s->cookie, e)) {
        return false;
    }
    if (n < 0 || n > ENTRIES_MAX ||
        !ldap_entry_fits(arena, ((size_t)n + 1) * sizeof(**entries), e)) {
        return error_set(e, ERROR_LIMIT, "search: the server answers with too many entries");
    }
    *entries = arena_array(arena, (size_t)n + 1, sizeof(**entries));
    for (LDAPMessage *m = ldap_first_entry(l->ldap, answer); m && *count < (size_t)n;
         m = ldap_next_entry(l->ldap, m)) {
        if (!ldap_entry_take(l->ldap, m, names, s->n_attributes, arena, &(*entries)[(*count)++],
                             e)) {
            return false;
        }
    }
    return true;
}

bool dirlink_ask(struct dirlink *l, struct dirlink_search *search, struct arena *arena,
                 struct dirlink_entry **entries, size_t *count, bool *found, struct error *e)
{
    char *names[DIRLINK_ATTRIBUTES_MAX + 1] = {NULL};
    LDAPMessage *answer = NULL;

    if (search->n_attributes > DIRLINK_ATTRIBUTES_MAX) {
        return error_set(e, ERROR_LIMIT, "too many attributes");
    }
    for (size_t i = 0; i < search->n_attributes; i++) {
        names[i] = (char *)(uintptr_t)arena_text(arena, search->attributes[i]);
    }
    if (!send_search(l, search, names, &answer, e)) {
        return false;
    }
    bool taken = take_answer(l, search, answer, names, arena, entries, count, found, e);
    ldap_msgfree(answer);
    return taken;
}
