#include "processes/role_told.h"

#include "base/log.h"

#include "processes/internal.h"

void role_told(struct role *r, struct slice event, struct slice way, struct slice sentence,
               bool done)
{
    const struct control_told told = {slice_head(event, CONTROL_NAME_MAX), way,
                                      slice_head(sentence, CONTROL_SENTENCE_MAX), done};
    struct error e;

    if (!control_send(r->control, CONTROL_TOLD, &control_told_schema, &told, -1, &e)) {
        log_event(LOG_ERROR, "control.failed", LOG_TEXT("reason", e.text));
    }
}

void role_on_told(struct role *r,
                  void (*heard)(void *argument, struct slice event, struct slice way,
                                struct slice sentence, bool done),
                  void *argument)
{
    (void)pthread_mutex_lock(&r->lock);
    r->heard = heard;
    r->heard_argument = argument;
    (void)pthread_mutex_unlock(&r->lock);
}

bool role_take_told(struct role *r, const struct ipc_packet *p, struct arena *arena,
                    struct error *e)
{
    struct control_told told;

    if (!control_read(p, &control_told_schema, arena, &told, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    void (*heard)(void *, struct slice, struct slice, struct slice, bool) = r->heard;
    void *argument = r->heard_argument;
    (void)pthread_mutex_unlock(&r->lock);
    if (heard) {
        heard(argument, told.event, told.way, told.sentence, told.done);
    }
    return true;
}
