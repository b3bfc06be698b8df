/* libqpdf reads the document and writes it anew without what it says of itself: its information, XMP and what programs noted for
 * themselves, of the document and of each page and picture (ISO 32000-1 sections 14.3 and 14.5); and without that of JPEG
 * pictures, whose files stand in it as they were. Comments stay, without the names of who wrote them. */
#include <qpdf/qpdf-c.h>
#include <stdlib.h>

#include "formats/document/pdf_signed.h"
#include "formats/scrub/internal.h"

#define OBJECTS_MAX                                                                                \
    PDF_SIGNED_OBJECTS_MAX /* as many as its tables have: libqpdf refuses another number */
#define LOOKS_MAX 1000000  /* at what stands in lists of comments, which pages may share */
#define SLACK     64       /* bytes that a cleaned picture may be longer: which side is up */

/* What is left of what may be looked at: streams of a hostile file may lie within each other. */
struct room {
    size_t looks;
    size_t bytes; /* of streams */
};

/* The library prints an error at its end that nobody looked at. */
static void forget(qpdf_data *q)
{
    if (qpdf_has_error(*q)) {
        (void)qpdf_get_error(*q);
    }
    qpdf_cleanup(q);
}

OWN_VALUE(qpdf, qpdf_data, forget)

static bool take_out(qpdf_data q, qpdf_oh from, const char *key)
{
    bool has = qpdf_oh_is_dictionary(q, from) && qpdf_oh_has_key(q, from, key);

    if (has) {
        qpdf_oh_remove_key(q, from, key);
    }
    return has;
}

/* ── pictures ── */

/* A stream that is the file of a JPEG picture, packed in no other way. */
static bool is_jpeg(qpdf_data q, qpdf_oh dict)
{
    qpdf_oh filter = qpdf_oh_get_key(q, dict, "/Filter");
    bool alone = qpdf_oh_is_array(q, filter) && qpdf_oh_get_array_n_items(q, filter) == 1;
    qpdf_oh one = alone ? qpdf_oh_get_array_item(q, filter, 0) : qpdf_oh_new_object(q, filter);
    bool is = qpdf_oh_is_name_and_equals(q, one, "/DCTDecode");

    qpdf_oh_release(q, one);
    qpdf_oh_release(q, filter);
    return is;
}

static void replace(qpdf_data q, qpdf_oh stream, qpdf_oh dict, struct slice bytes)
{
    qpdf_oh filter = qpdf_oh_get_key(q, dict, "/Filter");
    qpdf_oh parameters = qpdf_oh_get_key(q, dict, "/DecodeParms");

    qpdf_oh_replace_stream_data(q, stream, bytes.ptr, bytes.len, filter, parameters);
    qpdf_oh_release(q, parameters);
    qpdf_oh_release(q, filter);
}

static bool holds(struct slice s, const char *text)
{
    return s.len && memmem(s.ptr, s.len, text, strlen(text)) != NULL;
}

/* False when it says who made it, and cannot be changed. Many programs write pictures without an end: those that say nothing stay. */
static bool clean_picture(qpdf_data q, qpdf_oh stream, qpdf_oh dict, struct buf *what)
{
    unsigned char *raw = NULL;
    size_t len = 0;

    if (qpdf_oh_get_stream_data(q, stream, qpdf_dl_none, NULL, &raw, &len) != QPDF_SUCCESS) {
        free(raw);
        return false;
    }
    OWN(buf) struct buf cleaned = {.max = len + SLACK};
    OWN(buf) struct buf words = {.max = what->max};
    struct slice bytes = slice_of(raw, len);
    bool jpeg = slice_starts(bytes, SLICE("\xff\xd8\xff"));
    enum scrub_end end = jpeg ? scrub_jpeg(bytes, &cleaned, &words) : SCRUB_NOTHING;
    if (end == SCRUB_CLEANED) {
        replace(q, stream, dict, buf_slice(&cleaned));
        scrub_say_all(what, buf_slice(&words));
    }
    bool good = end != SCRUB_CANNOT || !(holds(bytes, "Exif") || holds(bytes, "http://ns.adobe"));
    free(raw);
    return good;
}

/* ── objects ── */

/* XMP is a stream that says so: in a dictionary of resources the word may be any name. */
static bool has_xmp(qpdf_data q, qpdf_oh dict)
{
    qpdf_oh value = qpdf_oh_get_key(q, dict, "/Metadata");
    bool stream = qpdf_oh_is_stream(q, value);
    qpdf_oh of = stream ? qpdf_oh_get_dict(q, value) : qpdf_oh_new_object(q, value);
    bool is = stream && qpdf_oh_is_dictionary_of_type(q, of, "/Metadata", "");

    qpdf_oh_release(q, of);
    qpdf_oh_release(q, value);
    return is;
}

/* A comment of somebody's (section 12.5.6.2): of these alone is /T a name of a person, and not of a field. */
static bool is_comment(qpdf_data q, qpdf_oh dict)
{
    static const char *const kinds[] = {
        "/Text",      "/FreeText", "/Line",      "/Square",    "/Circle",        "/Polygon",
        "/PolyLine",  "/Stamp",    "/Highlight", "/Underline", "/Caret",         "/Squiggly",
        "/StrikeOut", "/Ink",      "/Sound",     "/Redact",    "/FileAttachment"};
    bool is = false;

    if (!qpdf_oh_has_key(q, dict, "/T") || !qpdf_oh_has_key(q, dict, "/Rect")) {
        return false;
    }
    qpdf_oh subtype = qpdf_oh_get_key(q, dict, "/Subtype");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !is; i++) {
        is = qpdf_oh_is_name_and_equals(q, subtype, kinds[i]);
    }
    qpdf_oh_release(q, subtype);
    return is;
}

static void clean_comment(qpdf_data q, qpdf_oh dict, struct buf *what)
{
    if (qpdf_oh_is_dictionary(q, dict) && is_comment(q, dict) && take_out(q, dict, "/T")) {
        scrub_say(what, "names of users");
    }
}

/* Those that stand within a page: others are objects. */
static void clean_comments(qpdf_data q, qpdf_oh page, struct room *room, struct buf *what)
{
    qpdf_oh list = qpdf_oh_get_key(q, page, "/Annots");
    int n = qpdf_oh_is_array(q, list) ? qpdf_oh_get_array_n_items(q, list) : 0;

    for (int i = 0; i < n && room->looks; i++, room->looks--) {
        qpdf_oh one = qpdf_oh_get_array_item(q, list, i);
        if (!qpdf_oh_is_indirect(q, one)) {
            clean_comment(q, one, what);
        }
        qpdf_oh_release(q, one);
    }
    qpdf_oh_release(q, list);
}

/* Illustrator keeps a drawing there as it is edited, and only its looks in the page (section 14.5). */
static bool is_drawing(qpdf_data q, qpdf_oh dict)
{
    qpdf_oh pieces = qpdf_oh_get_key(q, dict, "/PieceInfo");
    qpdf_oh piece = qpdf_oh_get_key_if_dict(q, pieces, "/Illustrator");
    bool is = qpdf_oh_is_dictionary(q, piece) && qpdf_oh_has_key(q, piece, "/Private");

    qpdf_oh_release(q, piece);
    qpdf_oh_release(q, pieces);
    return is;
}

static bool clean_dictionary(qpdf_data q, qpdf_oh dict, struct room *room, struct buf *what)
{
    if (is_drawing(q, dict)) {
        (void)scrub_refuse_kind(what);
        return false;
    }
    clean_comment(q, dict, what);
    clean_comments(q, dict, room, what);
    if (has_xmp(q, dict) && take_out(q, dict, "/Metadata")) {
        scrub_say(what, "XMP");
    }
    if (take_out(q, dict, "/PieceInfo")) {
        scrub_say(what, "data of programs");
    }
    return room->looks != 0;
}

/* Before it is copied, here or when all is written. */
static bool has_room(qpdf_data q, qpdf_oh dict, struct room *room)
{
    qpdf_oh length = qpdf_oh_get_key(q, dict, "/Length");
    long long len = qpdf_oh_is_integer(q, length) ? qpdf_oh_get_int_value(q, length) : -1;
    bool fits = len >= 0 && (unsigned long long)len <= room->bytes;

    room->bytes -= fits ? (size_t)len : 0;
    qpdf_oh_release(q, length);
    return fits;
}

static bool clean_object(qpdf_data q, int id, struct room *room, struct buf *what)
{
    qpdf_oh object = qpdf_get_object_by_id(q, id, 0);
    bool stream = qpdf_oh_is_stream(q, object);
    qpdf_oh dict = stream ? qpdf_oh_get_dict(q, object) : qpdf_oh_new_object(q, object);
    bool good = !stream || has_room(q, dict, room);

    if (good && qpdf_oh_is_dictionary(q, dict)) {
        good = clean_dictionary(q, dict, room, what);
    }
    if (good && stream && is_jpeg(q, dict) && !clean_picture(q, object, dict, what)) {
        (void)scrub_refuse(what, SCRUB_PICTURE);
        good = false;
    }
    qpdf_oh_release(q, dict);
    qpdf_oh_release(q, object);
    return good;
}

/* As many objects as its table has, and one. */
static long long count_of(qpdf_data q)
{
    qpdf_oh size = qpdf_oh_get_key(q, qpdf_get_trailer(q), "/Size");
    long long count = qpdf_oh_is_integer(q, size) ? qpdf_oh_get_int_value(q, size) : 0;

    qpdf_oh_release(q, size);
    return count;
}

static bool clean_objects(qpdf_data q, size_t len, struct buf *what)
{
    struct room room = {.looks = LOOKS_MAX, .bytes = 2 * len};
    long long count = count_of(q);

    for (int id = 1; id < count; id++) {
        if (!clean_object(q, id, &room, what)) {
            return false;
        }
    }
    return true;
}

/* ── numbers that are used again ── */

static bool is_space(uint8_t c)
{
    return memchr(" \t\n\v\f\r", c, sizeof(" \t\n\v\f\r")) != NULL;
}

/* Whether the `obj` at this place may end the head of an object, "7 1 obj", of another generation than 0.
 * Where it begins a line it may: a comment may stand between. */
static bool ends_used_again(struct slice bytes, size_t at)
{
    size_t end = at;
    bool line = false;

    while (end && is_space(bytes.ptr[end - 1])) {
        end--;
        line = line || bytes.ptr[end] == '\n' || bytes.ptr[end] == '\r';
    }
    if (end == at || end == 0 || line) {
        return line;
    }
    bool digit = bytes.ptr[end - 1] >= '0' && bytes.ptr[end - 1] <= '9';
    bool first = bytes.ptr[end - 1] == '0' && end > 1 && is_space(bytes.ptr[end - 2]);
    return digit && !first;
}

/* Objects of a number that was another's before (section 7.3.10): libqpdf's functions for C do not list them, and here all are
 * asked for as the first of their number. It reads none whose head does not stand before it; those in streams of objects are first. */
static bool has_used_again(struct slice bytes)
{
    struct slice rest = bytes;
    const uint8_t *found = rest.len ? memmem(rest.ptr, rest.len, "obj", 3) : NULL;

    while (found) {
        size_t at = (size_t)(found - bytes.ptr);
        rest = slice_from(bytes, at + 3);
        bool word = rest.len == 0 || is_space(rest.ptr[0]) || strchr("()<>[]{}/%", rest.ptr[0]);
        if (word && ends_used_again(bytes, at)) {
            return true;
        }
        found = rest.len ? memmem(rest.ptr, rest.len, "obj", 3) : NULL;
    }
    return false;
}

/* Why a document cannot be changed at all, or NULL. */
static const char *why_not(qpdf_data q, QPDF_ERROR_CODE read, struct slice bytes)
{
    if ((read & QPDF_ERRORS) != 0 && qpdf_get_error_code(q, qpdf_get_error(q)) == qpdf_e_password) {
        return SCRUB_ENCRYPTED;
    }
    if (read != QPDF_SUCCESS) {
        return SCRUB_DAMAGED;
    }
    if (qpdf_is_encrypted(q)) {
        return SCRUB_ENCRYPTED;
    }
    if (count_of(q) > OBJECTS_MAX) {
        return SCRUB_LARGE;
    }
    return pdf_is_signed(q, bytes) ? SCRUB_SIGNED : NULL;
}

enum scrub_end scrub_pdf(struct slice bytes, struct buf *out, struct buf *what)
{
    OWN(qpdf) qpdf_data q = qpdf_init();

    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    qpdf_set_attempt_recovery(q, QPDF_FALSE);
    QPDF_ERROR_CODE read =
        qpdf_read_memory(q, "document", (const char *)bytes.ptr, bytes.len, NULL);
    const char *why = why_not(q, read, bytes);
    if (why) {
        return scrub_refuse(what, why);
    }
    if (has_used_again(bytes)) {
        return scrub_refuse_kind(what);
    }
    qpdf_oh trailer = qpdf_get_trailer(q);
    if (take_out(q, trailer, "/Info")) {
        scrub_say(what, "document information");
    }
    if (take_out(q, qpdf_get_root(q), "/Metadata")) {
        scrub_say(what, "XMP");
    }
    if (!clean_objects(q, bytes.len, what)) {
        return SCRUB_CANNOT;
    }
    if (what->len == 0) {
        return SCRUB_NOTHING;
    }
    if (qpdf_init_write_memory(q) != QPDF_SUCCESS) {
        return SCRUB_CANNOT;
    }
    qpdf_set_object_stream_mode(q, qpdf_o_preserve);
    qpdf_set_stream_data_mode(q, qpdf_s_preserve);
    qpdf_set_decode_level(q, qpdf_dl_none);
    if (qpdf_write(q) != QPDF_SUCCESS) {
        return scrub_refuse(what, SCRUB_DAMAGED);
    }
    buf_add(out, slice_of(qpdf_get_buffer(q), qpdf_get_buffer_length(q)));
    return out->full ? SCRUB_CANNOT : SCRUB_CLEANED;
}
