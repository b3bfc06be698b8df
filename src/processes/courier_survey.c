#include "processes/courier_survey.h"

#include "processes/errand.h"
#include "requests/transport.h"
#include "stages/delivery/survey.h"

bool courier_on_survey(void *context, struct ipc_request *r, struct error *e)
{
    const struct errands *errands = context;
    const struct settings *s = role_settings(errands->role);
    const struct courier_survey_ask *ask = r->ask;
    struct courier_survey_answer *answer = r->answer;
    const struct lookup lookup = {
        .resolver = errands->resolver,
        .self = {.name = s->general.hostname},
        .port = (uint16_t)s->delivery.port,
        .ipv6 = s->delivery.ipv6,
        .timeout_ms = (int64_t)ask->timeout_ms,
    };

    (void)e;
    answer->state = survey_domain(&lookup, ask->domain, ask->route, r->arena, &answer->why);
    answer->why = slice_head(answer->why, TRANSPORT_WHY_MAX);
    return true;
}
