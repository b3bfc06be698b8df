#include "formats/smtp/client_say.h"

#include <assert.h>
#include <stdio.h>

#include "formats/smtp/base64.h"

bool smtp_client_offered(const struct smtp_client *c, enum smtp_feature feature)
{
    return c->features & feature;
}

static void put(struct smtp_client *c, struct slice text)
{
    assert(text.len <= SMTP_CLIENT_OUT_MAX - c->out_len);
    if (text.len) {
        (void)memcpy(c->out + c->out_len, text.ptr, text.len);
    }
    c->out_len += text.len;
}

void smtp_client_put_text(struct smtp_client *c, const char *text)
{
    put(c, slice_text(text));
}

void smtp_client_put_word(struct smtp_client *c, struct slice word)
{
    assert(slice_find(word, '\r') == word.len && slice_find(word, '\n') == word.len);
    put(c, word);
}

void smtp_client_put_base64(struct smtp_client *c, struct slice secret)
{
    assert(SMTP_BASE64_LEN(secret.len) <= SMTP_CLIENT_OUT_MAX - c->out_len);
    c->out_len += smtp_base64_encode(secret, c->out + c->out_len);
}

void smtp_client_put_mail(struct smtp_client *c)
{
    const struct smtp_client_mail *m = c->mail;
    char size[32];

    smtp_client_put_text(c, "MAIL FROM:<");
    smtp_client_put_word(c, m->reverse_path);
    smtp_client_put_text(c, ">");
    if (smtp_client_offered(c, SMTP_SIZE)) {
        (void)snprintf(size, sizeof(size), " SIZE=%llu", (unsigned long long)m->size);
        smtp_client_put_text(c, size);
    }
    if (smtp_client_offered(c, SMTP_8BITMIME) && m->eight_bit) {
        smtp_client_put_text(c, " BODY=8BITMIME");
    }
    if (smtp_client_offered(c, SMTP_SMTPUTF8) && m->utf8) {
        smtp_client_put_text(c, " SMTPUTF8");
    }
    if (smtp_client_offered(c, SMTP_REQUIRETLS) && m->require_tls) {
        smtp_client_put_text(c, " REQUIRETLS");
    }
    if (smtp_client_offered(c, SMTP_DSN) && m->ret != SMTP_RET_UNSAID) {
        smtp_client_put_text(c, m->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
    }
    if (smtp_client_offered(c, SMTP_DSN) && m->envid.len) {
        smtp_client_put_text(c, " ENVID=");
        smtp_client_put_word(c, m->envid);
    }
    smtp_client_put_text(c, "\r\n");
}

static void put_notify(struct smtp_client *c, unsigned notify)
{
    static const struct {
        enum smtp_notify bit;
        const char *word;
    } words[] = {
        {SMTP_NOTIFY_NEVER,   "NEVER"  },
        {SMTP_NOTIFY_SUCCESS, "SUCCESS"},
        {SMTP_NOTIFY_FAILURE, "FAILURE"},
        {SMTP_NOTIFY_DELAY,   "DELAY"  },
    };

    const char *before = " NOTIFY=";

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (notify & words[i].bit) {
            smtp_client_put_text(c, before);
            smtp_client_put_text(c, words[i].word);
            before = ",";
        }
    }
}

void smtp_client_put_rcpt(struct smtp_client *c, const struct smtp_client_rcpt *r)
{
    smtp_client_put_text(c, "RCPT TO:<");
    smtp_client_put_word(c, r->mailbox);
    smtp_client_put_text(c, ">");
    if (smtp_client_offered(c, SMTP_DSN)) {
        put_notify(c, r->notify);
    }
    if (smtp_client_offered(c, SMTP_DSN) && r->orcpt.len) {
        smtp_client_put_text(c, " ORCPT=");
        smtp_client_put_word(c, r->orcpt);
    }
    smtp_client_put_text(c, "\r\n");
}
