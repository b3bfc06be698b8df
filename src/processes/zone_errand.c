#include "processes/zone_errand.h"

#include <openssl/rand.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#include "formats/nsupdate/nsupdate.h"
#include "host/conn.h"
#include "host/dial.h"
#include "processes/errand.h"
#include "requests/zone_update.h"

#define LENGTH_LEN 2 /* before a message over TCP (RFC 1035 section 4.2.2) */
#define BASE64_MAX BASE64_LEN(NSUPDATE_SECRET_MAX)

/* One exchange. */
struct exchange {
    const struct errands *errands;
    const struct settings *settings;
    const struct update_settings *section;
    size_t nth; /* of the sections */
    int64_t deadline_ms;
    struct arena *arena;
    uint64_t state; /* enum zone_update_state */
    struct slice why;
};

static bool fail(struct exchange *x, uint64_t state, const char *why)
{
    x->state = state;
    x->why = arena_copy(x->arena, slice_text(why));
    return false;
}

/* Nobody has this courier ask about or change anything but what Postern publishes, whatever the key may do: of another name, such as
 * `_acme-challenge`, the rest of the zone may depend. What the records say it does not look at. */
static bool prepare(struct exchange *x, struct slice zone, struct slice name, uint64_t type,
                    uint64_t timeout_ms)
{
    const struct update_settings *all = x->settings->updates.items;
    const struct update_settings *section = settings_update(x->settings, name);

    x->deadline_ms = clock_steady_ms() + (int64_t)timeout_ms;
    if (!section || !slice_equal_nocase(section->zone, zone)) {
        return fail(x, ZONE_UPDATE_FAILED, "the settings are being read anew");
    }
    x->section = section;
    x->nth = (size_t)(section - all);
    return settings_update_covers(x->settings, section, name, type) ||
           fail(x, ZONE_UPDATE_NAME, "such a record is not published");
}

/* The octets of the key; NULL when the file has none. */
static struct secret *secret_of(struct exchange *x)
{
    struct slice rest;
    struct slice line = slice_trim(slice_cut(
        role_file_of(x->errands->role, x->settings, "dns-update-keys", x->nth), '\n', &rest));
    OWN(secret) struct secret *room = secret_new(NSUPDATE_SECRET_MAX);
    size_t len = 0;

    if (line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    while (line.len && line.ptr[line.len - 1] == '=') {
        line.len--;
    }
    bool well = line.len <= BASE64_MAX &&
                base64_decode(BASE64_PLAIN, line, room->ptr, NSUPDATE_SECRET_MAX, &len) &&
                len >= NSUPDATE_SECRET_MIN;
    return well ? secret_copy(slice_of(room->ptr, len)) : NULL;
}

/* ── over the network ── */

static bool read_some(struct conn *c, struct buf *in, size_t until, int64_t deadline_ms,
                      struct error *e)
{
    while (in->len < until) {
        enum conn_event event;
        if (!conn_read(c, in, deadline_ms, &event, e)) {
            return false;
        }
        if (event != CONN_BYTES) {
            return error_set(e, ERROR_BUSY,
                             event == CONN_CLOSED ? "the server closed the connection"
                                                  : "the server takes too long");
        }
    }
    return true;
}

/* One message there and one back; what comes behind it is not looked at. */
static bool talk(struct exchange *x, struct slice message, struct buf *in, struct slice *answer,
                 struct error *e)
{
    struct address to[FETCH_ADDRESSES_MAX];
    uint8_t length[LENGTH_LEN];
    size_t n = 0;
    int fd = -1;

    if (!errand_addresses(x->errands, x->section->server.host, x->section->server.port,
                          x->deadline_ms, x->arena, to, &n, e)) {
        return false;
    }
    bool dialled = false;
    for (size_t i = 0; i < n && !dialled; i++) {
        int64_t now = clock_steady_ms(); /* a silent address leaves time to those behind it */
        int64_t share = (x->deadline_ms - now) / (int64_t)(n - i + 1);
        dialled = dial_tcp(&to[i], NULL, now + share, &fd, e);
    }
    if (!dialled) {
        return false;
    }
    OWN(conn) struct conn *c = conn_new(fd);
    put16(length, (uint16_t)message.len);
    if (!conn_write(c, SLICE_ARRAY(length), x->deadline_ms, e) ||
        !conn_write(c, message, x->deadline_ms, e) ||
        !read_some(c, in, LENGTH_LEN, x->deadline_ms, e)) {
        return false;
    }
    size_t len = get16(in->ptr);
    if (!read_some(c, in, LENGTH_LEN + len, x->deadline_ms, e)) {
        return false;
    }
    *answer = slice_head(slice_from(buf_slice(in), LENGTH_LEN), len);
    return true;
}

static uint16_t random_id(void)
{
    uint8_t bytes[2];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        arena_panic("no randomness");
    }
    return get16(bytes);
}

static uint64_t state_of(const struct nsupdate_answer *a)
{
    return a->rcode == NSUPDATE_YXRRSET || a->rcode == NSUPDATE_NXRRSET ? ZONE_UPDATE_MOVED
                                                                        : ZONE_UPDATE_REFUSED;
}

static bool judge(struct exchange *x, enum nsupdate_verdict verdict,
                  const struct nsupdate_answer *a)
{
    if (verdict == NSUPDATE_MALFORMED) {
        return fail(x, ZONE_UPDATE_FAILED, "the server's answer is none to the question");
    }
    const char *why = nsupdate_why(a);
    if (verdict == NSUPDATE_UNPROVEN) {
        return fail(x, why ? ZONE_UPDATE_REFUSED : ZONE_UPDATE_FAILED,
                    why ? why : "the server's answer is not signed with the key");
    }
    if (!why && a->crowded) {
        return fail(x, ZONE_UPDATE_NAME, "there are more records at the name than are read");
    }
    return why ? fail(x, state_of(a), why) : true;
}

/* A name without records is an ordinary answer to a question. */
static void without_records(struct nsupdate_answer *a)
{
    const unsigned no_such_name = 3;

    if (a->rcode == no_such_name) {
        a->rcode = 0;
        a->n_records = 0;
    }
}

/* `change` NULL: the question of `name` and `type`. */
static bool exchange(struct exchange *x, const struct nsupdate_change *change, struct slice name,
                     uint16_t type, struct nsupdate_answer *answer)
{
    OWN(buf) struct buf out = {.max = NSUPDATE_MESSAGE_MAX};
    OWN(buf) struct buf in = {.max = NSUPDATE_MESSAGE_MAX + LENGTH_LEN + CONN_READ_MAX};
    OWN(secret) struct secret *secret = secret_of(x);
    const struct nsupdate_key key = {.name = x->section->key_name,
                                     .algorithm = x->section->key_algorithm == SETTING_HMAC_SHA512
                                                      ? NSUPDATE_HMAC_SHA512
                                                      : NSUPDATE_HMAC_SHA256,
                                     .secret = secret_slice(secret)};
    uint64_t now_s = (uint64_t)clock_wall_ms() / 1000;
    struct nsupdate_asked asked;
    struct slice message;
    struct error e;

    if (!secret) {
        return fail(x, ZONE_UPDATE_REFUSED,
                    "`key-file` has no key that can be used: base64 in its first line, 16 octets "
                    "at least, mode 0600");
    }
    bool well = change ? nsupdate_write(random_id(), change, &key, now_s, &out, &asked, &e)
                       : nsupdate_ask(random_id(), name, type, &key, now_s, &out, &asked, &e);
    if (!well) {
        return fail(x, ZONE_UPDATE_REFUSED, e.text);
    }
    if (!talk(x, buf_slice(&out), &in, &message, &e)) {
        return fail(x, ZONE_UPDATE_FAILED, e.text);
    }
    enum nsupdate_verdict verdict =
        nsupdate_read(message, &asked, &key, (uint64_t)clock_wall_ms() / 1000, x->arena, answer);
    if (!change && verdict == NSUPDATE_PROVEN) {
        without_records(answer);
    }
    return judge(x, verdict, answer);
}

static void tell(const struct exchange *x, const char *what)
{
    log_event(x->state == ZONE_UPDATE_DONE ? LOG_DEBUG : LOG_WARNING, "courier.zone",
              LOG_TEXT("what", what), LOG_NUMBER("state", x->state), LOG_SLICE("reason", x->why));
}

/* ── requests ── */

static struct exchange begin(const struct errands *errands, struct ipc_request *r)
{
    return (struct exchange){.errands = errands,
                             .settings = role_settings(errands->role),
                             .arena = r->arena,
                             .state = ZONE_UPDATE_DONE};
}

bool zone_errand_on_read(void *context, struct ipc_request *r, struct error *e)
{
    const struct zone_read_ask *ask = r->ask;
    struct zone_read_answer *answer = r->answer;
    struct exchange x = begin(context, r);
    struct nsupdate_answer found = {0};

    (void)e;
    if (prepare(&x, ask->zone, ask->name, ask->type, ask->timeout_ms) &&
        exchange(&x, NULL, ask->name, (uint16_t)ask->type, &found) && !found.authoritative) {
        (void)fail(&x, ZONE_UPDATE_NAME,
                   "the server is not the one of the zone that the name is in");
    }
    struct zone_rdata *records = arena_array(r->arena, found.n_records + 1, sizeof(*records));
    for (size_t i = 0; i < found.n_records; i++) {
        records[i].rdata = found.records[i];
    }
    tell(&x, "read");
    *answer = (struct zone_read_answer){
        .state = x.state,
        .alias = found.alias,
        .records = {records, found.n_records},
        .why = x.why
    };
    return true;
}

static const struct slice *slices_of(const struct cbor_list *list, struct arena *arena)
{
    const struct zone_rdata *items = list->items;
    struct slice *out = arena_array(arena, list->count + 1, sizeof(*out));

    for (size_t i = 0; i < list->count; i++) {
        out[i] = items[i].rdata;
    }
    return out;
}

bool zone_errand_on_write(void *context, struct ipc_request *r, struct error *e)
{
    const struct zone_write_ask *ask = r->ask;
    struct zone_write_answer *answer = r->answer;
    struct exchange x = begin(context, r);
    struct nsupdate_answer done = {0};
    const struct nsupdate_change change = {.zone = ask->zone,
                                           .name = ask->name,
                                           .type = (uint16_t)ask->type,
                                           .ttl_s = (uint32_t)ask->ttl_s,
                                           .was = slices_of(&ask->was, r->arena),
                                           .n_was = ask->was.count,
                                           .remove = slices_of(&ask->remove, r->arena),
                                           .n_remove = ask->remove.count,
                                           .add = slices_of(&ask->add, r->arena),
                                           .n_add = ask->add.count};

    (void)e;
    if (prepare(&x, ask->zone, ask->name, ask->type, ask->timeout_ms)) {
        (void)exchange(&x, &change, ask->name, (uint16_t)ask->type, &done);
    }
    tell(&x, "write");
    *answer = (struct zone_write_answer){.state = x.state, .why = x.why};
    return true;
}
