#include "formats/mail/facts.h"

#include "formats/mail/date.h"
#include "formats/mail/internal.h"
#include "formats/mail/text.h"

#define MESSAGE_ID_MAX 998 /* one line */

/* The first <...> of a Message-ID field, as long as it is printable. */
static struct slice read_message_id(struct slice value)
{
    struct slice from = slice_from(value, slice_find(value, '<'));
    size_t len = slice_find(from, '>') + 1;

    if (len > from.len || len > MESSAGE_ID_MAX || !slice_is_utf8(slice_head(from, len))) {
        return SLICE_NONE;
    }
    for (size_t i = 0; i < len; i++) {
        if (from.ptr[i] <= ' ' || from.ptr[i] == 0x7f) {
            return SLICE_NONE;
        }
    }
    return slice_head(from, len);
}

void mail_facts_read(const struct mail_header *h, bool utf8, struct arena *arena,
                     struct mail_facts *out)
{
    const struct {
        enum mail_name name;
        struct mail_addresses *list;
    } lists[] = {
        {MAIL_FROM,     &out->from    },
        {MAIL_SENDER,   &out->sender  },
        {MAIL_REPLY_TO, &out->reply_to},
        {MAIL_TO,       &out->to      },
        {MAIL_CC,       &out->cc      },
        {MAIL_BCC,      &out->bcc     },
    };
    const struct mail_field *subject = mail_header_find(h, MAIL_SUBJECT);
    const struct mail_field *date = mail_header_find(h, MAIL_DATE);
    const struct mail_field *id = mail_header_find(h, MAIL_MESSAGE_ID);

    *out = (struct mail_facts){0};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct mail_field *f = mail_header_find(h, lists[i].name);
        if (f) {
            mail_addresses_read(f->value, utf8, arena, lists[i].list);
        }
    }
    out->subject = subject ? mail_text_decode(subject->value, arena) : SLICE_NONE;
    out->has_date = date && mail_date_read(date->value, &out->date_ms);
    out->message_id = id ? read_message_id(id->value) : SLICE_NONE;
}
