#include "keeper/sync_pages.h"

#define RESERVE ((size_t)64 << 20) /* bytes that stay free for what is made of the answers */

bool sync_pages_bear(struct sync_pages *p, bool answered, const struct arena *arena, int64_t now_ms,
                     struct error *e)
{
    if (!answered) {
        e->kind = e->kind == ERROR_LIMIT ? ERROR_INPUT : e->kind;
        return false;
    }
    if (p->until_ms == 0) {
        p->until_ms = now_ms + SYNC_PAGES_WITHIN;
    }
    if (now_ms > p->until_ms) {
        return error_set(e, ERROR_BUSY, "what the directory has does not come to its end");
    }
    return arena_left(arena) >= RESERVE ||
           error_set(
               e, ERROR_CONFIG,
               "what the directory says is too much: narrow its filters or name fewer groups");
}

bool sync_pages_take(struct sync_pages *p, uint64_t reading, uint64_t total, size_t n, bool *first,
                     size_t *at, struct error *e)
{
    struct sync_pages now = *p;

    *first = !p->begun;
    *at = p->count;
    if (!p->begun) {
        now.begun = true;
        now.reading = reading;
        now.total = total;
    }
    if (reading == 0 || reading != now.reading || total != now.total || now.count > total ||
        n > total - now.count || (n == 0 && now.count < total)) {
        return error_set(e, ERROR_INPUT, "the directory process contradicts itself");
    }
    now.count += n;
    *p = now;
    return true;
}
