#include "config/document.h"
#include "config/settings.h"
#include "tests/test.h"

static void assert_contains(const struct buf *b, const char *text)
{
    assert_false(b->full);
    if (!memmem(b->ptr, b->len, text, strlen(text))) {
        fail_msg("not found: %s\nin: %.*s", text, SLICE_ARG(buf_slice(b)));
    }
}

static void a_setting_is_explained(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = CONFIG_DOCUMENT_MAX};

    assert_true(config_explain(&settings_schema, SLICE("size-limit"), &out));
    assert_contains(&out, "size-limit\n  The largest letter accepted");
    assert_contains(&out,
                    "type     a size with a unit (B, KiB, MiB, GiB, TiB), from 64KiB to 64MiB");
    assert_contains(&out, "default  50MiB\n");
    assert_contains(&out, "changed  by a reload (SIGHUP)");
    buf_reset(&out);
    assert_true(config_explain(&settings_schema, SLICE("tls"), &out));
    assert_contains(&out, "tls, in a section [domain NAME]");
    assert_contains(&out, "tls, in a section [smarthost]");
    buf_reset(&out);
    assert_false(config_explain(&settings_schema, SLICE("sizelimit"), &out));
    assert_int_equal(out.len, 0);
    assert_string_equal(config_suggest(&settings_schema, SLICE("sizelimit")), "size-limit");
    assert_null(config_suggest(&settings_schema, SLICE("weather")));
}

static void every_setting_is_in_the_manual_and_the_file(void **unused)
{
    (void)unused;
    OWN(buf) struct buf manual = {.max = CONFIG_DOCUMENT_MAX};
    OWN(buf) struct buf file = {.max = CONFIG_DOCUMENT_MAX};

    config_write_manual(&settings_schema, &manual);
    config_write_file(&settings_schema, NULL, 0, &file);
    for (size_t s = 0; s < settings_schema.n_sections; s++) {
        const struct config_section *section = settings_schema.sections[s];
        for (size_t t = 0; t < section->n_tables; t++) {
            for (size_t i = 0; i < section->tables[t]->n_settings; i++) {
                const struct config_setting *row = &section->tables[t]->settings[i];
                OWN(buf) struct buf text = {.max = 200};
                buf_printf(&text, "\n#%s = %s\n", row->name,
                           row->initial ? row->initial : row->example);
                buf_add_byte(&text, 0);
                assert_contains(&file, (const char *)text.ptr);
            }
        }
    }
    assert_contains(&manual, ".It Ic per\\-host\\-concurrency\n");
    assert_contains(&manual, ".Ss Section [domain NAME]\n");
}

static void a_written_file_reads_back(void **unused)
{
    (void)unused;
    static const struct config_given given[] = {
        {NULL,        NULL,           "domain",     "example.test, example.org"},
        {NULL,        NULL,           "hostname",   "mail.example.test"        },
        {NULL,        NULL,           "size-limit", "20MiB"                    },
        {"domain",    "partner.test", "tls",        "verified"                 },
        {"domain",    "partner.test", "route",      "127.0.0.1:2525"           },
        {"domain",    "other.test",   "tls",        "cleartext"                },
        {"smarthost", NULL,           "host",       "smtp.provider.example"    },
    };
    OWN(buf) struct buf out = {.max = CONFIG_DOCUMENT_MAX};
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct settings s;
    struct error e;

    config_write_file(&settings_schema, given, sizeof(given) / sizeof(given[0]), &out);
    assert_false(out.full);
    assert_ok(settings_read(buf_slice(&out), "written", &arena, &s, NULL, &e), e);
    assert_int_equal(s.general.domains.count, 2);
    assert_int_equal(s.submission.size_limit, 20 << 20);
    assert_int_equal(s.domains.count, 2);
    assert_int_equal(settings_domain(&s, SLICE("partner.test"))->route.port, 2525);
    assert_int_equal(settings_domain_tls(&s, SLICE("other.test")), SETTING_TLS_CLEARTEXT);
    assert_true(s.smarthost.present);
    assert_int_equal(s.smarthost.host.port, 587);
}

/* Lines are for people: none runs over the edge of a terminal. */
static void written_lines_are_short(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = CONFIG_DOCUMENT_MAX};

    config_write_file(&settings_schema, NULL, 0, &out);
    struct slice rest = buf_slice(&out);
    while (rest.len) {
        struct slice line = slice_cut(rest, '\n', &rest);
        if (line.len > 100) {
            fail_msg("%zu bytes: %.*s", line.len, SLICE_ARG(line));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_is_explained),
        cmocka_unit_test(every_setting_is_in_the_manual_and_the_file),
        cmocka_unit_test(a_written_file_reads_back),
        cmocka_unit_test(written_lines_are_short),
    };
    return cmocka_run_group_tests_name("config/document", tests, NULL, NULL);
}
