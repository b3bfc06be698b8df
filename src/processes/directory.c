/* The process that speaks with directory servers (LDAP): whether a password is right there, who has an account, and which
 * certificates a recipient has. It holds the passwords of `bind-dn`, no key and no file, and sees the passwords that auth has it
 * try. */
#include <pthread.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"

#include "processes/directory_parts.h"
#include "processes/outward.h"
#include "processes/roles.h"

#define PROVE_ARENA           ((size_t)32 << 20)
#define PEOPLE_ARENA          ((size_t)256 << 20)
#define CONTACTS_ARENA        ((size_t)96 << 20)
#define PROVE_MS              12000 /* less than auth waits, and the mail client */
#define PEOPLE_MS             (4 * 60 * 1000)
#define PROVES_A_MINUTE       60000
#define PEOPLE_A_MINUTE       600
#define CERTIFICATES_A_MINUTE 600

/* What was read last, for the pages of it: people or contacts. */
struct reading {
    pthread_mutex_t lock; /* guards what follows */
    struct arena arena;
    struct directory_person *people;
    struct contact *contacts;
    size_t count;
    uint64_t number; /* 0: nothing was read */
    struct slice server;
};

struct directory {
    struct role *role;
    struct resolver *resolver;
    struct reading people;
    struct reading contacts;
};

static struct visit visit_of(const struct directory *d, int64_t within_ms, struct arena *arena)
{
    return (struct visit){.role = d->role,
                          .resolver = d->resolver,
                          .settings = role_settings(d->role),
                          .arena = arena,
                          .until_ms = clock_steady_ms() + within_ms};
}

static bool on_prove(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct directory_prove_ask *ask = r->ask;
    struct directory_prove_answer *answer = r->answer;
    OWN(arena) struct arena arena = {.max = PROVE_ARENA};
    struct visit v = visit_of(ctx, PROVE_MS, &arena);

    if (!visit_directory(&v, ask->directory)) {
        return error_set(e, ERROR_CONFIG, "the settings have no such [directory]");
    }
    answer->verdict = visit_prove(&v, ask->key, ask->password);
    visit_close(&v);
    return true;
}

/* Ask the servers. With the lock held. */
static bool read_anew(struct directory *d, struct reading *last, struct slice name, struct error *e)
{
    struct visit v = visit_of(d, PEOPLE_MS, &last->arena);
    uint64_t number = 0;

    last->number = 0;
    arena_reset(&last->arena);
    if (!visit_directory(&v, name)) {
        return error_set(e, ERROR_CONFIG, "the settings have no such [directory]");
    }
    bool read = visit_open(&v, e) &&
                (last == &d->people ? visit_people(&v, &last->people, &last->count, e)
                                    : visit_contacts(&v, &last->contacts, &last->count, e));
    visit_close(&v);
    if (!read || getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        return read ? error_errno(e, ERROR_BUSY, "random bytes") : false;
    }
    last->server = v.server;
    last->number = number | 1;
    log_event(LOG_INFO, "directory.read", LOG_SLICE("directory", name),
              LOG_TEXT("of", last == &d->people ? "people" : "contacts"),
              LOG_NUMBER("entries", (int64_t)last->count));
    return true;
}

/* Which of what was read is asked for, after the servers were, if they are to be. With the lock held. */
static bool find_page(struct directory *d, struct reading *last,
                      const struct directory_people_ask *ask, size_t most, size_t *from, size_t *n,
                      struct error *e)
{
    if (!ask->reading && !read_anew(d, last, ask->directory, e)) {
        return false;
    }
    if (ask->reading && ask->reading != last->number) {
        return error_set(e, ERROR_INPUT, "what was read is there no more");
    }
    *from = ask->from < last->count ? (size_t)ask->from : last->count;
    *n = last->count - *from < most ? last->count - *from : most;
    return true;
}

/* The keeper asks this in one thread at a time, which has read the answer before it asks again: what it points at stays. */
static bool on_people(void *ctx, struct ipc_request *r, struct error *e)
{
    struct directory *d = ctx;
    struct reading *last = &d->people;
    struct directory_people_answer *answer = r->answer;
    size_t from = 0;
    size_t n = 0;

    (void)pthread_mutex_lock(&last->lock);
    bool done = find_page(d, last, r->ask, DIRECTORY_PAGE, &from, &n, e);
    if (done) {
        *answer = (struct directory_people_answer){
            {last->people + from, n},
            last->number, last->count, last->server
        };
    }
    (void)pthread_mutex_unlock(&last->lock);
    return done;
}

/* Likewise. */
static bool on_contacts(void *ctx, struct ipc_request *r, struct error *e)
{
    struct directory *d = ctx;
    struct reading *last = &d->contacts;
    struct directory_contacts_answer *answer = r->answer;
    size_t from = 0;
    size_t n = 0;

    (void)pthread_mutex_lock(&last->lock);
    bool done = find_page(d, last, r->ask, DIRECTORY_CONTACTS_PAGE, &from, &n, e);
    if (done) {
        *answer = (struct directory_contacts_answer){
            {last->contacts + from, n},
            last->number, last->count
        };
    }
    (void)pthread_mutex_unlock(&last->lock);
    return done;
}

static bool on_certificates(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct directory_certificates_ask *ask = r->ask;
    struct visit v = visit_of(ctx, (int64_t)ask->within_ms, r->arena);

    if (!visit_certificates(&v, ask->section)) {
        return error_set(e, ERROR_CONFIG, "the settings have no such [certificates]");
    }
    visit_take_certificates(&v, ask->address, r->answer);
    visit_close(&v);
    return true;
}

static const struct ipc_row auth_rows[] = {
    {&directory_prove, PROVES_A_MINUTE, on_prove},
};
static const struct ipc_table auth_table = IPC_TABLE("auth", auth_rows);

static const struct ipc_row keeper_rows[] = {
    {&directory_people,       PEOPLE_A_MINUTE,       on_people      },
    {&directory_contacts,     PEOPLE_A_MINUTE,       on_contacts    },
    {&directory_certificates, CERTIFICATES_A_MINUTE, on_certificates},
};
static const struct ipc_table keeper_table = IPC_TABLE("keeper", keeper_rows);

bool directory_prepare(struct role *r, struct error *e)
{
    (void)r;
    (void)e;
    dirlink_prepare();
    return true;
}

bool directory_run(struct role *r, struct error *e)
{
    static struct directory directory;
    static struct ipc_server auth;
    static struct ipc_server keeper;

    directory.role = r;
    (void)pthread_mutex_init(&directory.people.lock, NULL);
    arena_init(&directory.people.arena, PEOPLE_ARENA);
    (void)pthread_mutex_init(&directory.contacts.lock, NULL);
    arena_init(&directory.contacts.arena, CONTACTS_ARENA);
    if (!outward_resolver(r, &directory.resolver, e)) {
        return false;
    }
    ipc_server_init(&auth, &auth_table, &directory);
    ipc_server_init(&keeper, &keeper_table, &directory);
    role_serve(r, "auth", &auth);
    role_serve(r, "keeper", &keeper);
    role_ready(r);
    role_wait(r);
    return true;
}
