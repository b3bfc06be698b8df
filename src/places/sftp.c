/* An SFTP server: a connection that is kept, begun anew after whatever went wrong with it. */
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/dial.h"
#include "places/internal.h"

#define CONNECT_MS 20000
#define CALL_MS    60000L
#define CHUNK      ((size_t)256 << 10)
#define PATH_LEN   2048
#define FILE_MODE  0600
#define PRINT_LEN  64 /* "SHA256:" and 43 characters */
#define HASH_LEN   32
#define NAME_ROOM  512
#define HOSTKEYS   "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa"

struct sftp {
    int fd;
    LIBSSH2_SESSION *session;
    LIBSSH2_SFTP *sftp;
};

bool places_sftp_check(const struct places *p, struct error *e)
{
    if (!slice_starts(p->options.host_key, SLICE("SHA256:"))) {
        return error_set(
            e, ERROR_CONFIG,
            "an SFTP target needs its server's host key, as `ssh-keygen -l` prints it: "
            "SHA256:...");
    }
    return p->options.credentials.len != 0 ||
           error_set(e, ERROR_CONFIG,
                     "the credentials of an SFTP target are a private key or a password");
}

void places_sftp_close(struct places *p)
{
    struct sftp *s = p->sftp;

    if (!s) {
        return;
    }
    if (s->sftp) {
        (void)libssh2_sftp_shutdown(s->sftp);
    }
    if (s->session) {
        (void)libssh2_session_free(s->session);
    }
    own_fd(&s->fd);
    free(s);
    p->sftp = NULL;
}

/* What went wrong, in the library's words; the connection is given up. */
static bool broken(struct places *p, const char *what, struct error *e)
{
    char *text = NULL;
    unsigned long status = p->sftp->sftp ? libssh2_sftp_last_error(p->sftp->sftp) : 0;

    (void)libssh2_session_last_error(p->sftp->session, &text, NULL, 0);
    (void)error_set(e, ERROR_BUSY, "%s: %s (%lu)", what, text ? text : "it failed", status);
    for (char *c = e->text; *c; c++) {
        *c = *c >= ' ' && *c < 0x7f ? *c : '?';
    }
    places_sftp_close(p);
    return false;
}

static bool dial(struct places *p, int *fd, struct error *e)
{
    struct address addresses[PLACES_ADDRESSES_MAX];
    size_t count = 0;

    if (!p->options.resolve(p->options.context, p->parts.host, p->parts.port, addresses, &count,
                            e)) {
        return false;
    }
    *e = (struct error){.kind = ERROR_BUSY, .text = "the SFTP server has no address"};
    for (size_t i = 0; i < count; i++) {
        if (dial_tcp(&addresses[i], NULL, clock_steady_ms() + CONNECT_MS, fd, e)) {
            return true;
        }
    }
    return false;
}

/* "SHA256:" and base64 without its padding. */
static bool is_pinned(const struct places *p)
{
    const char *hash = libssh2_hostkey_hash(p->sftp->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    uint8_t print[PRINT_LEN] = "SHA256:";

    if (!hash) {
        return false;
    }
    int n = EVP_EncodeBlock(print + 7, (const uint8_t *)hash, HASH_LEN);
    size_t len = 7 + (size_t)n;
    while (len && print[len - 1] == '=') {
        len--;
    }
    return slice_equal(slice_of(print, len), slice_trim(p->options.host_key));
}

static bool log_in(struct places *p, struct error *e)
{
    struct slice user = p->parts.user;
    struct slice secret = p->options.credentials;
    struct slice rest = SLICE_NONE;
    int failed = 0;

    if (slice_starts(secret, SLICE("-----BEGIN "))) {
        failed = libssh2_userauth_publickey_frommemory(p->sftp->session, (const char *)user.ptr,
                                                       user.len, NULL, 0, (const char *)secret.ptr,
                                                       secret.len, NULL);
    } else {
        OWN(arena) struct arena arena = {.max = 8192};
        char *password = arena_text(&arena, slice_trim(slice_cut(secret, '\n', &rest)));
        failed = libssh2_userauth_password_ex(p->sftp->session, (const char *)user.ptr,
                                              (unsigned)user.len, password,
                                              (unsigned)strlen(password), NULL);
        explicit_bzero(password, strlen(password));
    }
    if (failed) {
        (void)broken(p, "the SFTP server refuses us", e);
        e->kind = ERROR_DENIED;
    }
    return !failed;
}

static bool connect_to(struct places *p, struct error *e)
{
    if (p->sftp) {
        return true;
    }
    p->sftp = calloc(1, sizeof(*p->sftp));
    if (!p->sftp) {
        arena_panic("out of memory");
    }
    p->sftp->fd = -1;
    if (!dial(p, &p->sftp->fd, e)) {
        places_sftp_close(p);
        return false;
    }
    p->sftp->session = libssh2_session_init_ex(NULL, NULL, NULL, NULL);
    if (!p->sftp->session) {
        arena_panic("out of memory");
    }
    libssh2_session_set_timeout(p->sftp->session, CALL_MS);
    if (libssh2_session_method_pref(p->sftp->session, LIBSSH2_METHOD_HOSTKEY, HOSTKEYS) != 0 ||
        libssh2_session_handshake(p->sftp->session, p->sftp->fd) != 0) {
        return broken(p, "SSH", e);
    }
    if (!is_pinned(p)) {
        places_sftp_close(p);
        return error_set(e, ERROR_DENIED,
                         "the SFTP server shows another host key than the one that is set: it is "
                         "not that server, or got a new key");
    }
    if (!log_in(p, e)) {
        return false;
    }
    p->sftp->sftp = libssh2_sftp_init(p->sftp->session);
    return p->sftp->sftp || broken(p, "SFTP", e);
}

/* The folder as the server is told: absolute, or below home with "~". */
static int folder_path(const struct places *p, char out[static PATH_LEN])
{
    struct slice path = p->parts.path;

    if (slice_equal(path, SLICE("~"))) {
        return snprintf(out, PATH_LEN, ".");
    }
    bool home = slice_starts(path, SLICE("~/")); /* -fanalyzer: it is set above */
    path = home ? slice_from(path, 2) : path;
    return snprintf(out, PATH_LEN, "%s%.*s", home ? "" : "/", SLICE_ARG(path));
}

static bool object_path(const struct places *p, struct slice name, const char *ending,
                        char out[static PATH_LEN], struct error *e)
{
    char folder[PATH_LEN];

    (void)folder_path(p, folder);
    if (!store_is_name(name)) {
        return error_set(e, ERROR_INPUT, "this is no name of an object");
    }
    int n = snprintf(out, PATH_LEN, "%s/%.*s%s", folder, SLICE_ARG(name), ending);
    return (n > 0 && n < PATH_LEN) || error_set(e, ERROR_CONFIG, "the target's path is too long");
}

static LIBSSH2_SFTP_HANDLE *open_path(struct places *p, const char *path, unsigned long flags,
                                      int type)
{
    return libssh2_sftp_open_ex(p->sftp->sftp, path, (unsigned)strlen(path), flags, FILE_MODE,
                                type);
}

static bool is_missing(const struct places *p)
{
    return libssh2_session_last_errno(p->sftp->session) == LIBSSH2_ERROR_SFTP_PROTOCOL &&
           libssh2_sftp_last_error(p->sftp->sftp) == LIBSSH2_FX_NO_SUCH_FILE;
}

static int remove_path(struct places *p, const char *path)
{
    return libssh2_sftp_unlink_ex(p->sftp->sftp, path, (unsigned)strlen(path));
}

/* ── the store ── */

/* Each call has its own limit of time; this is that of all of them. */
static bool write_all(LIBSSH2_SFTP_HANDLE *file, struct slice bytes)
{
    int64_t until = clock_steady_ms() + PLACES_OBJECT_MS;

    while (bytes.len) {
        ssize_t n = libssh2_sftp_write(file, (const char *)bytes.ptr, bytes.len);
        if (n <= 0 || clock_steady_ms() > until) {
            return false;
        }
        bytes = slice_from(bytes, (size_t)n);
    }
    return true;
}

/* What a server does not know about syncing it cannot be asked for. */
static bool sync_file(const struct places *p, LIBSSH2_SFTP_HANDLE *file)
{
    return libssh2_sftp_fsync(file) == 0 ||
           libssh2_sftp_last_error(p->sftp->sftp) == LIBSSH2_FX_OP_UNSUPPORTED;
}

static bool rename_over(struct places *p, const char *from, const char *to)
{
    const long how =
        LIBSSH2_SFTP_RENAME_OVERWRITE | LIBSSH2_SFTP_RENAME_ATOMIC | LIBSSH2_SFTP_RENAME_NATIVE;
    unsigned from_len = (unsigned)strlen(from);
    unsigned to_len = (unsigned)strlen(to);

    if (libssh2_sftp_rename_ex(p->sftp->sftp, from, from_len, to, to_len, how) == 0) {
        return true;
    }
    /* Version 3 of the protocol does not replace. */
    return remove_path(p, to) == 0 &&
           libssh2_sftp_rename_ex(p->sftp->sftp, from, from_len, to, to_len, how) == 0;
}

static bool put(void *context, struct slice name, struct slice bytes, struct error *e)
{
    struct places *p = context;
    char path[PATH_LEN];
    char under_way[PATH_LEN];

    if (!object_path(p, name, "", path, e) || !object_path(p, name, ".new", under_way, e) ||
        !connect_to(p, e)) {
        return false;
    }
    LIBSSH2_SFTP_HANDLE *file =
        open_path(p, under_way, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_TRUNC,
                  LIBSSH2_SFTP_OPENFILE);
    if (!file) {
        return broken(p, "make a file", e);
    }
    bool written = write_all(file, bytes) && sync_file(p, file);
    bool closed = libssh2_sftp_close_handle(file) == 0;
    return (written && closed && rename_over(p, under_way, path)) || broken(p, "write a file", e);
}

static bool read_all(LIBSSH2_SFTP_HANDLE *file, struct buf *out, bool *fits)
{
    int64_t until = clock_steady_ms() + PLACES_OBJECT_MS;

    while (clock_steady_ms() < until) {
        uint8_t *room = buf_room(out, CHUNK);
        if (!room) {
            size_t left = out->max - out->len;
            out->full = false;
            room = left ? buf_room(out, left) : NULL;
        }
        size_t space = out->max - out->len < CHUNK ? out->max - out->len : CHUNK;
        char probe = 0;
        ssize_t n = room ? libssh2_sftp_read(file, (char *)room, space)
                         : libssh2_sftp_read(file, &probe, 1);
        if (n <= 0) {
            return n == 0;
        }
        if (!room) {
            *fits = false;
            return true;
        }
        out->len += (size_t)n;
    }
    return false;
}

static bool get(void *context, struct slice name, struct buf *out, struct error *e)
{
    struct places *p = context;
    char path[PATH_LEN];
    bool fits = true;

    if (!object_path(p, name, "", path, e) || !connect_to(p, e)) {
        return false;
    }
    LIBSSH2_SFTP_HANDLE *file = open_path(p, path, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE);
    if (!file) {
        return is_missing(p) ? error_set(e, ERROR_CORRUPT, "%.*s is not there", SLICE_ARG(name))
                             : broken(p, "open a file", e);
    }
    bool read = read_all(file, out, &fits);
    (void)libssh2_sftp_close_handle(file);
    if (!read) {
        return broken(p, "read a file", e);
    }
    return fits || error_set(e, ERROR_LIMIT, "an object is too long");
}

static bool list(void *context, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e)
{
    struct places *p = context;
    struct places_list bounds = {.until = clock_steady_ms() + PLACES_LIST_MS};
    LIBSSH2_SFTP_ATTRIBUTES about;
    char folder[PATH_LEN];
    char name[NAME_ROOM];
    bool ok = true;
    int n = 0;

    (void)folder_path(p, folder);
    if (!connect_to(p, e)) {
        return false;
    }
    LIBSSH2_SFTP_HANDLE *entries = open_path(p, folder, 0, LIBSSH2_SFTP_OPENDIR);
    if (!entries) {
        return broken(p, "open the target's folder", e);
    }
    while (ok && (n = libssh2_sftp_readdir_ex(entries, name, sizeof(name), NULL, 0, &about)) > 0) {
        struct slice s = slice_of(name, (size_t)n);
        ok = places_list_count(&bounds, e) && places_list_in_time(&bounds, e);
        if (ok && slice_starts(s, prefix) && store_is_name(s) &&
            about.flags & LIBSSH2_SFTP_ATTR_SIZE) {
            ok = visit(visitor, s, about.filesize, e);
        }
    }
    (void)libssh2_sftp_close_handle(entries);
    return ok && (n == 0 || broken(p, "list the target's folder", e));
}

static bool remove_object(void *context, struct slice name, struct error *e)
{
    struct places *p = context;
    char path[PATH_LEN];

    return object_path(p, name, "", path, e) && connect_to(p, e) &&
           (remove_path(p, path) == 0 || is_missing(p) || broken(p, "remove a file", e));
}

const struct store_ops places_sftp_ops = {put, get, list, remove_object};
