#include "keeper/envelope.h"

#include "formats/smtp/address.h"

/* One word of a command: neither blank nor control character. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

bool keeper_envelope_judge(const struct keeper_submit_ask *ask, struct error *e)
{
    const struct recipient *recipients = ask->recipients.items;
    struct smtp_mailbox mailbox;

    if (ask->recipients.count == 0) {
        return error_set(e, ERROR_DENIED, "a letter to nobody");
    }
    for (size_t i = 0; i < ask->recipients.count; i++) {
        if (!smtp_mailbox_parse(recipients[i].address, &mailbox, e)) {
            e->kind = ERROR_DENIED;
            return error_add(e, "recipient %zu", i + 1);
        }
        if (!is_word(recipients[i].orcpt)) {
            return error_set(e, ERROR_DENIED, "recipient %zu: ORCPT is not one word", i + 1);
        }
    }
    return true;
}
