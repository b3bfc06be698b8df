#include "letter/about.h"

#include "letter/consent.h"
#include "letter/findings.h"
#include "letter/redecision.h"
#include "letter/retention.h"

const struct cbor_schema *letter_record_schema(uint16_t type)
{
    switch (type) {
    case RECORD_FACTS:
        return &facts_schema;
    case RECORD_CONTENT:
        return &content_schema;
    case RECORD_FINDINGS:
        return &findings_schema;
    case RECORD_DECISION:
        return &decision_schema;
    case RECORD_SEALED:
        return &sealed_schema;
    case RECORD_INTENT:
        return &intent_schema;
    case RECORD_OUTCOME:
        return &outcome_schema;
    case RECORD_NOTICE:
        return &notice_schema;
    case RECORD_ORDER:
        return &order_schema;
    case RECORD_CLASSES:
        return &classes_schema;
    case RECORD_REDECISION:
        return &redecision_schema;
    case RECORD_CONSENT:
        return &consent_record_schema;
    default:
        return NULL;
    }
}
