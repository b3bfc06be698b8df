#include "host/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_BYTES_S   1L /* a server that says less than this for so long has hung up */
#define SLOW_S         30L
#define CONNECT_MAX_MS 30000L
#define TYPE_MAX       255
#define PROTOCOLS      "http,https"
#define FIRST_STATUS   100
#define LAST_STATUS    999
#define LITERAL_MAX    46

typedef struct curl_slist list;

OWN_BY(curl, CURL, curl_easy_cleanup)
OWN_BY(list, list, curl_slist_free_all)
OWN_BY(url, CURLU, curl_url_cleanup)

/* What an answer's bytes go into. */
struct sink {
    struct buf *body;
    size_t max;
    size_t head;
    bool overfull;
};

struct fetch_line {
    CURL *curl;
};

struct fetch_line *fetch_line_new(void)
{
    struct fetch_line *l = calloc(1, sizeof(*l));

    if (!l || !(l->curl = curl_easy_init())) {
        arena_panic("out of memory");
    }
    return l;
}

void fetch_line_free(struct fetch_line *l)
{
    if (l) {
        curl_easy_cleanup(l->curl);
        free(l);
    }
}

bool fetch_init(struct error *e)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ||
           error_set(e, ERROR_CONFIG, "libcurl cannot be used");
}

/* A part of the URL as a copy, or nothing when it has none. */
static struct slice part(CURLU *url, CURLUPart what, unsigned flags, struct arena *arena)
{
    struct slice copy = SLICE_NONE;
    char *text = NULL;

    if (curl_url_get(url, what, &text, flags) == CURLUE_OK && text) {
        copy = slice_text(arena_text(arena, slice_text(text)));
    }
    curl_free(text);
    return copy;
}

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < ' ' || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static struct slice lower(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

static bool is_literal(struct slice host)
{
    struct address ignored;
    struct error e;

    return host.len <= LITERAL_MAX && address_parse(host, 1, &ignored, &e);
}

bool fetch_place(struct slice url, struct arena *arena, struct fetch_place *out, struct error *e)
{
    OWN(url) CURLU *u = curl_url();
    uint64_t port = 0;

    if (!u || url.len > FETCH_URL_MAX || !is_printable(url) ||
        curl_url_set(u, CURLUPART_URL, arena_text(arena, url), CURLU_DISALLOW_USER) != CURLUE_OK) {
        return error_set(e, ERROR_INPUT, "this is no URL that can be fetched");
    }
    struct slice scheme = part(u, CURLUPART_SCHEME, 0, arena);
    struct slice host = lower(part(u, CURLUPART_HOST, 0, arena), arena);
    bool tls = slice_equal(scheme, SLICE("https"));
    if ((!tls && !slice_equal(scheme, SLICE("http"))) || host.len == 0 ||
        !slice_decimal(part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, arena), UINT16_MAX, &port)) {
        return error_set(e, ERROR_INPUT, "only http and https are fetched");
    }
    if (host.ptr[0] == '[') {
        host = slice_of(host.ptr + 1, host.len - 2);
    }
    *out = (struct fetch_place){
        .host = host, .port = (uint16_t)port, .tls = tls, .literal = is_literal(host)};
    return true;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *context)
{
    struct sink *s = context;

    if (n * one > s->max - s->body->len) {
        s->overfull = true;
        return 0; /* ends the transfer */
    }
    buf_add(s->body, slice_of((const uint8_t *)bytes, n * one));
    return n * one;
}

static size_t on_head(char *bytes, size_t one, size_t n, void *context)
{
    struct sink *s = context;

    (void)bytes;
    s->head += n * one;
    s->overfull = s->overfull || s->head > FETCH_HEAD_MAX;
    return s->overfull ? 0 : n * one;
}

static bool add_line(list **to, const char *line)
{
    list *longer = curl_slist_append(*to, line);

    if (longer) {
        *to = longer;
    }
    return longer != NULL;
}

static bool add_headers(const struct fetch_request *r, struct arena *arena, list **out,
                        struct error *e)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!is_printable(r->headers[i]) || slice_find(r->headers[i], ':') == r->headers[i].len) {
            return error_set(e, ERROR_INPUT, "a header line cannot be sent");
        }
        if (!add_line(out, arena_text(arena, r->headers[i]))) {
            arena_panic("out of memory");
        }
    }
    if (!add_line(out, "Expect:")) { /* nobody here waits for "100 Continue" */
        arena_panic("out of memory");
    }
    return true;
}

/* "host:port:address,address": libcurl then asks no resolver. */
static void add_addresses(const struct fetch_request *r, const struct fetch_place *place,
                          struct arena *arena, list **out)
{
    struct slice line = arena_printf(arena, "%.*s:%u:", SLICE_ARG(place->host), place->port);

    for (size_t i = 0; i < r->n_addresses; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_print_host(&r->addresses[i], text);
        bool six = strchr(text, ':') != NULL;
        line = arena_printf(arena, "%.*s%s%s%s%s", SLICE_ARG(line), i ? "," : "", six ? "[" : "",
                            text, six ? "]" : "");
    }
    if (!add_line(out, arena_text(arena, line))) {
        arena_panic("out of memory");
    }
}

static void set_method(CURL *c, const struct fetch_request *r)
{
    static const char *const names[] = {[FETCH_PUT] = "PUT", [FETCH_DELETE] = "DELETE"};

    if (r->method == FETCH_HEAD) {
        (void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    } else if (r->method == FETCH_POST || r->method == FETCH_PUT) {
        (void)curl_easy_setopt(c, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        (void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body.len ? (const char *)r->body.ptr : "");
    }
    if (r->method == FETCH_PUT || r->method == FETCH_DELETE) {
        (void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, names[r->method]);
    }
}

/* What must not be left to libcurl's defaults. A refusal of one of these is a refusal of all. */
static bool set_walls(CURL *c, const struct fetch_request *r, struct arena *arena)
{
    struct curl_blob trust = {
        .data = (void *)(uintptr_t)r->trust.ptr, .len = r->trust.len, .flags = CURL_BLOB_NOCOPY};
    const char *proxy = r->proxy.len ? arena_text(arena, r->proxy) : "";
    long connect_ms = r->timeout_ms < CONNECT_MAX_MS ? (long)r->timeout_ms : CONNECT_MAX_MS;

    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, PROTOCOLS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, proxy) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAINFO, NULL) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           (trust.len == 0 || curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &trust) == CURLE_OK) &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SLOW_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
}

static enum error_kind kind_of(CURLcode code, const struct sink *s)
{
    if (s->overfull || code == CURLE_FILESIZE_EXCEEDED) {
        return ERROR_LIMIT;
    }
    return code == CURLE_PEER_FAILED_VERIFICATION ? ERROR_DENIED : ERROR_BUSY;
}

static void take_answer(CURL *c, struct arena *arena, struct fetch_answer *answer)
{
    char *type = NULL;
    char *forward = NULL;
    long status = 0;

    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &forward);
    *answer = (struct fetch_answer){.status = status >= FIRST_STATUS && status <= LAST_STATUS
                                                  ? (unsigned)status
                                                  : FIRST_STATUS};
    struct slice t = slice_head(slice_text(type ? type : ""), TYPE_MAX);
    struct slice f = slice_text(forward ? forward : "");
    if (is_printable(t)) {
        answer->type = arena_copy(arena, t);
    }
    if (f.len <= FETCH_URL_MAX && is_printable(f)) {
        answer->forward = arena_copy(arena, f);
    }
}

static bool perform(CURL *c, struct sink *s, struct error *e)
{
    char why[CURL_ERROR_SIZE] = "";

    (void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(c);
    (void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
    if (code == CURLE_OK) {
        return true;
    }
    return error_set(e, kind_of(code, s), "%s",
                     s->overfull ? "the answer is longer than allowed"
                                 : (*why ? why : curl_easy_strerror(code)));
}

/* With a fresh handle, or one whose connections are kept and nothing else. */
static bool fetch_with(CURL *c, const struct fetch_request *r, struct arena *arena,
                       struct buf *body, struct fetch_answer *answer, struct error *e)
{
    OWN(list) list *headers = NULL;
    OWN(list) list *addresses = NULL;
    struct sink sink = {.body = body, .max = r->answer_max};
    struct fetch_place place;

    buf_reset(body);
    if (!fetch_place(r->proxy.len ? r->proxy : r->url, arena, &place, e) ||
        !add_headers(r, arena, &headers, e)) {
        return false;
    }
    if (!set_walls(c, r, arena)) {
        return error_set(e, ERROR_CONFIG, "libcurl lacks what this needs");
    }
    if (!place.literal) {
        add_addresses(r, &place, arena, &addresses);
        (void)curl_easy_setopt(c, CURLOPT_RESOLVE, addresses);
    }
    set_method(c, r);
    (void)curl_easy_setopt(c, CURLOPT_URL, arena_text(arena, r->url));
    (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c, CURLOPT_USERAGENT, "postern");
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
    (void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head);
    (void)curl_easy_setopt(c, CURLOPT_HEADERDATA, &sink);
    if (!perform(c, &sink, e)) {
        return false;
    }
    take_answer(c, arena, answer);
    return true;
}

bool fetch(const struct fetch_request *r, struct arena *arena, struct buf *body,
           struct fetch_answer *answer, struct error *e)
{
    if (r->line) {
        bool done = fetch_with(r->line->curl, r, arena, body, answer, e);
        curl_easy_reset(r->line->curl); /* it points to what was the exchange's */
        return done;
    }
    OWN(curl) CURL *c = curl_easy_init();
    if (!c) {
        arena_panic("out of memory");
    }
    return fetch_with(c, r, arena, body, answer, e);
}
