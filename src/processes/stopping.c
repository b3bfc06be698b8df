#include "processes/stopping.h"

#include <signal.h>

#include "base/clock.h"

#include "host/process.h"
#include "processes/control.h"

#define STOP_MS 30000 /* for a role to finish what it has begun */
#define KEYS_MS 3000  /* the same, when clients wait for one that is gone already */

void stopping_begin(struct stopping *s, bool all)
{
    *s = (struct stopping){.all = all, .row = role_rows_count};
}

static bool is_meant(const struct stopping *s, const struct child *c)
{
    return c->pid != 0 && (s->all || c->stale);
}

/* The highest row of which a process still runs, or the number of rows. */
static size_t last_row(const struct stopping *s, const struct child *children, size_t n)
{
    size_t row = role_rows_count;

    for (size_t i = 0; i < n; i++) {
        if (is_meant(s, &children[i])) {
            row = (size_t)(children[i].row - role_rows);
        }
    }
    return row;
}

static void tell(struct child *c)
{
    struct error e;

    c->state = CHILD_ENDING;
    if (c->control < 0 || !control_send(c->control, CONTROL_STOP, NULL, NULL, -1, &e)) {
        child_end(c, SIGKILL);
    }
    process_hurry(c->pid);
}

void stopping_keys(struct stopping *s, struct child *children, size_t n)
{
    int64_t now = clock_steady_ms();

    if (s->keys_give_up == 0) {
        s->keys_give_up = now + KEYS_MS;
    }
    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];
        if (!is_meant(s, c) || !c->row->keys[0]) {
            continue;
        }
        if (c->state != CHILD_ENDING) {
            tell(c);
        }
        if (now >= s->keys_give_up) {
            (void)kill(c->pid, SIGKILL);
        }
    }
}

bool stopping_step(struct stopping *s, struct child *children, size_t n)
{
    size_t row = last_row(s, children, n);

    if (row != s->row) {
        s->row = row;
        s->give_up = clock_steady_ms() + (s->hurry ? 0 : STOP_MS);
    }
    bool late = clock_steady_ms() >= s->give_up;
    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];
        if (!is_meant(s, c)) {
            continue;
        }
        if (c->row == &role_rows[row] && c->state != CHILD_ENDING) {
            tell(c);
        }
        if (late && c->state == CHILD_ENDING) { /* it had its time */
            (void)kill(c->pid, SIGKILL);
        }
    }
    return row != role_rows_count;
}
