#include "requests/transport.h"

#define DOMAIN_MAX 255
#define ROUTE_MAX  261

static const struct cbor_field ask_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct courier_survey_ask, domain, DOMAIN_MAX),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct courier_survey_ask, route, ROUTE_MAX),
    CBOR_FIELD(3, CBOR_UINT, struct courier_survey_ask, timeout_ms, TRANSPORT_TIMEOUT_MS_MAX),
};
static const struct cbor_schema ask = CBOR_SCHEMA(ask_fields, struct courier_survey_ask);

static const struct cbor_field answer_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct courier_survey_answer, state, SURVEY_UNKNOWN),
    CBOR_FIELD(2, CBOR_TEXT, struct courier_survey_answer, why, TRANSPORT_WHY_MAX),
};
static const struct cbor_schema answer = CBOR_SCHEMA(answer_fields, struct courier_survey_answer);

const struct ipc_message courier_survey = {340, "courier_survey", &ask, &answer};
