#include "stages/submission/envelope.h"

#define ENVELOPE_MAX    ((size_t)4 << 20) /* bytes: 1000 recipients with ORCPT need 1 MiB */
#define ENVELOPE_ID_MAX 100               /* bytes, RFC 3461 section 4.4 */

void envelope_init(struct envelope *v)
{
    *v = (struct envelope){0};
    arena_init(&v->arena, ENVELOPE_MAX);
}

void envelope_forget(struct envelope *v)
{
    arena_done(&v->arena);
    envelope_init(v);
}

static unsigned hex_value(uint8_t c)
{
    return c <= '9' ? c - (unsigned)'0' : c - (unsigned)'A' + 10;
}

/* Undo the xtext of RFC 3461 section 4, which the machine found well formed. */
static struct slice from_xtext(struct slice in, struct arena *arena)
{
    uint8_t *out = arena_array(arena, in.len + 1, 1);
    size_t len = 0;

    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] == '+') {
            out[len++] = (uint8_t)(hex_value(in.ptr[i + 1]) << 4 | hex_value(in.ptr[i + 2]));
            i += 2;
        } else {
            out[len++] = in.ptr[i];
        }
    }
    return slice_of(out, len);
}

void envelope_begin(struct envelope *v, const struct smtp_mail *mail)
{
    struct keeper_submit_ask *ask = &v->ask;

    ask->reverse_path = arena_copy(&v->arena, mail->sender.text);
    ask->envelope_id = letter_text(&v->arena, from_xtext(mail->envid, &v->arena), ENVELOPE_ID_MAX);
    ask->dsn_return = mail->ret == SMTP_RET_FULL   ? RETURN_FULL
                      : mail->ret == SMTP_RET_HDRS ? RETURN_HEADERS
                                                   : RETURN_UNSET;
    ask->smtputf8 = mail->utf8;
    ask->body_8bit = mail->eight_bit;
    ask->require_tls = mail->require_tls;
}

static uint64_t notify_of(unsigned bits)
{
    return (bits & SMTP_NOTIFY_NEVER ? NOTIFY_NEVER : 0U) |
           (bits & SMTP_NOTIFY_SUCCESS ? NOTIFY_SUCCESS : 0U) |
           (bits & SMTP_NOTIFY_FAILURE ? NOTIFY_FAILURE : 0U) |
           (bits & SMTP_NOTIFY_DELAY ? NOTIFY_DELAY : 0U);
}

static bool is_named(const struct envelope *v, struct slice address)
{
    for (size_t i = 0; i < v->n_recipients; i++) {
        if (slice_equal(v->recipients[i].address, address)) {
            return true;
        }
    }
    return false;
}

static void make_room(struct envelope *v)
{
    size_t room = v->room ? v->room * 4 : 4;
    struct recipient *moved = arena_array(&v->arena, room, sizeof(*moved));

    if (v->n_recipients) {
        (void)memcpy(moved, v->recipients, v->n_recipients * sizeof(*moved));
    }
    v->recipients = moved;
    v->room = room;
}

void envelope_add(struct envelope *v, const struct smtp_rcpt *rcpt, struct slice our_domain)
{
    const struct smtp_mailbox *mailbox = &rcpt->recipient;
    struct slice address = mailbox->domain.len || our_domain.len == 0
                               ? arena_copy(&v->arena, mailbox->text)
                               : arena_printf(&v->arena, "postmaster@%.*s", SLICE_ARG(our_domain));

    if (is_named(v, address)) {
        return;
    }
    if (v->n_recipients == v->room) {
        make_room(v);
    }
    v->recipients[v->n_recipients++] = (struct recipient){
        .address = address,
        .notify = notify_of(rcpt->notify),
        .orcpt = arena_copy(&v->arena, rcpt->orcpt),
    };
}
