/* The process to which a provider delivers journal reports: sockets in, the archive behind them, nothing
 * that could be sent. */
#include "stages/intake/journal.h"

#include "base/secret.h"

#include "processes/front.h"
#include "processes/roles.h"

struct door {
    struct role *role;
    struct journal_intake *intake;
    bool signs_in; /* as the door in force demands, whatever the settings say since */
};

static const struct journal_settings *settings_of(const struct door *d)
{
    return &role_settings(d->role)->journal;
}

static bool admits(void *door, const struct address *from)
{
    const struct door *d = door;
    const struct journal_settings *s = settings_of(d);

    return s->networks.count ? settings_networks_have(&s->networks, address_bytes(from))
                             : d->signs_in;
}

/* The first line of the file, without its end. */
static struct slice first_line(struct slice text)
{
    struct slice rest = SLICE_NONE;
    struct slice line = slice_cut(text, '\n', &rest);

    return line.len && line.ptr[line.len - 1] == '\r' ? slice_head(line, line.len - 1) : line;
}

static bool sign_in(void *door, struct slice user, struct slice password)
{
    const struct door *d = door;
    const struct journal_settings *s = settings_of(d);
    struct slice right = first_line(role_file(d->role, "journal-password"));

    return s->user.len && right.len && slice_equal(user, s->user) && secret_equal(password, right);
}

static bool knows(void *door, struct slice recipient)
{
    const struct journal_settings *s = settings_of(door);
    const struct slice *addresses = s->addresses.items;

    for (size_t i = 0; i < s->addresses.count; i++) {
        if (slice_equal_nocase(addresses[i], recipient)) {
            return true;
        }
    }
    return false;
}

static bool take(void *door, const struct conn *c, struct keeper_submit_ask *ask, int fd,
                 struct arena *arena, struct keeper_submit_answer *answer, struct error *e)
{
    const struct door *d = door;

    (void)c;

    return journal_intake_take(d->intake, ask, fd, arena, answer, e);
}

/* Whether somebody signs in is settled at the start; what is said after a reload counts at the next. */
bool journal_run(struct role *r, struct error *e)
{
    static struct door door;
    static struct submission_door open;

    door.role = r;
    door.signs_in = role_settings(r)->journal.user.len > 0;
    door.intake = journal_intake_new(role_pool(r, "keeper"));
    open = (struct submission_door){.context = &door,
                                    .size_limit = LETTER_BYTES_MAX,
                                    .admits = admits,
                                    .sign_in = door.signs_in ? sign_in : NULL,
                                    .knows = knows,
                                    .take = take};
    return front_run_door(r, &open, role_settings(r)->journal.listen.count != 0, "journal", NULL,
                          e);
}
