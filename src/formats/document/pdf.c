#include "formats/document/pdf.h"

#include "formats/document/internal.h"

#define NAME_MAX_BYTES 1024u

/* ---- texts outside of pages ---- */

static bool is_text_key(struct slice key)
{
    static const char *const keys[] = {"Title", "Author", "Subject", "Keywords", "Contents",
                                       "V",     "DV",     "T",       "TU",       "ActualText",
                                       "Alt",   "URI",    "Desc"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (slice_equal(key, slice_text(keys[i]))) {
            return true;
        }
    }
    return false;
}

static void add_string(const struct pdf_token *t, struct buf *out)
{
    OWN(buf) struct buf bytes = {.max = PDF_TEXT_MAX};

    pdf_string(t, &bytes);
    pdf_add_text_string(out, buf_slice(&bytes));
}

/* What any dictionary in the object says under such a key. */
static void add_texts(const struct pdf_objects *o, struct slice object, struct buf *out)
{
    struct pdf_token t;
    struct pdf_token value;

    while (pdf_next(&object, &t) && !out->full) {
        if (t.kind != PDF_NAME || !is_text_key(t.text)) {
            continue;
        }
        struct slice at = object;
        struct slice said = pdf_resolve(o, pdf_take(&at));
        if (pdf_next(&said, &value) && (value.kind == PDF_STRING || value.kind == PDF_HEX)) {
            add_string(&value, out);
        }
    }
}

/* ---- files within ---- */

static void add_name(const struct pdf_objects *o, struct slice specification, struct buf *name)
{
    struct slice said = pdf_look(o, specification, "UF");
    struct pdf_token t;

    said = said.len ? said : pdf_look(o, specification, "F");
    if (pdf_next(&said, &t) && (t.kind == PDF_STRING || t.kind == PDF_HEX)) {
        add_string(&t, name);
    }
    name->len -= name->len ? 1 : 0; /* the line end of a text string */
}

/* A file specification with the file in it (section 7.11.4). */
static void hand_out_file(struct pdf_objects *o, struct slice specification)
{
    OWN(buf) struct buf bytes = {.max = PDF_TEXT_MAX};
    OWN(buf) struct buf name = {.max = NAME_MAX_BYTES};
    struct slice files = pdf_look(o, specification, "EF");
    struct slice file = pdf_get(files, "F");
    const struct pdf_object *stream = pdf_follow(o, file.len ? file : pdf_get(files, "UF"));

    if (!stream || !stream->stream.ptr || !o->reader->file) {
        return;
    }
    if (!pdf_unpack(o, stream, &bytes)) {
        o->found->damaged = true;
    }
    add_name(o, specification, &name);
    o->reader->file(o->reader->context, buf_slice(&name), buf_slice(&bytes));
}

/* ---- the document ---- */

static void read_object(struct pdf_drawing *d, const struct pdf_object *object)
{
    struct slice type = pdf_get(object->value, "Type");

    if (pdf_is_name(type, "Page")) {
        d->objects->found->pages++;
        pdf_page(d, object->value);
    } else if (!object->stream.ptr && pdf_get(object->value, "EF").len) {
        hand_out_file(d->objects, object->value);
    }
    if (!object->stream.ptr && slice_starts(object->value, SLICE("<<"))) {
        add_texts(d->objects, object->value, d->out);
    }
}

void text_from_pdf(struct slice pdf, const struct pdf_reader *reader, struct buf *out,
                   struct pdf_found *found)
{
    OWN(pdf_objects) struct pdf_objects objects = {.file = pdf, .reader = reader, .found = found};
    struct pdf_drawing d = {.objects = &objects, .fonts = {.objects = &objects}, .out = out};

    *found = (struct pdf_found){0};
    pdf_objects_find(&objects);
    if (found->encrypted) {
        return;
    }
    for (size_t i = 0; i < objects.count && pdf_work(&objects, objects.list[i].value.len); i++) {
        read_object(&d, &objects.list[i]);
    }
    found->damaged = found->damaged || (found->pages == 0 && !found->stopped);
    pdf_fonts_done(&d.fonts);
}
