#include "processes/alarm_ways.h"

#include <stdio.h>
#include <sys/wait.h>

void alarm_ways_tell(struct child *children, size_t n, const struct control_tell *tell)
{
    struct error e;

    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];
        if (c->row->tells && c->state == CHILD_UP &&
            !control_send(c->control, CONTROL_TELL, &control_tell_schema, tell, -1, &e)) {
            child_give_up(c, "telling it an alarm", &e);
        }
    }
}

void alarm_ways_told(struct child *children, size_t n, const struct control_told *told)
{
    struct error e;

    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];
        if (c->row->hears && c->state == CHILD_UP &&
            !control_send(c->control, CONTROL_TOLD, &control_told_schema, told, -1, &e)) {
            child_give_up(c, "saying what became of an alarm", &e);
        }
    }
}

void alarm_ways_began(struct alarm_ways *w, pid_t program, const struct control_tell *tell)
{
    for (size_t i = 0; program > 0 && i < ALARM_PROGRAMS_MAX; i++) {
        struct alarm_program *p = &w->programs[i];
        if (p->pid == 0) {
            p->pid = program;
            (void)snprintf(p->event, sizeof(p->event), "%.*s", SLICE_ARG(tell->event));
            (void)snprintf(p->sentence, sizeof(p->sentence), "%.*s", SLICE_ARG(tell->sentence));
            return;
        }
    }
}

void alarm_ways_ended(struct alarm_ways *w, pid_t program, int status, struct child *children,
                      size_t n)
{
    for (size_t i = 0; i < ALARM_PROGRAMS_MAX; i++) {
        struct alarm_program *p = &w->programs[i];
        if (p->pid == program) {
            const struct control_told told = {.event = slice_text(p->event),
                                              .way = SLICE("command"),
                                              .sentence = slice_text(p->sentence),
                                              .done =
                                                  WIFEXITED(status) && WEXITSTATUS(status) == 0};
            alarm_ways_told(children, n, &told);
            p->pid = 0;
            return;
        }
    }
}
