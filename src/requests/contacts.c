#include "requests/contacts.h"

#include "letter/records.h"
#include "requests/auth.h"

#define FIELD(key, kind, type, member, max) CBOR_FIELD(key, kind, struct type, member, max)
#define MAYBE(key, kind, type, member, max) CBOR_OPTIONAL(key, kind, struct type, member, max)

#define TEXT_MAX 1000

static const struct cbor_field put_ask_fields[] = {
    CBOR_SUB(1, CBOR_LIST, struct contact_put_ask, contacts, CONTACTS_GIVEN_MAX, &contact_schema),
    FIELD(2, CBOR_UINT, contact_put_ask, mode, CONTACT_IMPORT),
    MAYBE(3, CBOR_UINT, contact_put_ask, parts, 63),
    MAYBE(4, CBOR_BOOL, contact_put_ask, company, 0),
};
static const struct cbor_schema put_ask = CBOR_SCHEMA(put_ask_fields, struct contact_put_ask);

static const struct cbor_field put_answer_fields[] = {
    MAYBE(1, CBOR_UINT, contact_put_answer, added, 0),
    MAYBE(2, CBOR_UINT, contact_put_answer, changed, 0),
    MAYBE(3, CBOR_UINT, contact_put_answer, unchanged, 0),
};
static const struct cbor_schema put_answer =
    CBOR_SCHEMA(put_answer_fields, struct contact_put_answer);

static const struct cbor_field remove_fields[] = {
    FIELD(1, CBOR_TEXT, contact_remove_ask, address, CONTACT_ADDRESS_MAX),
    MAYBE(2, CBOR_BOOL, contact_remove_ask, company, 0),
};
static const struct cbor_schema remove_ask = CBOR_SCHEMA(remove_fields, struct contact_remove_ask);

static const struct cbor_field found_fields[] = {
    CBOR_SUB(1, CBOR_STRUCT, struct contact_found, contact, 0, &contact_schema),
    MAYBE(2, CBOR_BOOL, contact_found, company, 0),
};
static const struct cbor_schema found = CBOR_SCHEMA(found_fields, struct contact_found);

static const struct cbor_field find_ask_fields[] = {
    MAYBE(1, CBOR_TEXT, contact_find_ask, words, CONTACT_WORDS_MAX),
    MAYBE(2, CBOR_TEXT, contact_find_ask, address, CONTACT_ADDRESS_MAX),
    MAYBE(3, CBOR_UINT, contact_find_ask, max, 1000),
};
static const struct cbor_schema find_ask = CBOR_SCHEMA(find_ask_fields, struct contact_find_ask);

static const struct cbor_field find_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct contact_find_answer, found, 100, &found),
};
static const struct cbor_schema find_answer =
    CBOR_SCHEMA(find_answer_fields, struct contact_find_answer);

static const struct cbor_field list_ask_fields[] = {
    MAYBE(1, CBOR_BOOL, contact_list_ask, company, 0),
    MAYBE(2, CBOR_UINT, contact_list_ask, skip, 1000000),
};
static const struct cbor_schema list_ask = CBOR_SCHEMA(list_ask_fields, struct contact_list_ask);

static const struct cbor_field list_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct contact_list_answer, contacts, CONTACTS_LISTED_MAX,
                      &contact_schema),
    MAYBE(2, CBOR_UINT, contact_list_answer, total, 0),
};
static const struct cbor_schema list_answer =
    CBOR_SCHEMA(list_answer_fields, struct contact_list_answer);

static const struct cbor_field export_ask_fields[] = {
    MAYBE(1, CBOR_BOOL, contact_export_ask, company, 0),
    FIELD(2, CBOR_UINT, contact_export_ask, format, CONTACT_CSV),
    MAYBE(3, CBOR_TEXT, contact_export_ask, reason, TEXT_MAX),
};
static const struct cbor_schema export_ask =
    CBOR_SCHEMA(export_ask_fields, struct contact_export_ask);

static const struct cbor_field export_answer_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_STRUCT, struct contact_export_answer, asked, 0, &admin_asked_schema),
    MAYBE(2, CBOR_UINT, contact_export_answer, count, 0),
};
static const struct cbor_schema export_answer =
    CBOR_SCHEMA(export_answer_fields, struct contact_export_answer);

static const struct cbor_field order_ask_fields[] = {
    MAYBE(1, CBOR_UINT, decoys_order_ask, order, DECOYS_FORGET),
    MAYBE(2, CBOR_TEXT, decoys_order_ask, address, CONTACT_ADDRESS_MAX),
    MAYBE(3, CBOR_TEXT, decoys_order_ask, reason, TEXT_MAX),
};
static const struct cbor_schema order_ask = CBOR_SCHEMA(order_ask_fields, struct decoys_order_ask);

static const struct cbor_field order_answer_fields[] = {
    MAYBE(1, CBOR_BOOL, decoys_order_answer, on, 0),
    MAYBE(2, CBOR_UINT, decoys_order_answer, company, 0),
    MAYBE(3, CBOR_UINT, decoys_order_answer, accounts, 0),
    MAYBE(4, CBOR_UINT, decoys_order_answer, retired, 0),
    MAYBE(5, CBOR_UINT, decoys_order_answer, hits, 0),
    MAYBE(6, CBOR_BOOL, decoys_order_answer, waiting, 0),
};
static const struct cbor_schema order_answer =
    CBOR_SCHEMA(order_answer_fields, struct decoys_order_answer);

static const struct cbor_field recipient_ask_fields[] = {
    FIELD(1, CBOR_BYTES, keeper_recipient_ask, session, AUTH_SESSION_LEN),
    FIELD(2, CBOR_TEXT, keeper_recipient_ask, address, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_TEXT, keeper_recipient_ask, client, 64),
};
static const struct cbor_schema recipient_ask =
    CBOR_SCHEMA(recipient_ask_fields, struct keeper_recipient_ask);

static const struct cbor_field recipient_answer_fields[] = {
    FIELD(1, CBOR_UINT, keeper_recipient_answer, code, 599),
    MAYBE(2, CBOR_TEXT, keeper_recipient_answer, text, TEXT_MAX),
    MAYBE(3, CBOR_UINT, keeper_recipient_answer, delay_ms, 10000),
};
static const struct cbor_schema recipient_answer =
    CBOR_SCHEMA(recipient_answer_fields, struct keeper_recipient_answer);

const struct ipc_message contact_put = {210, "contact_put", &put_ask, &put_answer};
const struct ipc_message contact_remove = {211, "contact_remove", &remove_ask, NULL};
const struct ipc_message contact_find = {212, "contact_find", &find_ask, &find_answer};
const struct ipc_message contact_list = {213, "contact_list", &list_ask, &list_answer};
const struct ipc_message contact_export = {214, "contact_export", &export_ask, &export_answer,
                                           .answer_fd = IPC_FD_SEALED_OPTIONAL};
const struct ipc_message decoys_order = {215, "decoys_order", &order_ask, &order_answer};
const struct ipc_message keeper_recipient = {30, "keeper_recipient", &recipient_ask,
                                             &recipient_answer};
