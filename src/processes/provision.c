#include "processes/provision.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#include "host/file.h"
#include "host/process.h"
#include "processes/control.h"
#include "processes/listening.h"
#include "processes/master_keys.h"
#include "processes/settings_files.h"

#define ROWS_MAX      16
#define MODE_DATA     0711 /* passed through by the roles, listed by nobody but us */
#define MODE_RUN      0755 /* sockets, each with its own mode */
#define MODE_EMPTY    0555
#define MODE_PRIVATE  0700
#define MODE_READABLE 02750 /* the group's id is inherited by what is made inside */

/* One reading of the file and of the files that it names. */
struct configuration {
    struct arena arena;
    struct slice bytes;
    struct settings settings;
    int files[ROWS_MAX][ROLE_FILES_MAX]; /* sealed memory files; -1: the setting is empty */
};

struct provision {
    const char *config_path;
    struct configuration *now;
    struct master_keys keys;
    int data;
    int run;
    int empty; /* root directory of those who have no files */
    struct listening listening;

    struct {
        uid_t uid; /* 0: we are not root, so everybody stays who we are */
        gid_t gid;
        int directories[ROLE_DIRECTORIES_MAX];
        uint64_t stamp; /* of the files of sections, when they were read */
        int program;
    } rows[ROWS_MAX];
};

static void configuration_free(struct configuration *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < ROWS_MAX; i++) {
        for (size_t k = 0; k < ROLE_FILES_MAX; k++) {
            own_fd(&c->files[i][k]);
        }
    }
    arena_done(&c->arena);
    free(c);
}

OWN_BY(configuration, struct configuration, configuration_free)

static struct configuration *configuration_new(void)
{
    struct configuration *c = calloc(1, sizeof(*c));

    if (!c) {
        arena_panic("out of memory");
    }
    (void)memset(c->files, -1, sizeof(c->files));
    arena_init(&c->arena, CONFIG_ARENA_MAX);
    return c;
}

static struct slice text_setting(const struct configuration *c, size_t offset)
{
    struct slice text;

    (void)memcpy(&text, (const uint8_t *)&c->settings + offset, sizeof(text));
    return text;
}

static bool copy_files(struct configuration *c, struct error *e)
{
    for (size_t i = 0; i < role_rows_count; i++) {
        const struct role_row *row = &role_rows[i];
        for (size_t k = 0; k < ROLE_FILES_MAX && row->files[k].name; k++) {
            if (!settings_file_copy(row, k, &c->settings, &c->files[i][k], e)) {
                return false;
            }
        }
    }
    return true;
}

static struct configuration *read_configuration(const char *path, struct error *e)
{
    OWN(configuration) struct configuration *c = configuration_new();

    *e = (struct error){0};
    if (!config_load(path, &c->arena, &c->bytes, e) ||
        !settings_read(c->bytes, path, &c->arena, &c->settings, NULL, e) || !copy_files(c, e)) {
        return NULL;
    }
    return TAKE(c, NULL);
}

/* Whom each role becomes. */
static void choose_ids(struct provision *p)
{
    for (size_t i = 0; i < role_rows_count && geteuid() == 0; i++) {
        char name[CONTROL_NAME_MAX];
        (void)snprintf(name, sizeof(name), "postern-%s", role_rows[i].name);
        const struct passwd *user = getpwnam(name);
        uid_t own = (uid_t)(p->now->settings.process.uid_base + role_rows[i].uid);
        p->rows[i].uid = user ? user->pw_uid : own;
        p->rows[i].gid = user ? user->pw_gid : (gid_t)own;
    }
}

/* Give files that root left in a role's directory (a restored backup) to the role. Only those with
 * a single name: a role that was taken over must not have somebody else's file given to it. */
static bool give_entries(int directory, uid_t uid, gid_t gid, struct error *e)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;

    if (!entries) {
        own_fd(&copy);
        return error_errno(e, ERROR_CONFIG, "list");
    }
    bool ok = true;
    for (const struct dirent *d = readdir(entries); d && ok; d = readdir(entries)) {
        struct stat about;
        if (fstatat(directory, d->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode) && about.st_uid == 0 && about.st_nlink == 1) {
            ok = fchownat(directory, d->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 ||
                 error_errno(e, ERROR_CONFIG, "give %s away", d->d_name);
        }
    }
    (void)closedir(entries);
    return ok;
}

/* Open a directory below `at`, made if need be, with this mode and, when we are root, owner. */
static bool open_directory(int at, const char *name, mode_t mode, uid_t uid, gid_t gid, int *fd,
                           struct error *e)
{
    if (!file_make_folder(at, name, MODE_PRIVATE, e)) {
        return error_add(e, "data directory");
    }
    OWN(fd) int made = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (made < 0) {
        return error_errno(e, ERROR_CONFIG, "data directory: %s", name);
    }
    if (geteuid() == 0) {
        if (fchown(made, uid, gid) != 0) {
            return error_errno(e, ERROR_CONFIG, "data directory: give %s away", name);
        }
        if (uid != 0 && !give_entries(made, uid, gid, e)) {
            return error_add(e, "data directory: %s", name);
        }
    }
    if (fchmod(made, mode) != 0) {
        return error_errno(e, ERROR_CONFIG, "data directory: mode of %s", name);
    }
    *fd = TAKE(made, -1);
    return true;
}

static bool is_empty(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    size_t count = 0;

    if (!entries) {
        own_fd(&copy);
        return false;
    }
    for (const struct dirent *d = readdir(entries); d; d = readdir(entries)) {
        count += d->d_name[0] != '.' || strlen(d->d_name) > 2;
    }
    (void)closedir(entries);
    return count == 0;
}

/* A folder elsewhere, made by the operator: a mount point that is not mounted is not to be written to. One of
 * root's becomes the role's when it is empty, and no other. When it cannot be had, the role says so; mail
 * goes on. */
static int open_outside(const struct provision *p, size_t role, size_t k)
{
    struct slice url = text_setting(p->now, role_rows[role].directories[k].outside);
    uid_t uid = p->rows[role].uid;
    struct stat about;

    if (!slice_starts(url, SLICE("file:///"))) {
        return -1;
    }
    OWN(fd)
    int fd =
        open((const char *)slice_from(url, 7).ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && uid != 0 && fstat(fd, &about) == 0 && about.st_uid != uid &&
        (about.st_uid != 0 || !is_empty(fd) || fchown(fd, uid, p->rows[role].gid) != 0 ||
         fchmod(fd, MODE_PRIVATE) != 0)) {
        return -1;
    }
    return TAKE(fd, -1);
}

/* The role that has the directory with these rights, or the number of rows. */
static size_t find_holder(const char *directory, enum role_rights rights)
{
    for (size_t i = 0; i < role_rows_count; i++) {
        for (size_t k = 0; k < ROLE_DIRECTORIES_MAX && role_rows[i].directories[k].name; k++) {
            if (strcmp(role_rows[i].directories[k].name, directory) == 0 &&
                role_rows[i].directories[k].rights == rights) {
                return i;
            }
        }
    }
    return role_rows_count;
}

/* Every directory belongs to the role that writes it, or to root whose command line does, and to the group
 * of the one that reads it. */
static bool open_role_directory(struct provision *p, size_t role, size_t k, struct error *e)
{
    const char *name = role_rows[role].directories[k].name;
    int *fd = &p->rows[role].directories[k];

    if (role_rows[role].directories[k].outside) {
        *fd = open_outside(p, role, k);
        return true;
    }
    size_t writer = find_holder(name, ROLE_WRITE);
    size_t reader = find_holder(name, ROLE_READ);
    bool shared = reader < role_rows_count && geteuid() == 0;
    gid_t group = p->rows[shared ? reader : writer].gid;
    uid_t owner = writer < role_rows_count ? p->rows[writer].uid : geteuid();
    return open_directory(p->data, name, shared ? MODE_READABLE : MODE_PRIVATE, owner, group, fd,
                          e);
}

static bool open_role_directories(struct provision *p, struct error *e)
{
    for (size_t i = 0; i < role_rows_count; i++) {
        for (size_t k = 0; k < ROLE_DIRECTORIES_MAX && role_rows[i].directories[k].name; k++) {
            if (!open_role_directory(p, i, k, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool open_data(struct provision *p, int passphrase_fd, struct error *e)
{
    struct slice path = p->now->settings.general.data_directory;

    p->data = open((const char *)path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->data < 0) {
        return error_errno(e, ERROR_CONFIG, "data directory %.*s", SLICE_ARG(path));
    }
    if (geteuid() == 0 && fchmod(p->data, MODE_DATA) != 0) {
        return error_errno(e, ERROR_CONFIG, "data directory: mode");
    }
    return master_keys_open(p->data, passphrase_fd, &p->keys, e) &&
           open_directory(p->data, "run", MODE_RUN, 0, 0, &p->run, e) &&
           open_directory(p->run, "empty", MODE_EMPTY, 0, 0, &p->empty, e) &&
           open_role_directories(p, e);
}

/* At the start and never again: a new version that is installed meanwhile comes with the next start, as a whole. */
static bool open_programs(struct provision *p, struct error *e)
{
    char suffix[CONTROL_NAME_MAX + 1];

    for (size_t i = 0; i < role_rows_count; i++) {
        (void)snprintf(suffix, sizeof(suffix), "-%s", role_rows[i].name);
        if (!process_program(role_rows[i].apart ? suffix : "", &p->rows[i].program, e)) {
            return false;
        }
    }
    return true;
}

int provision_program(const struct provision *p, const struct role_row *row)
{
    return p->rows[row - role_rows].program;
}

struct provision *provision_open(const char *config_path, int passphrase_fd, struct error *e)
{
    struct provision *p = calloc(1, sizeof(*p));

    if (!p || role_rows_count > ROWS_MAX) {
        arena_panic("no memory for a provision");
    }
    p->config_path = config_path;
    p->now = read_configuration(config_path, e);
    if (!p->now) {
        free(p);
        return NULL;
    }
    choose_ids(p);
    /* -fanalyzer: it takes the end of the process for a leak */
    bool open = open_programs(p, e) && open_data(p, passphrase_fd, e) &&
                listening_open(&p->listening, &p->now->settings, p->run, e);
    return open ? p : NULL; /* NOLINT(clang-analyzer-unix.Malloc): without it the process ends */
}

bool provision_reload(struct provision *p, struct error *e)
{
    struct configuration *fresh = read_configuration(p->config_path, e);

    if (!fresh) {
        return false;
    }
    configuration_free(p->now);
    p->now = fresh;
    return true;
}

const struct settings *provision_settings(const struct provision *p)
{
    return &p->now->settings;
}

int provision_adoption_socket(const struct provision *p)
{
    return listening_find(&p->listening, LISTENING_OWN);
}

bool provision_adopt(struct provision *p, struct slice key, uint64_t *generation, bool *fresh,
                     struct error *e)
{
    if (!master_keys_adopt(p->data, &p->keys, key, fresh, e)) {
        return false;
    }
    *generation = p->keys.master.generation;
    return true;
}

bool provision_key_waits(const struct provision *p)
{
    OWN(master) struct master there = {0};
    struct error e;

    return master_look(p->data, "master.key", &there, &e) &&
           there.generation > p->keys.master.generation;
}

static bool give(int control, enum control_kind kind, const char *name, int fd, struct error *e)
{
    struct control_give gift = {(uint64_t)kind, slice_text(name)};
    return control_send(control, CONTROL_GIVE, &control_give_schema, &gift, fd, e);
}

static bool give_files(struct provision *p, const struct role_row *row, int control,
                       struct error *e)
{
    size_t i = (size_t)(row - role_rows);

    for (size_t k = 0; k < ROLE_FILES_MAX && row->files[k].name; k++) {
        if (p->now->files[i][k] >= 0 &&
            !give(control, CONTROL_FILE, row->files[k].name, p->now->files[i][k], e)) {
            return false;
        }
    }
    return true;
}

static bool give_setup(struct provision *p, const struct role_row *row, unsigned instance,
                       int control, struct error *e)
{
    size_t i = (size_t)(row - role_rows);
    struct key_gifts gifts = {.count = 0};

    key_gifts_derive(&p->keys, row, &gifts);
    struct control_setup setup = {
        .config = p->now->bytes,
        .config_name = slice_text(p->config_path),
        .data = p->now->settings.general.data_directory,
        .uid = p->rows[i].uid,
        .gid = p->rows[i].gid,
        .instance = instance,
        .keys = {gifts.keys, gifts.count},
        .generation = p->keys.master.generation,
        .kept = p->keys.master.kept,
        .since_ms = (uint64_t)p->keys.former.since_ms,
        .formers = p->keys.former.count,
        .owner = geteuid(),
    };
    bool sent = control_send(control, CONTROL_SETUP, &control_setup_schema, &setup, -1, e);
    key_gifts_wipe(&gifts);
    return sent;
}

static bool give_directories(struct provision *p, const struct role_row *row, int control,
                             struct error *e)
{
    size_t i = (size_t)(row - role_rows);

    for (size_t k = 0; k < ROLE_DIRECTORIES_MAX && row->directories[k].name; k++) {
        if (p->rows[i].directories[k] >= 0 &&
            !give(control, CONTROL_DIRECTORY, row->directories[k].name, p->rows[i].directories[k],
                  e)) {
            return false;
        }
    }
    return geteuid() != 0 ||
           give(control, CONTROL_ROOT, "/", row->directories[0].name ? p->data : p->empty, e);
}

static bool give_sockets(struct provision *p, const struct role_row *row, int control,
                         struct error *e)
{
    for (size_t k = 0; k < ROLE_SOCKETS_MAX && row->sockets[k]; k++) {
        for (size_t i = 0; i < p->listening.count; i++) {
            if (strcmp(p->listening.sockets[i].name, row->sockets[k]) != 0) {
                continue;
            }
            listening_renew(&p->listening, i);
            if (!give(control, CONTROL_SOCKET, row->sockets[k], p->listening.sockets[i].fd, e)) {
                return false;
            }
        }
    }
    return true;
}

bool provision_give(struct provision *p, const struct role_row *row, unsigned instance, int control,
                    struct error *e)
{
    return give_setup(p, row, instance, control, e) && give_files(p, row, control, e) &&
           give_directories(p, row, control, e) && give_sockets(p, row, control, e) &&
           control_send(control, CONTROL_START, NULL, NULL, -1, e);
}

bool provision_renew(struct provision *p, const struct role_row *row)
{
    size_t i = (size_t)(row - role_rows);
    uint64_t stamp = 0;
    struct error e;

    if (!settings_files_stamp(row, &p->now->settings, &stamp) || stamp == p->rows[i].stamp) {
        return false;
    }
    p->rows[i].stamp = stamp; /* what changes while it is read is seen the next time */
    for (size_t k = 0; k < ROLE_FILES_MAX && row->files[k].name; k++) {
        int fd = -1;
        if (row->files[k].each && settings_file_copy(row, k, &p->now->settings, &fd, &e)) {
            own_fd(&p->now->files[i][k]);
            p->now->files[i][k] = fd;
        }
    }
    return true;
}

bool provision_regive(struct provision *p, const struct role_row *row, int control, struct error *e)
{
    struct control_reload reload = {p->now->bytes};

    return give_files(p, row, control, e) &&
           control_send(control, CONTROL_RELOAD, &control_reload_schema, &reload, -1, e);
}
