#include "processes/auth_scene_test.h"

#include <stdio.h>

#include "host/thread.h"
#include "ipc/packet.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "requests/directory.h"

struct settings scene_settings = {
    .general = {.hostname = SLICE_INIT("mail.example.test")},
    .auth = { .parallel = 2,
                .failures_limit = 3,
                .failures_window_ms = 10 * MINUTE,
                .block_ms = 15 * MINUTE,
                .failure_delay_ms = 1000,
                .remember_ms = 5 * MINUTE,
                .scram = true,
                .scram_iterations = 4096},
};

struct scene scene;
static uint8_t verifier_bytes[AUTH_VERIFIER_MAX];

static bool on_account(void *ctx, struct ipc_request *r, struct error *e)
{
    static uint8_t salt[DIGEST_LEN];
    const struct keeper_account_ask *ask = r->ask;
    struct keeper_account_answer *answer = r->answer;

    (void)ctx;
    (void)e;
    digest_of(ask->user, SLICE_NONE, salt);
    answer->salt = slice_of(salt, AUTH_SALT_LEN);
    if (!scene.unlike && scene.verifier.len) {
        answer->like = ANNA;
        answer->like_verifier = scene.verifier;
    }
    if (slice_equal(ask->user, ANNA) || (ask->pin.len && slice_equal(ask->pin, scene.app.pin))) {
        answer->found = true;
        answer->disabled = scene.disabled;
        answer->account = ANNA;
        answer->verifier = scene.verifier;
        if (scene.directory_says) {
            answer->verifier = SLICE_NONE;
            answer->directory = SLICE("office");
            answer->directory_key = SLICE("key of Anna");
        }
        answer->apps = (struct cbor_list){&scene.app, scene.app.id.len > 0};
        answer->second = scene.second;
    }
    return true;
}

static bool on_verifier(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_verifier_ask *ask = r->ask;

    (void)ctx;
    if (!slice_equal(ask->account, ANNA) || !slice_equal(ask->was, scene.verifier)) {
        return error_set(e, ERROR_BUSY, "changed");
    }
    (void)memcpy(verifier_bytes, ask->now.ptr, ask->now.len);
    scene.verifier = slice_of(verifier_bytes, ask->now.len);
    scene.completed++;
    return true;
}

static bool on_session(void *ctx, struct ipc_request *r, struct error *e)
{
    static const uint8_t handle[AUTH_SESSION_LEN] = {7};

    (void)ctx;
    (void)e;
    scene.sessions++;
    scene.last_counter = ((const struct keeper_session_ask *)r->ask)->proof.counter;
    (void)snprintf(scene.last_mechanism, sizeof(scene.last_mechanism), "%.*s",
                   SLICE_ARG(((const struct keeper_session_ask *)r->ask)->mechanism));
    (void)snprintf(scene.last_app, sizeof(scene.last_app), "%.*s",
                   SLICE_ARG(((const struct keeper_session_ask *)r->ask)->app));
    ((struct keeper_session_answer *)r->answer)->session = SLICE_ARRAY(handle);
    return true;
}

static bool on_failure(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct sign_in *s = r->ask;

    (void)ctx;
    (void)e;
    scene.failures++;
    (void)usleep((useconds_t)scene.recording_us);
    scene.last_had_account = s->account.len > 0;
    (void)snprintf(scene.last_reason, sizeof(scene.last_reason), "%.*s", SLICE_ARG(s->reason));
    return true;
}

static const struct ipc_row keeper_rows[] = {
    {&keeper_account,        0, on_account },
    {&keeper_verifier,       0, on_verifier},
    {&keeper_session,        0, on_session },
    {&keeper_sign_in_failed, 0, on_failure },
};
static const struct ipc_table keeper_table = IPC_TABLE("auth", keeper_rows);

static bool on_prove(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct directory_prove_ask *ask = r->ask;
    struct directory_prove_answer *answer = r->answer;

    (void)ctx;
    (void)e;
    scene.directory_asked++;
    scene.directory_knew = ask->key.len > 0;
    (void)usleep(scene.directory_us);
    answer->verdict = DIRECTORY_WRONG;
    if (scene.directory_says == DIRECTORY_AWAY) {
        answer->verdict = DIRECTORY_AWAY;
    } else if (slice_equal(ask->key, SLICE("key of Anna")) && slice_equal(ask->password, RIGHT)) {
        answer->verdict = scene.directory_says;
    }
    return true;
}

static const struct ipc_row directory_rows[] = {
    {&directory_prove, 0, on_prove},
};
static const struct ipc_table directory_table = IPC_TABLE("auth", directory_rows);

static atomic_int breaches; /* of the rules, seen by a serving end */

struct serving {
    struct ipc_server *server;
    int fd;
    pthread_t thread;
};

static struct serving servings[4];

static void serve(void *argument)
{
    struct serving *s = argument;
    struct error e;
    if (!ipc_serve(s->server, s->fd, &e)) {
        breaches++;
    }
    (void)close(s->fd);
}

static void join(struct ipc_pool *asker, struct ipc_server *server, struct serving *s)
{
    int ends[2];
    struct error e;

    assert_ok(packet_pair(ends, &e), e);
    ipc_pool_add(asker, ends[0]);
    *s = (struct serving){.server = server, .fd = ends[1]};
    assert_ok(thread_start_joinable("serve", THREAD_STACK_LARGE, serve, s, &s->thread, &e), e);
}

static const struct settings *settings_now(void *unused)
{
    (void)unused;
    return &scene_settings;
}

static struct slice anchors_now(void *unused)
{
    (void)unused;
    scene.anchors_asked++;
    return scene.anchors;
}

int scene_begin(void **unused)
{
    static struct ipc_server servers[4];
    struct error e;

    (void)unused;
    scene = (struct scene){.seal = keyring_random()};
    scene.keeper = ipc_pool_new("keeper");
    scene.directory = ipc_pool_new("directory");
    scene.submission = ipc_pool_new("auth");
    scene.admin = ipc_pool_new("auth");
    struct auth_options options = {.settings = settings_now,
                                   .seal = scene.seal,
                                   .generation = SCENE_GENERATION,
                                   .keeper = scene.keeper,
                                   .directory = scene.directory,
                                   .anchors = anchors_now,
                                   .passwords = -1};
    scene.auth = auth_new(&options, &e);
    assert_non_null(scene.auth);
    ipc_server_init(&servers[0], &keeper_table, NULL);
    ipc_server_init(&servers[1], &auth_submission_table, scene.auth);
    ipc_server_init(&servers[2], &auth_keeper_table, scene.auth);
    ipc_server_init(&servers[3], &directory_table, NULL);
    join(scene.keeper, &servers[0], &servings[0]);
    join(scene.directory, &servers[3], &servings[3]);
    join(scene.submission, &servers[1], &servings[1]);
    join(scene.admin, &servers[2], &servings[2]);
    return 0;
}

int scene_finish(void **unused)
{
    (void)unused;
    ipc_pool_free(scene.submission);
    ipc_pool_free(scene.admin);
    thread_join(servings[1].thread); /* the serving threads see it; they may still ask the keeper */
    thread_join(servings[2].thread);
    ipc_pool_free(scene.keeper);
    ipc_pool_free(scene.directory);
    thread_join(servings[0].thread);
    thread_join(servings[3].thread);
    auth_free(scene.auth);
    secret_free(scene.seal);
    return 0;
}

void scene_password(struct slice password)
{
    uint8_t salt[DIGEST_LEN];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_verifier_ask ask = {ANNA, password, slice_of(salt, scene.old ? 0 : AUTH_SALT_LEN)};

    struct auth_verifier_answer answer;
    struct error e;

    digest_of(ANNA, SLICE_NONE, salt);
    assert_ok(ipc_call(scene.admin, &auth_verifier, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
              e);
    memcpy(verifier_bytes, answer.verifier.ptr, answer.verifier.len);
    scene.verifier = slice_of(verifier_bytes, answer.verifier.len);
}

uint64_t scene_sign_in(struct slice user, struct slice password, struct slice from,
                       uint64_t *delay_ms)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct auth_login_ask ask = {user, password, from, SLICE("PLAIN")};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(ipc_call(scene.submission, &auth_login, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
              e);
    assert_int_equal(answer.session.len, answer.verdict == LOGIN_ACCEPTED ? AUTH_SESSION_LEN : 0);
    *delay_ms = answer.delay_ms;
    return answer.verdict;
}
