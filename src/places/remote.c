/* A place behind another process: both ends. */
#include "base/arena.h"

#include "host/memfd.h"
#include "places/places.h"
#include "requests/store.h"

#define PATIENCE_MS (10 * 60 * 1000)
#define ARENA_BYTES ((size_t)1 << 20)

/* ── the serving end ── */

static bool served(void *ctx, struct ipc_request *r, struct error *e,
                   bool (*serve)(struct store *s, struct ipc_request *r, struct error *e))
{
    struct places_server *server = ctx;

    (void)pthread_mutex_lock(&server->lock);
    struct places *place = server->open(server->context, e);
    bool ok = false;
    if (place) {
        struct store s = places_store(place);
        ok = serve(&s, r, e);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return ok;
}

static struct slice name_of(const struct ipc_request *r)
{
    return ((const struct store_ask *)r->ask)->name;
}

static bool serve_put(struct store *s, struct ipc_request *r, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};

    return memfd_map(r->fd, STORE_OBJECT_MAX, &map, e) &&
           s->ops->put(s->context, name_of(r), map.bytes, e);
}

static bool serve_get(struct store *s, struct ipc_request *r, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = STORE_OBJECT_MAX};

    return s->ops->get(s->context, name_of(r), &bytes, e) &&
           memfd_from("object", buf_slice(&bytes), &r->answer_fd, e);
}

static bool add_line(void *context, struct slice name, uint64_t size, struct error *e)
{
    struct buf *out = context;

    if (!store_is_name(name)) {
        return true; /* nothing of ours */
    }
    buf_printf(out, "%.*s %llu\n", SLICE_ARG(name), (unsigned long long)size);
    return !out->full || error_set(e, ERROR_LIMIT, "the target holds too many objects");
}

static bool serve_list(struct store *s, struct ipc_request *r, struct error *e)
{
    OWN(buf) struct buf lines = {.max = STORE_LIST_BYTES_MAX};

    return s->ops->list(s->context, name_of(r), add_line, &lines, e) &&
           memfd_from("objects", buf_slice(&lines), &r->answer_fd, e);
}

static bool serve_remove(struct store *s, struct ipc_request *r, struct error *e)
{
    return s->ops->remove(s->context, name_of(r), e);
}

static bool serve_renew(struct store *s, struct ipc_request *r, struct error *e)
{
    return s->ops->renew(s->context, name_of(r), e);
}

static bool on_put(void *ctx, struct ipc_request *r, struct error *e)
{
    return served(ctx, r, e, serve_put);
}

static bool on_get(void *ctx, struct ipc_request *r, struct error *e)
{
    return served(ctx, r, e, serve_get);
}

static bool on_list(void *ctx, struct ipc_request *r, struct error *e)
{
    return served(ctx, r, e, serve_list);
}

static bool on_remove(void *ctx, struct ipc_request *r, struct error *e)
{
    return served(ctx, r, e, serve_remove);
}

static bool on_renew(void *ctx, struct ipc_request *r, struct error *e)
{
    return served(ctx, r, e, serve_renew);
}

static const struct ipc_row rows[] = {
    {&object_put,    0, on_put   },
    {&object_get,    0, on_get   },
    {&object_list,   0, on_list  },
    {&object_remove, 0, on_remove},
    {&object_renew,  0, on_renew },
};
const struct ipc_table places_table = IPC_TABLE("who makes or restores backups", rows);

/* ── the asking end ── */

static bool ask(struct ipc_pool *pool, const struct ipc_message *message, struct slice name, int fd,
                int *got, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    const struct store_ask asked = {name};

    return ipc_call(pool, message, &asked, fd, NULL, got, &arena, PATIENCE_MS, e);
}

static bool put(void *pool, struct slice name, struct slice bytes, struct error *e)
{
    OWN(fd) int fd = -1;

    return memfd_from("object", bytes, &fd, e) && ask(pool, &object_put, name, fd, NULL, e);
}

static bool get(void *pool, struct slice name, struct buf *out, struct error *e)
{
    OWN(fd) int fd = -1;
    OWN(memfd_map) struct memfd_map map = {0};

    if (!ask(pool, &object_get, name, -1, &fd, e) || !memfd_map(fd, STORE_OBJECT_MAX, &map, e)) {
        return false;
    }
    buf_add(out, map.bytes);
    return !out->full || error_set(e, ERROR_LIMIT, "an object is too long");
}

bool places_list_read(struct slice text, store_visit *visit, void *visitor, struct error *e)
{
    while (text.len) {
        struct slice size = SLICE_NONE;
        uint64_t bytes = 0;
        struct slice line = slice_cut(text, '\n', &text);
        struct slice name = slice_cut(line, ' ', &size);
        if (!store_is_name(name) || !slice_decimal(size, UINT64_MAX, &bytes)) {
            return error_set(e, ERROR_INPUT, "a list of objects is not understood");
        }
        if (!visit(visitor, name, bytes, e)) {
            return false;
        }
    }
    return true;
}

static bool list(void *pool, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e)
{
    OWN(fd) int fd = -1;
    OWN(memfd_map) struct memfd_map map = {0};

    return ask(pool, &object_list, prefix, -1, &fd, e) &&
           memfd_map(fd, STORE_LIST_BYTES_MAX, &map, e) &&
           places_list_read(map.bytes, visit, visitor, e);
}

static bool remove_object(void *pool, struct slice name, struct error *e)
{
    return ask(pool, &object_remove, name, -1, NULL, e);
}

static bool renew(void *pool, struct slice name, struct error *e)
{
    return ask(pool, &object_renew, name, -1, NULL, e);
}

struct store places_remote(struct ipc_pool *pool)
{
    static const struct store_ops ops = {put, get, list, remove_object, renew};

    return (struct store){&ops, pool};
}
