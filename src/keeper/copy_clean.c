#include "keeper/copy_clean.h"

#include <unistd.h>

#include "keeper/internal.h"
#include "keeper/life.h"
#include "requests/metadata.h"

#define CLEANED_MAX (2 * (size_t)LETTER_BYTES_MAX)

static bool ask_inspector(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                          struct inspector_clean_answer *answer, int *fd, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    uint8_t tag[INSPECTOR_SENDER_LEN];
    const struct inspector_clean_ask question = {.sender = slice_of(tag, sizeof(tag))};

    keeper_life_of_sender(ask->facts, tag);
    return ipc_call(k->options.inspector, &inspector_clean, &question, ask->letter_fd, answer, fd,
                    arena, 2 * s->process.inspector_timeout_ms, e);
}

enum copy_end copy_clean(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                         struct copy_cleaned *out, struct error *e)
{
    struct inspector_clean_answer answer;
    OWN(fd) int fd = -1;

    if (!ask_inspector(k, ask, arena, &answer, &fd, e)) {
        return copy_end_of(e);
    }
    struct copy_cleaned made = {.made = true,
                                .changed = answer.changed,
                                .fd = -1,
                                .texts = answer.texts,
                                .left = answer.left};
    if (answer.changed && !memfd_map(fd, CLEANED_MAX, &made.map, e)) {
        return copy_end_of(e);
    }
    made.fd = answer.changed ? TAKE(fd, -1) : -1;
    *out = made;
    return COPY_MADE;
}

void copy_cleaned_done(struct copy_cleaned *c)
{
    memfd_unmap(&c->map);
    if (c->changed) {
        (void)close(c->fd);
    }
    *c = (struct copy_cleaned){.fd = -1};
}
