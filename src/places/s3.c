/* An S3-compatible server: objects by paths, one request each, signed here. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#include "host/fetch.h"
#include "places/internal.h"
#include "places/s3_list.h"
#include "places/s3_sign.h"

#define ANSWER_MAX   ((size_t)8 << 20) /* of everything but an object */
#define ARENA_BYTES  ((size_t)32 << 20)
#define HEADERS_MAX  8
#define MD5_LEN      16
#define MD5_TEXT_MAX 32
#define PAGE         "1000"
#define DATE_LEN     19 /* "2013-05-24T00:00:00" */

/* One exchange while it is made. */
struct exchange {
    struct places *p;
    enum fetch_method method;
    struct slice key;   /* behind the prefix of the URL; empty: the bucket itself */
    struct slice query; /* as in s3_sign.h */
    struct slice body;
    bool locks;    /* the object is to be locked */
    int64_t until; /* steady clock: give up then; 0: after PLACES_OBJECT_MS */
    struct arena *arena;
};

static const char *const methods[] = {[FETCH_GET] = "GET",
                                      [FETCH_PUT] = "PUT",
                                      [FETCH_DELETE] = "DELETE",
                                      [FETCH_HEAD] = "HEAD",
                                      [FETCH_POST] = "POST"};

/* ── what is configured ── */

static struct slice access_key(const struct places *p, struct slice *secret)
{
    struct slice rest = SLICE_NONE;
    struct slice line = slice_cut(p->options.credentials, '\n', &rest);
    struct slice key = slice_cut(slice_trim(line), ' ', secret);

    if (secret->len && secret->ptr[secret->len - 1] == '\r') {
        secret->len--;
    }
    *secret = slice_trim(*secret);
    return key;
}

bool places_s3_check(const struct places *p, struct error *e)
{
    struct slice secret = SLICE_NONE;
    struct slice key = access_key(p, &secret);

    return (key.len && secret.len && p->options.region.len) ||
           error_set(e, ERROR_CONFIG,
                     "the credentials of an S3 target are one line: ACCESS-KEY SECRET");
}

static struct slice bucket(const struct places *p)
{
    return slice_head(p->parts.path, slice_find(p->parts.path, '/'));
}

/* What stands before every key, with its slash; may be empty. */
static struct slice key_prefix(const struct places *p, struct arena *arena)
{
    struct slice rest = slice_from(p->parts.path, bucket(p).len + 1);

    return rest.len ? arena_printf(arena, "%.*s/", SLICE_ARG(rest)) : SLICE_NONE;
}

static struct slice host_of(const struct places *p, struct arena *arena)
{
    bool https = slice_equal(p->parts.scheme, SLICE("https"));
    bool six = slice_find(p->parts.host, ':') < p->parts.host.len;
    struct slice host =
        arena_printf(arena, "%s%.*s%s", six ? "[" : "", SLICE_ARG(p->parts.host), six ? "]" : "");

    return p->parts.port == (https ? 443 : 80)
               ? host
               : arena_printf(arena, "%.*s:%u", SLICE_ARG(host), p->parts.port);
}

/* ── one request ── */

/* "20130524T000000Z", or "2013-05-24T00:00:00Z". */
static void write_time(int64_t wall_ms, bool long_form, char out[static CLOCK_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    (void)gmtime_r(&seconds, &tm);
    (void)(long_form ? strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm)
                     : strftime(out, CLOCK_TEXT_MAX, "%Y%m%dT%H%M%SZ", &tm));
}

/* Object locks demand it; elsewhere it is one more look at the bytes. */
static struct slice content_md5(struct slice body, struct arena *arena)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    uint8_t *text = arena_alloc(arena, MD5_TEXT_MAX);

    if (EVP_Digest(body.ptr, body.len, digest, &len, EVP_md5(), NULL) != 1 || len != MD5_LEN) {
        return SLICE_NONE;
    }
    int n = EVP_EncodeBlock(text, digest, MD5_LEN);
    return slice_of(text, (size_t)n);
}

/* Ascending by name, as they are signed. */
static size_t make_headers(const struct exchange *x, struct slice hash, const char *date,
                           struct s3_header *out)
{
    size_t n = 0;

    if (x->method == FETCH_PUT) {
        struct slice md5 = content_md5(x->body, x->arena);
        if (md5.len) {
            out[n++] = (struct s3_header){"content-md5", md5};
        }
    }
    out[n++] = (struct s3_header){"host", host_of(x->p, x->arena)};
    out[n++] = (struct s3_header){"x-amz-content-sha256", hash};
    out[n++] = (struct s3_header){"x-amz-date", slice_text(date)};
    if (x->locks) {
        char *until = arena_alloc(x->arena, CLOCK_TEXT_MAX);
        write_time(clock_wall_ms() + x->p->options.lock_ms, true, until);
        out[n++] = (struct s3_header){"x-amz-object-lock-mode", SLICE("COMPLIANCE")};
        out[n++] = (struct s3_header){"x-amz-object-lock-retain-until-date", slice_text(until)};
    }
    return n;
}

static struct slice path_of(const struct exchange *x)
{
    OWN(buf) struct buf path = {.max = 4096};
    struct slice prefix = x->key.len ? key_prefix(x->p, x->arena) : SLICE_NONE;

    buf_add_byte(&path, '/');
    s3_encode(bucket(x->p), false, &path);
    if (x->key.len) {
        buf_add_byte(&path, '/');
        s3_encode(prefix, true, &path);
        s3_encode(x->key, true, &path);
    }
    return arena_copy(x->arena, buf_slice(&path));
}

static struct slice url_of(const struct exchange *x, struct slice path)
{
    return arena_printf(x->arena, "%.*s://%.*s%.*s%s%.*s", SLICE_ARG(x->p->parts.scheme),
                        SLICE_ARG(host_of(x->p, x->arena)), SLICE_ARG(path),
                        x->query.len ? "?" : "", SLICE_ARG(x->query));
}

static struct slice authorization(const struct exchange *x, struct slice path, struct slice hash,
                                  const char *date, const struct s3_header *headers, size_t n)
{
    OWN(buf) struct buf out = {.max = 4096};
    struct s3_request r = {.method = methods[x->method],
                           .path = path,
                           .query = x->query,
                           .headers = headers,
                           .n_headers = n,
                           .payload_hash = hash,
                           .date = date,
                           .region = x->p->options.region,
                           .service = "s3"};

    r.access_key = access_key(x->p, &r.secret);
    buf_add_text(&out, "Authorization: ");
    s3_sign(&r, &out);
    return arena_copy(x->arena, buf_slice(&out));
}

static bool find_addresses(struct places *p, struct slice url, struct address *out, size_t *count,
                           struct arena *arena, struct error *e)
{
    struct fetch_place place;

    *count = 0;
    return fetch_place(p->options.proxy.len ? p->options.proxy : url, arena, &place, e) &&
           (place.literal ||
            p->options.resolve(p->options.context, place.host, place.port, out, count, e));
}

/* What the server's "no" means here. */
static bool judge(const struct fetch_answer *answer, struct slice body, struct arena *arena,
                  struct error *e)
{
    struct slice code = s3_list_text(body, "Code", arena);

    for (size_t i = 0; i < code.len; i++) {
        uint8_t low = ascii_lower(code.ptr[i]);
        code = low >= 'a' && low <= 'z' ? code : SLICE_NONE;
    }
    code = slice_head(code.len ? code : SLICE("no code"), 60);
    if (answer->status >= 200 && answer->status < 300) {
        return true;
    }
    enum error_kind kind = answer->status == 404                            ? ERROR_CORRUPT
                           : answer->status == 401 || answer->status == 403 ? ERROR_DENIED
                           : answer->status >= 500 || answer->status == 429 ? ERROR_BUSY
                                                                            : ERROR_CONFIG;
    return error_set(e, kind, "the S3 server answers with status %u, %.*s", answer->status,
                     SLICE_ARG(code));
}

static int64_t patience(const struct exchange *x)
{
    int64_t left = x->until ? x->until - clock_steady_ms() : PLACES_OBJECT_MS;

    return left < 1 ? 1 : left < PLACES_OBJECT_MS ? left : PLACES_OBJECT_MS;
}

static bool exchange(struct exchange *x, struct buf *answer, struct error *e)
{
    OWN(buf) struct buf hash = {.max = 65};
    struct s3_header headers[HEADERS_MAX];
    struct slice lines[HEADERS_MAX];
    struct address addresses[PLACES_ADDRESSES_MAX];
    struct fetch_answer got;
    char date[CLOCK_TEXT_MAX];
    size_t n_lines = 0;

    s3_hash(x->body, &hash);
    write_time(clock_wall_ms(), false, date);
    struct slice path = path_of(x);
    size_t n = make_headers(x, buf_slice(&hash), date, headers);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(headers[i].name, "host") != 0) { /* libcurl's own is the same */
            lines[n_lines++] =
                arena_printf(x->arena, "%s: %.*s", headers[i].name, SLICE_ARG(headers[i].value));
        }
    }
    lines[n_lines++] = authorization(x, path, buf_slice(&hash), date, headers, n);
    x->p->line = x->p->line ? x->p->line : fetch_line_new();
    struct fetch_request request = {.line = x->p->line,
                                    .method = x->method,
                                    .url = url_of(x, path),
                                    .headers = lines,
                                    .n_headers = n_lines,
                                    .body = x->body,
                                    .addresses = addresses,
                                    .proxy = x->p->options.proxy,
                                    .trust = x->p->options.trust,
                                    .answer_max = answer->max,
                                    .timeout_ms = patience(x)};
    return find_addresses(x->p, request.url, addresses, &request.n_addresses, x->arena, e) &&
           fetch(&request, x->arena, answer, &got, e) &&
           judge(&got, buf_slice(answer), x->arena, e);
}

/* ── the store ── */

static bool put(void *context, struct slice name, struct slice bytes, struct error *e)
{
    struct places *p = context;
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};
    struct exchange x = {.p = p,
                         .method = FETCH_PUT,
                         .key = name,
                         .body = bytes,
                         .locks = p->options.lock_ms > 0,
                         .arena = &arena};

    return exchange(&x, &answer, e);
}

static bool get(void *context, struct slice name, struct buf *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = STORE_OBJECT_MAX};
    struct exchange x = {.p = context, .method = FETCH_GET, .key = name, .arena = &arena};

    if (!exchange(&x, &answer, e)) {
        return false;
    }
    buf_add(out, buf_slice(&answer));
    return !out->full || error_set(e, ERROR_LIMIT, "an object is too long");
}

struct listing {
    struct places_list *bounds;
    struct slice prefix; /* of the URL */
    store_visit *visit;
    void *visitor;
};

static bool on_object(void *context, const struct s3_item *item, struct error *e)
{
    const struct listing *l = context;

    if (!places_list_count(l->bounds, e)) {
        return false;
    }
    return !slice_starts(item->key, l->prefix) ||
           l->visit(l->visitor, slice_from(item->key, l->prefix.len), item->size, e);
}

static struct slice list_query(const struct places *p, struct slice prefix, struct slice token,
                               struct arena *arena)
{
    OWN(buf) struct buf query = {.max = 16384};

    if (token.len) {
        buf_add_text(&query, "continuation-token=");
        s3_encode(token, false, &query);
        buf_add_byte(&query, '&');
    }
    buf_add_text(&query, "list-type=2&max-keys=" PAGE "&prefix=");
    s3_encode(key_prefix(p, arena), false, &query);
    s3_encode(prefix, false, &query);
    return arena_copy(arena, buf_slice(&query));
}

static bool list(void *context, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e)
{
    struct places *p = context;
    OWN(arena) struct arena kept = {.max = ARENA_BYTES};
    struct slice token = SLICE_NONE;
    struct places_list bounds = {.until = clock_steady_ms() + PLACES_LIST_MS};

    do {
        OWN(arena) struct arena arena = {.max = ARENA_BYTES};
        OWN(buf) struct buf answer = {.max = ANSWER_MAX};
        struct listing l = {&bounds, key_prefix(p, &arena), visit, visitor};
        struct exchange x = {.p = p,
                             .method = FETCH_GET,
                             .query = list_query(p, prefix, token, &arena),
                             .until = bounds.until,
                             .arena = &arena};
        struct slice next = SLICE_NONE;
        if (!places_list_in_time(&bounds, e) || !exchange(&x, &answer, e) ||
            !s3_list_read(buf_slice(&answer), on_object, &l, &arena, &next, e)) {
            return false;
        }
        if (next.len && slice_equal(next, token)) {
            return error_set(e, ERROR_INPUT, "the server's list does not come to an end");
        }
        arena_reset(&kept);
        token = arena_copy(&kept, next);
    } while (token.len);
    return true;
}

/* ── removing: for good, also where the server keeps versions ── */

static bool ask_bucket(struct places *p, struct slice query, struct arena *arena,
                       struct buf *answer, struct error *e)
{
    struct exchange x = {.p = p, .method = FETCH_GET, .query = query, .arena = arena};

    return exchange(&x, answer, e);
}

static bool learn_versioning(struct places *p, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};

    if (p->versioned < 0) {
        if (!ask_bucket(p, SLICE("versioning="), &arena, &answer, e)) {
            return false;
        }
        p->versioned = s3_list_text(buf_slice(&answer), "Status", &arena).len != 0;
    }
    return true;
}

struct removal {
    struct places *p;
    struct slice name;
    struct slice key; /* with the prefix of the URL */
};

/* Until when a version is locked, as the server says: "2013-05-24T00:00:00"; empty: it does not say. The current version
 * without `version`. */
static struct slice locked_until(struct places *p, struct slice name, struct slice version,
                                 struct arena *arena)
{
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};
    OWN(buf) struct buf query = {.max = 8192};
    struct exchange x = {.p = p, .method = FETCH_GET, .key = name, .arena = arena};
    struct error unused;

    buf_add_text(&query, "retention=");
    if (version.len) {
        buf_add_text(&query, "&versionId=");
        s3_encode(version, false, &query);
    }
    x.query = buf_slice(&query);
    return exchange(&x, &answer, &unused)
               ? slice_head(s3_list_text(buf_slice(&answer), "RetainUntilDate", arena), DATE_LEN)
               : SLICE_NONE;
}

/* Whether it is locked until then; dates of this form are in the order of their characters. */
static bool is_locked(struct slice until, const char *date)
{
    return until.len == DATE_LEN &&
           slice_compare(until, slice_head(slice_text(date), DATE_LEN)) >= 0;
}

static bool renew(void *context, struct slice name, struct error *e)
{
    struct places *p = context;
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};
    char until[CLOCK_TEXT_MAX];

    write_time(clock_wall_ms() + p->options.lock_ms, true, until);
    struct exchange x = {
        .p = p,
        .method = FETCH_PUT,
        .key = name,
        .query = SLICE("retention="),
        .body = arena_printf(&arena,
                             "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>"
                             "COMPLIANCE</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>",
                             until),
        .arena = &arena};
    /* What was locked for longer, with another setting, is refused and as good. */
    return exchange(&x, &answer, e) ||
           (e->kind != ERROR_BUSY && is_locked(locked_until(p, name, SLICE_NONE, &arena), until));
}

static bool delete (struct places *p, struct slice name, struct slice version, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};
    OWN(buf) struct buf query = {.max = 8192};
    struct exchange x = {.p = p, .method = FETCH_DELETE, .key = name, .arena = &arena};
    char now[CLOCK_TEXT_MAX];

    if (version.len) {
        buf_add_text(&query, "versionId=");
        s3_encode(version, false, &query);
        x.query = buf_slice(&query);
    }
    if (exchange(&x, &answer, e) || e->kind == ERROR_CORRUPT) { /* it is not there */
        return true;
    }
    struct slice until =
        e->kind == ERROR_DENIED ? locked_until(p, name, version, &arena) : SLICE_NONE;
    write_time(clock_wall_ms(), true, now);
    return is_locked(until, now)
               ? error_set(e, ERROR_LIMIT, "it is locked until %.*s", SLICE_ARG(until))
               : false;
}

static bool on_version(void *context, const struct s3_item *item, struct error *e)
{
    const struct removal *r = context;

    return !slice_equal(item->key, r->key) || delete (r->p, r->name, item->version, e);
}

static bool remove_object(void *context, struct slice name, struct error *e)
{
    struct places *p = context;
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf answer = {.max = ANSWER_MAX};
    OWN(buf) struct buf query = {.max = 8192};
    struct slice next = SLICE_NONE;

    if (!learn_versioning(p, e)) {
        return false;
    }
    if (!p->versioned) {
        return delete (p, name, SLICE_NONE, e);
    }
    struct slice prefix = key_prefix(p, &arena);
    struct removal r = {p, name,
                        arena_printf(&arena, "%.*s%.*s", SLICE_ARG(prefix), SLICE_ARG(name))};
    buf_add_text(&query, "prefix=");
    s3_encode(r.key, false, &query);
    buf_add_text(&query, "&versions=");
    return ask_bucket(p, buf_slice(&query), &arena, &answer, e) &&
           s3_list_read(buf_slice(&answer), on_version, &r, &arena, &next, e);
}

const struct store_ops places_s3_ops = {put, get, list, remove_object, renew};
