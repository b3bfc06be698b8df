#include "processes/certificate_proof.h"

#include "base/clock.h"

#include "ledger/prove.h"
#include "requests/disposal.h"

#define VALUE_MAX  4096
#define PROVED_MAX ((size_t)128 << 20) /* bytes of the list of what is proved */
#define NODES_MAX  ((size_t)64 << 20)

void certificate_hex(struct buf *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to = buf_room(out, bytes.len * 2);

    if (!to) {
        out->full = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        to[2 * i] = (uint8_t)digits[bytes.ptr[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    out->len += bytes.len * 2;
}

/* ── what people read ── */

/* Characters that an editor obeys instead of showing them: controls, and what changes the direction. */
static bool is_hidden(struct slice rest)
{
    const uint8_t *s = rest.ptr;

    if (s[0] < ' ' || s[0] == 0x7f) {
        return true;
    }
    if (rest.len >= 2 && s[0] == 0xc2 && s[1] < 0xa0) {
        return true;
    }
    return rest.len >= 3 && s[0] == 0xe2 &&
           ((s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
            (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

static size_t length_of(uint8_t first)
{
    return first < 0x80 ? 1U : first < 0xe0 ? 2U : first < 0xf0 ? 3U : 4U;
}

static struct slice clean(struct arena *arena, struct slice text)
{
    OWN(buf) struct buf out = {.max = VALUE_MAX};

    while (text.len) {
        size_t len = length_of(text.ptr[0]);
        if (is_hidden(text)) {
            buf_add_byte(&out, '?');
        } else {
            buf_add(&out, slice_head(text, len));
        }
        text = slice_from(text, len);
    }
    return arena_copy(arena, buf_slice(&out));
}

void certificate_line(struct buf *out, struct arena *arena, const char *label, struct slice value)
{
    if (value.len) {
        buf_printf(out, "%-13s%.*s\n", label, SLICE_ARG(clean(arena, value)));
    }
}

const char *certificate_time(struct arena *arena, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];

    clock_rfc3339(ms, text);
    return arena_text(arena, slice_text(text));
}

/* ── the proof ── */

/* Numbers of all that is proved, opened or destroyed, ascending. */
static struct ledger_proved *list_all(const struct certificate *c, struct arena *arena, size_t *n)
{
    struct ledger_proved *list = arena_array(arena, c->n + c->n_destroyed + 1, sizeof(*list));
    size_t d = 0;
    size_t i = 0;

    *n = 0;
    while (i < c->n || d < c->n_destroyed) {
        bool opened = d == c->n_destroyed || (i < c->n && c->list[i].seq < c->destroyed[d]);
        list[(*n)++].seq = opened ? c->list[i++].seq : c->destroyed[d++];
    }
    return list;
}

static void write_records(const struct certificate *c, const struct ledger_proved *list, size_t n,
                          struct buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%llu %u %lld ", (unsigned long long)list[i].seq, list[i].type,
                   (long long)list[i].time_ms);
        if (at < c->n && c->list[at].seq == list[i].seq) {
            certificate_hex(out, SLICE_ARRAY(c->list[at].blind));
            buf_add_byte(out, ' ');
            certificate_hex(out, c->list[at++].body);
        } else {
            certificate_hex(out, SLICE_ARRAY(list[i].commitment));
        }
        buf_add_byte(out, '\n');
    }
}

bool certificate_proof(const struct certificate *c, int ledger, struct slice note,
                       const struct checkpoint *to, struct buf *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = PROVED_MAX};
    OWN(buf) struct buf nodes = {.max = NODES_MAX};
    size_t n = 0;
    struct ledger_proved *list = list_all(c, &arena, &n);

    if (!ledger_prove_records(ledger, list, n, to, &nodes, e)) {
        return false;
    }
    buf_add_text(out, CERTIFICATE_PROOF "\n");
    write_records(c, list, n, out);
    buf_add_byte(out, '\n');
    for (size_t at = 0; at < nodes.len; at += MERKLE_LEN) {
        certificate_hex(out, slice_of(nodes.ptr + at, MERKLE_LEN));
        buf_add_byte(out, '\n');
    }
    buf_add_byte(out, '\n');
    buf_add(out, note);
    return !out->full || error_set(e, ERROR_LIMIT, "there is more to prove than fits into a file");
}
