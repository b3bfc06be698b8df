#include "cli/master.h"

#include "cli/terminal.h"
#include "host/ask.h"
#include "keyring/master_list.h"

#define FD_MAX 1023

static bool find_way(struct cli *c, struct ask_way *way, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "passphrase-fd", 0);
    uint64_t fd = 0;

    *way = (struct ask_way){.fd = -1};
    if (!text) {
        return true;
    }
    if (!slice_decimal(slice_text(text), FD_MAX, &fd)) {
        return error_set(e, ERROR_INPUT, "--passphrase-fd wants the number of a descriptor");
    }
    way->fd = (int)fd;
    return true;
}

static bool ask(void *context, const char *question, struct secret **answer, struct error *e)
{
    return ask_secret(context, question, answer, e);
}

bool cli_master(struct cli *c, int folder, struct master *out, struct error *e)
{
    struct ask_way way;
    const struct master_asker asker = {ask, &way};

    return find_way(c, &way, e) && master_open(folder, "master.key", &asker, out, e);
}

bool cli_master_former(int folder, const struct master *m, const char *label, struct error *e)
{
    OWN(master_list) struct master_list l = {0};

    if (!master_list_read(folder, m, &l, e)) {
        return false;
    }
    master_list_register(&l, m->key, label);
    return true;
}

bool cli_master_ask(struct cli *c, const char *question, struct secret **out, struct error *e)
{
    struct ask_way way;

    return find_way(c, &way, e) && ask_secret(&way, question, out, e);
}

bool cli_master_passphrase(struct cli *c, struct secret **out, struct error *e)
{
    OWN(secret) struct secret *first = NULL;
    OWN(secret) struct secret *second = NULL;
    bool typed = !arguments_text(&c->arguments, "passphrase-fd", 0) && terminal_has_person();

    if (!cli_master_ask(c, "New passphrase", &first, e) ||
        (typed && !cli_master_ask(c, "The same again", &second, e))) {
        return false;
    }
    if (typed && !secret_equal(secret_slice(first), secret_slice(second))) {
        return error_set(e, ERROR_INPUT, "the two differ; nothing was changed");
    }
    *out = TAKE(first, NULL);
    return true;
}
