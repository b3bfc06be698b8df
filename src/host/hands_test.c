#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/hands.h"
#include "tests/test.h"

/* Work that says which thread did it, and then waits to be let go. */
struct job {
    atomic_int *begun;
    atomic_bool *gate; /* NULL: does not wait */
    _Atomic pid_t thread;
};

static void do_job(void *argument)
{
    struct job *j = argument;

    atomic_store(&j->thread, gettid());
    (void)atomic_fetch_add(j->begun, 1);
    while (j->gate && !atomic_load(j->gate)) {
        (void)usleep(1000);
    }
}

static void wait_until(atomic_int *counter, int count)
{
    int64_t give_up_ms = clock_steady_ms() + 10000;

    while (atomic_load(counter) < count && clock_steady_ms() < give_up_ms) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(counter), count);
}

static void begin(struct hands *h, struct job *j)
{
    struct error e;

    assert_ok(hands_start(h, do_job, j, &e), e);
}

static void a_thread_does_one_after_the_other(void **unused)
{
    (void)unused;
    OWN(hands) struct hands *h = hands_new("hand", THREAD_STACK_SMALL);
    atomic_int begun = 0;
    struct job jobs[] = {{.begun = &begun}, {.begun = &begun}};

    begin(h, &jobs[0]);
    wait_until(&begun, 1);
    (void)usleep(100000); /* until it waits */
    begin(h, &jobs[1]);
    wait_until(&begun, 2);
    assert_int_equal(atomic_load(&jobs[0].thread), atomic_load(&jobs[1].thread));
}

static void work_at_the_same_time_has_threads_of_its_own(void **unused)
{
    (void)unused;
    struct hands *h = hands_new("hand", THREAD_STACK_SMALL);
    atomic_int begun = 0;
    atomic_bool gate = false;
    struct job jobs[100];

    for (size_t i = 0; i < 100; i++) { /* more than may wait afterwards */
        jobs[i] = (struct job){.begun = &begun, .gate = &gate};
        begin(h, &jobs[i]);
    }
    wait_until(&begun, 100);
    assert_int_not_equal(atomic_load(&jobs[0].thread), atomic_load(&jobs[99].thread));
    atomic_store(&gate, true);
    hands_free(h); /* waits for them */
}

static void one_without_work_ends(void **unused)
{
    (void)unused;
    OWN(hands) struct hands *h = hands_new("hand", THREAD_STACK_SMALL);
    atomic_int begun = 0;
    struct job jobs[] = {{.begun = &begun}, {.begun = &begun}};
    char path[64];

    begin(h, &jobs[0]);
    wait_until(&begun, 1);
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d", (int)atomic_load(&jobs[0].thread));
    int64_t give_up_ms = clock_steady_ms() + 10000;
    while (access(path, F_OK) == 0 && clock_steady_ms() < give_up_ms) {
        (void)usleep(10000);
    }
    assert_int_not_equal(access(path, F_OK), 0);
    begin(h, &jobs[1]);
    wait_until(&begun, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_does_one_after_the_other),
        cmocka_unit_test(work_at_the_same_time_has_threads_of_its_own),
        cmocka_unit_test(one_without_work_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
