#include <stdatomic.h>
#include <unistd.h>

#include "host/thread.h"
#include "tests/test.h"

static atomic_int seen;

static void note_name(void *argument)
{
    char name[THREAD_NAME_MAX];
    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    if (strcmp(name, "a-name-of-too-m") == 0) {
        atomic_fetch_add(&seen, *(int *)argument);
    }
}

static void runs_under_its_name(void **unused)
{
    (void)unused;
    struct error e;
    pthread_t thread;
    int n = 7;
    assert_ok(thread_start_joinable("a-name-of-too-many-letters", THREAD_STACK_SMALL, note_name, &n,
                                    &thread, &e),
              e);
    thread_join(thread);
    assert_int_equal(atomic_load(&seen), 7);
}

static atomic_bool detached_ran;

static void detached_main(void *argument)
{
    (void)argument;
    atomic_store(&detached_ran, true);
}

static void runs_detached(void **unused)
{
    (void)unused;
    struct error e;
    assert_ok(thread_start("detached", THREAD_STACK_SMALL, detached_main, NULL, &e), e);
    for (int i = 0; i < 1000 && !atomic_load(&detached_ran); i++) {
        (void)usleep(1000);
    }
    assert_true(atomic_load(&detached_ran));
}

static __attribute__((noinline)) int use_stack(void)
{
    volatile char page[24 * 1024];
    for (size_t i = 0; i < sizeof(page); i++) {
        page[i] = (char)i;
    }
    return page[100];
}

static void rest_main(void *argument)
{
    char mine[600];
    memset(mine, 'm', sizeof(mine));
    int *sum = argument;
    for (int i = 0; i < 100; i++) {
        *sum += use_stack();
        thread_rest();
    }
    for (size_t i = 0; i < sizeof(mine); i++) {
        *sum += mine[i] == 'm' ? 0 : 1;
    }
}

static void resting_keeps_the_frames_in_use(void **unused)
{
    (void)unused;
    struct error e;
    pthread_t thread;
    int sum = 0;
    thread_rest(); /* in the main thread: nothing happens */
    assert_ok(thread_start_joinable("rest", THREAD_STACK_SMALL, rest_main, &sum, &thread, &e), e);
    thread_join(thread);
    assert_int_equal(sum, 100 * 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_under_its_name),
        cmocka_unit_test(runs_detached),
        cmocka_unit_test(resting_keeps_the_frames_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
