/* Whose hand a pull is in: whatever is lost on the way and whoever dies, its next time comes. */
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"

#include "keeper/internal.h"
#include "keeper/pulls.h"
#include "requests/pull.h"
#include "tests/test.h"

#define LIFE  77
#define LATER 78

static const struct pull_settings sections[] = {
    {.name = SLICE_INIT("office"), .interval_ms = 1000000},
};
static struct settings settings = {
    .pulls = {(void *)(uintptr_t)sections, 1}
};

static const struct settings *in_force(void *unused)
{
    (void)unused;
    return &settings;
}

static struct keeper *keeper_with_pulls(void)
{
    struct keeper *k = calloc(1, sizeof(*k));

    k->options.settings = in_force;
    k->pulls = pulls_new();
    return k;
}

static void end(struct keeper *k)
{
    pulls_free(k->pulls);
    free(k);
}

/* Whether that worker gets the pull. */
static bool takes(struct keeper *k, const struct keeper_pull_next_ask *ask)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct keeper_pull_next_answer answer = {0};
    struct ipc_request r = {.ask = ask, .answer = &answer, .arena = &arena};
    struct error e;

    assert_true(keeper_on_pull_next(k, &r, &e));
    return answer.name.len > 0;
}

static void done(struct keeper *k, uint64_t life, uint64_t worker)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    const struct keeper_pull_done_ask ask = {
        .pull = sections[0].name, .life = life, .worker = worker};
    struct ipc_request r = {.ask = &ask, .arena = &arena};
    struct error e;

    assert_true(keeper_on_pull_done(k, &r, &e));
}

static bool runs(struct keeper *k)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct admin_pulls_answer answer = {0};
    struct ipc_request r = {.answer = &answer, .arena = &arena};
    struct error e;

    assert_true(keeper_on_pulls(k, &r, &e));
    return ((const struct admin_pull *)answer.pulls.items)[0].running;
}

static void one_worker_has_it_until_it_is_done(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_pulls();
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .fresh = true}));
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1}));
    assert_true(runs(k));
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 2}));
    done(k, LIFE, 2); /* it is not its own to end */
    assert_true(runs(k));
    done(k, LIFE, 1);
    assert_false(runs(k));
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1})); /* not due */
    end(k);
}

static void a_lost_answer_gives_it_back(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_pulls();
    /* also when the keeper is younger than the process, which then says nothing of a beginning */
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1}));
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1}));
    done(k, LIFE, 1);
    assert_false(runs(k));
    end(k);
}

static void a_new_process_takes_what_a_dead_one_had(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_pulls();
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 3}));
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LATER, .fresh = true}));
    assert_false(runs(k));
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 3}));
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LATER, .worker = 3}));
    done(k, LIFE, 3);
    assert_true(runs(k));
    end(k);
}

struct waiting {
    struct keeper *keeper;
    bool got;
};

static void *wait_of_the_dead(void *waiting)
{
    struct waiting *w = waiting;

    w->got = takes(w->keeper,
                   &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1, .wait_ms = 60000});
    return NULL;
}

static void a_question_that_outlived_its_process_gets_nothing(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_pulls();
    struct waiting w = {k, true};
    pthread_t thread;
    assert_true(takes(k, &(struct keeper_pull_next_ask){.life = LIFE, .worker = 1}));
    done(k, LIFE, 1);
    int64_t begun = clock_steady_ms();
    assert_int_equal(pthread_create(&thread, NULL, wait_of_the_dead, &w), 0);
    (void)usleep(50000);
    assert_false(takes(k, &(struct keeper_pull_next_ask){.life = LATER, .fresh = true}));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(w.got);
    assert_true(clock_steady_ms() - begun < 30000); /* and it does not wait to its end */
    end(k);
}

static void a_question_names_its_worker(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_pulls();
    static const struct keeper_pull_next_ask asks[] = {{.worker = 1}, {.life = LIFE}};
    for (size_t i = 0; i < 2; i++) {
        struct keeper_pull_next_answer answer = {0};
        struct ipc_request r = {.ask = &asks[i], .answer = &answer};
        struct error e;
        assert_false(keeper_on_pull_next(k, &r, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
    end(k);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_has_it_until_it_is_done),
        cmocka_unit_test(a_lost_answer_gives_it_back),
        cmocka_unit_test(a_new_process_takes_what_a_dead_one_had),
        cmocka_unit_test(a_question_that_outlived_its_process_gets_nothing),
        cmocka_unit_test(a_question_names_its_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
