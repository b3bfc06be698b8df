/* stages/submission/recipient - recipients in domains of ours, of whom the keeper says whether there is such a
 * person. What is outside, their servers say. */
#pragma once

#include "formats/smtp/server.h"
#include "stages/submission/internal.h"

/**
 * Ask for one recipient, if it is in a domain of ours or of decoys.
 *
 * @param session  the handle
 * @param client   the client's address
 * @param smtp     gets the reply when there is no such person, or nobody could say; the keeper says how long
 *                 that is to take, which is waited for
 * @return         false when it has got one
 */
bool recipient_is_known(const struct submission *service, const struct settings *settings,
                        struct slice session, const char *client, const struct smtp_rcpt *rcpt,
                        struct smtp_server *smtp) MUST_CHECK;
