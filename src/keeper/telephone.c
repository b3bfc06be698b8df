/* Telephone numbers of recipients, to which the operator's program tells passwords. A number is personal data: it stands in the state alone, sealed, in no
 * record and no log line. */
#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/recipient_keys.h"
#include "keeper/redecide_look.h"
#include "keeper/secrets_parts.h"
#include "requests/secrets.h"

#define BAD_NUMBER                                                                                 \
    "a telephone number is `+`, the country's code and the rest, digits alone: `+4930123456`"

static const struct cbor_field telephone_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct secret_telephone, number, TELEPHONE_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct secret_telephone, at, 0),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct secret_telephone, by, LETTER_ADDRESS_MAX),
};
static const struct cbor_schema telephone_schema =
    CBOR_SCHEMA(telephone_fields, struct secret_telephone);

bool secrets_telephone(struct keeper *k, struct slice address, struct arena *arena,
                       struct secret_telephone *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct secret_telephone){.number = SLICE_NONE};
    return state_value_get(k->state, secrets_name("phone", address, arena), arena, &value, &found,
                           e) &&
           (!found || cbor_read(value, &telephone_schema, arena, out, e));
}

static bool put(struct keeper *k, struct slice address, const struct secret_telephone *telephone,
                struct arena *arena, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    struct slice name = secrets_name("phone", address, arena);
    bool found = false;

    if (telephone->number.len == 0) {
        return state_value_delete(k->state, name, &found, e);
    }
    cbor_write(&value, &telephone_schema, telephone);
    return state_value_put(k->state, name, buf_slice(&value), e);
}

bool keeper_on_recipient_phone(void *ctx, struct ipc_request *r, struct error *e)
{
    static const char *const verbs[] = {
        [RECIPIENT_SECRET_SHOW] = "recipient phone show",
        [RECIPIENT_SECRET_SET] = "recipient phone set",
        [RECIPIENT_SECRET_REMOVE] = "recipient phone remove",
    };
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct recipient_phone_ask *ask = r->ask;
    struct recipient_phone_answer *answer = r->answer;
    struct slice address = recipient_canonical(ask->address, r->arena);
    struct secret_telephone now;

    if (ask->act > RECIPIENT_SECRET_REMOVE || !verbs[ask->act]) {
        return error_set(e, ERROR_INPUT, "set, show or remove");
    }
    if (!secrets_is_address(address)) {
        return error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.org`",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (ask->act == RECIPIENT_SECRET_SET && !secret_telephone_sound(ask->number)) {
        return error_set(e, ERROR_INPUT, BAD_NUMBER);
    }
    if (!secrets_telephone(admin->keeper, address, r->arena, &now, e)) {
        return false;
    }
    if (ask->act != RECIPIENT_SECRET_SET && now.number.len == 0) {
        return error_set(e, ERROR_INPUT, "no telephone number of `%.*s` is here",
                         SLICE_ARG(slice_head(address, 100)));
    }
    if (!keeper_admin_record(admin, verbs[ask->act], address, ask->reason, e)) {
        return false;
    }
    if (ask->act == RECIPIENT_SECRET_SHOW) {
        *answer = (struct recipient_phone_answer){now.number, now.at, now.by};
        return true;
    }
    const struct secret_telephone then = {ask->act == RECIPIENT_SECRET_SET ? ask->number
                                                                           : SLICE_NONE,
                                          (uint64_t)clock_wall_ms(), admin->caller.by};
    if (!put(admin->keeper, address, &then, r->arena, e)) {
        return false;
    }
    if (then.number.len) {
        redecide_known(admin->keeper, address);
    }
    return true;
}
