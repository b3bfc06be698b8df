#include "cli/passkey_json.h"

#include "cli/terminal.h"

#define TIMEOUT_MS 60000

static void add_text(struct buf *out, struct slice text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"' || c == '\\' || c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_add_byte(out, c);
        }
    }
    buf_add_byte(out, '"');
}

static void add_bytes(struct cli *c, struct buf *out, struct slice bytes)
{
    add_text(out, webauthn_base64(bytes, &c->arena));
}

static void add_known(struct cli *c, struct buf *out, const char *member,
                      const struct passkey_asked *asked)
{
    const struct passkey_known *known = asked->known.items;

    buf_printf(out, ",\"%s\":[", member);
    for (size_t i = 0; i < asked->known.count; i++) {
        buf_printf(out, "%s{\"type\":\"public-key\",\"id\":", i ? "," : "");
        add_bytes(c, out, known[i].credential);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static bool read_reply(struct cli *c, bool creates, struct webauthn_reply *reply, struct error *e)
{
    struct slice line;

    cli_flush(c);
    if (!terminal_read_line(WEBAUTHN_REPLY_MAX, &c->arena, &line, e)) {
        return error_add(e, "the browser's answer");
    }
    return webauthn_reply_read(line, creates, &c->arena, reply, e);
}

bool browser_make(struct cli *c, const struct passkey_asked *asked, struct slice account,
                  struct webauthn_reply *reply, struct error *e)
{
    struct buf *out = &c->out;

    buf_add_text(out, "{\"rp\":{\"name\":\"Postern\",\"id\":");
    add_text(out, asked->site);
    buf_add_text(out, "},\"user\":{\"id\":");
    add_bytes(c, out, asked->user);
    buf_add_text(out, ",\"name\":");
    add_text(out, account);
    buf_add_text(out, ",\"displayName\":");
    add_text(out, account);
    buf_add_text(out, "},\"challenge\":");
    add_bytes(c, out, asked->challenge);
    buf_printf(out,
               ",\"pubKeyCredParams\":[{\"type\":\"public-key\",\"alg\":-8},{\"type\":"
               "\"public-key\",\"alg\":-7},{\"type\":\"public-key\",\"alg\":-257}],\"timeout\":%d",
               TIMEOUT_MS);
    add_known(c, out, "excludeCredentials", asked);
    buf_add_text(out, ",\"authenticatorSelection\":{\"residentKey\":\"preferred\","
                      "\"userVerification\":\"preferred\"},\"attestation\":\"none\"}\n");
    return read_reply(c, true, reply, e);
}

bool browser_sign(struct cli *c, const struct passkey_asked *asked, bool alone,
                  struct webauthn_reply *reply, struct error *e)
{
    struct buf *out = &c->out;

    buf_add_text(out, "{\"challenge\":");
    add_bytes(c, out, asked->challenge);
    buf_add_text(out, ",\"rpId\":");
    add_text(out, asked->site);
    buf_printf(out, ",\"timeout\":%d", TIMEOUT_MS);
    add_known(c, out, "allowCredentials", asked);
    buf_printf(out, ",\"userVerification\":\"%s\"}\n", alone ? "required" : "discouraged");
    return read_reply(c, false, reply, e);
}
