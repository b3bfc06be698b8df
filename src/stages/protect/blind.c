#include "stages/protect/blind.h"

void blind_read(const struct mail_header *header, bool utf8, struct arena *arena,
                struct blind_named *out)
{
    static const enum mail_name open[] = {MAIL_TO, MAIL_CC};

    *out = (struct blind_named){0};
    if (header->defect != MAIL_SOUND) {
        return;
    }
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        const struct mail_field *field = mail_header_find(header, open[i]);
        if (field) {
            mail_addresses_read(field->value, utf8, arena, &out->lists[i]);
        }
        if (out->lists[i].flaw != MAIL_ADDRESS_CLEAR) {
            out->lists[i] = (struct mail_addresses){0};
        }
    }
}

bool blind_is(const struct blind_named *named, struct slice address, bool utf8, struct arena *arena)
{
    struct mail_address mine;

    if (mail_address_read(address, utf8, arena, &mine) != MAIL_ADDRESS_CLEAR) {
        return true;
    }
    for (size_t i = 0; i < sizeof(named->lists) / sizeof(named->lists[0]); i++) {
        for (size_t j = 0; j < named->lists[i].count; j++) {
            if (mail_address_same(&named->lists[i].items[j], &mine, false)) {
                return false;
            }
        }
    }
    return true;
}
