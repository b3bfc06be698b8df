#include "letter/records.h"

#include "letter/app_password.h"
#include "letter/device.h"
#include "letter/group.h"
#include "letter/internal.h"
#include "letter/passkey.h"

#define THIS recipient
static const struct cbor_field recipient_fields[] = {
    ROW(1, CBOR_TEXT, address, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_UINT, notify, 15),
    MAYBE(3, CBOR_TEXT, orcpt, 512),
};
SCHEMA(recipient);
#undef THIS

#define THIS behalf
static const struct cbor_field behalf_fields[] = {
    ROW(1, CBOR_TEXT, from, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(3, CBOR_TEXT, approved_by, LETTER_ADDRESS_MAX),
    MAYBE(4, CBOR_UINT, since, 0),
    MAYBE(5, CBOR_UINT, until, 0),
};
SCHEMA(behalf);
#undef THIS

#define THIS facts
static const struct cbor_field facts_fields[] = {
    ID(facts),
    ROW(2, CBOR_UINT, kind, LETTER_IMPORTED),
    ROW(3, CBOR_UINT, received_at, 0),
    MAYBE(4, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_TEXT, mechanism, 32),
    MAYBE(6, CBOR_TEXT, client, 64),
    MAYBE(7, CBOR_TEXT, helo, DOMAIN_MAX),
    MAYBE(8, CBOR_TEXT, tls_version, TLS_NAME),
    MAYBE(9, CBOR_TEXT, tls_cipher, TLS_NAME),
    MAYBE(10, CBOR_TEXT, reverse_path, LETTER_ADDRESS_MAX),
    CBOR_SUB(11, CBOR_LIST, struct facts, recipients, LETTER_RECIPIENTS_MAX, &recipient_schema),
    MAYBE(12, CBOR_TEXT, envelope_id, 100),
    MAYBE(13, CBOR_UINT, dsn_return, 2),
    MAYBE(14, CBOR_BOOL, smtputf8, 0),
    MAYBE(15, CBOR_BOOL, body_8bit, 0),
    ROW(16, CBOR_UINT, size, LETTER_BYTES_MAX),
    ROW(17, CBOR_BYTES, digest, DIGEST_LEN),
    MAYBE(18, CBOR_TEXT, from, LETTER_HEADER_TEXT),
    MAYBE(19, CBOR_TEXT, sender, LETTER_HEADER_TEXT),
    MAYBE(20, CBOR_TEXT, to, LETTER_HEADER_TEXT),
    MAYBE(21, CBOR_TEXT, cc, LETTER_HEADER_TEXT),
    MAYBE(22, CBOR_TEXT, bcc, LETTER_HEADER_TEXT),
    MAYBE(23, CBOR_TEXT, subject, LETTER_HEADER_TEXT),
    MAYBE(24, CBOR_TEXT, date, NAME_LEN),
    MAYBE(25, CBOR_TEXT, message_id, 998),
    MAYBE(26, CBOR_BYTES, about, LETTER_ID_LEN),
    MAYBE(27, CBOR_BYTES, repeat_of, LETTER_ID_LEN),
    MAYBE(28, CBOR_UINT, dated_at, 0),
    CBOR_SUB_OPTIONAL(29, CBOR_STRUCT, struct facts, source, 0, &source_schema),
    MAYBE(30, CBOR_TEXTS, groups, GROUPS_MAX),
    MAYBE(31, CBOR_TEXT, app, APP_PASSWORD_ID_LEN),
    MAYBE(32, CBOR_TEXT, app_name, APP_PASSWORD_NAME_MAX),
    CBOR_SUB_OPTIONAL(33, CBOR_STRUCT, struct facts, behalf, 0, &behalf_schema),
    MAYBE(34, CBOR_TEXT, country, 2),
    MAYBE(35, CBOR_BOOL, tls_report, 0),
    MAYBE(36, CBOR_BOOL, require_tls, 0),
    MAYBE(37, CBOR_BOOL, tls_optional, 0),
    MAYBE(40, CBOR_BOOL, drill, 0),
};
SCHEMA(facts);
#undef THIS

#define THIS content
static const struct cbor_field content_fields[] = {
    ID(content),
    ROW(2, CBOR_BYTES, bytes, LETTER_BYTES_MAX),
};
SCHEMA(content);
#undef THIS

#define THIS decision
static const struct cbor_field decision_fields[] = {
    ID(decision),
    CBOR_SUB(2, CBOR_LIST, struct decision, rulings, LETTER_RECIPIENTS_MAX, &ruling_schema),
    CBOR_SUB_OPTIONAL(3, CBOR_STRUCT, struct decision, need, 0, &consent_need_schema),
    MAYBE(10, CBOR_BOOL, drill, 0),
    MAYBE(11, CBOR_BYTES, told, 3 * LETTER_ID_LEN),
    MAYBE(12, CBOR_TEXTS, labels, LABELS_MAX),
    MAYBE(13, CBOR_UINT, policy_version, 0),
    MAYBE(14, CBOR_BYTES, policy_digest, DIGEST_LEN),
};
SCHEMA(decision);
#undef THIS

#define THIS sealed_edit
static const struct cbor_field edit_fields[] = {
    MAYBE(1, CBOR_BYTES, literal, LETTER_BYTES_MAX),
    MAYBE(2, CBOR_UINT, offset, LETTER_BYTES_MAX),
    MAYBE(3, CBOR_UINT, len, LETTER_BYTES_MAX),
};
static const struct cbor_schema edit_schema = CBOR_SCHEMA(edit_fields, struct sealed_edit);
#undef THIS

#define THIS sealed
static const struct cbor_field sealed_fields[] = {
    ID(sealed),
    ROW(2, CBOR_UINT, copy, LETTER_RECIPIENTS_MAX),
    ROW(3, CBOR_BYTES, digest, DIGEST_LEN),
    ROW(4, CBOR_UINT, size, 2 * (uint64_t)LETTER_BYTES_MAX),
    CBOR_SUB(5, CBOR_LIST, struct sealed, edits, LETTER_EDITS_MAX, &edit_schema),
    MAYBE(6, CBOR_TEXTS, signatures, 16),
    MAYBE(7, CBOR_UINT, method, UINT8_MAX),
    MAYBE(8, CBOR_TEXTS, protection, SEALED_TEXTS_MAX),
    MAYBE(9, CBOR_TEXTS, metadata, SEALED_TEXTS_MAX),
};
SCHEMA(sealed);
#undef THIS

#define THIS order
static const struct cbor_field order_fields[] = {
    ID(order),
    ROW(2, CBOR_UINT, kind, ORDER_CANCEL),
    MAYBE(3, CBOR_TEXT, domain, DOMAIN_MAX),
    ROW(4, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(6, CBOR_UINT, ruling, LETTER_RECIPIENTS_MAX),
};
SCHEMA(order);
#undef THIS

#define THIS sign_in
static const struct cbor_field sign_in_fields[] = {
    MAYBE(1, CBOR_TEXT, account, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_TEXT, client, 64),
    MAYBE(3, CBOR_TEXT, mechanism, 32),
    MAYBE(4, CBOR_BOOL, accepted, 0),
    MAYBE(5, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(6, CBOR_TEXT, app, APP_PASSWORD_ID_LEN),
    MAYBE(7, CBOR_TEXT, app_name, APP_PASSWORD_NAME_MAX),
    MAYBE(12, CBOR_TEXT, passkey, PASSKEY_NAME_MAX),
    MAYBE(13, CBOR_TEXT, device, DEVICE_NAME_MAX),
    MAYBE(14, CBOR_TEXT, country, 2),
};
SCHEMA(sign_in);
#undef THIS

#define THIS act
static const struct cbor_field act_fields[] = {
    ROW(1, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    ROW(2, CBOR_TEXT, verb, 64),
    MAYBE(3, CBOR_TEXT, object, REASON_MAX),
    MAYBE(4, CBOR_TEXT, reason, REASON_MAX),
    MAYBE(5, CBOR_UINT, count, 0),
    MAYBE(6, CBOR_TEXT, detail, REASON_MAX),
    MAYBE(7, CBOR_UINT, role, 0),
    MAYBE(8, CBOR_TEXT, at, NAME_LEN),
    MAYBE(9, CBOR_BOOL, refused, 0),
};
SCHEMA(act);
#undef THIS

#define THIS checkpoint_record
static const struct cbor_field checkpoint_fields[] = {
    ROW(1, CBOR_TEXT, note, 4096),
    MAYBE(2, CBOR_TEXT, anchored_to, 4096),
    MAYBE(3, CBOR_UINT, kind, ANCHOR_TIMESTAMP),
    MAYBE(4, CBOR_BYTES, token, ANCHOR_TOKEN_MAX),
    MAYBE(5, CBOR_UINT, token_at, 0),
    MAYBE(6, CBOR_BYTES, letter, LETTER_ID_LEN),
};
const struct cbor_schema checkpoint_schema =
    CBOR_SCHEMA(checkpoint_fields, struct checkpoint_record);
#undef THIS

bool decision_hides(const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        if (rung_hides(rulings[i].method)) {
            return true;
        }
    }
    return false;
}

struct slice facts_owner(const struct facts *f)
{
    return f->kind == LETTER_IMPORTED ? f->source.owner : f->account;
}

uint64_t facts_dated(const struct facts *f)
{
    return f->dated_at ? f->dated_at : f->received_at;
}

struct slice letter_domain(struct slice address)
{
    for (size_t i = address.len; i > 0; i--) {
        if (address.ptr[i - 1] == '@') {
            return slice_from(address, i);
        }
    }
    return SLICE_NONE;
}

/* Bytes of the longest valid UTF-8 sequence at the start of s, at most four; 0 when there is
 * none. Four tries of the strict check keep one definition of UTF-8 in the program. */
static size_t valid_sequence(struct slice s)
{
    for (size_t len = 1; len <= 4 && len <= s.len; len++) {
        if (slice_is_utf8(slice_head(s, len))) {
            return len;
        }
    }
    return 0;
}

struct slice letter_text(struct arena *a, struct slice s, size_t max)
{
    static const char replacement[] = "\xef\xbf\xbd";

    if (s.len <= max && slice_is_utf8(s)) {
        return arena_copy(a, s);
    }
    size_t room = s.len > max / 3 ? max : 3 * s.len;
    uint8_t *out = arena_alloc(a, room + 1);
    size_t used = 0;
    while (s.len) {
        size_t len = valid_sequence(s);
        size_t take = len ? len : 3;
        if (used + take > room) {
            break;
        }
        (void)memcpy(out + used, len ? s.ptr : (const uint8_t *)replacement, take);
        used += take;
        s = slice_from(s, len ? len : 1);
    }
    return slice_of(out, used);
}
