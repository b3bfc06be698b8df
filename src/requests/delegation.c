#include "requests/delegation.h"

static const struct cbor_field add_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct delegation_add_ask, grant, 0, &delegation_schema),
    CBOR_SUB_OPTIONAL(2, CBOR_STRUCT, struct delegation_add_ask, proof, 0, &desk_proof_schema),
};
static const struct cbor_schema add_ask = CBOR_SCHEMA(add_fields, struct delegation_add_ask);

static const struct cbor_field remove_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct delegation_remove_ask, from, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_TEXT, struct delegation_remove_ask, to, LETTER_ADDRESS_MAX),
    CBOR_FIELD(3, CBOR_TEXT, struct delegation_remove_ask, reason, DELEGATION_REASON_MAX),
};
static const struct cbor_schema remove_ask =
    CBOR_SCHEMA(remove_fields, struct delegation_remove_ask);

const struct ipc_message delegation_add = {190, "delegation_add", &add_ask, &admin_asked_schema,
                                           .secret = true};
const struct ipc_message delegation_remove = {191, "delegation_remove", &remove_ask, NULL};
const struct ipc_message delegation_list = {192, "delegation_list", NULL, &delegations_schema};
