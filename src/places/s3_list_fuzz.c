/* Any bytes as an S3 server's list, and as the list of another process. */
#include "places/places.h"
#include "places/s3_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool on_item(void *context, const struct s3_item *item, struct error *e)
{
    (void)e;
    if (item->key.len == 0) {
        __builtin_trap();
    }
    *(size_t *)context += item->key.len;
    return true;
}

static bool on_name(void *context, struct slice name, uint64_t size, struct error *e)
{
    (void)e;
    (void)size;
    if (!store_is_name(name)) {
        __builtin_trap();
    }
    *(size_t *)context += name.len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice next = SLICE_NONE;
    size_t total = 0;
    struct error e;

    if (len > (1 << 16)) {
        return 0;
    }
    /* One within the other is found as both: a key is given three times at the most. */
    if (s3_list_read(slice_of(data, len), on_item, &total, &arena, &next, &e) && total > 3 * len) {
        __builtin_trap();
    }
    total = 0;
    if (places_list_read(slice_of(data, len), on_name, &total, &e) && total > len) {
        __builtin_trap();
    }
    return 0;
}
