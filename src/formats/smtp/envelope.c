#include "formats/smtp/internal.h"

/* What became of one parameter. */
enum verdict { FINE, MALFORMED, TOO_LARGE };

#define ENVID_MAX 100 /* RFC 3461 section 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 section 4.2 */

/* xtext = *( xchar / hexchar ) of RFC 3461 section 4. */
static bool is_xtext(struct slice s)
{
    static const struct slice hex = SLICE_INIT("0123456789ABCDEF");

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '=') {
            return false;
        }
        if (c == '+') {
            if (s.len - i < 3 || slice_find(hex, s.ptr[i + 1]) == hex.len ||
                slice_find(hex, s.ptr[i + 2]) == hex.len) {
                return false;
            }
            i += 2;
        }
    }
    return true;
}

static enum verdict take_size(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    if (value.len > 20 || !slice_decimal(value, UINT64_MAX, &out->mail.size)) {
        return MALFORMED;
    }
    return out->mail.size > s->config->size_max ? TOO_LARGE : FINE;
}

static enum verdict take_body(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    (void)s;
    out->mail.eight_bit = slice_equal_nocase(value, SLICE("8BITMIME"));
    return out->mail.eight_bit || slice_equal_nocase(value, SLICE("7BIT")) ? FINE : MALFORMED;
}

static enum verdict take_utf8(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    (void)s;
    out->mail.utf8 = true;
    return value.ptr ? MALFORMED : FINE;
}

/* Only who came by TLS may ask for it (RFC 8689 section 2). */
static enum verdict take_require(struct smtp_server *s, struct slice value,
                                 struct smtp_request *out)
{
    out->mail.require_tls = true;
    return value.ptr || !s->tls ? MALFORMED : FINE;
}

static enum verdict take_ret(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    (void)s;
    if (slice_equal_nocase(value, SLICE("FULL"))) {
        out->mail.ret = SMTP_RET_FULL;
        return FINE;
    }
    out->mail.ret = SMTP_RET_HDRS;
    return slice_equal_nocase(value, SLICE("HDRS")) ? FINE : MALFORMED;
}

static enum verdict take_envid(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    (void)s;
    out->mail.envid = value;
    return value.len && value.len <= ENVID_MAX && is_xtext(value) ? FINE : MALFORMED;
}

static enum verdict take_auth(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    (void)s;
    out->mail.auth = value;
    return value.len && is_xtext(value) ? FINE : MALFORMED; /* `<>` is xtext as well */
}

/* notify-esmtp-value = "NEVER" / 1#notify-list-element (RFC 3461 section 4.1). */
static enum verdict take_notify(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    static const struct {
        struct slice name;
        unsigned bit;
    } words[] = {
        {SLICE_INIT("NEVER"),   SMTP_NOTIFY_NEVER  },
        {SLICE_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
        {SLICE_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
        {SLICE_INIT("DELAY"),   SMTP_NOTIFY_DELAY  },
    };

    unsigned *notify = &out->rcpt.notify;

    (void)s;
    if (value.len && value.ptr[value.len - 1] == ',') {
        return MALFORMED;
    }
    do {
        struct slice word = slice_cut(value, ',', &value);
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            bit |= slice_equal_nocase(word, words[i].name) ? words[i].bit : 0;
        }
        if (!bit || *notify & bit) {
            return MALFORMED;
        }
        *notify |= bit;
    } while (value.len);
    return *notify & SMTP_NOTIFY_NEVER && *notify != SMTP_NOTIFY_NEVER ? MALFORMED : FINE;
}

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* original-recipient-address = addr-type ";" xtext (RFC 3461 section 4.2); for addr-type utf-8 what
 * RFC 6533 section 3 allows, raw UTF-8 under SMTPUTF8 included. */
static enum verdict take_orcpt(struct smtp_server *s, struct slice value, struct smtp_request *out)
{
    struct slice address;
    struct slice type = slice_cut(value, ';', &address);
    bool utf8 = slice_equal_nocase(type, SLICE("utf-8"));

    out->rcpt.orcpt = value;
    if (type.len == 0 || address.len == 0 || value.len > ORCPT_MAX || !is_xtext(type)) {
        return MALFORMED;
    }
    if (!utf8) {
        return is_xtext(address) ? FINE : MALFORMED;
    }
    return is_printable(address) && slice_is_utf8(address) && (s->utf8 || slice_is_ascii(address))
               ? FINE
               : MALFORMED;
}

enum { OF_MAIL = 1, OF_RCPT = 2 };

static const char bad_size[] = "SIZE must be a number of octets";
static const char bad_body[] = "BODY must be 7BIT or 8BITMIME";
static const char bad_utf8[] = "SMTPUTF8 takes no value";
static const char bad_require[] = "REQUIRETLS takes no value, and wants TLS";
static const char bad_ret[] = "RET must be FULL or HDRS";
static const char bad_envid[] = "ENVID must be xtext of at most 100 characters";
static const char bad_auth[] = "AUTH must be <> or an address in xtext";
static const char bad_notify[] = "NOTIFY must be NEVER or some of SUCCESS, FAILURE and DELAY";
static const char bad_orcpt[] = "ORCPT must be a type, a semicolon and an address in xtext";

static const struct parameter {
    struct slice name;
    unsigned of;
    enum smtp_feature feature; /* without which nobody may use it */
    enum verdict (*take)(struct smtp_server *s, struct slice value, struct smtp_request *out);
    const char *malformed;
} parameters[] = {
    {SLICE_INIT("SIZE"),       OF_MAIL, SMTP_SIZE,       take_size,    bad_size   },
    {SLICE_INIT("BODY"),       OF_MAIL, SMTP_8BITMIME,   take_body,    bad_body   },
    {SLICE_INIT("SMTPUTF8"),   OF_MAIL, SMTP_SMTPUTF8,   take_utf8,    bad_utf8   },
    {SLICE_INIT("REQUIRETLS"), OF_MAIL, SMTP_REQUIRETLS, take_require, bad_require},
    {SLICE_INIT("RET"),        OF_MAIL, SMTP_DSN,        take_ret,     bad_ret    },
    {SLICE_INIT("ENVID"),      OF_MAIL, SMTP_DSN,        take_envid,   bad_envid  },
    {SLICE_INIT("AUTH"),       OF_MAIL, SMTP_AUTH,       take_auth,    bad_auth   },
    {SLICE_INIT("NOTIFY"),     OF_RCPT, SMTP_DSN,        take_notify,  bad_notify },
    {SLICE_INIT("ORCPT"),      OF_RCPT, SMTP_DSN,        take_orcpt,   bad_orcpt  },
};

#define N_PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

/* The parameter's row, or N_PARAMETERS. */
static size_t find(const struct smtp_server *s, struct slice name, unsigned of)
{
    for (size_t i = 0; i < N_PARAMETERS; i++) {
        if (slice_equal_nocase(name, parameters[i].name) && parameters[i].of == of) {
            return s->esmtp && s->config->features & parameters[i].feature ? i : N_PARAMETERS;
        }
    }
    return N_PARAMETERS;
}

/* Take every `SP keyword [ "=" value ]` behind a path (RFC 5321 section 4.1.2). False when a reply
 * was said. */
static bool take_parameters(struct smtp_server *s, struct slice in, unsigned of,
                            struct smtp_request *out)
{
    unsigned seen = 0;

    in = slice_from(in, 1);
    while (in.len) {
        struct slice value = SLICE_NONE;
        struct slice word = slice_cut(in, ' ', &in);
        size_t equals = slice_find(word, '=');
        if (equals < word.len) {
            value = slice_from(word, equals + 1);
        }
        size_t row = find(s, slice_head(word, equals), of);
        if (row == N_PARAMETERS) {
            (void)smtp_server_mistake(s, 555, "5.5.4", "A parameter is not known here");
            return false;
        }
        enum verdict verdict = seen & 1U << row ? MALFORMED : parameters[row].take(s, value, out);
        if (verdict == TOO_LARGE) {
            smtp_server_say(s, 552, "5.3.4",
                            SLICE("The letter is larger than this server takes: send large files "
                                  "another way"));
            return false;
        }
        if (verdict == MALFORMED) {
            (void)smtp_server_mistake(s, 501, "5.5.4",
                                      seen & 1U << row ? "A parameter stands twice"
                                                       : parameters[row].malformed);
            return false;
        }
        seen |= 1U << row;
    }
    return true;
}

/* The path behind `FROM:` or `TO:`. Blanks behind the colon are against the RFC, many devices send
 * one, and they mean nothing. */
static bool take_keyword(struct slice arg, struct slice keyword, struct slice *path)
{
    if (!slice_starts_nocase(arg, keyword)) {
        return false;
    }
    *path = slice_from(arg, keyword.len);
    while (path->len && path->ptr[0] == ' ') {
        *path = slice_from(*path, 1);
    }
    return true;
}

static enum smtp_got no_address(struct smtp_server *s, const char *enhanced, const struct error *e)
{
    char text[ERROR_TEXT_MAX];
    size_t len = strlen(e->text);

    /* The parser's sentence begins in lower case, a reply with a capital. */
    (void)memcpy(text, e->text, len + 1);
    text[0] = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
    return smtp_server_mistake(s, 501, enhanced, text);
}

static enum smtp_got needs_utf8(struct smtp_server *s)
{
    return smtp_server_mistake(s, 553, "5.6.7",
                               "The address has letters that need SMTPUTF8, which your mail "
                               "program did not ask for");
}

enum smtp_got smtp_server_mail(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    struct slice path;
    struct slice rest;
    struct error e;

    out->mail = (struct smtp_mail){0};
    if (!take_keyword(arg, SLICE("FROM:"), &path)) {
        return smtp_server_mistake(s, 501, "5.5.4", "MAIL must go on with FROM:<address>");
    }
    if (!smtp_reverse_path_parse(path, &out->mail.sender, &rest, &e)) {
        return no_address(s, "5.1.7", &e);
    }
    if (rest.len && rest.ptr[0] != ' ') {
        return smtp_server_mistake(s, 501, "5.5.4", "A blank must follow the address");
    }
    if (!take_parameters(s, rest, OF_MAIL, out)) {
        return SMTP_GOT_NOTHING;
    }
    if (out->mail.sender.utf8 && !out->mail.utf8) {
        return needs_utf8(s);
    }
    s->utf8 = out->mail.utf8;
    return SMTP_GOT_MAIL;
}

enum smtp_got smtp_server_rcpt(struct smtp_server *s, struct slice arg, struct smtp_request *out)
{
    struct slice path;
    struct slice rest;
    struct error e;

    out->rcpt = (struct smtp_rcpt){0};
    if (!take_keyword(arg, SLICE("TO:"), &path)) {
        return smtp_server_mistake(s, 501, "5.5.4", "RCPT must go on with TO:<address>");
    }
    if (!smtp_forward_path_parse(path, &out->rcpt.recipient, &rest, &e)) {
        return no_address(s, "5.1.3", &e);
    }
    if (rest.len && rest.ptr[0] != ' ') {
        return smtp_server_mistake(s, 501, "5.5.4", "A blank must follow the address");
    }
    if (!take_parameters(s, rest, OF_RCPT, out)) {
        return SMTP_GOT_NOTHING;
    }
    if (out->rcpt.recipient.utf8 && !s->utf8) {
        return needs_utf8(s);
    }
    if (s->recipients >= s->config->recipients_max) {
        /* RFC 5321 section 4.5.3.1.10: the client sends the rest as another letter. */
        smtp_server_say(s, 452, "4.5.3", SLICE("The letter has too many recipients"));
        return SMTP_GOT_NOTHING;
    }
    return SMTP_GOT_RCPT;
}
