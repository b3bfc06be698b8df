#include "letter/findings.h"

#include "letter/id.h"

static const struct cbor_field part_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct part, depth, 100),
    CBOR_FIELD(2, CBOR_TEXT, struct part, type, FINDINGS_TEXT_MAX),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct part, name, FINDINGS_TEXT_MAX),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct part, charset, FINDINGS_TEXT_MAX),
    CBOR_OPTIONAL(5, CBOR_UINT, struct part, disposition, PART_ATTACHMENT),
    CBOR_OPTIONAL(6, CBOR_UINT, struct part, size, 0),
    CBOR_FIELD(7, CBOR_UINT, struct part, reading, PART_DOCUMENT),
    CBOR_OPTIONAL(8, CBOR_TEXT, struct part, reason, FINDINGS_TEXT_MAX),
    CBOR_OPTIONAL(9, CBOR_TEXT, struct part, note, FINDINGS_TEXT_MAX),
};
const struct cbor_schema part_schema = CBOR_SCHEMA(part_fields, struct part);

bool part_is_encrypted(const struct part *p)
{
    return slice_starts(p->reason, SLICE("encrypted"));
}

bool part_is_mismatch(const struct part *p)
{
    return slice_starts(p->note, SLICE("says it is"));
}

bool guard_is_scanner(uint64_t guard)
{
    return guard == GUARD_OFFICER || guard == GUARD_BACK;
}

bool guard_goes_back(uint64_t guard)
{
    return guard == GUARD_BACK || guard == GUARD_RETURN;
}

static const struct cbor_field detected_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct detected, kind, 0),
    CBOR_FIELD(2, CBOR_UINT, struct detected, count, DETECTED_COUNT_MAX),
};
const struct cbor_schema detected_schema = CBOR_SCHEMA(detected_fields, struct detected);

static const struct cbor_field scan_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct scan, by, UINT8_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct scan, verdict, UINT8_MAX),
    CBOR_OPTIONAL(3, CBOR_UINT, struct scan, score, 0),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct scan, name, SCAN_NAME_MAX),
};
const struct cbor_schema scan_schema = CBOR_SCHEMA(scan_fields, struct scan);

static const struct cbor_field findings_fields[] = {
    CBOR_OPTIONAL(1, CBOR_BYTES, struct findings, id, LETTER_ID_LEN),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct findings, parts, FINDINGS_PARTS_MAX, &part_schema),
    CBOR_OPTIONAL(3, CBOR_TEXTS, struct findings, gaps, FINDINGS_GAPS_MAX),
    CBOR_OPTIONAL(4, CBOR_UINT, struct findings, terms, 0),
    CBOR_OPTIONAL(5, CBOR_BOOL, struct findings, unread, 0),
    CBOR_SUB_OPTIONAL(6, CBOR_LIST, struct findings, detected, DETECTED_KINDS_MAX,
                      &detected_schema),
    CBOR_SUB_OPTIONAL(7, CBOR_LIST, struct findings, scans, SCANS_MAX, &scan_schema),
    CBOR_OPTIONAL(8, CBOR_TEXTS, struct findings, links, FINDINGS_LINKS_MAX),
    CBOR_OPTIONAL(9, CBOR_TEXT, struct findings, account, FINDINGS_TEXT_MAX),
};
const struct cbor_schema findings_schema = CBOR_SCHEMA(findings_fields, struct findings);
