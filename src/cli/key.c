/* The master key: how it is kept. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "cli/cli.h"
#include "cli/master.h"

/* One at a time: two would take each other's new form for what a crash left. */
static bool lock(int data, int *fd, struct error *e)
{
    *fd = openat(data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        return error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG, "data directory");
    }
    return flock(*fd, LOCK_EX | LOCK_NB) == 0 ||
           (errno == EWOULDBLOCK ? error_set(e, ERROR_BUSY, "another `postern key` is at work")
                                 : error_errno(e, ERROR_CONFIG, "lock the data directory"));
}

/* Exactly one way is named. */
static bool find_way(struct cli *c, struct master_way *way, struct error *e)
{
    bool passphrase = arguments_flag(&c->arguments, "passphrase");
    bool file = arguments_flag(&c->arguments, "file");

    way->uri = arguments_text(&c->arguments, "pkcs11", 0);
    if (passphrase + file + (way->uri != NULL) != 1) {
        return error_set(e, ERROR_INPUT,
                         "how is it to be kept? --passphrase, --pkcs11 URI or --file");
    }
    way->kept = passphrase ? MASTER_PASSPHRASE : file ? MASTER_FILE : MASTER_TOKEN;
    return true;
}

/* What the new form is made with. */
static bool ask_for_way(struct cli *c, struct master_way *way, struct secret **given,
                        struct error *e)
{
    switch (way->kept) {
    case MASTER_PASSPHRASE:
        if (!cli_master_passphrase(c, given, e)) {
            return false;
        }
        way->passphrase = *given;
        return true;
    case MASTER_TOKEN:
        if (!cli_master_ask(c, "PIN of the token", given, e)) {
            return false;
        }
        way->pin = *given;
        return true;
    case MASTER_FILE:
        break;
    }
    return true;
}

static const char *explain(enum master_kept kept)
{
    switch (kept) {
    case MASTER_PASSPHRASE:
        return "posternd asks for the passphrase when it starts: at the terminal, from systemd's "
               "credential " MASTER_CREDENTIAL ", or from --passphrase-fd.\n";
    case MASTER_TOKEN:
        return "posternd needs the token when it starts, and asks for its PIN as for a "
               "passphrase.\n";
    case MASTER_FILE:
        break;
    }
    return "Whoever reads master.key and the data reads the archive: keep backups of it apart.\n";
}

bool cli_key_wrap(struct cli *c, struct error *e)
{
    OWN(fd) int data = -1;
    OWN(fd) int locked = -1;
    OWN(master) struct master master = {0};
    OWN(secret) struct secret *given = NULL;
    struct master_way way = {0};

    if (!find_way(c, &way, e) || !cli_data(c, &data, e) || !lock(data, &locked, e) ||
        !cli_master(c, data, &master, e) || !ask_for_way(c, &way, &given, e) ||
        !master_prepare(data, "master.key", &way, master.key, master.generation, e) ||
        !master_commit(data, "master.key", e)) {
        return false;
    }
    buf_add_text(&c->out, "The key is the same, and so is the recovery key; master.key keeps it in "
                          "another way.\n");
    buf_add_text(&c->out, explain(way.kept));
    return true;
}
