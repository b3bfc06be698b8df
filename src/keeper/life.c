#include "keeper/life.h"

#include <string.h>

#include "keyring/digest.h"

static void tag_of(struct slice kind, struct slice name, uint8_t tag[static INSPECTOR_SENDER_LEN])
{
    uint8_t digest[DIGEST_LEN];

    digest_of(kind, name, digest);
    (void)memcpy(tag, digest, INSPECTOR_SENDER_LEN);
}

void keeper_life_of_sender(const struct facts *f, uint8_t tag[static INSPECTOR_SENDER_LEN])
{
    tag_of(SLICE("sender"), f->kind == LETTER_IMPORTED ? f->source.import : f->account, tag);
}

void keeper_life_of_address(struct slice address, uint8_t tag[static INSPECTOR_SENDER_LEN])
{
    tag_of(SLICE("recipient"), address, tag);
}
