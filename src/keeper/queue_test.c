#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#include "keeper/lanes.h"
#include "tests/test.h"

static struct queue_entry *entry_for(const char *domain, uint64_t next_at)
{
    struct parcel *p = parcel_new();
    struct catalog_queue_row row = {
        .state = QUEUE_WAITING, .next_at = next_at, .pending = SLICE("\0\0\0\1")};
    struct ruling ruling = {.domain = slice_text(domain)};

    p->id = letter_id_new();
    struct queue_entry *entry = queue_entry_new(p, &row, &ruling, false);
    parcel_drop(p); /* the entry has its own reference */
    return entry;
}

static struct queue_entry *take(struct queue *q, uint64_t life, struct slice route, size_t per_lane,
                                int64_t wait_ms)
{
    return queue_take(q, life, route, (struct queue_limits){per_lane, 1000}, wait_ms);
}

static void lanes_take_turns(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    queue_add(q, entry_for("slow.test", 0));
    queue_add(q, entry_for("slow.test", 0));
    queue_add(q, entry_for("slow.test", 0));
    queue_add(q, entry_for("quick.test", 0));

    struct queue_entry *a = take(q, 0, SLICE_NONE, 2, 0);
    struct queue_entry *b = take(q, 0, SLICE_NONE, 2, 0);
    struct queue_entry *c = take(q, 0, SLICE_NONE, 2, 0);
    assert_slice(a->domain, "slow.test");
    assert_slice(b->domain, "quick.test");
    assert_slice(c->domain, "slow.test");
    assert_null(take(q, 0, SLICE_NONE, 2, 0)); /* two in hand are the most */
    queue_finish(q, a);
    struct queue_entry *d = take(q, 0, SLICE("slow.test"), 2, 0);
    assert_non_null(d);
    assert_null(queue_grasp(q, 0, d->job)); /* it is busy */
    queue_let_go(q, d);
    assert_null(queue_grasp(q, 1, d->job)); /* another life's */
    assert_ptr_equal(queue_grasp(q, 0, d->job), d);
    assert_null(queue_grasp(q, 0, 99));
    queue_free(q);
}

static void a_host_gets_more_as_it_answers(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct queue_entry *taken[4] = {NULL};

    for (size_t i = 0; i < 8; i++) {
        queue_add(q, entry_for("a.test", 0));
    }
    taken[0] = take(q, 0, SLICE_NONE, 4, 0);
    taken[1] = take(q, 0, SLICE_NONE, 4, 0);
    assert_non_null(taken[1]);
    assert_null(take(q, 0, SLICE_NONE, 4, 0)); /* until it is known to answer */
    queue_learn(q, taken[0], true);
    queue_learn(q, taken[0], true);
    taken[2] = take(q, 0, SLICE_NONE, 4, 0);
    taken[3] = take(q, 0, SLICE_NONE, 4, 0);
    assert_non_null(taken[3]);
    queue_learn(q, taken[3], true);
    assert_null(take(q, 0, SLICE_NONE, 4, 0)); /* what the settings allow */
    queue_learn(q, taken[0], false);
    for (size_t i = 0; i < 4; i++) {
        assert_null(take(q, 0, SLICE_NONE, 4, 0));
        queue_finish(q, taken[i]);
    }
    assert_non_null(take(q, 0, SLICE_NONE, 4, 0));
    assert_null(take(q, 0, SLICE_NONE, 4, 0)); /* one by one */
    queue_free(q);
}

static void what_waits_comes_in_order_of_time(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    uint64_t now = (uint64_t)clock_wall_ms();

    for (uint64_t i = 0; i < 50; i++) {
        queue_add(q,
                  entry_for("a.test", now + 500 + 4 * (i * 37 % 50))); /* all orders of arrival */
    }
    assert_null(take(q, 0, SLICE_NONE, 100, 0));
    uint64_t before = 0;
    for (int i = 0; i < 50; i++) {
        struct queue_entry *entry = take(q, 0, SLICE_NONE, 100, 10000);
        assert_non_null(entry);
        assert_true(entry->next_at >= before && entry->next_at <= (uint64_t)clock_wall_ms());
        before = entry->next_at;
        queue_finish(q, entry);
    }
    queue_free(q);
}

static void orders_find_their_letter(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct queue_counts counts;
    struct queue_entry *entry = entry_for("a.test", (uint64_t)clock_wall_ms() + 100000);
    struct letter_id id = entry->parcel->id;
    uint64_t later = 0;

    queue_add(q, entry);
    queue_add(q, entry_for("a.test", (uint64_t)clock_wall_ms() + 90000));
    assert_int_equal(queue_order(q, &id, 0, QUEUE_HELD, 0, &later), 1);
    assert_int_equal(later, 0);
    queue_count(q, &counts);
    assert_int_equal(counts.held, 1);
    assert_int_equal(counts.deferred, 1);
    assert_int_equal(queue_order(q, &id, 2, QUEUE_WAITING, 0, &later), 0); /* no such ruling */
    assert_int_equal(queue_order(q, &id, 1, QUEUE_WAITING, 0, &later), 1);
    assert_ptr_equal(take(q, 0, SLICE_NONE, 1, 0), entry);
    assert_true(entry->released);
    assert_int_equal(queue_reclaim(q), 1); /* its taker died while we were busy with it */
    assert_null(queue_take_letter(q, &id, 0, &later)); /* still busy */
    assert_int_equal(later, 1);
    assert_true(queue_wants_cancel(q, entry));
    assert_int_equal(queue_order(q, &id, 0, QUEUE_WAITING, 0, &later), 0);
    assert_false(queue_wants_cancel(q, entry)); /* thought better of */
    assert_null(take(q, 0, SLICE_NONE, 1, 0));  /* the dead one gets nothing any more */
    queue_let_go(q, entry);
    assert_ptr_equal(take(q, 1, SLICE_NONE, 1, 0), entry);
    queue_let_go(q, entry);
    assert_int_equal(queue_order(q, &id, 0, QUEUE_HELD, 0, &later), 0);
    assert_int_equal(later, 1); /* when it comes back */
    assert_int_equal(queue_reclaim(q), 2);
    queue_count(q, &counts);
    assert_int_equal(counts.held, 1);
    assert_int_equal(queue_order(q, &id, 0, QUEUE_WAITING, 0, &later), 1);
    assert_ptr_equal(take(q, 2, SLICE_NONE, 1, 0), entry);
    queue_let_go(q, entry);
    assert_int_equal(queue_reclaim(q), 3); /* and now while it was in hand */
    assert_ptr_equal(queue_take_letter(q, &id, 0, &later), entry);
    queue_finish(q, entry);
    queue_free(q);
}

/* Resting connections that turn out dead are a few; who begins for ever wants to fill the disk. */
static void a_job_begins_only_so_often(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct queue_entry *entry = entry_for("a.test", 0);
    unsigned n = 0;

    queue_add(q, entry);
    assert_ptr_equal(take(q, 0, SLICE_NONE, 1, 0), entry);
    while (n < 1000 && queue_entry_begins(entry)) {
        n++;
    }
    assert_in_range(n, 4, 100);
    queue_put_back(q, entry);
    assert_ptr_equal(take(q, 0, SLICE_NONE, 1, 0), entry);
    assert_true(queue_entry_begins(entry));
    queue_free(q);
}

/* Delivery outlives a keeper, and reports about jobs that the next one has never given. */
static void a_dead_keepers_jobs_are_unknown(void **unused)
{
    (void)unused;
    struct queue *dead = queue_new();
    struct queue *q = queue_new();

    queue_add(dead, entry_for("a.test", 0));
    queue_add(q, entry_for("a.test", 0));
    struct queue_entry *before = take(dead, 0, SLICE_NONE, 1, 0);
    struct queue_entry *entry = take(q, 0, SLICE_NONE, 1, 0);
    queue_let_go(q, entry);
    assert_null(queue_grasp(q, 0, before->job));
    assert_ptr_equal(queue_grasp(q, 0, entry->job), entry);
    queue_free(q);
    queue_free(dead);
}

static void large_letters_wait_until_there_is_room(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    static const uint64_t sizes[] = {5000, 600, 600, 300};
    static const char *const domains[] = {"a.test", "b.test", "c.test", "d.test"};

    for (size_t i = 0; i < 4; i++) {
        struct queue_entry *entry = entry_for(domains[i], 0);
        entry->bytes = sizes[i];
        queue_add(q, entry);
    }
    struct queue_entry *a = take(q, 0, SLICE_NONE, 9, 0);
    assert_slice(a->domain, "a.test"); /* larger than all that may be in hand: alone */
    assert_null(take(q, 0, SLICE_NONE, 9, 0));
    queue_finish(q, a);
    struct queue_entry *b = take(q, 0, SLICE_NONE, 9, 0);
    struct queue_entry *d = take(q, 0, SLICE_NONE, 9, 0);
    assert_slice(b->domain, "b.test");
    assert_slice(d->domain, "d.test"); /* the small one goes past the large one */
    assert_null(take(q, 0, SLICE("c.test"), 9, 0));
    queue_finish(q, d);
    assert_null(take(q, 0, SLICE_NONE, 9, 0));
    queue_put_back(q, b);
    struct queue_entry *c = take(q, 0, SLICE_NONE, 9, 0);
    assert_slice(c->domain, "c.test");
    queue_free(q);
}

static void lanes_go_with_their_last_entry(void **unused)
{
    (void)unused;
    struct lanes lanes = {0};
    struct queue_limits limits = {1, 1};
    struct queue_entry *first = entry_for("a.test", 0);
    struct queue_entry *second = entry_for("a.test", 0);

    first->lane = lanes_of(&lanes, first->domain);
    second->lane = lanes_of(&lanes, second->domain);
    assert_ptr_equal(first->lane, second->lane);
    lanes_add(&lanes, first);
    assert_ptr_equal(lanes_next(&lanes, &limits), first->lane);
    lanes_remove(first);
    lanes_leave(&lanes, first->lane); /* its turn is still to come */
    assert_null(lanes_next(&lanes, &limits));
    assert_null(lanes.turn_head);
    lanes_leave(&lanes, second->lane);
    for (size_t i = 0; i < LANES_BUCKETS; i++) {
        assert_null(lanes.buckets[i]);
    }
    first->lane = lanes_of(&lanes, first->domain);
    lanes_add(&lanes, first);
    lanes_remove(first);
    lanes_leave(&lanes, first->lane);
    assert_null(lanes_next(&lanes, &limits)); /* and it ends with its turn */
    for (size_t i = 0; i < LANES_BUCKETS; i++) {
        assert_null(lanes.buckets[i]);
    }
    queue_entry_free(first);
    queue_entry_free(second);
}

/* ── who waits ── */

#define WAITERS     24
#define ENTRIES     600
#define PATIENCE_MS 20000

struct crowd {
    struct queue *queue;
    struct slice route;
    _Atomic unsigned *taken;
};

/* Take, say that the host answered, finish, again: until nothing comes for long, or the queue is
 * closed. */
static void *take_on(void *argument)
{
    struct crowd *c = argument;

    for (;;) {
        struct queue_entry *entry = take(c->queue, 0, c->route, 3, PATIENCE_MS);
        if (!entry) {
            return NULL;
        }
        queue_learn(c->queue, entry, true);
        queue_finish(c->queue, entry);
        (void)atomic_fetch_add(c->taken, 1);
    }
}

static void wait_for(_Atomic unsigned *taken, unsigned n)
{
    int64_t latest = clock_steady_ms() + PATIENCE_MS / 2;

    while (atomic_load(taken) < n && clock_steady_ms() < latest) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(taken), n);
}

/* Nobody who could take something sleeps on: long before anybody's patience ends all is taken. */
static void who_waits_is_woken(void **unused)
{
    (void)unused;
    static const char *const domains[] = {"a.test", "b.test", "c.test", "d.test"};
    struct queue *q = queue_new();
    _Atomic unsigned taken = 0;
    struct crowd any = {q, SLICE_NONE, &taken};
    struct crowd one = {q, SLICE("b.test"), &taken};
    pthread_t threads[WAITERS];

    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_on, i % 3 ? &any : &one), 0);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t soon = (uint64_t)clock_wall_ms() + i % 50;
        queue_add(q, entry_for(domains[i % 4], i % 5 ? 0 : soon));
    }
    wait_for(&taken, ENTRIES);
    queue_add(q, entry_for("e.test", (uint64_t)clock_wall_ms() + 300));
    queue_add(q, entry_for("f.test", (uint64_t)clock_wall_ms() + 100)); /* a new first one */
    wait_for(&taken, ENTRIES + 2);
    queue_pause(q, true);
    for (unsigned i = 0; i < ENTRIES; i++) {
        queue_add(q, entry_for(domains[i % 2], 0));
    }
    queue_pause(q, false);
    wait_for(&taken, 2 * ENTRIES + 2);
    queue_close(q);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    queue_free(q);
}

/* Whatever is ordered about it, it is not handed out before it is approved; then its state counts. */
static void who_waits_for_approval_stays(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct queue_entry *a = entry_for("a.test", 0);
    const struct letter_id id = a->parcel->id;
    struct queue_counts counts;
    uint64_t later = 0;

    a->waits = true;
    queue_add(q, a);
    assert_null(take(q, 0, SLICE_NONE, 2, 0));
    queue_count(q, &counts);
    assert_int_equal(counts.held, 1);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(queue_order(q, &id, 0, QUEUE_WAITING, 0, &later), 0); /* released */
    assert_int_equal(queue_order(q, &id, 0, 0, 0, &later), 1);             /* to be tried at once */
    assert_null(take(q, 0, SLICE_NONE, 2, 0));
    assert_false(queue_is_held(q, &id));

    assert_int_equal(queue_order(q, &id, 0, QUEUE_HELD, 0, &later), 1);
    queue_entry_reason(a, SLICE("by an order"));
    queue_approve(q, &id, 7, SLICE_NONE);
    assert_true(queue_is_held(q, &id)); /* by the order */
    assert_null(take(q, 0, SLICE_NONE, 2, 0));
    assert_int_equal(a->queued_at, 7);
    assert_slice(a->reason, "by an order");
    a->waits = true;
    queue_approve(q, &id, 7, SLICE("suspended"));
    assert_slice(a->reason, "suspended");
    assert_int_equal(queue_order(q, &id, 0, QUEUE_WAITING, 0, &later), 1);
    assert_ptr_equal(take(q, 0, SLICE_NONE, 2, 0), a);
    queue_free(q);
}

/* Approved while somebody cancels it: it goes nowhere, until that came to nothing. */
static void approved_in_hand(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct queue_entry *a = entry_for("a.test", 0);
    const struct letter_id id = a->parcel->id;
    uint64_t later = 0;

    a->waits = true;
    queue_add(q, a);
    assert_ptr_equal(queue_take_letter(q, &id, 0, &later), a);
    queue_approve(q, &id, 7, SLICE_NONE);
    assert_null(take(q, 0, SLICE_NONE, 2, 0));
    queue_put_back(q, a);
    assert_ptr_equal(take(q, 0, SLICE_NONE, 2, 0), a);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_take_turns),
        cmocka_unit_test(a_host_gets_more_as_it_answers),
        cmocka_unit_test(large_letters_wait_until_there_is_room),
        cmocka_unit_test(lanes_go_with_their_last_entry),
        cmocka_unit_test(what_waits_comes_in_order_of_time),
        cmocka_unit_test(orders_find_their_letter),
        cmocka_unit_test(a_job_begins_only_so_often),
        cmocka_unit_test(a_dead_keepers_jobs_are_unknown),
        cmocka_unit_test(who_waits_is_woken),
        cmocka_unit_test(who_waits_for_approval_stays),
        cmocka_unit_test(approved_in_hand),
    };
    return cmocka_run_group_tests_name("keeper/queue", tests, NULL, NULL);
}
