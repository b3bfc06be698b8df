#include "stages/submission/recipient.h"

#include <poll.h>

#include "base/log.h"

#include "requests/contacts.h"

#define ANSWER_MAX ((size_t)16 << 10)

static bool is_in(const struct config_list *domains, struct slice domain)
{
    const struct slice *items = domains->items;
    bool in = false;

    for (size_t i = 0; i < domains->count; i++) {
        in = in || slice_equal_nocase(items[i], domain);
    }
    return in;
}

static void refuse(const struct submission *service, const struct keeper_recipient_answer *answer,
                   struct smtp_server *smtp)
{
    struct pollfd p = {.fd = service->options.stop_fd, .events = POLLIN};
    char enhanced[16];
    struct slice text = submission_split_status(answer->text, enhanced, sizeof(enhanced));

    if (answer->code == 530) { /* the sign-in has ended, which must not look final */
        smtp_server_reply(smtp, 421, "4.7.0",
                          SLICE("Your sign-in has ended: please connect again"));
        return;
    }
    if (answer->delay_ms) {
        (void)poll(&p, 1, (int)answer->delay_ms);
    }
    smtp_server_reply(smtp, 550, enhanced[0] ? enhanced : NULL, text);
}

bool recipient_is_known(const struct submission *service, const struct settings *settings,
                        struct slice session, const char *client, const struct smtp_rcpt *rcpt,
                        struct smtp_server *smtp)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    const struct keeper_recipient_ask ask = {
        .session = session, .address = rcpt->recipient.text, .client = slice_text(client)};
    struct keeper_recipient_answer answer = {0};
    struct error e;

    if (!is_in(&settings->general.domains, rcpt->recipient.domain) &&
        !is_in(&settings->contacts.decoy_domains, rcpt->recipient.domain)) {
        return true;
    }
    if (!ipc_call(service->options.keeper, &keeper_recipient, &ask, -1, &answer, NULL, &arena,
                  RECIPIENT_WITHIN_MS, &e)) {
        log_event(LOG_ERROR, "session.recipient_unanswered", LOG_TEXT("reason", e.text));
        smtp_server_reply(smtp, 451, "4.3.0",
                          SLICE("The recipient could not be looked up: please try again later"));
        return false;
    }
    if (answer.code != 250) {
        refuse(service, &answer, smtp);
    }
    return answer.code == 250;
}
