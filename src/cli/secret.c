/* Passwords that open files for recipients: what was agreed on with one, what was made for a letter. */
#include "cli/secret.h"

#include <stdio.h>

#include "cli/options.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "letter/id.h"
#include "letter/secret.h"
#include "requests/secrets.h"

const struct argument_option recipient_secret_options[] = {
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION("password-stdin", 0, NULL, "of `set`: take the password from standard input"),
    OPTION_END,
};

const struct argument_option recipient_phone_options[] = {
    OPTION("remove", 0, NULL, "forget the number"),
    OPTION("reason", 0, "TEXT", "why, and how you came by it; stands in the ledger"),
    OPTION_END,
};

static bool act_of(const char *word, uint64_t *act, struct error *e)
{
    static const struct {
        const char *word;
        enum recipient_secret_act act;
    } acts[] = {
        {"show",     RECIPIENT_SECRET_SHOW    },
        {"set",      RECIPIENT_SECRET_SET     },
        {"generate", RECIPIENT_SECRET_GENERATE},
        {"remove",   RECIPIENT_SECRET_REMOVE  },
    };

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (slice_equal(slice_text(word), slice_text(acts[i].word))) {
            *act = acts[i].act;
            return true;
        }
    }
    return error_set(e, ERROR_INPUT, "say what: set, generate, show or remove");
}

static void tell(struct cli *c, const char *address, uint64_t act,
                 const struct recipient_secret_answer *answer)
{
    if (answer->password.len) {
        buf_printf(&c->out, "%.*s\n", SLICE_ARG(answer->password));
    }
    switch (act) {
    case RECIPIENT_SECRET_SHOW:
        (void)fprintf(stderr, "Since %.*s, by %.*s. Tell it by telephone, never by mail.\n",
                      SLICE_ARG(print_time(&c->arena, answer->at)),
                      SLICE_ARG(print_cleaned(&c->arena, answer->by)));
        break;
    case RECIPIENT_SECRET_REMOVE:
        buf_printf(&c->out, "No password is agreed on with %s any more.\n", address);
        break;
    default:
        (void)fprintf(
            stderr,
            "It opens what is sent to %s from now on by the method `attachments`. Tell it "
            "by telephone, never by mail: a letter to that address that holds it is "
            "held.\n",
            address);
        break;
    }
}

bool cli_recipient_secret(struct cli *c, struct error *e)
{
    const char *address = c->arguments.words[0];
    struct recipient_secret_ask ask = {
        .address = slice_text(address),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };
    OWN(secret) struct secret *password = NULL;
    struct recipient_secret_answer answer;

    if (!act_of(c->arguments.words[1], &ask.act, e)) {
        return false;
    }
    if (ask.act == RECIPIENT_SECRET_SET &&
        !terminal_new_password(arguments_flag(&c->arguments, "password-stdin"), SECRET_BYTES_MAX,
                               &password, e)) {
        return false;
    }
    ask.password = secret_slice(password);
    if (!cli_ask(c, CLI_KEEPER, &recipient_secret, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    tell(c, address, ask.act, &answer);
    return true;
}

bool cli_recipient_phone(struct cli *c, struct error *e)
{
    const char *address = c->arguments.words[0];
    bool remove = arguments_flag(&c->arguments, "remove");
    bool set = c->arguments.n_words > 1;
    const struct recipient_phone_ask ask = {
        .address = slice_text(address),
        .act = remove ? RECIPIENT_SECRET_REMOVE
               : set  ? RECIPIENT_SECRET_SET
                      : RECIPIENT_SECRET_SHOW,
        .number = set ? slice_text(c->arguments.words[1]) : SLICE_NONE,
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
    };
    struct recipient_phone_answer answer;

    if (remove && set) {
        return error_set(e, ERROR_INPUT, "either a number or --remove");
    }
    if (!cli_ask(c, CLI_KEEPER, &recipient_phone, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (ask.act == RECIPIENT_SECRET_SHOW) {
        buf_printf(&c->out, "%.*s\n", SLICE_ARG(answer.number));
        (void)fprintf(stderr, "Since %.*s, by %.*s.\n", SLICE_ARG(print_time(&c->arena, answer.at)),
                      SLICE_ARG(print_cleaned(&c->arena, answer.by)));
    } else {
        buf_printf(&c->out,
                   set ? "Passwords for %s are told to this number, by "
                         "`attachments-password-command`.\n"
                       : "No password for %s is told by telephone any more.\n",
                   address);
    }
    return true;
}

bool cli_letter_secret(struct cli *c, struct error *e)
{
    struct letter_id id;
    struct letter_secret_ask ask = {.id = SLICE_NONE};
    struct letter_secret_answer answer;

    if (!cli_letter(c->arguments.words[0], &id, e)) {
        return false;
    }
    ask.id = letter_id_slice(&id);
    if (!cli_ask(c, CLI_KEEPER, &letter_secret, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%.*s\n", SLICE_ARG(answer.password));
    const struct slice *recipients = answer.recipients.items;
    for (size_t i = 0; i < answer.recipients.count; i++) {
        (void)fprintf(stderr, "%s%.*s", i ? ", " : "For ",
                      SLICE_ARG(print_cleaned(&c->arena, recipients[i])));
    }
    (void)fprintf(stderr, ". Tell it by telephone, never by mail; it can be shown until %.*s.\n",
                  SLICE_ARG(print_time(&c->arena, answer.until)));
    return true;
}
