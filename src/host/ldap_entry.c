#include "host/ldap_entry.h"

#define PIECE_ROOM 64 /* more than an arena wants beside the bytes of one allocation */

bool ldap_entry_fits(const struct arena *arena, size_t bytes, struct error *e)
{
    return arena_left(arena) >= bytes + PIECE_ROOM ||
           error_set(e, ERROR_LIMIT, "search: the server's answer is too large");
}

static bool copy_values(struct berval *const *all, size_t n, struct arena *arena,
                        struct dirlink_values *out, struct error *e)
{
    size_t kept = n < DIRLINK_VALUES_MAX ? n : DIRLINK_VALUES_MAX;

    if (!ldap_entry_fits(arena, (kept + 1) * sizeof(struct slice), e)) {
        return false;
    }
    struct slice *values = arena_array(arena, kept + 1, sizeof(*values));
    for (size_t i = 0; i < kept; i++) {
        if (!ldap_entry_fits(arena, all[i]->bv_len, e)) {
            return false;
        }
        values[i] = arena_copy(arena, slice_of(all[i]->bv_val, all[i]->bv_len));
    }
    *out = (struct dirlink_values){values, kept, n > kept};
    return true;
}

bool dirlink_is_range(struct slice attribute, struct slice asked)
{
    struct slice options = slice_from(attribute, asked.len);
    bool ranges = false;

    if (!slice_starts_nocase(attribute, asked) || options.len == 0 || options.ptr[0] != ';') {
        return false;
    }
    while (options.len) {
        ranges = slice_starts_nocase(slice_cut(options, ';', &options), SLICE("range=")) || ranges;
    }
    return ranges;
}

/* Active Directory gives many values as `member;range=0-1499`: a part, under another name. */
static void find_ranges(LDAP *ldap, LDAPMessage *entry, char *const *names, size_t n,
                        struct dirlink_values *attributes)
{
    BerElement *at = NULL;
    char *name = ldap_first_attribute(ldap, entry, &at);

    while (name) {
        for (size_t i = 0; i < n; i++) {
            attributes[i].more =
                attributes[i].more || dirlink_is_range(slice_text(name), slice_text(names[i]));
        }
        ldap_memfree(name);
        name = ldap_next_attribute(ldap, entry, at);
    }
    ber_free(at, 0);
}

bool ldap_entry_take(LDAP *ldap, LDAPMessage *message, char *const *names, size_t n,
                     struct arena *arena, struct dirlink_entry *out, struct error *e)
{
    char *dn = ldap_get_dn(ldap, message);
    size_t room = dn ? strlen(dn) : 0;
    bool fine = ldap_entry_fits(arena, room + (n + 1) * sizeof(struct dirlink_values), e);
    struct dirlink_values *attributes =
        fine ? arena_array(arena, n + 1, sizeof(*attributes)) : NULL;

    out->dn = fine ? arena_copy(arena, slice_text(dn)) : SLICE_NONE;
    out->attributes = attributes;
    ldap_memfree(dn);
    for (size_t i = 0; i < n && fine; i++) {
        struct berval **all = ldap_get_values_len(ldap, message, names[i]);
        fine = copy_values(all, all ? (size_t)ldap_count_values_len(all) : 0, arena, &attributes[i],
                           e);
        ldap_value_free_len(all);
    }
    if (fine) {
        find_ranges(ldap, message, names, n, attributes);
    }
    return fine;
}

struct slice dirlink_dn(struct slice dn, struct arena *arena)
{
    struct berval in = {dn.len, (char *)(uintptr_t)dn.ptr};
    struct berval out = {0, NULL};
    LDAPDN parts = NULL;

    if (dn.len == 0 || ldap_bv2dn(&in, &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS) {
        return SLICE_NONE;
    }
    (void)ldap_dn2bv(parts, &out, LDAP_DN_FORMAT_LDAPV3);
    ldap_dnfree(parts);
    uint8_t *lower = arena_alloc(arena, out.bv_len + 1);
    for (size_t i = 0; i < out.bv_len; i++) {
        lower[i] = ascii_lower((uint8_t)out.bv_val[i]);
    }
    ldap_memfree(out.bv_val);
    return slice_of(lower, out.bv_len);
}
