/* That a letter waits: to its sender, and to who may approve it, by mail; to the person responsible as an alarm. The record that
 * says so is in one commit with the letters, so that nobody is told twice. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/consent.h"
#include "keeper/internal.h"

#define MAIL_MAX      (64 << 10)
#define MAILED_MAX    50 /* accounts that get a letter each time; the others find it in the list */
#define SUBJECT_SHOWN 300

/* What is told, and to whom. */
struct telling {
    struct keeper *k;
    const struct consent_letter *letter;
    struct arena *arena;
    struct slice *approvers; /* accounts that may approve it now */
    size_t n_approvers;
    struct slice until; /* a time, to read */
    char id[LETTER_ID_TEXT];
};

static bool find_approvers(struct telling *t, struct error *e)
{
    struct account *accounts = NULL;
    size_t n = 0;

    if (!state_accounts(t->k->state, t->arena, &accounts, &n, e)) {
        return false;
    }
    t->approvers = arena_array(t->arena, n + 1, sizeof(*t->approvers));
    for (size_t i = 0; i < n; i++) {
        if (consent_may(&accounts[i], t->letter)) {
            t->approvers[t->n_approvers++] = accounts[i].name;
        }
    }
    return true;
}

/* "role officer, group leads": which kind of person, not who. */
static struct slice kinds(const struct telling *t)
{
    const struct cbor_list *list = &t->letter->decision.need.approvers;
    const struct slice *items = list->items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < list->count && text.len < SUBJECT_SHOWN; i++) {
        struct slice shown =
            slice_starts(items[i], SLICE("account ")) ? SLICE("a named person") : items[i];
        text =
            arena_printf(t->arena, "%.*s%s%.*s", SLICE_ARG(text), i ? ", " : "", SLICE_ARG(shown));
    }
    return text;
}

static void line(struct buf *out, struct slice text)
{
    own_letter_quoted(text, out);
    buf_add_text(out, "\r\n");
}

static void begin_text(struct buf *out, const char *subject)
{
    buf_printf(out,
               "Subject: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
               subject);
}

static void write_to_sender(const struct telling *t, struct buf *out)
{
    const struct facts *f = &t->letter->facts;
    char arrived[CLOCK_TEXT_MAX];

    clock_rfc3339((int64_t)f->received_at, arrived);
    begin_text(out, "Your letter waits for approval");
    line(out, SLICE("Your letter was accepted, and nobody has got it yet."));
    line(out, SLICE_NONE);
    if (!decision_hides(&t->letter->decision)) { /* otherwise its subject may be what is hidden */
        line(out, arena_printf(t->arena, "    Subject:  %.*s",
                               SLICE_ARG(slice_head(f->subject, SUBJECT_SHOWN))));
    }
    line(out, arena_printf(t->arena, "    Accepted: %s", arrived));
    line(out, arena_printf(t->arena, "    Letter:   %s", t->id));
    line(out, SLICE_NONE);
    line(out, arena_printf(t->arena, "By the rule \"%.*s\" a second person must approve it (%.*s).",
                           SLICE_ARG(t->letter->decision.need.rule), SLICE_ARG(kinds(t))));
    line(out, SLICE("These persons were told. There is nothing for you to do: do not send it"));
    line(out, SLICE("again. When it is refused, or nobody says anything until"));
    line(out, arena_printf(t->arena, "%.*s, it comes back to you.", SLICE_ARG(t->until)));
}

static void write_to_approvers(const struct telling *t, struct buf *out)
{
    const struct facts *f = &t->letter->facts;
    const struct consent_need *need = &t->letter->decision.need;

    begin_text(out, "A letter waits for your approval");
    line(out, arena_printf(t->arena, "A letter of %.*s to %zu recipients is held by the rule",
                           SLICE_ARG(f->account), f->recipients.count));
    line(out,
         arena_printf(t->arena, "\"%.*s\": %.*s.", SLICE_ARG(need->rule), SLICE_ARG(need->why)));
    line(out, SLICE_NONE);
    line(out, SLICE("Sign in, look at it, and say whether it may leave:"));
    line(out, SLICE_NONE);
    line(out, SLICE("    postern login ACCOUNT"));
    line(out, arena_printf(t->arena, "    postern letter show %s", t->id));
    line(out, arena_printf(t->arena, "    postern letter approve %s", t->id));
    line(out, arena_printf(t->arena, "    postern letter refuse %s --reason TEXT", t->id));
    line(out, SLICE_NONE);
    line(out, arena_printf(t->arena, "One of you is enough. When nobody says anything until"));
    line(out, arena_printf(t->arena, "%.*s, it goes back.", SLICE_ARG(t->until)));
}

/* A letter of ours to these addresses. What says that it is about the sender's letter lets him read it. */
static void make(const struct telling *t, struct slice *to, size_t n, const char *subject,
                 void (*write)(const struct telling *t, struct buf *out), struct buf *bytes,
                 struct own_letter *letter)
{
    const struct settings *s = t->k->options.settings(t->k->options.context);
    const struct config_list mailboxes = {to, n};
    struct recipient *recipients = arena_array(t->arena, n + 1, sizeof(*recipients));

    *letter = (struct own_letter){
        .id = letter_id_new(),
        .to = {recipients, n},
        .subject = slice_text(subject),
        .groups = t->letter->facts.groups,
    };
    for (size_t i = 0; i < n; i++) {
        recipients[i] = (struct recipient){.address = to[i], .notify = NOTIFY_NEVER};
        letter->utf8 = letter->utf8 || !slice_is_ascii(to[i]);
    }
    own_letter_header(s, &letter->id, &mailboxes, bytes);
    write(t, bytes);
    letter->bytes = buf_slice(bytes);
}

static void alarm_of(const struct telling *t)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "A letter waits for approval by the rule \"%.*s\"%s: `postern letter waiting`",
                   SLICE_ARG(t->letter->decision.need.rule),
                   t->n_approvers ? "" : ", and nobody is there who may approve it");
    keeper_alert(t->k, "letter-waiting", sentence);
}

static bool record(const struct telling *t, struct own_letter *letters, size_t n, struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};
    size_t told = t->n_approvers < CONSENT_APPROVERS_MAX ? t->n_approvers : CONSENT_APPROVERS_MAX;
    uint8_t *notices = arena_alloc(t->arena, CONSENT_NOTICES_MAX * LETTER_ID_LEN);
    struct consent_record r = {
        .id = t->letter->facts.id,
        .state = CONSENT_TOLD,
        .rule = t->letter->decision.need.rule,
        .told = {t->approvers, told},
        .notices = slice_of(notices, n * LETTER_ID_LEN), /* an erasure takes them along */
    };

    for (size_t i = 0; i < n; i++) {
        (void)memcpy(notices + i * LETTER_ID_LEN, letters[i].id.bytes, LETTER_ID_LEN);
    }

    if (!consent_copy(t->k, t->letter, t->arena, &r.digest, e)) {
        return false;
    }
    cbor_write(&body, &consent_record_schema, &r);
    const struct ledger_record first = {RECORD_CONSENT, buf_slice(&body)};
    return body.full ? error_set(e, ERROR_LIMIT, "who was told does not fit into a record")
                     : keeper_write_letters(t->k, first, letters, n, e);
}

bool consent_tell(struct keeper *k, const struct consent_letter *l, struct arena *arena,
                  struct error *e)
{
    OWN(buf) struct buf to_sender = {.max = MAIL_MAX};
    OWN(buf) struct buf to_approvers = {.max = MAIL_MAX};
    struct telling t = {.k = k, .letter = l, .arena = arena};
    struct slice sender = l->facts.reverse_path;
    struct own_letter letters[CONSENT_NOTICES_MAX];
    char until[CLOCK_TEXT_MAX];
    size_t n = 0;

    if (!find_approvers(&t, e)) {
        return false;
    }
    clock_rfc3339((int64_t)l->decision.need.until, until);
    t.until = slice_text(until);
    letter_id_text(&l->parcel->id, t.id);
    if (sender.len) {
        make(&t, &sender, 1, "Your letter waits for approval", write_to_sender, &to_sender,
             &letters[n]);
        letters[n++].about =
            l->facts.id; /* not what the approvers get: he would read who they are */
    }
    if (t.n_approvers) {
        make(&t, t.approvers, t.n_approvers < MAILED_MAX ? t.n_approvers : MAILED_MAX,
             "A letter waits for your approval", write_to_approvers, &to_approvers, &letters[n++]);
    }
    if (to_sender.full || to_approvers.full) {
        return error_set(e, ERROR_LIMIT, "a notice does not fit");
    }
    if (!record(&t, letters, n, e)) {
        return false;
    }
    queue_told(k->queue, &l->parcel->id);
    log_event(LOG_INFO, "letter.waits", LOG_TEXT("id", t.id),
              LOG_NUMBER("approvers", (int64_t)t.n_approvers));
    alarm_of(&t);
    return true;
}
