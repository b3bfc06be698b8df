#include "processes/signer_names.h"

#define LABEL_MAX 63 /* of a domain name (RFC 1035) */

void signer_name_lower(struct slice text, char out[static SIGNER_NAME_MAX + 1])
{
    size_t len = text.len <= SIGNER_NAME_MAX ? text.len : SIGNER_NAME_MAX;

    for (size_t i = 0; i < len; i++) {
        out[i] = (char)ascii_lower(text.ptr[i]);
    }
    out[len] = '\0';
}

bool signer_name_is_dns(struct slice name)
{
    if (name.len == 0 || name.len > SIGNER_NAME_MAX) {
        return false;
    }
    struct slice rest = name;
    while (rest.len) {
        struct slice label = slice_cut(rest, '.', &rest);
        if (label.len == 0 || label.len > LABEL_MAX) {
            return false;
        }
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = ascii_lower(label.ptr[i]);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
                return false;
            }
        }
    }
    return name.ptr[name.len - 1] != '.';
}
