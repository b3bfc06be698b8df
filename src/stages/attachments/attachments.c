#include "stages/attachments/attachments.h"

#include <openssl/rand.h>
#include <stdio.h>

#include "letter/records.h"
#include "letter/secret.h"
#include "stages/attachments/internal.h"

_Static_assert(LOCK_PASSWORD_MIN == SECRET_BYTES_MIN && LOCK_PASSWORD_MAX == SECRET_BYTES_MAX,
               "what may be agreed on can be used");

#define COVER_MAX      ((size_t)64 << 10)
#define BOUNDARY_BYTES 15

void attachments_init(void)
{
    mime_init();
    lock_init();
}

static void write_cover(struct work *w, struct buf *out)
{
    OWN(buf) struct buf cover = {.max = COVER_MAX};

    cover_add(w, false, &cover);
    buf_add_text(out, "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Disposition: inline\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n");
    write_base64(out, buf_slice(&cover));
    w->covered = true;
}

static void write_archive(struct buf *out, struct slice archive)
{
    buf_add_text(out, "Content-Type: application/zip; name=\"" ATTACHMENTS_ARCHIVE "\"\r\n"
                      "Content-Disposition: attachment; filename=\"" ATTACHMENTS_ARCHIVE "\"\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n");
    write_base64(out, archive);
}

/* The parts that are added, each behind its delimiter; no line of theirs begins with two dashes. */
static void write_added(struct work *w, struct slice boundary, struct slice archive,
                        struct buf *out)
{
    if (!w->covered) {
        buf_printf(out, "\r\n--%.*s\r\n", SLICE_ARG(boundary));
        write_cover(w, out);
    }
    if (archive.len) {
        buf_printf(out, "\r\n--%.*s\r\n", SLICE_ARG(boundary));
        write_archive(out, archive);
    }
}

/* The outermost part becomes the first of a new multipart. */
static bool wrap(struct work *w, struct slice header, struct slice body, struct slice archive,
                 struct buf *out)
{
    uint8_t random[BOUNDARY_BYTES];
    char boundary[2 * BOUNDARY_BYTES + 2] = "=";

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    for (size_t i = 0; i < BOUNDARY_BYTES; i++) {
        (void)snprintf(boundary + 1 + 2 * i, 3, "%02x", random[i]);
    }
    write_fields(out, header, false);
    if (!has_field(header, SLICE("mime-version"))) {
        buf_add_text(out, "MIME-Version: 1.0\r\n");
    }
    buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary,
               boundary);
    write_fields(out, header, true);
    buf_add_text(out, "\r\n");
    buf_add(out, body);
    write_added(w, slice_text(boundary), archive, out);
    buf_printf(out, "\r\n--%s--\r\n", boundary);
    return true;
}

/* Put together what was rewritten and what is added. */
static bool assemble(struct work *w, struct slice rewritten, struct slice archive, struct buf *out)
{
    struct slice header;
    struct slice body;

    if (w->covered && archive.len == 0) {
        buf_add(out, rewritten);
        return true;
    }
    if (w->insert_at) {
        buf_add(out, slice_head(rewritten, w->insert_at));
        write_added(w, w->insert_boundary, archive, out);
        if (!w->insert_closed) {
            buf_printf(out, "\r\n--%.*s--\r\n", SLICE_ARG(w->insert_boundary));
        }
        buf_add(out, slice_from(rewritten, w->insert_at));
        return true;
    }
    entity_split(rewritten, &header, &body);
    return wrap(w, header, body, archive, out);
}

/* Nothing of the outermost part is left: the text that says how to open it takes its place. */
static void write_root(struct work *w, struct slice letter)
{
    struct slice header;
    struct slice body;

    entity_split(letter, &header, &body);
    write_fields(w->out, header, false);
    write_cover(w, w->out);
}

static bool finish(struct work *w, struct slice rewritten, struct buf *out, struct error *e)
{
    OWN(buf) struct buf archive = {.max = LETTER_BYTES_MAX};

    if (w->n_entries &&
        !lock_archive(w->entries, w->n_entries, "documents.zip", w->wish->password, &archive, e)) {
        return false;
    }
    if (w->n_entries == 0 && w->n_locked == 0 && w->n_encrypted == 0) {
        return error_set(e, ERROR_INPUT,
                         "it has no file that could be encrypted, and its text is to stay");
    }
    if (w->n_entries == 0 && w->n_locked == 0) { /* as it was */
        buf_add(out, rewritten);
    } else if (!assemble(w, rewritten, buf_slice(&archive), out)) {
        return error_set(e, ERROR_BUSY, "OpenSSL gives no random bytes");
    }
    return !out->full || error_set(e, ERROR_LIMIT, "the protected letter is too large");
}

bool attachments_protect(struct slice letter, const struct attachments_wish *wish,
                         struct arena *arena, struct buf *out, struct cbor_list *texts,
                         struct error *e)
{
    OWN(buf) struct buf rewritten = {.max = LETTER_BYTES_MAX};
    struct work *w = arena_alloc(arena, sizeof(*w));
    const struct spot outermost = {.letter = true};

    *w = (struct work){.wish = wish, .arena = arena, .out = &rewritten, .e = e};
    w->texts = arena_array(arena, ATTACHMENTS_TEXTS_MAX + 1, sizeof(*w->texts));
    if (!lock_password_sound(wish->password)) {
        return error_set(e, ERROR_INPUT, "a password that documents cannot have");
    }
    if (walk_entity(w, letter, &outermost) == GONE && !w->failed) {
        write_root(w, letter);
    }
    if (rewritten.full) {
        work_fail(w, ERROR_LIMIT, "the protected letter is too large");
    }
    bool done = !w->failed && finish(w, buf_slice(&rewritten), out, e);
    for (size_t i = 0; i < LOCK_FILES_MAX; i++) {
        buf_done(&w->held[i]);
    }
    *texts = (struct cbor_list){w->texts, w->n_texts};
    return done;
}
