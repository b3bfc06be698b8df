#include "formats/journal/journal.h"

#include "base/buf.h"

#include "formats/journal/internal.h"

#define ENVELOPE_MAX (1 << 20) /* bytes of the part that lists it */
#define PARTS_MAX    10

static bool is_report(const struct mail_header *h)
{
    bool found = false;

    for (size_t i = 0; i < h->n_fields; i++) {
        found = found || slice_equal_nocase(h->fields[i].label, SLICE("X-MS-Journal-Report"));
    }
    return found;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Quoted-printable (RFC 2045 section 6.7); what is none of it stays as it is. */
static struct slice decode_quoted(struct slice s, struct arena *arena)
{
    uint8_t *out = arena_alloc(arena, s.len + 1);
    size_t used = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
        if (s.ptr[i] == '=' && high >= 0 && low >= 0) {
            out[used++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (s.ptr[i] == '=' && i + 1 < s.len && s.ptr[i + 1] == '\n') {
            i++;
        } else if (s.ptr[i] == '=' && i + 2 < s.len && s.ptr[i + 1] == '\r') {
            i += 2;
        } else {
            out[used++] = s.ptr[i];
        }
    }
    return slice_of(out, used);
}

static void add_recipient(struct journal *j, struct slice address, struct arena *arena)
{
    for (size_t i = 0; i < j->n_recipients; i++) {
        if (slice_equal_nocase(j->recipients[i], address)) {
            return;
        }
    }
    j->recipients[j->n_recipients++] = arena_copy(arena, address);
}

/* "Bcc: address, Expanded: list": what the line says of the envelope. */
static const char *read_line(struct slice line, struct journal *j, struct arena *arena)
{
    static const struct slice labels[] = {SLICE_INIT("Recipient"), SLICE_INIT("To"),
                                          SLICE_INIT("Cc"), SLICE_INIT("Bcc")};
    struct slice rest;
    struct slice label = slice_cut(line, ':', &rest);
    struct slice address = slice_trim(slice_cut(rest, ',', &rest));
    bool to = false;

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        to = to || slice_equal_nocase(label, labels[i]);
    }
    if (address.len > JOURNAL_ADDRESS_MAX || !slice_is_utf8(address)) {
        return to ? "an address in its envelope is too long, or no text" : NULL;
    }
    if (to && slice_find(address, '@') == address.len) {
        return "a recipient in its envelope is no address";
    }
    if (to && j->n_recipients == JOURNAL_RECIPIENTS_MAX) {
        return "its envelope has more than 1000 recipients";
    }
    if (to) {
        add_recipient(j, address, arena);
    } else if (slice_equal_nocase(label, SLICE("Sender")) && !slice_equal(address, SLICE("<>"))) {
        j->sender = arena_copy(arena, address);
    }
    return NULL;
}

static const char *read_envelope(const struct journal_part *part, struct journal *j,
                                 struct arena *arena)
{
    struct slice encoding = journal_value(&part->header, MAIL_CONTENT_TRANSFER_ENCODING);
    struct slice text = part->body;
    const char *why = NULL;

    if (text.len > ENVELOPE_MAX || slice_starts_nocase(encoding, SLICE("base64"))) {
        return "its envelope is too long, or encoded in base64";
    }
    if (slice_starts_nocase(encoding, SLICE("quoted-printable"))) {
        text = decode_quoted(text, arena);
    }
    while (text.len && !why) {
        struct slice line = slice_cut(text, '\n', &text);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        why = read_line(line, j, arena);
    }
    return why ? why : j->n_recipients == 0 ? "its envelope names no recipient" : NULL;
}

static const char *read_letter(const struct journal_part *part, struct journal *j)
{
    struct slice encoding = journal_value(&part->header, MAIL_CONTENT_TRANSFER_ENCODING);

    if (slice_starts_nocase(encoding, SLICE("base64")) ||
        slice_starts_nocase(encoding, SLICE("quoted-printable"))) {
        return "the letter in it is encoded, so its bytes are not those that were sent";
    }
    j->letter = part->body;
    return j->letter.len ? NULL : "the letter in it is empty";
}

const char *journal_read(struct slice report, struct arena *arena, struct journal *out)
{
    static const struct mail_limits limits = {.letter_bytes = SIZE_MAX,
                                              .header_bytes = 1 << 20,
                                              .field_bytes = 64 << 10,
                                              .line_bytes = 64 << 10,
                                              .fields = 2000};
    struct journal j = {.recipients =
                            arena_array(arena, JOURNAL_RECIPIENTS_MAX, sizeof(*j.recipients))};
    struct mail_header header;
    struct journal_part part;
    const char *why = NULL;

    mail_header_read(report, &limits, true, arena, &header);
    if (!is_report(&header)) {
        return "it is no journal report: it has no field X-MS-Journal-Report";
    }
    struct slice boundary = journal_boundary(journal_value(&header, MAIL_CONTENT_TYPE));
    struct slice rest = header.body;
    for (size_t i = 0; boundary.len && i < PARTS_MAX && !why && !j.letter.len &&
                       journal_part(&rest, boundary, arena, &part);
         i++) {
        struct slice type = journal_value(&part.header, MAIL_CONTENT_TYPE);
        if (slice_starts_nocase(type, SLICE("message/rfc822"))) {
            why = read_letter(&part, &j);
        } else if (j.n_recipients == 0) {
            why = read_envelope(&part, &j, arena);
        }
    }
    if (!why && j.letter.len && journal_part(&rest, boundary, arena, &part)) {
        why = "another part follows the letter in it";
    }
    if (!why && (!j.letter.len || !j.n_recipients)) {
        why = "the journal report has not both an envelope and a letter";
    }
    if (!why) {
        *out = j;
    }
    return why;
}
