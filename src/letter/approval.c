#include "letter/approval.h"

#include "letter/internal.h"
#include "letter/passkey.h"

#define LETTERS_BYTES_MAX 4096

#define THIS request_record
static const struct cbor_field request_record_fields[] = {
    ID(request_record),
    ROW(2, CBOR_UINT, kind, 16),
    ROW(3, CBOR_BYTES, arguments, APPROVAL_ARGUMENTS_MAX),
    ROW(4, CBOR_TEXT, object, REASON_MAX),
    ROW(5, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(6, CBOR_TEXT, at, 64),
    MAYBE(7, CBOR_UINT, role, 4),
    ROW(8, CBOR_TEXT, reason, REASON_MAX),
    ROW(9, CBOR_UINT, expires_at, 0),
};
SCHEMA(request_record);
#undef THIS

#define THIS verdict_record
static const struct cbor_field verdict_record_fields[] = {
    ID(verdict_record),
    ROW(2, CBOR_UINT, verdict, VERDICT_FAILED),
    MAYBE(3, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_TEXT, at, 64),
    MAYBE(5, CBOR_UINT, role, 4),
    MAYBE(6, CBOR_TEXT, reason, REASON_MAX),
};
SCHEMA(verdict_record);
#undef THIS

#define THIS request_erase
static const struct cbor_field request_erase_fields[] = {
    ID(request_erase),
    ROW(2, CBOR_BYTES, letters, LETTERS_BYTES_MAX),
};
SCHEMA(request_erase);
#undef THIS

#define THIS request_account
static const struct cbor_field request_account_fields[] = {
    ROW(1, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BYTES, before, DIGEST_LEN),
    ROW(3, CBOR_BYTES, after, DIGEST_LEN),
    MAYBE(4, CBOR_BOOL, gives, 0),
};
SCHEMA(request_account);
#undef THIS

#define THIS request_contacts
static const struct cbor_field request_contacts_fields[] = {
    MAYBE(1, CBOR_TEXT, owner, LETTER_ADDRESS_MAX),
};
SCHEMA(request_contacts);
#undef THIS

#define THIS request_factor
static const struct cbor_field request_factor_fields[] = {
    ROW(1, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_UINT, since, 0),
    MAYBE(3, CBOR_TEXT, passkey, PASSKEY_ID_LEN),
};
SCHEMA(request_factor);
#undef THIS

const char *request_kind_name(uint64_t kind)
{
    static const char *const names[] = {
        [REQUEST_ERASE] = "erase",           [REQUEST_ACCOUNT] = "account",
        [REQUEST_RELEASE] = "hold release",  [REQUEST_DISPOSAL] = "disposal",
        [REQUEST_SUBJECT] = "erase subject", [REQUEST_DELEGATION] = "delegate",
        [REQUEST_FACTOR] = "totp off",       [REQUEST_CONTACTS] = "contact export"};

    return kind <= REQUEST_CONTACTS && names[kind] ? names[kind] : "unknown";
}

const char *request_verdict_name(uint64_t verdict)
{
    static const char *const names[] = {[VERDICT_APPROVED] = "approved",
                                        [VERDICT_REFUSED] = "refused",
                                        [VERDICT_WITHDRAWN] = "withdrawn",
                                        [VERDICT_DONE] = "done",
                                        [VERDICT_FAILED] = "failed"};

    return verdict >= VERDICT_APPROVED && verdict <= VERDICT_FAILED ? names[verdict] : "unknown";
}
