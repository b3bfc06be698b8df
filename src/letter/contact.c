#include "letter/contact.h"

#include "letter/internal.h"

#define THIS contact
static const struct cbor_field contact_members[] = {
    ROW(1, CBOR_TEXT, address, CONTACT_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, name, CONTACT_TEXT_MAX),
    MAYBE(3, CBOR_TEXT, organisation, CONTACT_TEXT_MAX),
    MAYBE(4, CBOR_TEXT, title, CONTACT_TEXT_MAX),
    MAYBE(5, CBOR_TEXT, phone, CONTACT_TEXT_MAX),
    MAYBE(6, CBOR_TEXT, note, CONTACT_NOTE_MAX),
    MAYBE(7, CBOR_BOOL, favourite, 0),
};
const struct cbor_schema contact_schema = CBOR_SCHEMA(contact_members, struct contact);
#undef THIS

#define THIS contact_row
static const struct cbor_field contact_row_members[] = {
    MAYBE(1, CBOR_TEXT, owner, LETTER_ADDRESS_MAX),
    CBOR_SUB(2, CBOR_STRUCT, struct contact_row, contact, 0, &contact_schema),
    MAYBE(3, CBOR_UINT, kind, CONTACT_RETIRED),
    MAYBE(4, CBOR_UINT, until, 0),
    MAYBE(5, CBOR_TEXT, directory, CONTACT_SOURCE_MAX),
};
const struct cbor_schema contact_row_schema = CBOR_SCHEMA(contact_row_members, struct contact_row);
#undef THIS

const char *contact_flaw(const struct contact *c)
{
    const struct {
        const char *name;
        size_t len, max;
    } texts[] = {
        {"address",      c->address.len,      CONTACT_ADDRESS_MAX},
        {"name",         c->name.len,         CONTACT_TEXT_MAX   },
        {"organisation", c->organisation.len, CONTACT_TEXT_MAX   },
        {"title",        c->title.len,        CONTACT_TEXT_MAX   },
        {"phone",        c->phone.len,        CONTACT_TEXT_MAX   },
        {"note",         c->note.len,         CONTACT_NOTE_MAX   },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].len > texts[i].max) {
            return texts[i].name;
        }
    }
    return c->address.len ? NULL : "address";
}
