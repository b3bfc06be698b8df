/* Contacts: one's own and the company's. */
#include "cli/contact.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "requests/contacts.h"

#define FIELD_OPTIONS                                                                              \
    OPTION("name", 0, "TEXT", "first and last name"),                                              \
        OPTION("organisation", 0, "TEXT", "where he or she works"),                                \
        OPTION("title", 0, "TEXT", "as what"), OPTION("phone", 0, "TEXT", "telephone number"),     \
        OPTION("note", 0, "TEXT", "whatever else"), COMPANY_OPTION

const struct argument_option contact_add_options[] = {
    FIELD_OPTIONS,
    OPTION("favourite", 0, NULL, "is offered first"),
    OPTION_END,
};

const struct argument_option contact_set_options[] = {
    FIELD_OPTIONS,
    OPTION("favourite", 0, NULL, "is offered first"),
    OPTION("no-favourite", 0, NULL, "is offered as the others"),
    OPTION_END,
};

const struct argument_option contact_options[] = {
    COMPANY_OPTION,
    OPTION_END,
};

const struct argument_option contact_find_options[] = {
    OPTION("limit", 'n', "N", "show at most so many; as `contacts-found` allows"),
    OPTION_END,
};

/* What was given on the command line, and as bits of enum contact_part. */
static struct contact read_given(struct cli *c, uint64_t *parts)
{
    const struct arguments *a = &c->arguments;
    struct contact contact = {.address = slice_text(a->words[0]),
                              .favourite = arguments_flag(a, "favourite")};

    const struct {
        const char *name;
        enum contact_part part;
        struct slice *text;
    } fields[] = {
        {"name",         CONTACT_NAME,         &contact.name        },
        {"organisation", CONTACT_ORGANISATION, &contact.organisation},
        {"title",        CONTACT_TITLE,        &contact.title       },
        {"phone",        CONTACT_PHONE,        &contact.phone       },
        {"note",         CONTACT_NOTE,         &contact.note        },
    };

    *parts = contact.favourite || arguments_flag(a, "no-favourite") ? CONTACT_FAVOURITE : 0U;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *text = arguments_text(a, fields[i].name, 0);
        *fields[i].text = text ? slice_text(text) : SLICE_NONE;
        *parts |= text ? fields[i].part : 0U;
    }
    return contact;
}

static bool put(struct cli *c, enum contact_mode mode, struct error *e)
{
    struct contact_put_ask ask = {.mode = mode,
                                  .company = arguments_flag(&c->arguments, "company")};
    struct contact contact = read_given(c, &ask.parts);
    struct contact_put_answer answer;

    ask.contacts = (struct cbor_list){&contact, 1};
    if (mode == CONTACT_CHANGE && ask.parts == 0) {
        return error_set(e, ERROR_INPUT, "say what is to change: `postern help contact set`");
    }
    return cli_ask(c, CLI_KEEPER, &contact_put, &ask, &answer, NULL, CLI_ASK_MS, e);
}

bool cli_contact_add(struct cli *c, struct error *e)
{
    return put(c, CONTACT_ADD, e);
}

bool cli_contact_set(struct cli *c, struct error *e)
{
    return put(c, CONTACT_CHANGE, e);
}

bool cli_contact_remove(struct cli *c, struct error *e)
{
    const struct contact_remove_ask ask = {.address = slice_text(c->arguments.words[0]),
                                           .company = arguments_flag(&c->arguments, "company")};

    return cli_ask(c, CLI_KEEPER, &contact_remove, &ask, NULL, NULL, CLI_ASK_MS, e);
}

/* ── showing ── */

static const char *const heads[] = {"ADDRESS", "NAME", "ORGANISATION", "TITLE", "PHONE", "BOOK"};

static void add_row(struct print_columns *columns, const struct contact *c, struct slice book)
{
    const struct slice cells[] = {c->address, c->name, c->organisation, c->title, c->phone, book};

    print_row(columns, cells);
}

static bool nothing(struct cli *c, const char *sentence)
{
    (void)fprintf(stderr, "%s\n", sentence);
    c->status = CLI_NOTHING;
    return true;
}

static struct slice words_of(struct cli *c)
{
    struct slice words = SLICE_NONE;

    for (size_t i = 0; i < c->arguments.n_words; i++) {
        words = arena_printf(&c->arena, "%.*s%s%s", SLICE_ARG(words), i ? " " : "",
                             c->arguments.words[i]);
    }
    return words;
}

static bool limit_of(struct cli *c, uint64_t *max, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "limit", 0);

    *max = 0;
    return !text || (slice_decimal(slice_text(text), 100, max) && *max) ||
           error_set(e, ERROR_INPUT, "--limit wants a number from 1 to 100, not `%s`", text);
}

bool cli_contact_find(struct cli *c, struct error *e)
{
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    struct contact_find_ask ask = {.words = words_of(c)};
    struct contact_find_answer answer;

    if (ask.words.len > CONTACT_WORDS_MAX) {
        return error_set(e, ERROR_INPUT, "that is more than anybody's name");
    }
    if (!limit_of(c, &ask.max, e) ||
        !cli_ask(c, CLI_KEEPER, &contact_find, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.found.count == 0) {
        return nothing(c, ask.words.len ? "No contact has these words."
                                        : "No contact is a favourite: `postern contact set`.");
    }
    const struct contact_found *found = answer.found.items;
    for (size_t i = 0; i < answer.found.count; i++) {
        add_row(&columns, &found[i].contact, found[i].company ? SLICE("company") : SLICE("own"));
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

static void show_part(struct cli *c, const char *what, struct slice text)
{
    if (text.len) {
        buf_printf(&c->out, "%-13s %.*s\n", what, SLICE_ARG(print_cleaned(&c->arena, text)));
    }
}

bool cli_contact_show(struct cli *c, struct error *e)
{
    const struct contact_find_ask ask = {.address = slice_text(c->arguments.words[0])};
    struct contact_find_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &contact_find, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.found.count == 0) {
        return nothing(c, "There is no contact of this address.");
    }
    const struct contact_found *found = answer.found.items;
    for (size_t i = 0; i < answer.found.count; i++) {
        const struct contact *contact = &found[i].contact;
        show_part(c, "address", contact->address);
        show_part(c, "name", contact->name);
        show_part(c, "organisation", contact->organisation);
        show_part(c, "title", contact->title);
        show_part(c, "phone", contact->phone);
        show_part(c, "note", contact->note);
        show_part(c, "book", found[i].company ? SLICE("company") : SLICE("own"));
        show_part(c, "favourite", contact->favourite ? SLICE("yes") : SLICE_NONE);
    }
    return true;
}

bool cli_contact_list(struct cli *c, struct error *e)
{
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5};
    struct contact_list_ask ask = {.company = arguments_flag(&c->arguments, "company")};
    struct contact_list_answer answer = {.total = 1};

    while (ask.skip < answer.total) {
        if (!cli_ask(c, CLI_KEEPER, &contact_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct contact *contacts = answer.contacts.items;
        for (size_t i = 0; i < answer.contacts.count; i++) {
            add_row(&columns, &contacts[i], SLICE_NONE);
        }
        if (answer.contacts.count == 0) {
            break;
        }
        ask.skip += answer.contacts.count;
    }
    if (ask.skip == 0) {
        return nothing(c, "There is no contact in this book.");
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
