#include "keeper/telling_notice.h"

#include "keeper/internal.h"
#include "keeper/recipient_keys.h"

#define NOTICE_MAX       ((size_t)256 << 10)
#define SHOWN_MAX        50
#define MESSAGE_ID_SHOWN 300
#define SUBJECT          "Your letter has a password that you have to tell"

/* Whose copy opens with a password that nobody has told him, as far as is known. */
static bool is_due(const struct copying *c, const struct ruling *r)
{
    uint64_t copy = r->copy ? r->copy : 1;

    return r->generated && copy <= c->n_copies && !c->copies[copy - 1].told;
}

/* A letter to oneself, or to a group that one is in by this address: what is told about the password stays away from it. */
static bool is_recipient(const struct facts *f, struct arena *arena)
{
    const struct recipient *all = f->recipients.items;
    struct slice sender = recipient_canonical(f->reverse_path, arena);

    for (size_t i = 0; i < f->recipients.count; i++) {
        if (slice_equal(recipient_canonical(all[i].address, arena), sender)) {
            return true;
        }
    }
    return false;
}

static void line(struct buf *out, struct slice text)
{
    own_letter_quoted(text, out);
    buf_add_text(out, "\r\n");
}

static size_t write_recipients(const struct copying *c, const struct decision *d, struct buf *out)
{
    const struct facts *f = c->source.facts;
    const struct recipient *to = f->recipients.items;
    const struct ruling *all = d->rulings.items;
    size_t n = 0;

    for (size_t i = 0; i < d->rulings.count; i++) {
        struct slice in = is_due(c, &all[i]) ? all[i].recipients : SLICE_NONE;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
            if (at < f->recipients.count && n++ < SHOWN_MAX) {
                line(out, arena_printf(c->source.arena, "    To:       %.*s",
                                       SLICE_ARG(to[at].address)));
            }
        }
    }
    return n;
}

static size_t write_text(const struct copying *c, const struct decision *d, struct buf *out)
{
    const struct facts *f = c->source.facts;
    char id[LETTER_ID_TEXT] = "";
    struct letter_id of;

    if (letter_id_from(f->id, &of)) {
        letter_id_text(&of, id);
    }
    buf_add_text(out, "Subject: " SUBJECT "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    line(out, SLICE("What these recipients get of your letter opens with a password, which was"));
    line(out, SLICE("made for it. As far as is known nobody has told it to them:"));
    line(out, SLICE_NONE);
    line(out, arena_printf(c->source.arena, "    Letter:   %s", id));
    if (f->message_id.len) { /* not its subject: this letter is read where others may look */
        line(out, arena_printf(c->source.arena, "    Message:  %.*s",
                               SLICE_ARG(slice_head(f->message_id, MESSAGE_ID_SHOWN))));
    }
    size_t n = write_recipients(c, d, out);
    line(out, SLICE_NONE);
    line(out, SLICE("Sign in and look at it; it is shown to you alone:"));
    line(out, SLICE_NONE);
    line(out, arena_printf(c->source.arena, "    postern login %.*s", SLICE_ARG(f->account)));
    line(out, arena_printf(c->source.arena, "    postern letter secret %s", id));
    line(out, SLICE_NONE);
    line(out, SLICE("Tell it by telephone, never by mail: a letter in which it stands is held."));
    return n;
}

bool telling_notice(const struct copying *c, const struct decision *d, struct buf *text,
                    struct own_letter *notice, size_t *n, struct error *e)
{
    const struct facts *f = c->source.facts;
    struct recipient *to = arena_array(c->source.arena, 1, sizeof(*to));
    struct slice mailbox = f->reverse_path;
    const struct config_list list = {&mailbox, 1};

    *n = 0;
    if (f->reverse_path.len == 0 || f->account.len == 0 || is_recipient(f, c->source.arena)) {
        return true;
    }
    *to = (struct recipient){.address = f->reverse_path, .notify = NOTIFY_NEVER};
    *notice = (struct own_letter){
        .id = letter_id_new(),
        .to = {to, 1},
        .subject = SLICE(SUBJECT),
        .about = f->id,
        .groups = f->groups,
        .utf8 = !slice_is_ascii(f->reverse_path)
    };
    buf_init(text, NOTICE_MAX);
    own_letter_header(c->source.settings, &notice->id, &list, text);
    *n = write_text(c, d, text) ? 1 : 0;
    notice->bytes = buf_slice(text);
    return !text->full || error_set(e, ERROR_LIMIT, "the notice to a sender does not fit");
}
