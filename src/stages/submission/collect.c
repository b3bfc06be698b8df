#include "stages/submission/collect.h"

#include "host/memfd.h"

void collect_init(struct collect *c, struct ipc_budget *budget)
{
    *c = (struct collect){.budget = budget, .fd = -1, .buffer = {.max = COLLECT_BUFFER}};
}

static bool acquire(struct collect *c, size_t len, struct error *e)
{
    while (c->acquired < len) {
        if (!ipc_budget_acquire(c->budget, COLLECT_STEP)) {
            return error_set(e, ERROR_LIMIT, "too many letters are being received");
        }
        c->acquired += COLLECT_STEP;
    }
    return true;
}

static bool write_out(struct collect *c, struct slice run, struct error *e)
{
    if (c->fd < 0 && !memfd_open("letter", &c->fd, e)) {
        return false;
    }
    return memfd_add(c->fd, run, e);
}

bool collect_add(struct collect *c, struct slice run, struct error *e)
{
    if (!acquire(c, c->len + run.len, e)) {
        return false;
    }
    c->len += run.len;
    if (run.len > c->buffer.max - c->buffer.len) {
        if (!write_out(c, buf_slice(&c->buffer), e)) {
            return false;
        }
        buf_reset(&c->buffer);
    }
    if (run.len > c->buffer.max) {
        return write_out(c, run, e);
    }
    buf_add(&c->buffer, run);
    return true;
}

int collect_seal(struct collect *c, struct error *e)
{
    bool sealed = write_out(c, buf_slice(&c->buffer), e) && memfd_seal(c->fd, e);

    return sealed ? c->fd : -1;
}

void collect_drop(struct collect *c)
{
    own_fd(&c->fd);
    c->fd = -1;
    ipc_budget_release(c->budget, c->acquired);
    c->acquired = 0;
    c->len = 0;
    buf_done(&c->buffer);
}
