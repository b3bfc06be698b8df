#include "base/bytes.h"

#include "formats/nsupdate/internal.h"

#define OPCODE_SHIFT 11
#define COUNT_AT(n)  (4 + 2 * (size_t)(n)) /* of the nth section */

enum section { ZONE_OR_QUESTION, PREREQUISITES, CHANGES, ADDITIONAL };

static void add16(struct buf *out, uint16_t value)
{
    uint8_t bytes[2];

    put16(bytes, value);
    buf_add(out, SLICE_ARRAY(bytes));
}

static void begin(struct buf *out, uint16_t id, unsigned opcode)
{
    uint8_t header[HEADER_LEN] = {0};

    put16(header, id);
    put16(header + 2, (uint16_t)(opcode << OPCODE_SHIFT));
    buf_add(out, SLICE_ARRAY(header));
}

static void count(struct buf *out, enum section section)
{
    if (!out->full) {
        uint8_t *at = out->ptr + COUNT_AT(section);
        put16(at, (uint16_t)(get16(at) + 1));
    }
}

static void add_question(struct buf *out, struct slice name, uint16_t type)
{
    nsupdate_name(out, name);
    add16(out, type);
    add16(out, CLASS_IN);
    count(out, ZONE_OR_QUESTION);
}

struct record {
    enum section section;
    struct slice name;
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    struct slice rdata;
};

static void add_record(struct buf *out, const struct record *r)
{
    uint8_t ttl[4];

    put32(ttl, r->ttl_s);
    nsupdate_name(out, r->name);
    add16(out, r->type);
    add16(out, r->class);
    buf_add(out, SLICE_ARRAY(ttl));
    add16(out, (uint16_t)r->rdata.len);
    buf_add(out, r->rdata);
    out->full = out->full || r->rdata.len > NSUPDATE_RDATA_MAX;
    count(out, r->section);
}

/* RFC 8945 section 5.1: the record goes behind all others, and is counted only then. */
static bool sign(struct buf *out, const struct nsupdate_key *key, uint64_t now_s,
                 struct nsupdate_asked *asked, struct error *e)
{
    const struct tsig t = {.time_s = now_s, .fudge_s = NSUPDATE_FUDGE_S};
    OWN(buf) struct buf rdata = {.max = WIRE_NAME_MAX + NSUPDATE_MAC_MAX + 64};
    uint8_t time[8];

    asked->mac_len = out->full ? 0 : nsupdate_mac(key, SLICE_NONE, buf_slice(out), &t, asked->mac);
    if (asked->mac_len == 0) {
        return error_set(e, out->full ? ERROR_LIMIT : ERROR_CONFIG,
                         out->full ? "the change does not fit into a message"
                                   : "the key cannot sign: is it long enough?");
    }
    nsupdate_name(&rdata, nsupdate_algorithm_name(key->algorithm));
    put64(time, now_s);
    buf_add(&rdata, slice_of(time + 2, 6));
    add16(&rdata, NSUPDATE_FUDGE_S);
    add16(&rdata, (uint16_t)asked->mac_len);
    buf_add(&rdata, slice_of(asked->mac, asked->mac_len));
    add16(&rdata, asked->id);
    add16(&rdata, 0); /* error */
    add16(&rdata, 0); /* other data */
    add_record(out, &(struct record){.section = ADDITIONAL,
                                     .name = key->name,
                                     .type = TYPE_TSIG,
                                     .class = CLASS_ANY,
                                     .rdata = buf_slice(&rdata)});
    return !out->full || error_set(e, ERROR_LIMIT, "the change does not fit into a message");
}

static bool are_names(struct slice name, struct slice zone, const struct nsupdate_key *key,
                      struct error *e)
{
    if (!nsupdate_is_name(name) || !nsupdate_is_name(key->name)) {
        return error_set(e, ERROR_INPUT, "a name of the question is none");
    }
    return nsupdate_is_below(name, zone) ||
           error_set(e, ERROR_INPUT, "%.*s is not in the zone %.*s", SLICE_ARG(name),
                     SLICE_ARG(zone));
}

bool nsupdate_ask(uint16_t id, struct slice name, uint16_t type, const struct nsupdate_key *key,
                  uint64_t now_s, struct buf *out, struct nsupdate_asked *asked, struct error *e)
{
    *asked = (struct nsupdate_asked){.id = id, .name = name, .type = type};
    if (!are_names(name, name, key, e)) {
        return false;
    }
    begin(out, id, OPCODE_QUERY);
    add_question(out, name, type);
    return sign(out, key, now_s, asked, e);
}

bool nsupdate_write(uint16_t id, const struct nsupdate_change *c, const struct nsupdate_key *key,
                    uint64_t now_s, struct buf *out, struct nsupdate_asked *asked, struct error *e)
{
    struct record r = {.section = PREREQUISITES, .name = c->name, .class = CLASS_NONE};

    *asked = (struct nsupdate_asked){.id = id, .update = true};
    if (!are_names(c->name, c->zone, key, e)) {
        return false;
    }
    begin(out, id, OPCODE_UPDATE);
    add_question(out, c->zone, TYPE_SOA);
    r.type =
        TYPE_CNAME; /* a server does nothing, and says that it did, where an alias stands: RFC 2136 section 3.4.2.2 */
    add_record(out, &r);
    r.type = c->type;
    if (c->n_was == 0) {
        add_record(out, &r);
    }
    r.class = CLASS_IN;
    for (size_t i = 0; i < c->n_was; i++) {
        r.rdata = c->was[i];
        add_record(out, &r);
    }
    r.section = CHANGES;
    r.class = CLASS_NONE;
    for (size_t i = 0; i < c->n_remove; i++) {
        r.rdata = c->remove[i];
        add_record(out, &r);
    }
    r.class = CLASS_IN;
    r.ttl_s = c->ttl_s;
    for (size_t i = 0; i < c->n_add; i++) {
        r.rdata = c->add[i];
        add_record(out, &r);
    }
    return sign(out, key, now_s, asked, e);
}
