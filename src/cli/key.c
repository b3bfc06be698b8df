/* The master key: how it is kept, its rotation, and the end of former ones. */
#include "base/clock.h"

#include "cli/key_adopt.h"
#include "cli/key_uses.h"
#include "cli/master.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/recovery_key.h"
#include "keyring/master_list.h"
#include "keyring/recovery.h"

const struct argument_option key_wrap_options[] = {
    OPTION("passphrase", 0, NULL, "sealed under a passphrase"),
    OPTION("pkcs11", 0, "URI", "sealed under an RSA key of a token: pkcs11:token=...;object=..."),
    OPTION("file", 0, NULL, "as it is"),
    MASTER_OPTION,
    OPTION_END,
};

const struct argument_option key_rotate_options[] = {
    OPTION("recovery-key-stdin", 0, NULL, "the recovery key is one line of standard input"),
    OPTION("new-recovery-key", 0, NULL, "hand out a new one; the old one opens old backups alone"),
    OPTION("recovery-key-out", 0, "FILE", "write the new one there instead of asking for it back"),
    MASTER_OPTION,
    OPTION_END,
};

const struct argument_option key_options[] = {
    MASTER_OPTION,
    OPTION_END,
};

#define MASTER   "master.key"
#define RECOVERY "recovery.sealed"

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

/* What the verbs work on. */
struct desk {
    int data;
    int locked;
    struct master master;
    struct master_list former;
};

static void desk_done(struct desk *d)
{
    master_done(&d->master);
    master_list_done(&d->former);
    own_fd(&d->locked);
    own_fd(&d->data);
}
OWN_VALUE(desk, struct desk, desk_done)

/* One at a time: two would take each other's new form for what a crash left. */
static bool desk_open(struct cli *c, struct desk *d, struct error *e)
{
    return cli_data(c, &d->data, e) && master_lock(d->data, 0, &d->locked, e) &&
           cli_master(c, d->data, &d->master, e) &&
           master_list_read(d->data, &d->master, &d->former, e);
}

bool cli_key_wrap(struct cli *c, struct error *e)
{
    OWN(desk) struct desk d = {.data = -1, .locked = -1};
    OWN(secret) struct secret *given = NULL;
    struct master_way way = {0};

    if (!find_way(c, &way, e) || !desk_open(c, &d, e) || !ask_for_way(c, &way, &given, e) ||
        !master_prepare(d.data, MASTER, &way, d.master.key, d.master.generation, e) ||
        !master_commit(d.data, MASTER, e)) {
        return false;
    }
    buf_add_text(&c->out, "The key is the same, and so is the recovery key; master.key keeps it in "
                          "another way.\n");
    buf_add_text(&c->out, explain(way.kept));
    return true;
}

/* -- rotation -- */

/* The recovery key under which the new master key is sealed: the one that there is, or a new one. One that opens
 * the next generation already was there when an earlier rotation was interrupted: that goes on with its key. */
static bool obtain_recovery(struct cli *c, const struct desk *d, struct secret **typed,
                            struct master *next, struct error *e)
{
    OWN(secret) struct secret *key = NULL;
    uint64_t generation = 0;

    if (arguments_flag(&c->arguments, "new-recovery-key")) {
        *typed = recovery_new();
        return recovery_key_hand_over(c, *typed, e);
    }
    if (!recovery_key_ask(c, typed, e) ||
        !recovery_open(d->data, RECOVERY, secret_slice(*typed), &key, &generation, e)) {
        return false;
    }
    if (generation == d->master.generation + 1) {
        secret_free(next->key);
        next->key = TAKE(key, NULL);
        return true;
    }
    return (generation == d->master.generation &&
            secret_equal(secret_slice(key), secret_slice(d->master.key))) ||
           error_set(e, ERROR_CORRUPT, RECOVERY " holds another master key than the one in force");
}

/* The list for the new key: what the present one's has, and that one. */
static bool make_list(const struct desk *d, struct master_list *l, struct error *e)
{
    for (size_t i = 0; i < d->former.count; i++) {
        const struct master_former *f = &d->former.former[i];
        if (!master_list_add(l, f->generation, f->since_ms, f->key, e)) {
            return false;
        }
    }
    l->since_ms = clock_wall_ms();
    return master_list_add(l, d->master.generation, d->former.since_ms, d->master.key, e);
}

/* The order is what a crash must find: whichever of master.key and the recovery key opens which master key, the list of
 * that key is there and opens what is older. master_commit() is the moment: right before it the list is read
 * again, for without it the key that it replaces would be lost. */
static bool put_in_force(const struct desk *d, const struct master *next, struct master_list *l,
                         const struct secret *recovery, struct error *e)
{
    const struct master_way way = {.kept = next->kept,
                                   .passphrase = d->master.opened_by,
                                   .uri = d->master.uri,
                                   .pin = d->master.opened_by};
    OWN(master_list) struct master_list back = {0};

    return master_list_write(d->data, next, l, e) &&
           master_prepare(d->data, MASTER, &way, next->key, next->generation, e) &&
           recovery_seal(d->data, RECOVERY, secret_slice(recovery), next->key, next->generation,
                         e) &&
           master_list_read(d->data, next, &back, e) && master_commit(d->data, MASTER, e) &&
           master_list_tidy(d->data, next->key, e);
}

bool cli_key_rotate(struct cli *c, struct error *e)
{
    OWN(desk) struct desk d = {.data = -1, .locked = -1};
    OWN(secret) struct secret *recovery = NULL;
    OWN(master_list) struct master_list list = {0};
    OWN(master) struct master next = {.key = keyring_random()};
    struct error unadopted = {0};

    if (!desk_open(c, &d, e)) {
        return false;
    }
    next.generation = d.master.generation + 1;
    next.kept = d.master.kept;
    if (!make_list(&d, &list, e) || !obtain_recovery(c, &d, &recovery, &next, e) ||
        !put_in_force(&d, &next, &list, recovery, e)) {
        return false;
    }
    buf_printf(&c->out,
               "Generation %llu of the master key is in force on the disk; the recovery key %s.\n"
               "Backups made before open with the recovery key of then.\n",
               (unsigned long long)next.generation,
               arguments_flag(&c->arguments, "new-recovery-key") ? "is the new one"
                                                                 : "stays as it is");
    if (!key_adopt(c, next.key, &unadopted)) { /* which undoes nothing */
        buf_printf(&c->out,
                   "posternd does not work with it yet: %s.\n"
                   "It does after its next start, or when `postern key adopt` has told it.\n",
                   unadopted.text);
    }
    buf_printf(&c->out,
               "It seals under the new key what the old one opens, in the background: `postern key "
               "list` shows what is left, `postern key retire %llu` ends the old one.\n",
               (unsigned long long)d.master.generation);
    return true;
}

bool cli_key_adopt(struct cli *c, struct error *e)
{
    OWN(desk) struct desk d = {.data = -1, .locked = -1};

    return desk_open(c, &d, e) && key_adopt(c, d.master.key, e);
}

/* -- what there is -- */

static const char *const kept_names[] =
    {[MASTER_FILE] = "file", [MASTER_PASSPHRASE] = "passphrase", [MASTER_TOKEN] = "pkcs11"};

/* A former one of which no file says that it is needed, but of which it is not recorded that the disk says so too. */
static bool is_unsure(const struct desk *d, uint64_t generation, const struct key_uses *uses)
{
    return generation != d->master.generation && key_uses_none(uses) &&
           uses->renewed != d->master.generation;
}

static bool add_generation(struct cli *c, const struct desk *d, struct print_columns *columns,
                           const struct master_former *f, struct error *e)
{
    struct key_uses uses;
    OWN(buf) struct buf text = {.max = 1000};
    bool now = f->generation == d->master.generation;

    if (!key_uses_count(c, d->data, f, &d->master, &d->former, &uses, e)) {
        return false;
    }
    if (is_unsure(d, f->generation, &uses)) {
        buf_add_text(&text, "what is being sealed anew");
    } else {
        key_uses_print(&uses, &text);
    }
    const struct slice cells[] = {
        arena_printf(&c->arena, "%llu", (unsigned long long)f->generation),
        f->since_ms ? print_time(&c->arena, (uint64_t)f->since_ms) : SLICE("the beginning"),
        now ? slice_text(kept_names[d->master.kept]) : SLICE("former"),
        arena_copy(&c->arena, buf_slice(&text))};
    print_row(columns, cells);
    return true;
}

bool cli_key_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"GENERATION", "SINCE", "KEPT", "OPENS"};
    OWN(desk) struct desk d = {.data = -1, .locked = -1};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 4};

    if (!desk_open(c, &d, e)) {
        return false;
    }
    for (size_t i = 0; i < d.former.count; i++) {
        if (!add_generation(c, &d, &columns, &d.former.former[i], e)) {
            return false;
        }
    }
    const struct master_former now = {d.master.generation, d.former.since_ms, d.master.key};
    if (!add_generation(c, &d, &columns, &now, e)) {
        return false;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

bool cli_key_retire(struct cli *c, struct error *e)
{
    OWN(desk) struct desk d = {.data = -1, .locked = -1};
    OWN(buf) struct buf text = {.max = 1000};
    struct key_uses uses = {0};
    uint64_t generation = 0;

    if (!slice_decimal(slice_text(c->arguments.words[0]), MASTER_GENERATION_MAX, &generation)) {
        return error_set(e, ERROR_INPUT, "`%s` is no generation's number", c->arguments.words[0]);
    }
    if (!desk_open(c, &d, e)) {
        return false;
    }
    for (size_t i = 0; i < d.former.count; i++) {
        if (d.former.former[i].generation == generation &&
            !key_uses_count(c, d.data, &d.former.former[i], &d.master, &d.former, &uses, e)) {
            return false;
        }
    }
    key_uses_print(&uses, &text);
    if (!key_uses_none(&uses)) {
        return error_set(
            e, ERROR_INPUT,
            "generation %llu still opens %.*s: let posternd, with the new key, finish what "
            "it does in the background",
            (unsigned long long)generation, SLICE_ARG(buf_slice(&text)));
    }
    if (!master_list_take(&d.former, generation)) {
        return error_set(e, ERROR_INPUT, "%llu is no former generation of the master key",
                         (unsigned long long)generation);
    }
    if (is_unsure(&d, generation, &uses)) {
        return error_set(e, ERROR_INPUT,
                         "generation %llu may still open what is being sealed anew: start posternd "
                         "with the new key and let it finish",
                         (unsigned long long)generation);
    }
    if (!master_list_write(d.data, &d.master, &d.former, e)) {
        return false;
    }
    buf_printf(&c->out, "Generation %llu is retired: its key is destroyed.\n",
               (unsigned long long)generation);
    return true;
}
