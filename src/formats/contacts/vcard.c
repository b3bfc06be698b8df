/* vCard: RFC 6350 section 3.3.
 *
 *     contentline = [group "."] name *(";" param) ":" value CRLF
 *
 * A line that begins with a blank goes on with the one before it (section 3.2). */
#include "formats/contacts/internal.h"

#define VALUE_MAX 8192 /* bytes of a value that is kept; of a longer one the beginning */

/* The lines of one property, the first and those that go on with it, as they stand in the file. */
static struct slice property(struct card_reader *r)
{
    const uint8_t *begin = r->rest.ptr;
    struct slice last = card_line(r);

    while (r->rest.len && (r->rest.ptr[0] == ' ' || r->rest.ptr[0] == '\t')) {
        last = card_line(r);
    }
    return slice_of(begin, (size_t)(last.ptr + last.len - begin));
}

/* Join the lines of a property, up to VALUE_MAX bytes of them. */
static struct slice unfold(struct slice raw, struct arena *arena)
{
    uint8_t *out = arena_array(arena, VALUE_MAX, 1);
    size_t len = 0;

    for (size_t i = 0; i < raw.len && len < VALUE_MAX; i++) {
        bool cr = raw.ptr[i] == '\r' && i + 1 < raw.len && raw.ptr[i + 1] == '\n';
        if (cr) {
            continue;
        }
        if (raw.ptr[i] == '\n') {
            i++; /* and the blank behind it */
            continue;
        }
        out[len++] = raw.ptr[i];
    }
    return slice_of(out, len);
}

/* Where the value begins: behind the first colon that stands in no quotes. */
static bool split(struct slice line, struct slice *name, struct slice *parameters,
                  struct slice *value)
{
    bool quoted = false;
    size_t colon = 0;

    while (colon < line.len && (quoted || line.ptr[colon] != ':')) {
        quoted = quoted != (line.ptr[colon] == '"');
        colon++;
    }
    if (colon == line.len) {
        return false;
    }
    *value = slice_from(line, colon + 1);
    *name = slice_cut(slice_head(line, colon), ';', parameters);
    size_t dot = slice_find(*name, '.');
    *name = dot < name->len ? slice_from(*name, dot + 1) : *name;
    return true;
}

/* Take the next part of a structured value off, its escapes undone. */
static struct slice component(struct slice *value, uint8_t end, struct arena *arena)
{
    uint8_t *out = arena_array(arena, value->len + 1, 1);
    size_t len = 0;
    size_t i = 0;

    while (i < value->len && (end == 0 || value->ptr[i] != end)) {
        uint8_t c = value->ptr[i++];
        if (c == '\\' && i < value->len) {
            c = value->ptr[i++];
            c = c == 'n' || c == 'N' ? '\n' : c;
        }
        out[len++] = c;
    }
    *value = slice_from(*value, i < value->len ? i + 1 : i);
    return slice_of(out, len);
}

/* "Lenz;Anna;;Dr.;" is Anna Lenz. */
static struct slice name_of(struct slice value, struct arena *arena)
{
    struct slice family = component(&value, ';', arena);
    struct slice given = component(&value, ';', arena);

    return arena_printf(arena, "%.*s %.*s", SLICE_ARG(given), SLICE_ARG(family));
}

static bool keep(struct slice text, size_t max, struct arena *arena, struct slice *out)
{
    return out->len ? true : card_text(text, max, arena, out);
}

static struct slice without_scheme(struct slice text)
{
    return slice_starts_nocase(text, SLICE("tel:")) ? slice_from(text, 4) : text;
}

/* What is known of a card while it is read. */
struct draft {
    struct card *card;
    struct arena *arena;
    struct slice structured; /* the name by N, when there is no FN */
    bool old;                /* version 2.1, which is another format */
};

static bool take(struct draft *d, struct slice name, struct slice value)
{
    struct card *c = d->card;
    struct arena *arena = d->arena;

    if (slice_equal_nocase(name, SLICE("VERSION"))) {
        d->old = slice_equal(slice_trim(value), SLICE("2.1"));
    } else if (slice_equal_nocase(name, SLICE("FN"))) {
        return keep(component(&value, 0, arena), CARD_TEXT_MAX, arena, &c->name);
    } else if (slice_equal_nocase(name, SLICE("N"))) {
        return keep(name_of(value, arena), CARD_TEXT_MAX, arena, &d->structured);
    } else if (slice_equal_nocase(name, SLICE("EMAIL"))) {
        return card_add_address(c, component(&value, 0, arena), arena);
    } else if (slice_equal_nocase(name, SLICE("ORG"))) {
        return keep(component(&value, ';', arena), CARD_TEXT_MAX, arena, &c->organisation);
    } else if (slice_equal_nocase(name, SLICE("TITLE"))) {
        return keep(component(&value, 0, arena), CARD_TEXT_MAX, arena, &c->title);
    } else if (slice_equal_nocase(name, SLICE("TEL"))) {
        return keep(without_scheme(component(&value, 0, arena)), CARD_TEXT_MAX, arena, &c->phone);
    } else if (slice_equal_nocase(name, SLICE("NOTE"))) {
        return keep(component(&value, 0, arena), CARD_NOTE_MAX, arena, &c->note);
    }
    return true;
}

static bool is_of_interest(struct slice raw)
{
    static const struct slice names[] = {
        SLICE_INIT("VERSION"), SLICE_INIT("FN"),    SLICE_INIT("N"),   SLICE_INIT("EMAIL"),
        SLICE_INIT("ORG"),     SLICE_INIT("TITLE"), SLICE_INIT("TEL"), SLICE_INIT("NOTE"),
    };
    size_t end = 0;

    while (end < raw.len && raw.ptr[end] != ':' && raw.ptr[end] != ';' && raw.ptr[end] != '\n') {
        end++;
    }
    struct slice name = slice_head(raw, end);
    size_t dot = slice_find(name, '.');
    name = dot < name.len ? slice_from(name, dot + 1) : name;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_line(struct slice raw, struct slice text)
{
    return slice_equal_nocase(slice_trim(raw), text);
}

/* Read a property; false when it is not to be read. */
static bool read_property(struct draft *d, struct slice raw)
{
    struct slice name;
    struct slice parameters;
    struct slice value;

    if (!is_of_interest(raw)) {
        return true;
    }
    struct slice line = unfold(raw, d->arena);
    return split(line, &name, &parameters, &value) && take(d, name, value);
}

static enum card_result broken(const char **why, const char *text)
{
    *why = text;
    return CARD_BROKEN;
}

/* All properties up to the end; a card within it begins the next one. */
static enum card_result read_card(struct card_reader *r, struct draft *d, const char **why)
{
    bool good = true;

    while (r->rest.len) {
        struct card_reader before = *r;
        struct slice raw = property(r);
        if (is_line(raw, SLICE("END:VCARD"))) {
            return good ? CARD_READ : broken(why, "has a line that is not to be read");
        }
        if (is_line(raw, SLICE("BEGIN:VCARD"))) {
            *r = before;
            return broken(why, "has a card without an end");
        }
        good = good && read_property(d, raw);
    }
    return broken(why, "has a card without an end");
}

enum card_result vcard_next(struct card_reader *r, struct arena *arena, struct card *out,
                            const char **why)
{
    struct draft d = {.card = out, .arena = arena};
    bool begun = false;

    while (r->rest.len && !begun) {
        begun = is_line(property(r), SLICE("BEGIN:VCARD"));
    }
    if (!begun) {
        return CARD_END;
    }
    enum card_result result = read_card(r, &d, why);
    if (result == CARD_READ && d.old) {
        return broken(why, "has a vCard 2.1: have it written as 3.0 or 4.0");
    }
    out->name = out->name.len ? out->name : d.structured;
    return result;
}
