/* The child's half of the control channel. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/log.h"

#include "host/memfd.h"
#include "keyring/former.h"
#include "processes/internal.h"
#include "processes/links.h"

#define ORPHAN_SECONDS 10 /* to finish in when the supervisor is gone */

static char *text_copy(struct slice s)
{
    char *text = strndup((const char *)s.ptr, s.len);
    if (!text) {
        arena_panic("out of memory");
    }
    return text;
}

/* The first of a label is in force, the others were before it. */
static void keep_key(struct secret **key, struct slice bytes)
{
    OWN(secret) struct secret *given = secret_copy(bytes);

    if (*key) {
        keyring_former_add(*key, given);
    } else {
        *key = TAKE(given, NULL);
    }
}

static bool keep_keys(struct role *r, const struct control_setup *setup, struct error *e)
{
    const struct control_key *keys = setup->keys.items;

    for (size_t want = 0; want < ROLE_KEYS_MAX && r->row->keys[want]; want++) {
        for (size_t i = 0; i < setup->keys.count; i++) {
            if (slice_equal(keys[i].label, slice_text(r->row->keys[want]))) {
                keep_key(&r->keys[want], keys[i].key);
            }
        }
        if (!r->keys[want]) {
            return error_set(e, ERROR_CONFIG, "the supervisor gave no key %s", r->row->keys[want]);
        }
    }
    return true;
}

/* Read a configuration with the files given for it, and put it in force. */
static bool adopt(struct role *r, struct slice config, struct error *e)
{
    struct role_snapshot *s = calloc(1, sizeof(*s));

    if (!s) {
        arena_panic("out of memory");
    }
    arena_init(&s->arena, CONFIG_ARENA_MAX);
    struct slice bytes = arena_copy(&s->arena, config);
    if (!settings_read(bytes, r->config_name, &s->arena, &s->settings, NULL, e)) {
        arena_done(&s->arena);
        free(s);
        return false;
    }
    s->config = bytes;
    (void)memcpy(s->files, r->staged, sizeof(s->files));
    (void)memset(r->staged, 0, sizeof(r->staged));
    atomic_store(&r->now, s);
    return true;
}

static bool take_setup(struct role *r, const struct ipc_packet *p, struct arena *arena,
                       struct error *e)
{
    struct control_setup setup;

    if (!control_read(p, &control_setup_schema, arena, &setup, e)) {
        return false;
    }
    r->uid = (uid_t)setup.uid;
    r->gid = (gid_t)setup.gid;
    r->instance = (unsigned)setup.instance;
    r->master = (struct role_master){setup.generation, setup.kept, (int64_t)setup.since_ms,
                                     (uid_t)setup.owner, setup.formers};
    r->config_name = text_copy(setup.config_name);
    r->data = text_copy(setup.data);
    return keep_keys(r, &setup, e) && adopt(r, setup.config, e);
}

static bool take_directory(struct role *r, struct slice name, int *fd)
{
    for (size_t i = 0; i < ROLE_DIRECTORIES_MAX && r->row->directories[i].name; i++) {
        if (slice_equal(name, slice_text(r->row->directories[i].name))) {
            r->directories[i].fd = TAKE(*fd, -1);
            return true;
        }
    }
    return false;
}

/* The content stays mapped for good: threads may look at it long after a reload. */
static bool take_file(struct role *r, struct slice name, int fd, struct error *e)
{
    struct memfd_map map;

    for (size_t i = 0; i < ROLE_FILES_MAX && r->row->files[i].name; i++) {
        if (slice_equal(name, slice_text(r->row->files[i].name))) {
            if (!memfd_map(fd, ROLE_FILE_BYTES_MAX, &map, e)) {
                return false;
            }
            r->staged[i] = map.bytes;
            return true;
        }
    }
    return error_set(e, ERROR_CONFIG, "the supervisor gave an unknown file");
}

static bool take_socket(struct role *r, struct slice name, int *fd)
{
    if (r->n_sockets == ROLE_LISTENING_MAX) {
        return false;
    }
    (void)memcpy(r->sockets[r->n_sockets].name, name.ptr, name.len); /* zeroed, within bounds */
    r->sockets[r->n_sockets++].fd = TAKE(*fd, -1);
    return true;
}

static bool take_gift(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_give give;
    bool taken = false;

    if (!control_read(p, &control_give_schema, arena, &give, e)) {
        return false;
    }
    switch ((enum control_kind)give.kind) {
    case CONTROL_DIRECTORY:
        taken = take_directory(r, give.name, &p->fd);
        break;
    case CONTROL_FILE:
        return take_file(r, give.name, p->fd, e);
    case CONTROL_SOCKET:
        taken = take_socket(r, give.name, &p->fd);
        break;
    case CONTROL_ROOT:
        r->root = TAKE(p->fd, -1);
        taken = true;
        break;
    }
    return taken || error_set(e, ERROR_CONFIG, "the supervisor gave something unknown");
}

static bool take_before_start(struct role *r, struct ipc_packet *p, struct arena *arena,
                              struct error *e)
{
    if (p->verb == CONTROL_SETUP && !r->data) {
        return take_setup(r, p, arena, e);
    }
    if (p->verb == CONTROL_GIVE) {
        return take_gift(r, p, arena, e);
    }
    return error_set(e, ERROR_CONFIG, "packet %u before the start", p->verb);
}

/* The files were given after the configuration that names them. */
static void finish_setup(struct role *r)
{
    struct role_snapshot *s = atomic_load(&r->now);

    (void)memcpy(s->files, r->staged, sizeof(s->files));
    (void)memset(r->staged, 0, sizeof(r->staged));
}

bool role_receive_setup(struct role *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = CONTROL_ARENA_MAX};

    for (;;) {
        struct ipc_packet p = {.fd = -1};
        arena_reset(&arena);
        enum packet_result got = packet_receive(r->control, &arena, &p, e);
        if (got == PACKET_BROKEN) {
            return false;
        }
        if (got != PACKET_RECEIVED) {
            return error_set(e, ERROR_BUSY, "the supervisor is gone");
        }
        if (p.verb == CONTROL_START && r->data) {
            finish_setup(r);
            return true;
        }
        bool ok = take_before_start(r, &p, &arena, e);
        if (p.verb == CONTROL_SETUP && p.body.len) {
            explicit_bzero((void *)(uintptr_t)p.body.ptr, p.body.len); /* keys */
        }
        own_fd(&p.fd);
        if (!ok) {
            return false;
        }
    }
}

static bool take_peer(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_peer peer;

    if (!control_read(p, &control_peer_schema, arena, &peer, e)) {
        return false;
    }
    if (peer.asks) {
        for (size_t i = 0; i < ROLE_ASKS_MAX && r->pools[i]; i++) {
            if (slice_equal(peer.role, slice_text(r->row->asks[i].role))) {
                ipc_pool_add(r->pools[i], TAKE(p->fd, -1));
                return true;
            }
        }
        return error_set(e, ERROR_CONFIG, "a channel to a role that is not asked");
    }
    const struct role_row *row = role_find(arena_text(arena, peer.role));
    if (!row) {
        return error_set(e, ERROR_CONFIG, "a channel from an unknown role");
    }
    role_add_channel(r, row->name, TAKE(p->fd, -1));
    return true;
}

static bool take_reload(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_reload reload;

    if (!control_read(p, &control_reload_schema, arena, &reload, e) ||
        !adopt(r, reload.config, e)) {
        return false;
    }
    log_set_level((enum log_level)role_settings(r)->general.log_level);
    (void)pthread_mutex_lock(&r->lock);
    void (*reloaded)(void *) = r->reloaded;
    void *argument = r->reloaded_argument;
    (void)pthread_mutex_unlock(&r->lock);
    if (reloaded) {
        reloaded(argument);
    }
    return true;
}

static bool take_alarm(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_tell tell;

    if (!control_read(p, &control_tell_schema, arena, &tell, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    void (*told)(void *, struct slice, struct slice, struct slice) = r->told;
    void *argument = r->told_argument;
    (void)pthread_mutex_unlock(&r->lock);
    if (told) {
        told(argument, tell.from, tell.event, tell.sentence);
    }
    return true;
}

static void stop(struct role *r)
{
    uint64_t one = 1;

    (void)pthread_mutex_lock(&r->lock);
    atomic_store(&r->stopping, true);
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    (void)!write(r->stop_fd, &one, sizeof(one));
}

static bool take(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    switch (p->verb) {
    case CONTROL_PEER:
        return take_peer(r, p, arena, e);
    case CONTROL_GIVE:
        return take_gift(r, p, arena, e);
    case CONTROL_RELOAD:
        return take_reload(r, p, arena, e);
    case CONTROL_TELL:
        return take_alarm(r, p, arena, e);
    case CONTROL_LINK:
        return role_take_link(r, p, arena, e);
    case CONTROL_RAN:
        return role_take_ran(r, p, arena, e);
    case CONTROL_TOLD:
        return role_take_told(r, p, arena, e);
    case CONTROL_PING:
        return control_send(r->control, CONTROL_ALIVE, NULL, NULL, -1, e);
    case CONTROL_STOP:
        stop(r);
        return true;
    default:
        return error_set(e, ERROR_CONFIG, "packet %u after the start", p->verb);
    }
}

void role_obey(void *role)
{
    struct role *r = role;
    OWN(arena) struct arena arena = {.max = CONTROL_ARENA_MAX};

    for (;;) {
        struct ipc_packet p = {.fd = -1};
        struct error e;
        arena_reset(&arena);
        enum packet_result got = packet_receive(r->control, &arena, &p, &e);
        if (got == PACKET_CLOSED) {
            break;
        }
        if (got == PACKET_RECEIVED && !take(r, &p, &arena, &e)) {
            log_event(LOG_ERROR, "control.refused", LOG_TEXT("reason", e.text));
        }
        own_fd(&p.fd);
    }
    /* The supervisor is gone. Its death ends us (host/sandbox) unless it only hung up. */
    stop(r);
    (void)sleep(ORPHAN_SECONDS);
    _exit(1);
}
