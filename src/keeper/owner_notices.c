#include "keeper/owner_notices.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/date.h"
#include "keeper/drills.h"
#include "keeper/guard.h"
#include "keeper/internal.h"

#define NOTICE_MAX ((size_t)16 << 10)
#define ADDRESSES  2

/* Whom one can write to in a plain header; beyond that the alarm alone tells. */
static size_t recipients_of(const struct account *a, struct slice out[static ADDRESSES])
{
    size_t n = 0;

    if (slice_is_ascii(a->name)) {
        out[n++] = a->name;
    }
    if (a->notify.len && slice_is_ascii(a->notify) && !slice_equal_nocase(a->notify, a->name)) {
        out[n++] = a->notify;
    }
    return n;
}

/* A letter to each address apart: neither is to show the other. */
static void send_one(struct keeper *k, const struct account *a, struct slice to,
                     const char *subject, struct slice body, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = NOTICE_MAX};
    struct recipient *recipient = arena_array(arena, 1, sizeof(*recipient));
    const struct config_list list = {&to, 1};
    struct own_letter letter = {
        .id = letter_id_new(),
        .to = {recipient, 1},
        .subject = slice_text(subject),
        .groups = a->groups
    };
    const struct ledger_record none = {0};
    struct error e;

    *recipient = (struct recipient){.address = to, .notify = NOTIFY_NEVER};
    own_letter_header(k->options.settings(k->options.context), &letter.id, &list, &text);
    buf_printf(&text,
               "Subject: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
               subject);
    own_letter_quoted(body, &text);
    buf_add_text(&text, "\r\n");
    letter.bytes = buf_slice(&text);
    if (text.full || !keeper_write_letters(k, none, &letter, 1, &e)) {
        log_event(LOG_ERROR, "account.owner_not_told",
                  LOG_TEXT("reason", text.full ? "too long" : e.text));
    }
}

static void send_all(struct keeper *k, const struct account *a, const char *subject,
                     struct slice body, struct arena *arena)
{
    struct slice to[ADDRESSES];
    size_t n = recipients_of(a, to);

    for (size_t i = 0; i < n; i++) {
        send_one(k, a, to[i], subject, body, arena);
    }
}

void owner_told_suspended(struct keeper *k, struct slice account, struct arena *arena)
{
    char date[MAIL_DATE_MAX];
    struct account a;
    bool found = false;
    struct error e;

    if (!state_account_get(k->state, account, arena, &a, &found, &e)) {
        log_event(LOG_ERROR, "account.owner_not_told", LOG_TEXT("reason", e.text));
        return;
    }
    if (!found) { /* a provider's: the mailbox has the name under which it is suspended */
        a = (struct account){.name = account};
    }
    if (a.disabled || a.drill_until) {
        return;
    }
    mail_date_write(clock_wall_ms(), date);
    struct slice body =
        arena_printf(arena,
                     "Since %s your account %.*s sends no letters.\n"
                     "Perhaps somebody else uses it.\n\n"
                     "What you were about to send is not lost: it can be sent when this is over.\n"
                     "Please call your mail administrator, and do not answer this letter:\n"
                     "whoever uses your account may read what you write.\n",
                     date, SLICE_ARG(a.name));
    send_all(k, &a, "Your account sends no letters", body, arena);
}

/* ── sign-ins ── */

static void alarm_about(struct keeper *k, const struct account *a, struct slice client,
                        struct slice app)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "Somebody signed in to %.*s from %.*s%s%.*s, where it had not been used: "
                   "`postern session list`",
                   SLICE_ARG(a->name), SLICE_ARG(client), app.len ? " with the app password " : "",
                   SLICE_ARG(slice_head(app, 60)));
    keeper_alert_about(k, a->name, "account-new-network", sentence);
}

/* How he proved himself, and with what. */
static void add_means(struct buf *out, const struct owner_sign_in *s)
{
    struct slice means = s->passkey.len ? s->passkey : s->app;

    buf_printf(out, "with %s%.*s%s",
               means.len == 0   ? "its main password"
               : s->passkey.len ? "the passkey \""
                                : "the app password or device \"",
               SLICE_ARG(means), means.len ? "\"" : "");
    if (s->device.len) {
        buf_printf(out, ",\non a machine that calls itself %.*s", SLICE_ARG(s->device));
    }
}

static void write_sign_in(const struct account *a, const struct owner_sign_in *s, struct buf *out)
{
    bool at_desk = slice_starts(s->client, SLICE("uid "));
    char date[MAIL_DATE_MAX];

    mail_date_write(clock_wall_ms(), date);
    buf_printf(out, "On %s somebody signed in to your account %.*s\n%s%.*s%s,\n", date,
               SLICE_ARG(a->name),
               at_desk ? "on the mail server's own machine, as its user " : "from the address ",
               SLICE_ARG(s->client), s->new_network ? ", where it had not been used before" : "");
    add_means(out, s);
    buf_printf(out,
               ".\n%s\nIf that was you, all is well: a new place, a new %s.\n"
               "If not, call your mail administrator now, and do not answer this letter.\n",
               s->new_device ? "Your account had not been used with that before.\n" : "",
               s->new_device ? "device" : "telephone");
}

void owner_told_sign_in(struct keeper *k, const struct account *a, const struct owner_sign_in *s,
                        struct arena *arena)
{
    const struct limits_settings *limits = &k->options.settings(k->options.context)->limits;
    OWN(buf) struct buf body = {.max = NOTICE_MAX};

    if (!limits->sign_in_notices || a->drill_until) {
        return;
    }
    log_event(LOG_INFO, s->new_network ? "account.new_network" : "account.new_device",
              LOG_NUMBER("app_password", s->app.len != 0));
    if (s->new_network) {
        alarm_about(k, a, s->client, s->app);
    }
    write_sign_in(a, s, &body);
    send_all(k, a, s->new_network ? "A sign-in from a new place" : "A sign-in with a new device",
             buf_slice(&body), arena);
}
