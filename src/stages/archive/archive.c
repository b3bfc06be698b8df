#include "stages/archive/archive.h"

#include "formats/mail/date.h"

#define DATE_TEXT_MAX  255
#define ID_TEXT_MAX    998
#define HELO_TEXT_MAX  255
#define LIST_SHOWN_MAX 500 /* addresses of one field; the envelope has all recipients */

/* "Name <local@domain>, ..." for people and for the record; not for parsing again. */
static struct slice addresses_text(const struct mail_addresses *list, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = LETTER_HEADER_TEXT};

    for (size_t i = 0; i < list->count && i < LIST_SHOWN_MAX; i++) {
        const struct mail_address *a = &list->items[i];
        buf_add_text(&text, i ? ", " : "");
        if (a->name.len) {
            buf_add(&text, a->name);
            buf_add_text(&text, " <");
        }
        mail_address_write(&text, a);
        buf_add_text(&text, a->name.len ? ">" : "");
    }
    return letter_text(arena, buf_slice(&text), LETTER_HEADER_TEXT);
}

void archive_facts(const struct archive_submission *about, const struct mail_facts *header,
                   struct arena *arena, struct facts *out)
{
    char date[MAIL_DATE_MAX] = "";

    if (header->has_date) {
        mail_date_write(header->date_ms, date);
    }
    *out = (struct facts){
        .kind = LETTER_SUBMITTED,
        .received_at = about->received_at,
        .account = about->account,
        .groups = about->groups,
        .app = about->app,
        .app_name = about->app_name,
        .behalf = about->behalf,
        .mechanism = about->mechanism,
        .client = about->client,
        .helo = letter_text(arena, about->helo, HELO_TEXT_MAX),
        .tls_version = about->tls_version,
        .tls_cipher = about->tls_cipher,
        .reverse_path = about->reverse_path,
        .recipients = about->recipients,
        .envelope_id = about->envelope_id,
        .dsn_return = about->dsn_return,
        .smtputf8 = about->smtputf8,
        .body_8bit = about->body_8bit,
        .size = about->size,
        .digest = about->digest,
        .from = addresses_text(&header->from, arena),
        .sender = addresses_text(&header->sender, arena),
        .to = addresses_text(&header->to, arena),
        .cc = addresses_text(&header->cc, arena),
        .bcc = addresses_text(&header->bcc, arena),
        .subject = letter_text(arena, header->subject, LETTER_HEADER_TEXT),
        .date = letter_text(arena, slice_text(date), DATE_TEXT_MAX),
        .message_id = letter_text(arena, header->message_id, ID_TEXT_MAX),
    };
}
