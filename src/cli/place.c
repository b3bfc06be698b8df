#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct slice file_url = SLICE_INIT("file://");

bool place_open(struct cli *c, struct slice url, struct place *out, struct error *e)
{
    if (!slice_starts(url, SLICE("file:///"))) {
        return error_set(e, ERROR_INPUT, "%.*s is no backup target: file:///FOLDER",
                         SLICE_ARG(url));
    }
    const char *path = arena_text(&c->arena, slice_from(url, file_url.len));
    out->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return out->folder >= 0 || error_errno(e, ERROR_CONFIG, "%s", path);
}

void place_close(struct place *p)
{
    own_fd(&p->folder);
    p->folder = -1;
}

struct store place_store(struct place *p)
{
    return store_folder(&p->folder);
}
