#include "cli/manifest.h"
#include "tests/test.h"

static struct arena arena = {.max = 16 << 20};

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void assert_refused(const char *text, const char *why)
{
    struct manifest m;
    struct error e = {ERROR_NONE, ""};

    assert_false(manifest_read(slice_text(text), &arena, &m, &e));
    if (!strstr(e.text, why)) {
        fail_msg("`%s` does not say `%s`", e.text, why);
    }
}

static void what_was_written_is_read(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 4096};
    struct files_copy copy = {.size = 123456789};
    struct manifest m;
    struct error e;

    for (size_t i = 0; i < DIGEST_LEN; i++) {
        copy.digest[i] = (uint8_t)(255 - i);
    }
    manifest_begin(&out, 42);
    manifest_add(&out, "", "postern.conf", &copy);
    manifest_add(&out, "ledger", "0000000001.seg", &copy);
    assert_ok(manifest_read(buf_slice(&out), &arena, &m, &e), e);
    assert_int_equal(m.records, 42);
    assert_int_equal(m.count, 2);
    assert_slice(m.files[0].directory, "");
    assert_string_equal(m.files[0].name, "postern.conf");
    assert_slice(m.files[1].directory, "ledger");
    assert_int_equal(m.files[1].copy.size, 123456789);
    assert_memory_equal(m.files[1].copy.digest, copy.digest, DIGEST_LEN);
    assert_ptr_equal(manifest_find(&m, "ledger", "0000000001.seg"), &m.files[1]);
    assert_null(manifest_find(&m, "", "0000000001.seg"));
}

static void what_is_no_manifest_is_refused(void **unused)
{
    (void)unused;
    assert_refused("", "not all of");
    assert_refused("postern-backup 1\n", "not all of");
    assert_refused("postern-backup 1\nrecords 3", "not all of");
    assert_refused("postern-backup 2\nrecords 3\n", "newer");
    assert_refused("postern-backup 1\nrecords -3\n", "line 2");
    assert_refused("postern-backup 1\nrecords 3\nfile " HEX " 5\n", "line 3");
    assert_refused("postern-backup 1\nrecords 3\nfile " HEX "0 5 a\n", "line 3");
    assert_refused("postern-backup 1\nrecords 3\nfile " HEX " x a\n", "line 3");
    assert_refused("postern-backup 1\nrecords 3\nfile " HEX " 5 a\n\n", "line 4");
}

/* Nothing outside the data directory may be named. */
static void paths_stay_inside(void **unused)
{
    (void)unused;
    static const char *const paths[] = {"/etc/passwd", "..",         "../a",  "ledger/../a",
                                        "ledger/..",   "ledger/a/b", "run/a", "ledger/",
                                        ".hidden",     "state/.x",   "a b",   "a\\b",
                                        "keys/a\tb",   "ledger//a",  "./a",   "\xc3\xa4"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct slice text =
            arena_printf(&arena, "postern-backup 1\nrecords 3\nfile " HEX " 5 %s\n", paths[i]);
        assert_refused((const char *)text.ptr, "line 3");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(paths_stay_inside),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
