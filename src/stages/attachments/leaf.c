#include "formats/document/kind.h"
#include "formats/mime/decode.h"
#include "formats/mime/within.h"
#include "formats/scrub/scrub.h"
#include "letter/records.h"
#include "stages/attachments/internal.h"

#define COVER_MAX ((size_t)64 << 10)
#define WHAT_MAX  300

void work_say(struct work *w, struct slice name, const char *what)
{
    struct slice shown = slice_head(name, ATTACHMENTS_TEXT_MAX);
    struct slice text = arena_printf(w->arena, "%.*s: %s", SLICE_ARG(shown), what);

    if (w->n_texts < ATTACHMENTS_TEXTS_MAX) {
        w->texts[w->n_texts++] = letter_text(w->arena, text, ATTACHMENTS_TEXT_MAX);
    } else if (w->n_texts == ATTACHMENTS_TEXTS_MAX) {
        w->texts[w->n_texts++] = SLICE("and further files");
    }
}

void work_fail(struct work *w, enum error_kind kind, const char *why)
{
    if (!w->failed) {
        w->failed = !error_set(w->e, kind, "%s", why);
    }
}

/* ---- names ---- */

static bool ends_with(struct slice name, const char *end)
{
    size_t len = strlen(end);

    return name.len > len && slice_equal_nocase(slice_from(name, name.len - len), slice_text(end));
}

/* Whether programs open the encrypted file by its name, or by its type where it has none. */
static bool fits(enum lock_form form, const struct content_facts *facts)
{
    static const char *const office[] = {".docx", ".docm", ".dotx", ".dotm", ".xlsx",
                                         ".xlsm", ".xltx", ".xltm", ".xlsb", ".pptx",
                                         ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"};

    if (form == LOCK_PDF) {
        return facts->name.len ? ends_with(facts->name, ".pdf")
                               : slice_equal(facts->type, SLICE("application/pdf"));
    }
    for (size_t i = 0; i < sizeof(office) / sizeof(office[0]); i++) {
        if (ends_with(facts->name, office[i])) {
            return true;
        }
    }
    return facts->name.len == 0 &&
           slice_starts(facts->type, SLICE("application/vnd.openxmlformats-officedocument."));
}

/* A name for what has none. */
static struct slice name_of(const struct content_facts *facts)
{
    static const struct {
        const char *type;
        const char *name;
    } names[] = {
        {"text/plain",      "text.txt"    },
        {"text/html",       "text.html"   },
        {"text/calendar",   "invite.ics"  },
        {"application/pdf", "document.pdf"},
        {"image/png",       "image.png"   },
        {"image/jpeg",      "image.jpg"   },
        {"image/gif",       "image.gif"   },
        {"message/rfc822",  "letter.eml"  },
    };

    if (facts->name.len) {
        return facts->name;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(facts->type, slice_text(names[i].type))) {
            return slice_text(names[i].name);
        }
    }
    return SLICE("file.bin");
}

/* ---- the archive ---- */

/* Hold a file for the archive. What bytes has is moved. */
static enum fate keep(struct work *w, struct slice name, struct buf *bytes)
{
    if (w->n_entries == LOCK_FILES_MAX) {
        work_fail(w, ERROR_INPUT, "it has more files than one archive takes");
        return GONE;
    }
    if (bytes->full || bytes->len > HELD_MAX - w->held_bytes) {
        work_fail(w, ERROR_INPUT, "its files are too large together");
        return GONE;
    }
    struct buf *held = &w->held[w->n_entries];
    *held = *bytes;
    *bytes = (struct buf){.max = held->max};
    w->held_bytes += held->len;
    w->entries[w->n_entries++] = (struct lock_entry){arena_copy(w->arena, name), buf_slice(held)};
    return GONE;
}

/* Bytes that stand elsewhere, in two pieces. */
static enum fate keep_copy(struct work *w, struct slice name, struct slice first,
                           struct slice second)
{
    OWN(buf) struct buf bytes = {.max = HELD_MAX};

    buf_add(&bytes, first);
    buf_add(&bytes, second);
    return keep(w, name, &bytes);
}

enum fate leaf_keep_whole(struct work *w, const struct entity *part, const char *what)
{
    work_say(w, slice_text(what), "whole, in " ATTACHMENTS_ARCHIVE);
    return keep_copy(w, arena_printf(w->arena, "%s.eml", what), SLICE_NONE, part->raw);
}

/* ---- the text ---- */

static bool is_text(const struct content_facts *facts)
{
    bool plain = slice_equal(facts->type, SLICE("text/plain"));

    return (plain || slice_equal(facts->type, SLICE("text/html"))) && facts->name.len == 0 &&
           facts->disposition != CONTENT_ATTACHMENT;
}

/* The text goes into the archive as a file, in UTF-8 with a mark that every program knows. */
static enum fate move_text(struct work *w, const struct entity *part, struct slice bytes)
{
    OWN(buf) struct buf space = {.max = LOCK_FILE_MAX};
    OWN(buf) struct buf cover = {.max = COVER_MAX};
    bool html = slice_equal(part->facts.type, SLICE("text/html"));
    struct slice text = bytes;
    bool known = charset_decode(bytes, part->facts.charset, &space, &text) && !space.full;
    struct slice mark = known ? SLICE("\xef\xbb\xbf") : SLICE_NONE;
    struct slice name = html ? SLICE("message.html") : SLICE("message.txt");

    (void)keep_copy(w, name, mark, known ? text : bytes);
    work_say(w, name, "the letter's text, in " ATTACHMENTS_ARCHIVE);
    if (w->covered_as[html]) {
        return GONE; /* once is enough */
    }
    cover_add(w, html, &cover);
    if (part->letter) {
        write_fields(w->out, part->header, false);
    }
    buf_printf(w->out,
               "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
               html ? "html" : "plain");
    write_base64(w->out, buf_slice(&cover));
    w->covered = true;
    w->covered_as[html] = true;
    return WRITTEN;
}

/* ---- files ---- */

static enum fate write_locked(struct work *w, const struct entity *part, enum lock_form form,
                              struct slice locked)
{
    work_say(w, name_of(&part->facts), (const char *)lock_form_text(form).ptr);
    write_header_base64(w->out, part);
    write_base64(w->out, locked);
    w->n_locked++;
    return WRITTEN;
}

/* What files say of who made them is taken out, if that is wished; what was is said. */
static struct slice cleaned(struct work *w, const struct entity *part, struct slice bytes,
                            struct buf *space)
{
    OWN(buf) struct buf what = {.max = WHAT_MAX};
    struct slice name = name_of(&part->facts);
    enum scrub_end end =
        w->wish->scrub ? scrub_file_of_letter(bytes, &w->unpacked, space, &what) : SCRUB_NOTHING;

    if (end == SCRUB_CANNOT) {
        work_say(w, name,
                 (const char *)arena_printf(w->arena, "what it says of who made it stays: %.*s",
                                            SLICE_ARG(buf_slice(&what)))
                     .ptr);
    }
    if (end == SCRUB_NOTHING || end == SCRUB_CANNOT) {
        return bytes;
    }
    const char *how = end == SCRUB_PARTLY ? "taken out, but not all" : "taken out";
    work_say(
        w, name,
        (const char *)arena_printf(w->arena, "%s: %.*s", how, SLICE_ARG(buf_slice(&what))).ptr);
    return buf_slice(space);
}

/* One file. Its bytes may be those of space, which are moved then. */
static enum fate rewrite_file(struct work *w, const struct entity *part, struct slice bytes,
                              struct buf *space)
{
    OWN(buf) struct buf clean = {.max = 2 * LOCK_FILE_MAX};
    OWN(buf) struct buf locked = {.max = 2 * LOCK_FILE_MAX};
    struct slice name = name_of(&part->facts);
    struct error e = {0};

    bytes = cleaned(w, part, bytes, &clean);
    enum lock_form form = lock_form_of(bytes);
    if (form == LOCK_ENCRYPTED) {
        work_say(w, name, (const char *)lock_form_text(form).ptr);
        buf_add(w->out, part->raw);
        w->n_encrypted++;
        return WRITTEN;
    }
    if (form != LOCK_ARCHIVE && fits(form, &part->facts)) {
        if (lock_file(form, bytes, w->wish->password, &locked, &e)) {
            return write_locked(w, part, form, buf_slice(&locked));
        }
        if (e.kind == ERROR_BUSY) {
            work_fail(w, e.kind, e.text);
            return GONE;
        }
    }
    work_say(w, name, "in " ATTACHMENTS_ARCHIVE ", ZIP (AES-256)");
    if (bytes.len && bytes.ptr == space->ptr && bytes.len == space->len) {
        return keep(w, name, space);
    }
    return keep_copy(w, name, bytes, SLICE_NONE);
}

/* Whether text that is to stay does: a file that stands in it is one. */
static bool stays(const struct work *w, const struct entity *part)
{
    OWN(buf) struct buf space = {.max = LOCK_FILE_MAX};
    struct slice text = SLICE_NONE;

    return w->wish->text_stays && is_text(&part->facts) &&
           transfer_decode(part->body, part->facts.encoding, &space, &text) && !space.full &&
           !text_holds_file(text);
}

enum fate leaf_rewrite(struct work *w, const struct entity *part)
{
    OWN(buf) struct buf space = {.max = LOCK_FILE_MAX};
    struct slice bytes = SLICE_NONE;

    if (stays(w, part)) {
        buf_add(w->out, part->raw);
        return WRITTEN;
    }
    if (leaf_is_encrypted(part)) {
        work_say(w, name_of(&part->facts), "encrypted by its sender, as it came");
        buf_add(w->out, part->raw);
        w->n_encrypted++;
        return WRITTEN;
    }
    if (!transfer_decode(part->body, part->facts.encoding, &space, &bytes)) {
        return leaf_keep_whole(w, part, "part of an unknown encoding");
    }
    if (space.full) {
        work_fail(w, ERROR_INPUT, "a file of it is too large");
        return GONE;
    }
    return is_text(&part->facts) ? move_text(w, part, bytes) : rewrite_file(w, part, bytes, &space);
}
