#include "keeper/recipient_merge.h"

#include "keeper/recipient_refused.h"

size_t recipient_merge_unique(struct recipient_key *keys, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (at < left && !slice_equal(keys[at].fingerprint, keys[i].fingerprint)) {
            at++;
        }
        if (at == left) {
            keys[left++] = keys[i];
        } else {
            keys[at].vouched = keys[at].vouched || keys[i].vouched;
        }
    }
    return left;
}

static bool gives_way(const struct recipient_key *old, const struct recipient_key *key)
{
    if (old->own.len || old->source == key->source) {
        return !old->own.len;
    }
    if (key->vouched) {
        return old->source == RECIPIENT_HARVESTED || old->source == RECIPIENT_LDAP;
    }
    return key->source == RECIPIENT_LDAP && old->source == RECIPIENT_SMIMEA && !old->vouched;
}

bool recipient_merge(const struct recipient_keys *row, struct recipient_key *key)
{
    const struct recipient_key *keys = row->keys.items;
    bool may = !recipient_refused(row, key->fingerprint);

    for (size_t i = 0; i < row->keys.count && may; i++) {
        if (!slice_equal(keys[i].fingerprint, key->fingerprint)) {
            continue;
        }
        may = gives_way(&keys[i], key);
        key->reads |= keys[i].reads;
        key->bytes = keys[i].bytes.len > key->bytes.len ? keys[i].bytes : key->bytes;
    }
    return may;
}
