#include "keeper/documents.h"

#include "keeper/internal.h"
#include "keeper/life.h"
#include "keeper/recipients.h"
#include "keeper/secrets.h"
#include "keeper/telling.h"
#include "requests/secrets.h"

void recipients_secret(struct keeper *k, const struct facts *f, struct slice address,
                       struct arena *arena, struct recipient_state *out)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct secret_agreed agreed = {.password = SLICE_NONE};
    struct slice telephone = SLICE_NONE;
    struct error e = {0};
    bool found = false;

    (void)f;
    if (!secrets_agreed(k, address, arena, &agreed, &found, &e) ||
        !secrets_told_at(k, s, address, arena, &telephone, &e)) {
        out->secret =
            (struct recipient_fact){false, SLICE("the passwords cannot be read now"), true};
    } else if (found) {
        out->secret = (struct recipient_fact){true, SLICE("a password was agreed on"), false};
    } else if (telephone.len) {
        out->secret = (struct recipient_fact){
            true, SLICE("a password is made for the letter, and told him by telephone"), false};
    } else if (s->documents.password == SETTING_PASSWORD_GENERATED) {
        out->secret =
            (struct recipient_fact){true, SLICE("a password is made for the letter"), false};
    } else if (s->documents.password == SETTING_PASSWORD_TOLD) {
        out->secret = (struct recipient_fact){
            false,
            s->documents.command.len
                ? SLICE("no password was agreed on, and no telephone number is here: see `postern "
                        "recipient phone`")
                : SLICE("no password was agreed on, and `attachments-password-command` is not set"),
            false};
    } else {
        out->secret = (struct recipient_fact){
            false, SLICE("no password was agreed on: see `postern recipient secret`"), false};
    }
}

static void describe(const struct inspector_protect_answer *answer,
                     const struct secret_choice *choice, bool text_stays, struct arena *arena,
                     struct copy_made *out)
{
    const struct slice *texts = answer->texts.items;
    size_t n = answer->texts.count < COPY_TEXTS_MAX - 2 ? answer->texts.count : COPY_TEXTS_MAX - 2;

    out->texts = arena_array(arena, n + 2, sizeof(*out->texts));
    out->texts[0] = choice->text;
    for (size_t i = 0; i < n; i++) {
        out->texts[i + 1] = texts[i];
    }
    out->texts[n + 1] =
        text_stays
            ? SLICE("readable: the header, the letter's text and the names of its parts")
            : SLICE("readable: the header with the subject, and names of documents in their place");
    out->n_texts = n + 2;
    out->generated = choice->generated;
}

static enum copy_end ask_inspector(struct keeper *k, const struct copy_ask *ask,
                                   const struct secret_choice *choice, struct arena *arena,
                                   struct copy_made *out, struct error *e)
{
    const struct settings *s = k->options.settings(k->options.context);
    bool text_stays = s->documents.text == SETTING_TEXT_OUTSIDE;
    uint8_t tag[INSPECTOR_SENDER_LEN];
    const struct inspector_protect_ask question = {
        .sender = slice_of(tag, sizeof(tag)),
        .password = choice->password,
        .text_stays = text_stays,
        .language = s->documents.language,
        .cover = s->documents.cover,
        .scrub = s->documents.scrub,
    };
    struct inspector_protect_answer answer;
    OWN(fd) int protected = -1;

    keeper_life_of_sender(ask->facts, tag);
    if (!ipc_call(k->options.inspector, &inspector_protect, &question, ask->letter_fd, &answer,
                  &protected, arena, 2 * s->process.inspector_timeout_ms, e)) {
        return copy_end_of(e);
    }
    out->fd = TAKE(protected, -1);
    describe(&answer, choice, text_stays, arena, out);
    return COPY_MADE;
}

/* What the record says of it. */
static struct slice told_text(enum secret_told told)
{
    return told == SECRET_TOLD
               ? SLICE("password: made for this letter, and told the recipient by telephone; "
                       "`postern letter secret` shows it to its sender")
               : SLICE("password: made for this letter; it is not known whether the recipient was "
                       "told it; `postern letter secret` shows it to its sender");
}

/* Have it told once a copy can be made at all. Always COPY_LATER, or COPY_CANNOT. */
static enum copy_end begin_telling(struct keeper *k, const struct copy_ask *ask,
                                   const struct telling_ask *telling,
                                   const struct secret_choice *choice, struct arena *arena,
                                   struct copy_made *out, struct error *e)
{
    struct slice password = SLICE_NONE;
    uint64_t until = 0;
    bool found = false;
    enum copy_end end = ask_inspector(k, ask, choice, arena, out, e);

    if (end != COPY_MADE) {
        return end;
    }
    (void)close(out->fd);
    out->fd = -1;
    if (!secrets_of_letter(k, ask->facts, arena, &password, &until, &found, e)) {
        return COPY_LATER;
    }
    if (!found) {
        (void)error_set(e, ERROR_INPUT, "the password of the letter was destroyed");
        return COPY_CANNOT;
    }
    out->waits = telling_begin_job(k, telling, password, arena, e);
    if (out->waits) {
        (void)error_set(e, ERROR_BUSY, "the recipient is being told the password");
    }
    return COPY_LATER;
}

/* COPY_MADE: he was told the password, or perhaps, and choice->text says so. */
static enum copy_end have_told(struct keeper *k, const struct copy_ask *ask,
                               struct secret_choice *choice, struct arena *arena,
                               struct copy_made *out, struct error *e)
{
    const struct telling_ask telling = {ask->facts, ask->recipients[0], choice->telephone};
    enum secret_told told = SECRET_NOT_BEGUN;

    if (!telling_look(k, &telling, arena, &told, e)) {
        return COPY_LATER;
    }
    switch (told) {
    case SECRET_NEVER:
        (void)error_set(e, ERROR_INPUT, "the recipient could not be told the password");
        return COPY_CANNOT;
    case SECRET_BEGUN:
        out->waits = true;
        (void)error_set(e, ERROR_BUSY, "the recipient is being told the password");
        return COPY_LATER;
    case SECRET_TOLD:
    case SECRET_UNSURE:
        out->told = told == SECRET_TOLD;
        choice->text = told_text(told);
        return COPY_MADE;
    case SECRET_NOT_BEGUN:
    case SECRET_AGAIN:
    case SECRET_NOT_RUN:
        break;
    }
    return begin_telling(k, ask, &telling, choice, arena, out, e);
}

enum copy_end documents_copy(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                             struct copy_made *out, struct error *e)
{
    struct secret_choice choice = {.password = SLICE_NONE};
    bool found = false;

    if (!secrets_choose(k, ask->facts, ask->recipients[0], arena, &choice, &found, e)) {
        return COPY_LATER;
    }
    if (!found) {
        (void)error_set(e, ERROR_INPUT, "no password was agreed on with the recipient");
        return COPY_CANNOT;
    }
    if (choice.telephone.len) {
        enum copy_end end = have_told(k, ask, &choice, arena, out, e);
        if (end != COPY_MADE) {
            return end;
        }
    }
    return ask_inspector(k, ask, &choice, arena, out, e);
}
