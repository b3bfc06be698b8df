#include "letter/retention.h"

#include "letter/internal.h"

#define THIS rule
static const struct cbor_field rule_fields[] = {
    ROW(1, CBOR_TEXT, class, RULE_CLASS_MAX),
    MAYBE(2, CBOR_BOOL, removed, 0),
    MAYBE(3, CBOR_TEXT, term, 16),
    MAYBE(4, CBOR_UINT, start, 16),
    MAYBE(5, CBOR_UINT, fiscal_month, 12),
    MAYBE(6, CBOR_TEXT, date_key, RULE_KEY_MAX),
    MAYBE(7, CBOR_TEXTS, senders, RULE_LIST_MAX),
    MAYBE(8, CBOR_TEXTS, accounts, RULE_LIST_MAX),
    MAYBE(9, CBOR_TEXTS, domains, RULE_LIST_MAX),
    MAYBE(10, CBOR_TEXTS, words, RULE_LIST_MAX),
    MAYBE(11, CBOR_TEXTS, findings, RULE_LIST_MAX),
    MAYBE(12, CBOR_TEXTS, labels, RULE_LIST_MAX),
    MAYBE(13, CBOR_TEXT, title, RULE_NOTE_MAX),
    MAYBE(14, CBOR_TEXT, citation, RULE_NOTE_MAX),
    MAYBE(15, CBOR_TEXT, source, RULE_NOTE_MAX),
    MAYBE(16, CBOR_TEXT, review, 10),
    MAYBE(17, CBOR_TEXT, advice, RULE_NOTE_MAX),
    MAYBE(18, CBOR_TEXT, signed_off_by, RULE_NOTE_MAX),
    MAYBE(19, CBOR_TEXT, pack, RULE_CLASS_MAX),
    MAYBE(20, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(21, CBOR_UINT, role, 4),
    MAYBE(22, CBOR_TEXT, at, 64),
    MAYBE(23, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(24, CBOR_TEXTS, groups, RULE_LIST_MAX),
};
SCHEMA(rule);
#undef THIS

#define THIS class_stamp
static const struct cbor_field class_stamp_fields[] = {
    ROW(1, CBOR_TEXT, class, RULE_CLASS_MAX),
    ROW(2, CBOR_UINT, rule, 0),
    MAYBE(3, CBOR_UINT, ends, 0),
    MAYBE(4, CBOR_TEXT, why, STAMP_WHY_MAX),
};
SCHEMA(class_stamp);
#undef THIS

#define THIS classes
static const struct cbor_field classes_fields[] = {
    ID(classes),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct classes, classes, STAMP_MAX, &class_stamp_schema),
    MAYBE(3, CBOR_UINT, until, 0),
    ROW(4, CBOR_UINT, rules, 0),
};
SCHEMA(classes);
#undef THIS

#define THIS rule_date
static const struct cbor_field rule_date_fields[] = {
    ROW(1, CBOR_TEXT, key, RULE_KEY_MAX),
    MAYBE(2, CBOR_UINT, date, 0),
    MAYBE(3, CBOR_BOOL, removed, 0),
    MAYBE(4, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_UINT, role, 4),
    MAYBE(6, CBOR_TEXT, at, 64),
    MAYBE(7, CBOR_TEXT, reason, REASON_MAX),
};
SCHEMA(rule_date);
#undef THIS
