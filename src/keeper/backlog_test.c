/* What holds up imports: many imported letters, or large ones in memory, for a while; nothing that cannot be helped. */
#include <sys/mman.h>

#include "keeper/internal.h"
#include "tests/test.h"

#define LARGE (BACKLOG_BYTES_MAX + 1)

static struct keeper *keeper_with_backlog(void)
{
    struct keeper *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    assert_int_equal(pthread_mutex_init(&k->backlog.lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&k->backlog.changed, NULL), 0);
    return k;
}

static void end(struct keeper *k)
{
    assert_int_equal(pthread_cond_destroy(&k->backlog.changed), 0);
    assert_int_equal(pthread_mutex_destroy(&k->backlog.lock), 0);
    free(k);
}

static struct parcel *letter(uint64_t kind, uint64_t size)
{
    struct parcel *p = parcel_new();
    int fd = memfd_create("letter", MFD_CLOEXEC);

    assert_true(fd >= 0);
    p->kind = kind;
    p->size = size;
    parcel_keep_content(p, fd);
    assert_true(p->content_fd >= 0);
    return p;
}

static bool full(struct keeper *k)
{
    return backlog_is_full(k, false, 0);
}

/* The only one that waits. */
static struct parcel *take(struct keeper *k)
{
    struct parcel *parcels[BACKLOG_GROUP];

    assert_int_equal(backlog_take(&k->backlog, parcels), 1);
    return parcels[0];
}

static void a_large_letter_holds_up_imports_until_it_is_inspected(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_backlog();

    backlog_add(k, letter(LETTER_IMPORTED, BACKLOG_BYTES_MAX));
    assert_false(full(k));
    backlog_add(k, letter(LETTER_IMPORTED, 1));
    assert_true(full(k));
    assert_false(backlog_is_full(k, true, 0));

    struct parcel *parcels[BACKLOG_GROUP];
    assert_int_equal(backlog_take(&k->backlog, parcels), 2);
    assert_true(full(k));
    uint64_t counted = parcels[0]->counted + parcels[1]->counted;
    assert_int_equal(counted, LARGE);
    backlog_done(&k->backlog, 2, counted);
    assert_false(full(k));
    assert_int_equal(k->backlog.imported_bytes, 0);
    parcel_drop(parcels[0]);
    parcel_drop(parcels[1]);
    end(k);
}

/* Letters to be sent that come without end leave those that were imported where they are. */
static void it_does_so_for_a_while_only(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_backlog();

    backlog_add(k, letter(LETTER_IMPORTED, LARGE));
    assert_true(backlog_is_full(k, false, BACKLOG_BYTES_MS - 1));
    assert_false(backlog_is_full(k, false, BACKLOG_BYTES_MS));
    parcel_drop(take(k));
    end(k);
}

static void what_could_not_be_inspected_holds_up_nothing(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_backlog();

    backlog_add(k, letter(LETTER_IMPORTED, LARGE));
    struct parcel *p = take(k);
    uint64_t counted = p->counted;
    parcel_forget_content(p);
    backlog_add(k, p); /* before it is done, as a worker does */
    backlog_done(&k->backlog, 1, counted);
    assert_false(full(k));

    assert_ptr_equal(take(k), p);
    assert_int_equal(p->counted, 0);
    backlog_put_off(k, p);
    backlog_done(&k->backlog, 1, 0);
    assert_false(full(k));
    assert_int_equal(backlog_length(&k->backlog), 1);
    assert_int_equal(k->backlog.imported_bytes, 0);
    backlog_put_off(k, letter(LETTER_IMPORTED, LARGE));
    assert_false(full(k));
    parcel_drop(parcel_list_take(&k->backlog.later[0]));
    parcel_drop(parcel_list_take(&k->backlog.later[0]));
    end(k);
}

static void letters_to_be_sent_hold_up_nothing(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_backlog();

    backlog_add(k, letter(LETTER_SUBMITTED, LARGE));
    assert_false(full(k));
    parcel_drop(take(k));
    end(k);
}

static void the_number_of_letters_is_bounded_however_long_it_takes(void **unused)
{
    (void)unused;
    struct keeper *k = keeper_with_backlog();

    for (size_t i = 0; i < BACKLOG_LETTERS_MAX; i++) {
        struct parcel *p = parcel_new();
        p->kind = LETTER_IMPORTED;
        backlog_add(k, p);
    }
    assert_false(full(k));
    backlog_add(k, letter(LETTER_IMPORTED, 1));
    assert_true(full(k));
    assert_true(backlog_is_full(k, true, 10 * BACKLOG_BYTES_MS));
    for (size_t i = 0; i <= BACKLOG_LETTERS_MAX; i++) {
        parcel_drop(parcel_list_take(&k->backlog.imported));
    }
    end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_letter_holds_up_imports_until_it_is_inspected),
        cmocka_unit_test(it_does_so_for_a_while_only),
        cmocka_unit_test(what_could_not_be_inspected_holds_up_nothing),
        cmocka_unit_test(letters_to_be_sent_hold_up_nothing),
        cmocka_unit_test(the_number_of_letters_is_bounded_however_long_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
