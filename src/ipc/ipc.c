#include "ipc/ipc.h"

#include "base/clock.h"

#include "host/memfd.h"
#include "ipc/internal.h"

#define MINUTE_MS 60000
#define OUT_KEPT  IPC_PACKET_MAX /* bytes of a channel's answer buffer kept between requests */

void ipc_server_init(struct ipc_server *s, const struct ipc_table *table, void *ctx)
{
    if (table->n_rows > IPC_ROWS_MAX) {
        arena_panic("a table of requests is too long");
    }
    *s = (struct ipc_server){.table = table, .ctx = ctx};
}

void ipc_channel_init(struct ipc_channel *c, int fd)
{
    c->fd = fd;
    arena_init(&c->arena, IPC_ARENA_MAX);
    buf_init(&c->out, IPC_BODY_MAX);
    (void)memset(c->pass, 0, sizeof(c->pass));
}

void ipc_channel_done(struct ipc_channel *c)
{
    own_fd(&c->fd);
    c->fd = -1;
    arena_done(&c->arena);
    buf_done(&c->out);
    explicit_bzero(c->pass, sizeof(c->pass));
}

bool ipc_fd_fits(uint8_t rule, int fd)
{
    switch ((enum ipc_fd)rule) {
    case IPC_FD_NONE:
        return fd < 0;
    case IPC_FD_SEALED:
        return fd >= 0 && memfd_is_sealed(fd);
    case IPC_FD_SEALED_OPTIONAL:
        return fd < 0 || memfd_is_sealed(fd);
    case IPC_FD_ANY:
        return fd >= 0;
    }
    return false;
}

void ipc_wipe(struct slice s)
{
    if (s.len) {
        explicit_bzero((void *)(uintptr_t)s.ptr, s.len);
    }
}

/* The widest struct of any list in the schema: what one byte of input can at most make us
 * allocate (formats/cbor: every item takes at least a byte). */
static size_t widest_item(const struct cbor_schema *s)
{
    size_t widest = 0;

    for (size_t i = 0; i < s->n_fields; i++) {
        const struct cbor_field *f = &s->fields[i];
        size_t size = f->kind == CBOR_TEXTS ? sizeof(struct slice) : 0;
        if (f->kind == CBOR_LIST) {
            size = f->sub->size;
        }
        size_t below = f->sub ? widest_item(f->sub) : 0;
        size = size > below ? size : below;
        widest = size > widest ? size : widest;
    }
    return widest;
}

bool ipc_read_body(const struct cbor_schema *schema, struct slice body, struct arena *arena,
                   void *value, struct error *e)
{
    if (!schema) {
        return body.len == 0 || error_set(e, ERROR_INPUT, "a body where none belongs");
    }
    /* Twice: what is left at the end of each of the arena's chunks is lost. */
    if (2 * body.len * widest_item(schema) > arena_left(arena)) {
        return error_set(e, ERROR_LIMIT, "%s: no room for lists that long", schema->name);
    }
    return cbor_read(body, schema, arena, value, e);
}

static size_t find(const struct ipc_table *t, uint16_t verb)
{
    size_t i = 0;

    while (i < t->n_rows && t->rows[i].message->id != verb) {
        i++;
    }
    return i;
}

/* Count this request; false beyond the rate. The minute changes for one thread alone, so that the
 * count is reset once; a request or two that slip between do no harm. */
static bool may_ask_now(struct ipc_meter *m, uint32_t per_minute)
{
    if (per_minute == 0) {
        return true;
    }
    int64_t now = clock_steady_ms() / MINUTE_MS;
    int64_t then = atomic_load_explicit(&m->minute, memory_order_relaxed);
    if (then != now && atomic_compare_exchange_strong(&m->minute, &then, now)) {
        atomic_store_explicit(&m->count, 0, memory_order_relaxed);
    }
    return atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed) < per_minute;
}

/* Run the handler and write its answer behind c->out. */
static bool handle(struct ipc_server *s, const struct ipc_row *row, struct ipc_meter *meter,
                   struct ipc_channel *c, struct ipc_packet *p, struct ipc_request *r,
                   struct error *e)
{
    const struct ipc_message *m = row->message;
    void *ask = m->ask ? arena_alloc(&c->arena, m->ask->size) : NULL;

    c->arena.wipes |= m->secret;
    if (!may_ask_now(meter, row->per_minute)) {
        return error_set(e, ERROR_LIMIT, "%s: asked too often", m->name);
    }
    if (!ipc_read_body(m->ask, p->body, &c->arena, ask, e)) {
        return false;
    }
    r->ask = ask;
    r->answer = m->answer ? arena_alloc(&c->arena, m->answer->size) : NULL;
    r->arena = &c->arena;
    r->fd = p->fd;
    r->pass = c->pass;
    if (s->gate && !s->gate(s->ctx, m, r, e)) {
        return false;
    }
    bool done = row->handler(s->ctx, r, e);
    p->fd = r->fd;
    if (!done) {
        return false;
    }
    if (!ipc_fd_fits(m->answer_fd, r->answer_fd)) {
        return error_set(e, ERROR_BUSY, "%s: the answer has not the descriptor it should", m->name);
    }
    if (m->answer) {
        cbor_write(&c->out, m->answer, r->answer);
    }
    return !c->out.full || error_set(e, ERROR_LIMIT, "%s: the answer is too long", m->name);
}

static enum ipc_served answer(struct ipc_server *s, size_t i, struct ipc_channel *c,
                              struct ipc_packet *p)
{
    const struct ipc_row *row = &s->table->rows[i];
    struct ipc_request r = {.fd = -1, .answer_fd = -1, .channel = c->fd};
    struct ipc_packet out = {.verb = p->verb, .fd = -1};
    struct error failure = {0};
    struct error unsent;

    if (handle(s, row, &s->meters[i], c, p, &r, &failure)) {
        out.body = buf_slice(&c->out);
        out.fd = r.answer_fd;
    } else {
        out.status = (uint8_t)(failure.kind ? failure.kind : ERROR_BUSY);
        out.body = slice_text(failure.text);
    }
    bool sent = packet_send(c->fd, &out, &unsent);
    if (row->message->secret) {
        ipc_wipe(p->body);
        ipc_wipe(buf_slice(&c->out));
    }
    own_fd(&r.answer_fd);
    return sent ? IPC_SERVED : IPC_CLOSED;
}

/* Forget the last request. */
static void renew(struct ipc_channel *c)
{
    arena_reset(&c->arena);
    if (c->out.capacity > OUT_KEPT) {
        buf_done(&c->out);
    }
    buf_reset(&c->out);
}

static enum ipc_served breach(struct error *e, const struct ipc_server *s, const char *why)
{
    (void)error_set(e, ERROR_DENIED, "%s %s", s->table->peer, why);
    return IPC_BREACH;
}

/* Receive the next request and find its row; *i is the table's length when there is none. */
static enum ipc_served next(struct ipc_server *s, struct ipc_channel *c, bool peek,
                            struct ipc_packet *p, size_t *i, struct error *e)
{
    renew(c);
    enum packet_result got =
        peek ? packet_peek(c->fd, &c->arena, p, e) : packet_receive(c->fd, &c->arena, p, e);
    if (got == PACKET_BROKEN) {
        (void)error_add(e, "%s", s->table->peer);
        return IPC_BREACH;
    }
    if (got != PACKET_RECEIVED) {
        return IPC_CLOSED;
    }
    *i = p->status == ERROR_NONE ? find(s->table, p->verb) : s->table->n_rows;
    return IPC_SERVED;
}

enum ipc_served ipc_serve_one(struct ipc_server *s, struct ipc_channel *c, struct error *e)
{
    struct ipc_packet p = {.fd = -1};
    size_t i = 0;
    enum ipc_served served = next(s, c, false, &p, &i, e);

    if (served != IPC_SERVED) {
        return served;
    }
    if (i == s->table->n_rows) {
        served = breach(e, s, "asked for what is not in its table");
    } else if (!ipc_fd_fits(s->table->rows[i].message->ask_fd, p.fd)) {
        served = breach(e, s, "sent a descriptor that does not belong to its question");
    } else {
        served = answer(s, i, c, &p);
    }
    own_fd(&p.fd);
    return served;
}

enum ipc_served ipc_peek(struct ipc_server *s, struct ipc_channel *c,
                         const struct ipc_message **message, const void **ask, struct error *e)
{
    struct ipc_packet p = {.fd = -1};
    size_t i = 0;
    enum ipc_served served = next(s, c, true, &p, &i, e);

    if (served != IPC_SERVED) {
        return served;
    }
    const struct ipc_message *m = i < s->table->n_rows ? s->table->rows[i].message : NULL;
    void *value = m && m->ask ? arena_alloc(&c->arena, m->ask->size) : NULL;
    struct error refused;
    if (m && !ipc_read_body(m->ask, p.body, &c->arena, value, &refused)) {
        m = NULL;
    }
    *message = m;
    *ask = m ? value : NULL;
    return IPC_SERVED;
}

bool ipc_serve(struct ipc_server *s, int channel, struct error *e)
{
    struct ipc_channel c;
    enum ipc_served served = IPC_SERVED;

    ipc_channel_init(&c, channel);
    while (served == IPC_SERVED) {
        served = ipc_serve_one(s, &c, e);
    }
    c.fd = -1; /* the caller's */
    ipc_channel_done(&c);
    return served == IPC_CLOSED;
}
