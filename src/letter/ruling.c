#include "letter/ruling.h"

#include "letter/findings.h"
#include "letter/internal.h"

#define WHY_MAX 900 /* bytes of reasons together; the record takes REASON_MAX */

#define THIS ruling_try
static const struct cbor_field ruling_try_fields[] = {
    ROW(1, CBOR_UINT, rung, UINT8_MAX),
    ROW(2, CBOR_TEXT, why, REASON_MAX),
};
SCHEMA(ruling_try);
#undef THIS

#define THIS ruling
static const struct cbor_field ruling_fields[] = {
    ROW(1, CBOR_TEXT, domain, DOMAIN_MAX),
    ROW(2, CBOR_UINT, level, LEVEL_AUTHENTICATED),
    MAYBE(3, CBOR_TEXT, route, DOMAIN_MAX + 6),
    ROW(4, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(5, CBOR_BOOL, hold, 0),
    ROW(6, CBOR_BYTES, recipients, 2 * LETTER_RECIPIENTS_MAX),
    MAYBE(7, CBOR_UINT, guard, UINT8_MAX),
    MAYBE(8, CBOR_UINT, copy, LETTER_RECIPIENTS_MAX),
    MAYBE(9, CBOR_UINT, method, UINT8_MAX),
    MAYBE(10, CBOR_TEXT, policy, RULING_POLICY_MAX),
    CBOR_SUB_OPTIONAL(11, CBOR_LIST, struct ruling, tried, RULING_TRIES_MAX, &ruling_try_schema),
    MAYBE(12, CBOR_BOOL, generated, 0),
    MAYBE(13, CBOR_BOOL, closed, 0),
    MAYBE(14, CBOR_UINT, clean, CLEAN_REQUIRE),
};
SCHEMA(ruling);
#undef THIS

bool ruling_is_closed(const struct ruling *r)
{
    return r->closed || r->guard == GUARD_POLICY || r->guard == GUARD_RETURN;
}

const char *rung_name(uint64_t rung)
{
    static const char *const names[] = {
        [RUNG_CLEARTEXT] = "cleartext",
        [RUNG_ENCRYPTED] = "encrypted",
        [RUNG_VERIFIED] = "verified",
        [RUNG_AUTHENTICATED] = "authenticated",
        [RUNG_SMIME] = "smime",
        [RUNG_OPENPGP] = "openpgp",
        [RUNG_ATTACHMENTS] = "attachments",
        [RUNG_SMIME_SIGNED] = "smime-signed",
        [RUNG_OPENPGP_SIGNED] = "openpgp-signed",
        [RUNG_HOLD] = "hold",
        [RUNG_RETURN] = "return",
    };
    const char *name = rung <= RUNG_RETURN ? names[rung] : NULL;

    return name ? name : "?";
}

bool rung_hides(uint64_t rung)
{
    return rung >= RUNG_SMIME && rung != RUNG_SMIME_SIGNED && rung != RUNG_OPENPGP_SIGNED;
}

void ruling_hold(struct ruling *r, struct slice why, struct arena *arena)
{
    bool said = r->hold && why.len && r->reason.len &&
                memmem(r->reason.ptr, r->reason.len, why.ptr, why.len);

    if (!said) {
        r->reason = r->hold && r->reason.len
                        ? letter_text(arena,
                                      arena_printf(arena, "%.*s; %.*s", SLICE_ARG(why),
                                                   SLICE_ARG(r->reason)),
                                      WHY_MAX)
                        : why;
    }
    r->hold = true;
}
