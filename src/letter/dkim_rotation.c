#include "letter/dkim_rotation.h"

#include "letter/internal.h"

#define THIS dkim_rotation
static const struct cbor_field dkim_rotation_fields[] = {
    ROW(1, CBOR_UINT, phase, ROTATION_RETIRE),
    ROW(2, CBOR_UINT, since, 0),
    MAYBE(3, CBOR_UINT, seen_since, 0),
    MAYBE(4, CBOR_UINT, told_at, 0),
    MAYBE(5, CBOR_TEXT, based_on, REASON_MAX),
    MAYBE(6, CBOR_TEXTS, active, ROTATION_SELECTORS_MAX),
    MAYBE(7, CBOR_TEXTS, next, ROTATION_SELECTORS_MAX),
};
SCHEMA(dkim_rotation);
#undef THIS

const char *rotation_phase_name(uint64_t phase)
{
    static const char *const names[] = {"quiet", "publish", "retire"};

    return names[phase <= ROTATION_RETIRE ? phase : 0];
}
