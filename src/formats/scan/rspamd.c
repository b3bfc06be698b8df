#include "formats/scan/rspamd.h"

#include <jansson.h>
#include <math.h>

#define HEADER_MAX 16384
#define FIELD_MAX  1000 /* bytes of a value that is asked with */

void rspamd_init(void)
{
    json_object_seed(0); /* hashes of names: from the system's random numbers */
}

/* ── the question ── */

static bool is_value(struct slice s)
{
    bool ok = s.len > 0 && s.len <= FIELD_MAX;

    for (size_t i = 0; i < s.len && ok; i++) {
        ok = s.ptr[i] >= ' ' && s.ptr[i] != 0x7f;
    }
    return ok;
}

static void add_field(struct buf *out, const char *name, struct slice value)
{
    if (is_value(value)) {
        buf_printf(out, "%s: %.*s\r\n", name, SLICE_ARG(value));
    }
}

void rspamd_ask(struct buf *out, const struct rspamd_letter *letter)
{
    buf_add_text(out, "POST /checkv2 HTTP/1.0\r\nConnection: close\r\n");
    add_field(out, "From", letter->from.len ? letter->from : SLICE("<>"));
    for (size_t i = 0; i < letter->n_recipients; i++) {
        add_field(out, "Rcpt", letter->recipients[i]);
    }
    add_field(out, "User", letter->user);
    add_field(out, "IP", letter->ip);
    add_field(out, "Helo", letter->helo);
    buf_printf(out, "Content-Length: %llu\r\n\r\n", (unsigned long long)letter->size);
}

/* ── the answer ── */

static bool no_verdict(struct error *e, const char *why)
{
    return error_set(e, ERROR_INPUT, "the spam filter %s", why);
}

/* The header's end; SIZE_MAX when there is none. */
static size_t header_len(struct slice bytes)
{
    struct slice head = slice_head(bytes, HEADER_MAX);
    const uint8_t *at = head.len ? memmem(head.ptr, head.len, "\r\n\r\n", 4) : NULL;

    return at ? (size_t)(at - head.ptr) + 4 : SIZE_MAX;
}

/* "Content-Length: 123", where the field is that one. */
static bool read_length(struct slice line, uint64_t *length)
{
    static const char name[] = "content-length:";
    size_t i = sizeof(name) - 1;
    uint64_t value = 0;
    size_t digits = 0;

    if (line.len < i || !slice_equal_nocase(slice_head(line, i), SLICE(name))) {
        return false;
    }
    while (i < line.len && line.ptr[i] == ' ') {
        i++;
    }
    for (; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9' && digits < 9; i++, digits++) {
        value = value * 10 + (uint64_t)(line.ptr[i] - '0');
    }
    *length = digits && i == line.len ? value : UINT64_MAX;
    return true;
}

/* One line of the header; the first says how the question was taken. */
static bool read_line(struct slice line, bool first, struct slice *body, struct error *e)
{
    uint64_t length = 0;

    if (first && !slice_starts(slice_from(line, 8), SLICE(" 200"))) {
        return no_verdict(e, "refuses the question");
    }
    if (slice_starts_nocase(line, SLICE("transfer-encoding:"))) {
        return no_verdict(e, "answers in pieces, which HTTP/1.0 does not know");
    }
    if (read_length(line, &length)) {
        if (length > body->len) {
            return no_verdict(e, "broke off its answer");
        }
        *body = slice_head(*body, (size_t)length);
    }
    return true;
}

/* The body, cut at its length where that is said; false when it is not all there, or comes in pieces. */
static bool find_body(struct slice bytes, struct slice *body, struct error *e)
{
    size_t header = header_len(bytes);

    if (header == SIZE_MAX || !slice_starts(bytes, SLICE("HTTP/1."))) {
        return no_verdict(e, "answers what is no HTTP");
    }
    *body = slice_from(bytes, header);
    for (size_t at = 0; at < header;) {
        struct slice rest = slice_from(slice_head(bytes, header), at);
        size_t len = slice_find(rest, '\n');
        struct slice line = slice_head(rest, len && rest.ptr[len - 1] == '\r' ? len - 1 : len);
        if (!read_line(line, at == 0, body, e)) {
            return false;
        }
        at += len + 1;
    }
    return true;
}

static bool is_action(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    bool ok = len > 0 && len <= RSPAMD_ACTION_MAX;

    for (size_t i = 0; i < len && ok; i++) {
        ok = text[i] == ' ' || (text[i] >= 'a' && text[i] <= 'z');
    }
    return ok;
}

static bool read_verdict(const json_t *root, struct arena *arena, struct rspamd_answer *out)
{
    const json_t *score = json_object_get(root, "score");
    const char *action = json_string_value(json_object_get(root, "action"));
    double points = json_number_value(score);

    if (!json_is_number(score) || !isfinite(points) || !is_action(action)) {
        return false;
    }
    double hundredths = points < 0 ? 0 : points * 100 + 0.5;
    out->score = hundredths > RSPAMD_SCORE_MAX ? RSPAMD_SCORE_MAX : (uint64_t)hundredths;
    out->action = arena_copy(arena, slice_text(action));
    return true;
}

bool rspamd_read(struct slice bytes, struct arena *arena, struct rspamd_answer *out,
                 struct error *e)
{
    struct slice body = SLICE_NONE;
    struct rspamd_answer answer;
    json_error_t why;

    if (bytes.len > RSPAMD_ANSWER_MAX) {
        return no_verdict(e, "answers too much");
    }
    if (!find_body(bytes, &body, e)) {
        return false;
    }
    json_t *root = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, &why);
    bool ok = json_is_object(root) && read_verdict(root, arena, &answer);
    json_decref(root);
    if (!ok) {
        return no_verdict(e, "answers what is no verdict");
    }
    *out = answer;
    return true;
}
