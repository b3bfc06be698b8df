/* Letters that Postern itself writes: notices, and checkpoints for who keeps them outside. They go
 * the way of every letter. */
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/date.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "ledger/checkpoint.h"

#define ANCHOR_MAX  (64 << 10)
#define QUOTED_LINE 70
#define BOUNDARY    "=_checkpoint_of_the_archive"

static void describe(const struct own_letter *letter, const uint8_t *digest, struct facts *f)
{
    *f = (struct facts){
        .id = letter_id_slice(&letter->id),
        .kind = LETTER_NOTICE,
        .received_at = (uint64_t)clock_wall_ms(),
        .recipients = letter->to,
        .smtputf8 = letter->utf8,
        .size = letter->bytes.len,
        .digest = slice_of(digest, DIGEST_LEN),
        .subject = letter->subject,
        .about = letter->about,
        .groups = letter->groups,
        .tls_report = letter->tls_report,
    };
}

/* One letter on its way into the ledger. */
struct writing {
    struct parcel *parcel;
    struct buf content;
    size_t at; /* index of its facts among the records; the content follows */
};

static void begin_writing(struct writing *w, const struct own_letter *letter)
{
    uint8_t digest[DIGEST_LEN];
    struct facts f;
    struct parcel *p = parcel_new();

    digest_of(letter->bytes, SLICE_NONE, digest);
    describe(letter, digest, &f);
    p->id = letter->id;
    p->kind = f.kind;
    p->received_at = f.received_at;
    p->size = letter->bytes.len;
    struct content content = {.id = f.id, .bytes = letter->bytes};
    cbor_write(&p->facts_body, &facts_schema, &f);
    buf_init(&w->content, letter->bytes.len + 64);
    cbor_write(&w->content, &content_schema, &content);
    w->parcel = p;
}

static void end_writing(struct keeper *k, struct writing *w, bool recorded,
                        const struct ledger_ref *refs)
{
    if (recorded) {
        w->parcel->seq = refs[w->at].seq;
        w->parcel->facts = refs[w->at];
        w->parcel->content = refs[w->at + 1];
        parcel_keep_facts(w->parcel);
        (void)atomic_fetch_add(&k->counters.notices, 1);
        backlog_add(k, w->parcel);
    } else {
        indexer_forget(k, w->parcel);
        parcel_drop(w->parcel);
    }
    buf_done(&w->content);
}

bool keeper_record_with_letters(struct keeper *k, const struct ledger_record *first, size_t n_first,
                                struct ledger_ref *first_refs, const struct own_letter *letters,
                                size_t n, struct error *e)
{
    struct writing writings[OWN_LETTERS_MAX] = {0};
    struct ledger_record records[OWN_LETTERS_BEHIND + 3 * OWN_LETTERS_MAX];
    struct ledger_ref refs[OWN_LETTERS_BEHIND + 3 * OWN_LETTERS_MAX];
    size_t n_records = 0;

    if (n_first > OWN_LETTERS_BEHIND || n > OWN_LETTERS_MAX) {
        return error_set(e, ERROR_LIMIT, "%zu records are too many for one commit", n_first);
    }
    while (n_records < n_first) {
        records[n_records] = first[n_records];
        n_records++;
    }
    for (size_t i = 0; i < n; i++) {
        struct writing *w = &writings[i];
        begin_writing(w, &letters[i]);
        w->at = n_records;
        records[n_records++] =
            (struct ledger_record){RECORD_FACTS, buf_slice(&w->parcel->facts_body)};
        records[n_records++] = (struct ledger_record){RECORD_CONTENT, buf_slice(&w->content)};
        if (letters[i].with.type) {
            records[n_records++] = letters[i].with;
        }
        indexer_expect(k, w->parcel);
    }
    bool recorded = keeper_record(k, LEDGER_PATIENT, records, n_records, refs, e);
    for (size_t i = 0; i < n; i++) {
        end_writing(k, &writings[i], recorded, refs);
    }
    for (size_t i = 0; recorded && i < n_first; i++) {
        first_refs[i] = refs[i];
    }
    return recorded;
}

bool keeper_write_letters(struct keeper *k, struct ledger_record first,
                          const struct own_letter *letters, size_t n, struct error *e)
{
    struct ledger_ref ref;

    return keeper_record_with_letters(k, &first, first.type ? 1 : 0, &ref, letters, n, e);
}

/* Quoted-printable (RFC 2045 section 6.7) of bytes that must come out as they are, line ends too: a
 * signature and a time stamp are over them. */
void own_letter_quoted(struct slice text, struct buf *out)
{
    size_t column = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\n') {
            buf_add_text(out, "=0A=\r\n");
            column = 0;
            continue;
        }
        if (column >= QUOTED_LINE) {
            buf_add_text(out, "=\r\n");
            column = 0;
        }
        if (c == '=' || c < 0x20 || c > 0x7e) {
            buf_printf(out, "=%02X", c);
            column += 3;
        } else {
            buf_add_byte(out, c);
            column++;
        }
    }
}

void own_letter_header(const struct settings *settings, const struct letter_id *id,
                       const struct config_list *recipients, struct buf *out)
{
    const struct slice *to = recipients->items;
    char date[MAIL_DATE_MAX];
    char text[LETTER_ID_TEXT];

    mail_date_write(clock_wall_ms(), date);
    letter_id_text(id, text);
    buf_printf(out, "Date: %s\r\nFrom: Postern <postmaster@%.*s>\r\n", date,
               SLICE_ARG(((const struct slice *)settings->general.domains.items)[0]));
    for (size_t i = 0; i < recipients->count; i++) {
        buf_printf(out, "%s%.*s", i ? ",\r\n " : "To: ", SLICE_ARG(to[i]));
    }
    buf_printf(out,
               "\r\nMessage-ID: <%s@%.*s>\r\nAuto-Submitted: auto-generated\r\n"
               "MIME-Version: 1.0\r\n",
               text, SLICE_ARG(settings->general.hostname));
}

static void write_anchor(const struct settings *settings, struct slice note,
                         const struct letter_id *id, struct buf *out)
{
    own_letter_header(settings, id, &settings->archive.anchor_mail, out);
    buf_printf(out, "Subject: Checkpoint of the mail archive of %.*s\r\n",
               SLICE_ARG(((const struct slice *)settings->general.domains.items)[0]));
    buf_add_text(out,
                 "Content-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\r\n\r\n"
                 "--" BOUNDARY "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
                 "Please keep the attached file. It fixes the state of the mail archive at this\r\n"
                 "time: whoever has it can show later that nothing recorded before was changed\r\n"
                 "or cut off, with\r\n\r\n    postern ledger verify --since checkpoint.txt\r\n\r\n"
                 "--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
                 "Content-Disposition: attachment; filename=checkpoint.txt\r\n"
                 "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    own_letter_quoted(note, out);
    buf_add_text(out, "\r\n--" BOUNDARY "--\r\n");
}

/* The record that goes with the letter: to whom it went. */
static void write_anchored(struct slice note, const struct slice *to, size_t n,
                           const struct letter_id *id, struct arena *arena, struct buf *out)
{
    struct checkpoint_record record = {
        .note = note, .kind = ANCHOR_MAIL, .letter = letter_id_slice(id)};

    for (size_t i = 0; i < n; i++) {
        record.anchored_to = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(record.anchored_to),
                                          i ? ", " : "", SLICE_ARG(to[i]));
    }
    cbor_write(out, &checkpoint_schema, &record);
}

bool keeper_anchor(struct keeper *k, struct slice note, struct arena *arena, struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *to = settings->archive.anchor_mail.items;
    size_t n = settings->archive.anchor_mail.count;
    OWN(buf) struct buf bytes = {.max = ANCHOR_MAX};
    OWN(buf) struct buf record = {.max = ANCHOR_MAX};
    struct checkpoint c;
    struct recipient *recipients = arena_array(arena, n + 1, sizeof(*recipients));
    struct own_letter letter = {
        .id = letter_id_new(),
        .to = {recipients, n},
        .subject = SLICE("Checkpoint of the mail archive")
    };

    if (n == 0) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        recipients[i] = (struct recipient){.address = to[i], .notify = NOTIFY_NEVER};
    }
    write_anchor(settings, note, &letter.id, &bytes);
    write_anchored(note, to, n, &letter.id, arena, &record);
    if (bytes.full || record.full) {
        return error_set(e, ERROR_LIMIT, "a checkpoint's letter does not fit");
    }
    letter.bytes = buf_slice(&bytes);
    letter.with = (struct ledger_record){RECORD_CHECKPOINT, buf_slice(&record)};
    if (!checkpoint_read(note, &c, e) ||
        !keeper_write_letters(k, (struct ledger_record){0}, &letter, 1, e)) {
        return false;
    }
    anchors_done(k->anchors, ANCHOR_MAIL, c.size);
    return true;
}

struct slice own_letters_ids(const struct own_letter *letters, size_t n, struct arena *arena)
{
    uint8_t *ids = arena_alloc(arena, n * LETTER_ID_LEN + 1);

    for (size_t i = 0; i < n; i++) {
        (void)memcpy(ids + i * LETTER_ID_LEN, letters[i].id.bytes, LETTER_ID_LEN);
    }
    return slice_of(ids, n * LETTER_ID_LEN);
}
