/* What the files of an export say of a letter. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "cli/export_many.h"
#include "cli/export_text.h"
#include "cli/print.h"
#include "host/file.h"

#define TIME_MAX 32
#define COLUMNS  19 /* the last where there is a case */
#define CHUNK    65536
#define FAMILIES "families.part"

const char *export_name(enum export_format format, enum export_file file)
{
    static const char *const loads[] = {
        [EXPORT_EML] = NULL,
        [EXPORT_MBOX] = "letters.mbox",
        [EXPORT_EDRM] = "edrm.xml",
        [EXPORT_CONCORDANCE] = "loadfile.dat",
    };

    switch (file) {
    case EXPORT_MANIFEST:
        return "manifest.csv";
    case EXPORT_EXCEPTIONS:
        return "exceptions.csv";
    case EXPORT_LOAD:
        return loads[format];
    case EXPORT_FAMILIES:
        return format == EXPORT_EDRM ? FAMILIES : NULL;
    case EXPORT_FILES:
    default:
        return NULL;
    }
}

enum form { FORM_ISO, FORM_DAY, FORM_CLOCK, FORM_MBOX };

/* A time in UTC; empty when it is not known. */
static struct slice utc(struct arena *arena, uint64_t ms, enum form form)
{
    char text[TIME_MAX];
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    size_t len = 0;

    if (ms == 0 || !gmtime_r(&s, &tm)) {
        return SLICE_NONE;
    }
    switch (form) {
    case FORM_ISO:
        len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        break;
    case FORM_DAY:
        len = strftime(text, sizeof(text), "%Y-%m-%d", &tm);
        break;
    case FORM_CLOCK:
        len = strftime(text, sizeof(text), "%H:%M:%S", &tm);
        break;
    case FORM_MBOX:
        len = strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
        break;
    }
    return arena_copy(arena, slice_of(text, len));
}

static struct slice number(struct arena *arena, uint64_t n)
{
    return arena_printf(arena, "%llu", (unsigned long long)n);
}

static struct slice custodian(const struct facts *f)
{
    struct slice owner = facts_owner(f);
    return owner.len ? owner : f->source.name;
}

/* Where the letter's own file is, or lies in one with others. */
static struct slice native(struct export *x, const struct export_letter *l)
{
    return x->format == EXPORT_MBOX ? SLICE("letters.mbox")
                                    : arena_printf(&x->page, "natives/%.*s.eml", SLICE_ARG(l->id));
}

static struct slice envelope(struct export *x, const struct facts *f)
{
    OWN(buf) struct buf line = {.max = LETTER_RECIPIENTS_MAX * (LETTER_ADDRESS_MAX + 2)};
    const struct recipient *to = f->recipients.items;

    for (size_t i = 0; i < f->recipients.count; i++) {
        buf_add_text(&line, i ? "; " : "");
        buf_add(&line, to[i].address);
    }
    return arena_copy(&x->page, buf_slice(&line));
}

static void add_csv(struct buf *out, const struct slice *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i ? "," : "");
        export_csv(out, cells[i]);
    }
    buf_add_text(out, "\r\n");
}

static void add_to_manifest(struct export *x, const struct export_letter *l)
{
    const struct facts *f = &l->facts;
    const struct slice cells[] = {
        l->id,
        number(&x->page, l->seq),
        print_hex(&x->page, f->digest),
        number(&x->page, l->bytes.len),
        utc(&x->page, facts_dated(f), FORM_ISO),
        utc(&x->page, f->received_at, FORM_ISO),
        f->kind == LETTER_IMPORTED ? SLICE("imported") : SLICE("submitted"),
        custodian(f),
        native(x, l),
        x->case_name,
    };

    add_csv(&x->pending[EXPORT_MANIFEST], cells,
            sizeof(cells) / sizeof(cells[0]) - (x->case_name.len ? 0 : 1));
}

void export_exception(struct export *x, struct slice id, struct slice what, struct slice why)
{
    const struct slice cells[] = {id, what, why};

    add_csv(&x->pending[EXPORT_EXCEPTIONS], cells, 3);
    x->exceptions++;
}

static bool is_attachment(const struct part *p)
{
    return p->depth > 0 && (p->disposition == PART_ATTACHMENT || p->name.len);
}

/* What the search could not read of a letter. */
static void add_exceptions(struct export *x, const struct export_letter *l)
{
    const struct part *parts = l->findings.parts.items;
    const struct slice *gaps = l->findings.gaps.items;

    for (size_t i = 0; i < l->findings.parts.count; i++) {
        if (parts[i].reading == PART_UNREADABLE) {
            export_exception(x, l->id, parts[i].name.len ? parts[i].name : parts[i].type,
                             parts[i].reason);
        }
    }
    for (size_t i = 0; i < l->findings.gaps.count; i++) {
        export_exception(x, l->id, SLICE("letter"), gaps[i]);
    }
}

/* ── EDRM XML 1.2 ── */

static void add_tag(struct buf *out, const char *name, struct slice value)
{
    if (value.len) {
        buf_printf(out, "<Tag TagName=\"%s\" TagDataType=\"Text\" TagValue=\"", name);
        export_xml(out, value);
        buf_add_text(out, "\"/>\n");
    }
}

static void add_edrm_children(struct export *x, const struct export_letter *l)
{
    struct buf *out = &x->pending[EXPORT_LOAD];
    struct buf *families = &x->pending[EXPORT_FAMILIES];
    const struct part *parts = l->findings.parts.items;
    unsigned n = 0;

    for (size_t i = 0; i < l->findings.parts.count; i++) {
        const struct part *p = &parts[i];
        if (!is_attachment(p)) {
            continue;
        }
        n++;
        buf_printf(out, "<Document DocID=\"%.*s.%u\" DocType=\"File\" MimeType=\"",
                   SLICE_ARG(l->id), n);
        export_xml(out, p->type);
        buf_add_text(out, "\">\n<Tags>\n");
        add_tag(out, "#FileName", p->name);
        add_tag(out, "#FileSize", number(&x->page, p->size));
        add_tag(out, "WithinNativeOf", l->id);
        buf_add_text(out, "</Tags>\n</Document>\n");
        buf_printf(families,
                   "<Relationship Type=\"Attachment\" ParentDocId=\"%.*s\" "
                   "ChildDocId=\"%.*s.%u\"/>\n",
                   SLICE_ARG(l->id), SLICE_ARG(l->id), n);
    }
}

static void add_edrm(struct export *x, const struct export_letter *l)
{
    struct buf *out = &x->pending[EXPORT_LOAD];
    const struct facts *f = &l->facts;

    buf_printf(out,
               "<Document DocID=\"%.*s\" DocType=\"Message\" MimeType=\"message/rfc822\">\n"
               "<Files><File FileType=\"Native\"><ExternalFile FilePath=\"natives\" "
               "FileName=\"%.*s.eml\" FileSize=\"%zu\" Hash=\"%.*s\"/></File></Files>\n<Tags>\n",
               SLICE_ARG(l->id), SLICE_ARG(l->id), l->bytes.len,
               SLICE_ARG(print_hex(&x->page, f->digest)));
    add_tag(out, "#From", f->from);
    add_tag(out, "#To", f->to);
    add_tag(out, "#CC", f->cc);
    add_tag(out, "#BCC", f->bcc);
    add_tag(out, "#Subject", f->subject);
    add_tag(out, "#DateSent", utc(&x->page, facts_dated(f), FORM_ISO));
    add_tag(out, "#MessageID", f->message_id);
    add_tag(out, "HashAlgorithm", SLICE("SHA-256"));
    add_tag(out, "TimeZone", SLICE("UTC"));
    add_tag(out, "EnvelopeRecipients", envelope(x, f));
    add_tag(out, "LedgerRecord", number(&x->page, l->seq));
    add_tag(out, "Case", x->case_name);
    buf_add_text(out, "</Tags>\n<Locations><Location><Custodian>");
    export_xml(out, custodian(f));
    buf_add_text(out, "</Custodian><LocationURI>");
    export_xml(out, f->source.path);
    buf_add_text(out, "</LocationURI></Location></Locations>\n</Document>\n");
    add_edrm_children(x, l);
}

/* ── Concordance ── */

static const char *const columns[COLUMNS] = {
    "DOCID",  "BEGATTACH", "ENDATTACH", "PARENTID",   "CUSTODIAN", "FROM",     "TO",
    "CC",     "BCC",       "SUBJECT",   "DATESENT",   "TIMESENT",  "TIMEZONE", "FILENAME",
    "SHA256", "FILESIZE",  "MSGID",     "NATIVEFILE", "CASE",
};

static void add_dat(const struct export *x, struct buf *out, const struct slice *cells)
{
    for (size_t i = 0; i < COLUMNS - (x->case_name.len ? 0 : 1); i++) {
        export_dat(out, cells[i], i == 0);
    }
    buf_add_text(out, "\r\n");
}

static void add_concordance(struct export *x, const struct export_letter *l)
{
    const struct part *parts = l->findings.parts.items;
    const struct facts *f = &l->facts;
    size_t attachments = 0;
    size_t n = 0;

    for (size_t i = 0; i < l->findings.parts.count; i++) {
        attachments += is_attachment(&parts[i]);
    }
    struct slice last =
        attachments ? arena_printf(&x->page, "%.*s.%zu", SLICE_ARG(l->id), attachments) : l->id;
    const struct slice letter[COLUMNS] = {
        l->id,
        l->id,
        last,
        SLICE_NONE,
        custodian(f),
        f->from,
        f->to,
        f->cc,
        f->bcc,
        f->subject,
        utc(&x->page, facts_dated(f), FORM_DAY),
        utc(&x->page, facts_dated(f), FORM_CLOCK),
        SLICE("UTC"),
        SLICE_NONE,
        print_hex(&x->page, f->digest),
        number(&x->page, l->bytes.len),
        f->message_id,
        native(x, l),
        x->case_name,
    };
    add_dat(x, &x->pending[EXPORT_LOAD], letter);
    for (size_t i = 0; i < l->findings.parts.count; i++) {
        if (!is_attachment(&parts[i])) {
            continue;
        }
        const struct slice child[COLUMNS] = {
            arena_printf(&x->page, "%.*s.%zu", SLICE_ARG(l->id), ++n),
            l->id,
            last,
            l->id,
            custodian(f),
            [12] = SLICE("UTC"),
            [13] = parts[i].name,
            [15] = number(&x->page, parts[i].size),
            [18] = x->case_name,
        };
        add_dat(x, &x->pending[EXPORT_LOAD], child);
    }
}

/* ── all formats ── */

static void add_mbox(struct export *x, const struct export_letter *l)
{
    struct buf *out = &x->pending[EXPORT_LOAD];
    struct slice sender = l->facts.reverse_path;

    /* What stands there must be one word. */
    bool plain = sender.len && slice_find(sender, ' ') == sender.len;
    buf_add_text(out, "From ");
    buf_add(out, plain ? sender : SLICE("MAILER-DAEMON"));
    buf_add_byte(out, ' ');
    buf_add(out, utc(&x->page, facts_dated(&l->facts), FORM_MBOX));
    buf_add_byte(out, '\n');
    export_mbox(out, l->bytes);
}

static bool write_native(struct export *x, const struct export_letter *l, struct error *e)
{
    char name[LETTER_ID_TEXT + 8];

    (void)snprintf(name, sizeof(name), "%.*s.eml", SLICE_ARG(l->id));
    OWN(fd)
    int fd = openat(x->natives, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "natives/%s", name);
    }
    return export_write_all(fd, l->bytes, e);
}

bool export_letter(struct export *x, const struct export_letter *l, struct error *e)
{
    if (x->natives >= 0 && !write_native(x, l, e)) {
        return false;
    }
    switch (x->format) {
    case EXPORT_MBOX:
        add_mbox(x, l);
        break;
    case EXPORT_EDRM:
        add_edrm(x, l);
        break;
    case EXPORT_CONCORDANCE:
        add_concordance(x, l);
        break;
    case EXPORT_EML:
    default:
        break;
    }
    add_to_manifest(x, l);
    add_exceptions(x, l);
    x->count++;
    return true;
}

void export_begin(struct export *x)
{
    struct buf *load = &x->pending[EXPORT_LOAD];

    buf_add_text(&x->pending[EXPORT_MANIFEST],
                 x->case_name.len
                     ? "ID,RECORD,SHA256,BYTES,DATED,RECORDED,KIND,CUSTODIAN,FILE,CASE\r\n"
                     : "ID,RECORD,SHA256,BYTES,DATED,RECORDED,KIND,CUSTODIAN,FILE\r\n");
    buf_add_text(&x->pending[EXPORT_EXCEPTIONS], "ID,WHAT,WHY\r\n");
    if (x->format == EXPORT_EDRM) {
        buf_add_text(load, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<Root MajorVersion=\"1\" MinorVersion=\"2\" "
                           "DataInterchangeType=\"Update\" Description=\"Letters from Postern: ");
        if (x->case_name.len) {
            buf_add_text(load, "case ");
            export_xml(load, x->case_name);
            buf_add_text(load, x->query.len ? ": " : "");
        }
        export_xml(load, x->query);
        buf_add_text(load, "\">\n<Batch name=\"postern\">\n<Documents>\n");
    } else if (x->format == EXPORT_CONCORDANCE) {
        buf_add_text(load, "\xef\xbb\xbf");
        struct slice heads[COLUMNS];
        for (size_t i = 0; i < COLUMNS; i++) {
            heads[i] = slice_text(columns[i]);
        }
        add_dat(x, load, heads);
    }
}

static bool append(struct export *x, struct slice bytes, struct error *e)
{
    x->sizes[EXPORT_LOAD] += bytes.len;
    return export_write_all(x->fds[EXPORT_LOAD], bytes, e);
}

/* The relationships stand behind all documents. Until the state says that the export is whole, an
 * interruption has them written again. */
bool export_end(struct export *x, struct error *e)
{
    uint8_t chunk[CHUNK];
    uint64_t at = 0;
    size_t got = CHUNK;

    if (x->format != EXPORT_EDRM) {
        return true;
    }
    OWN(fd) int fd = openat(x->directory, FAMILIES, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, FAMILIES);
    }
    if (!append(x, SLICE("</Documents>\n<Relationships>\n"), e)) {
        return false;
    }
    while (got == CHUNK) {
        if (!file_read_at(fd, at, chunk, CHUNK, &got, e) || !append(x, slice_of(chunk, got), e)) {
            return false;
        }
        at += got;
    }
    return append(x, SLICE("</Relationships>\n</Batch>\n</Root>\n"), e);
}
