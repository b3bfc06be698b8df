#include <openssl/sha.h>

#include "formats/zone/zone.h"

#define STRING_MAX 255

struct list {
    struct zone_record *items;
    size_t count;
};

static void add(struct list *l, struct zone_record record)
{
    if (l->count < ZONE_RECORDS_MAX) {
        l->items[l->count++] = record;
    }
}

static void add_spf(struct list *l, const struct zone_facts *f, struct arena *arena)
{
    const struct zone_record direct = {
        .data = arena_printf(arena, "v=spf1 a:%.*s -all", SLICE_ARG(f->hostname)),
        .note = SLICE("put whoever else sends for the domain before `-all`")};
    const struct zone_record relayed = {
        .data = SLICE("v=spf1 include:SMARTHOST-SPF-DOMAIN -all"),
        .note = SLICE("your smart host's operator says what its SPF domain is")};
    struct zone_record r = f->smarthost ? relayed : direct;

    r.kind = ZONE_KIND_SPF;
    r.name = f->domain;
    r.type = SLICE("TXT");
    add(l, r);
}

static void add_keys(struct list *l, const struct zone_facts *f, struct arena *arena)
{
    for (size_t i = 0; i < f->n_keys; i++) {
        const struct zone_key *k = &f->keys[i];
        add(l, (struct zone_record){
                   .kind = ZONE_KIND_DKIM,
                   .name = arena_printf(arena, "%.*s._domainkey.%.*s", SLICE_ARG(k->selector),
                                        SLICE_ARG(f->domain)),
                   .type = SLICE("TXT"),
                   .data = dkim_dns_text(k->algorithm, k->public, arena),
                   .note = k->used ? SLICE_NONE : SLICE("nothing is signed with this key yet"),
                   .optional = !k->used,
                   .key = k});
    }
}

/* Section 4.7 of RFC 9989: t=y asks for the next weaker policy, until the reports show nobody but us. */
static void add_dmarc(struct list *l, const struct zone_facts *f, struct arena *arena)
{
    add(l, (struct zone_record){
               .kind = ZONE_KIND_DMARC,
               .name = arena_printf(arena, "_dmarc.%.*s", SLICE_ARG(f->domain)),
               .type = SLICE("TXT"),
               .data = arena_printf(arena, "v=DMARC1; p=reject; t=y; rua=mailto:dmarc-reports@%.*s",
                                    SLICE_ARG(f->domain)),
               .note = SLICE("make that address one that somebody reads; take `t=y;` away when the "
                             "reports show nobody but you")});
}

static void add_reporting(struct list *l, const struct zone_facts *f, struct arena *arena)
{
    add(l,
        (struct zone_record){.kind = ZONE_KIND_TLSRPT,
                             .name = arena_printf(arena, "_smtp._tls.%.*s", SLICE_ARG(f->domain)),
                             .type = SLICE("TXT"),
                             .data = arena_printf(arena, "v=TLSRPTv1; rua=mailto:tls-reports@%.*s",
                                                  SLICE_ARG(f->domain)),
                             .note = SLICE("others report there how TLS to your mail servers went"),
                             .optional = true});
}

struct slice zone_sts_file(const struct zone_facts *f, struct arena *arena)
{
    OWN(buf) struct buf out = {.max = (size_t)64 << 10};

    buf_add_text(&out, "version: STSv1\r\nmode: testing\r\n");
    for (size_t i = 0; i < f->n_mx; i++) {
        buf_printf(&out, "mx: %.*s\r\n", SLICE_ARG(f->mx[i]));
    }
    buf_add_text(&out, "max_age: 604800\r\n");
    return f->n_mx && !out.full ? arena_copy(arena, buf_slice(&out)) : SLICE_NONE;
}

/* The id follows from the file, so that it changes when the file does (RFC 8461 section 3.1). */
static void add_sts(struct list *l, const struct zone_facts *f, struct arena *arena)
{
    struct slice file = zone_sts_file(f, arena);
    uint8_t digest[SHA256_DIGEST_LENGTH];

    if (file.len == 0) {
        return;
    }
    (void)SHA256(file.ptr, file.len, digest);
    add(l, (struct zone_record){
               .kind = ZONE_KIND_STS,
               .name = arena_printf(arena, "_mta-sts.%.*s", SLICE_ARG(f->domain)),
               .type = SLICE("TXT"),
               .data = arena_printf(arena, "v=STSv1; id=%02x%02x%02x%02x%02x%02x%02x%02x",
                                    digest[0], digest[1], digest[2], digest[3], digest[4],
                                    digest[5], digest[6], digest[7]),
               .note = arena_printf(arena,
                                    "first serve the policy at "
                                    "https://mta-sts.%.*s/.well-known/mta-sts.txt; mode `enforce` "
                                    "when the TLS reports are clean",
                                    SLICE_ARG(f->domain)),
               .optional = true});
}

static void add_service(struct list *l, const struct zone_facts *f, const char *service,
                        uint16_t port, struct arena *arena)
{
    if (port) {
        add(l, (struct zone_record){
                   .kind = ZONE_KIND_SERVICE,
                   .name = arena_printf(arena, "_%s._tcp.%.*s", service, SLICE_ARG(f->domain)),
                   .type = SLICE("SRV"),
                   .data = arena_printf(arena, "0 1 %u %.*s.", port, SLICE_ARG(f->hostname)),
                   .note = SLICE("mail clients find this server by it"),
                   .optional = true});
    }
}

static void add_dane(struct list *l, const struct zone_facts *f, uint16_t port, struct arena *arena)
{
    OWN(buf) struct buf hex = {.max = 2 * ZONE_DIGEST_LEN + 1};

    for (size_t i = 0; port && i < f->n_tls; i++) {
        hex.len = 0;
        for (size_t k = 0; k < f->tls[i].len; k++) {
            buf_printf(&hex, "%02x", f->tls[i].ptr[k]);
        }
        add(l,
            (struct zone_record){
                .kind = ZONE_KIND_DANE,
                .name = arena_printf(arena, "_%u._tcp.%.*s", port, SLICE_ARG(f->hostname)),
                .type = SLICE("TLSA"),
                .data = arena_printf(arena, "3 1 1 %.*s", SLICE_ARG(buf_slice(&hex))),
                .note = SLICE("only in a zone that DNSSEC signs; publish a new key's record before "
                              "the key is used"),
                .optional = true});
    }
}

size_t zone_wanted(const struct zone_facts *f, struct arena *arena, struct zone_record **out)
{
    struct list l = {arena_array(arena, ZONE_RECORDS_MAX, sizeof(struct zone_record)), 0};

    add_spf(&l, f, arena);
    add_keys(&l, f, arena);
    add_dmarc(&l, f, arena);
    add_reporting(&l, f, arena);
    add_sts(&l, f, arena);
    add_service(&l, f, "submissions", f->implicit_port, arena);
    add_service(&l, f, "submission", f->starttls_port, arena);
    add_dane(&l, f, f->implicit_port, arena);
    add_dane(&l, f, f->starttls_port, arena);
    *out = l.items;
    return l.count;
}

static void add_string(struct buf *out, struct slice s)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, s.ptr[i]);
    }
    buf_add_byte(out, '"');
}

void zone_txt(struct buf *out, struct slice name, struct slice text)
{
    buf_printf(out, "%.*s. IN TXT ", SLICE_ARG(name));
    if (text.len <= STRING_MAX) {
        add_string(out, text);
        buf_add_byte(out, '\n');
        return;
    }
    buf_add_text(out, "(");
    for (; text.len; text = slice_from(text, STRING_MAX)) {
        buf_add_text(out, "\n    ");
        add_string(out, slice_head(text, STRING_MAX));
    }
    buf_add_text(out, " )\n");
}

void zone_line(struct buf *out, const struct zone_record *r)
{
    if (slice_equal(r->type, SLICE("TXT"))) {
        zone_txt(out, r->name, r->data);
    } else {
        buf_printf(out, "%.*s. IN %.*s %.*s\n", SLICE_ARG(r->name), SLICE_ARG(r->type),
                   SLICE_ARG(r->data));
    }
}
