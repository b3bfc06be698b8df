#include "letter/recipient_key.h"

#include "letter/internal.h"

#define THIS recipient_key
static const struct cbor_field recipient_key_fields[] = {
    ROW(1, CBOR_UINT, kind, 0),
    ROW(2, CBOR_BYTES, bytes, RECIPIENT_KEY_BYTES_MAX),
    ROW(3, CBOR_TEXT, fingerprint, RECIPIENT_FINGERPRINT_MAX),
    MAYBE(4, CBOR_TEXT, subject, RECIPIENT_SUBJECT_MAX),
    MAYBE(5, CBOR_TEXT, algorithm, RECIPIENT_ALGORITHM_MAX),
    MAYBE(6, CBOR_UINT, not_before, 0),
    MAYBE(7, CBOR_UINT, not_after, 0),
    MAYBE(8, CBOR_TEXTS, names, RECIPIENT_NAMES_MAX),
    ROW(9, CBOR_UINT, source, 0),
    MAYBE(10, CBOR_UINT, added_at, 0),
    MAYBE(11, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(12, CBOR_BOOL, vouched, 0),
    MAYBE(13, CBOR_UINT, reads, 0),
    MAYBE(14, CBOR_TEXT, own, NAME_LEN),
    MAYBE(15, CBOR_UINT, offered_at, 0),
};
SCHEMA(recipient_key);
#undef THIS

#define THIS recipient_keys
static const struct cbor_field recipient_keys_fields[] = {
    ROW(1, CBOR_TEXT, address, LETTER_ADDRESS_MAX),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct recipient_keys, keys, RECIPIENT_KEYS_MAX,
                      &recipient_key_schema),
    MAYBE(3, CBOR_TEXTS, refused, RECIPIENT_REFUSED_MAX),
};
SCHEMA(recipient_keys);
#undef THIS

#define THIS recipient_change
static const struct cbor_field recipient_change_fields[] = {
    ROW(1, CBOR_TEXT, address, LETTER_ADDRESS_MAX),
    MAYBE(2, CBOR_BOOL, removed, 0),
    CBOR_SUB(3, CBOR_STRUCT, struct recipient_change, key, 0, &recipient_key_schema),
    MAYBE(4, CBOR_TEXT, by, LETTER_ADDRESS_MAX),
    MAYBE(5, CBOR_TEXT, at, NAME_LEN),
    MAYBE(6, CBOR_UINT, role, 0),
    MAYBE(7, CBOR_TEXT, reason, REASON_MAX),
};
SCHEMA(recipient_change);
#undef THIS

const char *recipient_key_kind_text(uint64_t kind)
{
    return kind == RECIPIENT_SMIME ? "S/MIME" : kind == RECIPIENT_OPENPGP ? "OpenPGP" : "?";
}

const char *recipient_key_source_text(uint64_t source)
{
    static const char *const texts[] = {
        [RECIPIENT_UPLOADED] = "uploaded",     [RECIPIENT_HARVESTED] = "from a signed letter",
        [RECIPIENT_LDAP] = "directory (LDAP)", [RECIPIENT_WKD] = "WKD",
        [RECIPIENT_SMIMEA] = "DNS (SMIMEA)",   [RECIPIENT_AUTOCRYPT] = "Autocrypt",
        [RECIPIENT_MADE] = "made here",
    };

    return source > 0 && source < sizeof(texts) / sizeof(texts[0]) ? texts[source] : "?";
}

unsigned recipient_key_rank(const struct recipient_key *key)
{
    switch (key->source) {
    case RECIPIENT_MADE:
        return 0;
    case RECIPIENT_UPLOADED:
        return RECIPIENT_RANK_BEST;
    case RECIPIENT_HARVESTED:
    case RECIPIENT_AUTOCRYPT:
        return 1;
    case RECIPIENT_LDAP:
        return RECIPIENT_RANK_DIRECTORY;
    default:
        return 2;
    }
}

bool recipient_key_names(const struct recipient_key *key, struct slice address)
{
    const struct slice *in = key->names.items;
    bool domain = slice_find(address, '@') == address.len;

    for (size_t i = 0; i < key->names.count; i++) {
        if (slice_equal_nocase(domain ? letter_domain(in[i]) : in[i], address)) {
            return true;
        }
    }
    return false;
}
