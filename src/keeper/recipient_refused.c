#include "keeper/recipient_refused.h"

void recipient_refuse(struct recipient_keys *row, struct slice fingerprint, bool add,
                      struct arena *arena)
{
    const struct slice *old = row->refused.items;
    struct slice *all = arena_array(arena, RECIPIENT_REFUSED_MAX, sizeof(*all));
    size_t from = add && row->refused.count == RECIPIENT_REFUSED_MAX ? 1 : 0;
    size_t n = 0;

    for (size_t i = from; i < row->refused.count; i++) {
        if (!slice_equal(old[i], fingerprint)) {
            all[n++] = old[i];
        }
    }
    if (add) {
        all[n++] = fingerprint;
    }
    row->refused = (struct cbor_list){all, n};
}

bool recipient_refused(const struct recipient_keys *row, struct slice fingerprint)
{
    const struct slice *all = row->refused.items;

    for (size_t i = 0; i < row->refused.count; i++) {
        if (slice_equal(all[i], fingerprint)) {
            return true;
        }
    }
    return false;
}

bool recipient_offered_before(const struct recipient_keys *row, const struct recipient_key *key)
{
    const struct recipient_key *keys = row->keys.items;

    for (size_t i = 0; i < row->keys.count; i++) {
        bool newer =
            keys[i].offered_at > key->offered_at ||
            (keys[i].offered_at == key->offered_at && keys[i].not_before > key->not_before);
        if (key->source == RECIPIENT_AUTOCRYPT && keys[i].source == RECIPIENT_AUTOCRYPT && newer) {
            return true;
        }
    }
    return false;
}
