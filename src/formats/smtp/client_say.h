/* formats/smtp/client_say - the words of the client's half, put into its output.
 *
 * Nothing here changes the state. client.c says only what has room; that it has is asserted. */
#pragma once

#include "formats/smtp/client.h"

/* Whether the server offers the feature. */
bool smtp_client_offered(const struct smtp_client *c, enum smtp_feature feature);

/* Put text of our own, without a line end of its own accord. */
void smtp_client_put_text(struct smtp_client *c, const char *text);

/* Put what came from outside: nothing in it may end a line (checked where it was parsed). */
void smtp_client_put_word(struct smtp_client *c, struct slice word);

/* Put a secret as base64. */
void smtp_client_put_base64(struct smtp_client *c, struct slice secret);

/* Put MAIL, or one RCPT, of the letter under way with the parameters that the server offers. */
void smtp_client_put_mail(struct smtp_client *c);
void smtp_client_put_rcpt(struct smtp_client *c, const struct smtp_client_rcpt *r);
