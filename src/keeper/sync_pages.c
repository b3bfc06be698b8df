#include "keeper/sync_pages.h"

bool sync_pages_take(struct sync_pages *p, uint64_t reading, uint64_t total, size_t n, bool *first,
                     size_t *at, struct error *e)
{
    struct sync_pages now = *p;

    *first = !p->begun;
    *at = p->count;
    if (!p->begun) {
        now = (struct sync_pages){.begun = true, .reading = reading, .total = total};
    }
    if (reading == 0 || reading != now.reading || total != now.total || now.count > total ||
        n > total - now.count || (n == 0 && now.count < total)) {
        return error_set(e, ERROR_INPUT, "the directory process contradicts itself");
    }
    now.count += n;
    *p = now;
    return true;
}
