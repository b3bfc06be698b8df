#include <assert.h>

#include "formats/smtp/base64.h"
#include "formats/smtp/internal.h"

/* "VXNlcm5hbWU6" and "UGFzc3dvcmQ6" are `Username:` and `Password:`: some clients wait for just
 * these. */
static const struct slice ask_user = SLICE_INIT("VXNlcm5hbWU6");
static const struct slice ask_password = SLICE_INIT("UGFzc3dvcmQ6");

static enum smtp_got challenge(struct smtp_server *s, enum state next, struct slice text)
{
    smtp_server_say(s, 334, NULL, text);
    smtp_server_enter(s, next);
    return SMTP_GOT_NOTHING;
}

static enum smtp_got unreadable(struct smtp_server *s)
{
    return smtp_server_mistake(s, 501, "5.5.2", "The user name and password could not be read");
}

/* message = [authzid] NUL authcid NUL passwd, each at most 255 octets (RFC 4616 section 2). */
static bool split_plain(struct slice message, struct smtp_credentials *c)
{
    struct slice rest;

    c->mechanism = SMTP_PLAIN;
    c->authorize = slice_cut(message, 0, &rest);
    c->user = slice_cut(rest, 0, &c->password);
    return c->authorize.len <= 255 && c->user.len > 0 && c->user.len <= 255 &&
           c->password.len > 0 && c->password.len <= 255 &&
           slice_find(c->password, 0) == c->password.len && slice_is_utf8(c->authorize) &&
           slice_is_utf8(c->user);
}

static enum smtp_got take_plain(struct smtp_server *s, struct slice text, struct smtp_request *out)
{
    size_t len = 0;

    smtp_server_enter(s, STATE_HELLO);
    if (!smtp_base64_decode(text, s->credentials, sizeof(s->credentials), &len) ||
        !split_plain(slice_of(s->credentials, len), &out->credentials)) {
        explicit_bzero(s->credentials, sizeof(s->credentials));
        return unreadable(s);
    }
    return SMTP_GOT_AUTH;
}

static enum smtp_got take_user(struct smtp_server *s, struct slice text)
{
    size_t len = 0;

    if (!smtp_base64_decode(text, s->credentials, 255, &len) || len == 0 ||
        !slice_is_utf8(slice_of(s->credentials, len)) ||
        slice_find(slice_of(s->credentials, len), 0) < len) {
        smtp_server_enter(s, STATE_HELLO);
        return unreadable(s);
    }
    s->user_len = (uint16_t)len;
    return challenge(s, STATE_PASSWORD, ask_password);
}

static enum smtp_got take_password(struct smtp_server *s, struct slice text,
                                   struct smtp_request *out)
{
    size_t len = 0;
    uint8_t *password = s->credentials + s->user_len;

    smtp_server_enter(s, STATE_HELLO);
    if (!smtp_base64_decode(text, password, 255, &len) || len == 0 ||
        slice_find(slice_of(password, len), 0) < len) {
        explicit_bzero(s->credentials, sizeof(s->credentials));
        return unreadable(s);
    }
    out->credentials = (struct smtp_credentials){
        .mechanism = SMTP_LOGIN,
        .user = slice_of(s->credentials, s->user_len),
        .password = slice_of(password, len),
    };
    return SMTP_GOT_AUTH;
}

/* The client gave up, or what it said is nothing: whoever keeps the exchange is told, if anybody does. */
static enum smtp_got give_up(struct smtp_server *s, const char *enhanced, const char *text)
{
    bool kept = s->state == STATE_SASL;

    smtp_server_enter(s, STATE_HELLO);
    (void)smtp_server_mistake(s, 501, enhanced, text);
    return kept ? SMTP_GOT_SASL_END : SMTP_GOT_NOTHING;
}

static enum smtp_got take_message(struct smtp_server *s, struct slice text, bool first,
                                  struct smtp_request *out)
{
    size_t len = 0;

    if (!smtp_base64_decode(text, s->credentials, sizeof(s->credentials), &len)) {
        explicit_bzero(s->credentials, sizeof(s->credentials));
        return give_up(s, "5.5.2", "What the mail program said to sign in could not be read");
    }
    smtp_server_enter(s, STATE_HELLO);
    out->sasl = (struct smtp_sasl){
        .mechanism = s->mechanism, .first = first, .message = slice_of(s->credentials, len)};
    return SMTP_GOT_SASL;
}

static enum smtp_got begin(struct smtp_server *s, enum smtp_mechanism mechanism,
                           struct slice initial, struct smtp_request *out)
{
    s->mechanism = mechanism;
    if (initial.len == 0) {
        return challenge(s, STATE_BEGIN, SLICE_NONE);
    }
    /* "=" is an initial response of no octets (RFC 4954 section 4). */
    return take_message(s, slice_equal(initial, SLICE("=")) ? SLICE_NONE : initial, true, out);
}

void smtp_server_challenge(struct smtp_server *s, struct slice message)
{
    uint8_t text[SMTP_BASE64_LEN(SMTP_CHALLENGE_MAX)];

    assert(s->pending == SMTP_GOT_SASL && message.len <= SMTP_CHALLENGE_MAX);
    s->pending = SMTP_GOT_NOTHING;
    explicit_bzero(s->credentials, sizeof(s->credentials));
    (void)challenge(s, STATE_SASL, slice_of(text, smtp_base64_encode(message, text)));
}

enum smtp_got smtp_server_auth(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    struct slice initial;
    enum smtp_mechanism mechanism = smtp_mechanism_by_name(slice_cut(arg, ' ', &initial));

    if (!(s->config->features & SMTP_AUTH)) {
        return smtp_server_mistake(s, 502, "5.5.1", "Signing in is not offered here");
    }
    if (!s->esmtp) {
        return smtp_server_mistake(s, 503, "5.5.1", "Say EHLO, not HELO, before AUTH");
    }
    if (!(mechanism & s->config->mechanisms)) {
        return smtp_server_mistake(s, 504, "5.5.4", "This way of signing in is not offered");
    }
    if (!(mechanism & (SMTP_PLAIN | SMTP_LOGIN))) {
        return begin(s, mechanism, initial, out);
    }
    /* "=" is no octets, which neither of these begins with. */
    if (mechanism == SMTP_PLAIN) {
        return initial.len ? take_plain(s, initial, out) : challenge(s, STATE_PLAIN, SLICE_NONE);
    }
    return initial.len ? take_user(s, initial) : challenge(s, STATE_USER, ask_user);
}

enum smtp_got smtp_server_auth_line(struct smtp_server *s, struct slice line,
                                    struct smtp_request *out)
{
    if (slice_equal(line, SLICE("*"))) {
        return give_up(s, "5.7.0", "Signing in was cancelled");
    }
    if (s->state & (STATE_BEGIN | STATE_SASL)) {
        return take_message(s, line, s->state == STATE_BEGIN, out);
    }
    if (s->state == STATE_PLAIN) {
        return take_plain(s, line, out);
    }
    return s->state == STATE_USER ? take_user(s, line) : take_password(s, line, out);
}
