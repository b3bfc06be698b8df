#include <stdio.h>

#include "config/config.h"
#include "config/settings.h"
#include "tests/test.h"

#define REQUIRED "domain = example.test\nhostname = mail.example.test\n"

/* One reading of a file: everything a test wants to look at. */
struct reading {
    struct arena arena;
    struct settings settings;
    struct config_problems problems;
    struct error e;
    bool good;
};

static void reading_done(struct reading *r)
{
    arena_done(&r->arena);
}

OWN_VALUE(reading, struct reading, reading_done)

static void read_text(struct reading *r, const char *text)
{
    (void)memset(r, 0, sizeof(*r));
    arena_init(&r->arena, CONFIG_ARENA_MAX);
    r->good = settings_read(slice_text(text), "postern.conf", &r->arena, &r->settings, &r->problems,
                            &r->e);
}

static void assert_reads(const char *text)
{
    OWN(reading) struct reading r;
    read_text(&r, text);
    assert_ok(r.good, r.e);
}

/* The file has exactly one problem, and this is its sentence. */
static void assert_problem(const char *text, const char *sentence)
{
    OWN(reading) struct reading r;
    read_text(&r, text);
    assert_false(r.good);
    assert_int_equal(r.e.kind, ERROR_CONFIG);
    assert_string_equal(r.e.text, sentence);
    assert_int_equal(r.problems.count, 1);
    assert_slice(r.problems.sentences[0], sentence);
}

static void tables_are_sound(void **unused)
{
    (void)unused;
    struct error e;
    assert_ok(config_schema_sound(&settings_schema, &e), e);
}

static void unsound_tables_are_found(void **unused)
{
    (void)unused;

    struct sample {
        uint64_t size;
        int narrow;
    };
    static const struct config_setting rows[][2] = {
        {CONFIG_ROW("a", SIZE, struct sample, narrow, .initial = "1B", .help = "h")},
        {CONFIG_ROW("a", SIZE, struct sample, size, .initial = "1", .help = "h")},
        {CONFIG_ROW("a", SIZE, struct sample, size, .initial = "1B", .help = NULL)},
        {CONFIG_ROW("a", SIZE, struct sample, size, .help = "h")},
        {CONFIG_ROW("a", CHOICE, struct sample, narrow, .initial = "x", .help = "h")},
        {CONFIG_ROW("a", SIZE, struct sample, size, .initial = "9B", .max = 8, .help = "h")},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct config_table table = {"t", 0, rows[i], 1};
        const struct config_table *tables[] = {&table};
        const struct config_section section = {
            .size = sizeof(struct sample), .tables = tables, .n_tables = 1};
        const struct config_section *sections[] = {&section};
        const struct config_schema schema = {sections, 1, sizeof(struct sample)};
        struct error e;
        assert_false(config_schema_sound(&schema, &e));
    }
}

static void defaults_stand_where_the_file_is_silent(void **unused)
{
    (void)unused;
    OWN(reading) struct reading r;
    read_text(&r, REQUIRED);
    assert_ok(r.good, r.e);

    const struct settings *s = &r.settings;
    assert_slice(s->general.hostname, "mail.example.test");
    assert_int_equal(s->submission.size_limit, 50 << 20);
    assert_int_equal(s->submission.recipients_limit, 500);
    assert_int_equal(s->submission.header_limit, 1 << 20);
    assert_int_equal(s->submission.header_field_limit, 64 << 10);
    assert_int_equal(s->process.bytes_in_flight, 512 << 20);
    assert_int_equal(s->delivery.queue_lifetime_ms, 5LL * 86400 * 1000);
    assert_int_equal(s->delivery.delay_warning_ms, 4 * 3600 * 1000);
    assert_int_equal(s->delivery.tls, SETTING_TLS_ENCRYPTED);
    assert_int_equal(s->delivery.retry_schedule.count, 6);
    assert_int_equal(((int64_t *)s->delivery.retry_schedule.items)[1], 15 * 60 * 1000);
    assert_false(s->submission.received_client_address);
    assert_int_equal(s->submission.listen_submissions.count, 1);
    const struct config_endpoint *listen = s->submission.listen_submissions.items;
    assert_slice(listen->host, "*");
    assert_int_equal(listen->port, 465);
    assert_int_equal(s->dns.resolvers.count, 0);
    assert_int_equal(s->domains.count, 0);
    assert_false(s->smarthost.present);
    assert_int_equal(settings_domain_tls(s, SLICE("partner.test")), SETTING_TLS_ENCRYPTED);
}

static void the_file_is_heard(void **unused)
{
    (void)unused;
    OWN(reading) struct reading r;
    read_text(&r, "# a company\r\n"
                  "domain = Example.TEST , example.org # two\r\n"
                  "domain = example.net\n"
                  "hostname=mail.example.test\n"
                  "\tsize-limit\t= 20 MiB\n"
                  "listen-submissions = 127.0.0.1:4465, [::1]:4465\n"
                  "listen-submission =\n"
                  "retry-schedule = 1s, 250min\n"
                  "received-client-address = yes\n"
                  "dns-resolver = 127.0.0.1, [::1]:5353\n"
                  "[smarthost]\n"
                  "host = smtp.provider.example\n"
                  "user = \"# a, b\"\n"
                  "password-file = /etc/postern/secret\n"
                  "tls = implicit\n"
                  "[domain partner.test]\n"
                  "tls = verified\n"
                  "route = 192.0.2.7\n"
                  "[domain Old.Example]\n"
                  "tls = cleartext");
    assert_ok(r.good, r.e);

    const struct settings *s = &r.settings;
    const struct slice *domains = s->general.domains.items;
    assert_int_equal(s->general.domains.count, 3);
    assert_slice(domains[0], "example.test");
    assert_slice(domains[1], "example.org");
    assert_slice(domains[2], "example.net");
    assert_int_equal(s->submission.size_limit, 20 << 20);
    const struct config_endpoint *listen = s->submission.listen_submissions.items;
    assert_int_equal(s->submission.listen_submissions.count, 2);
    assert_slice(listen[1].host, "::1");
    assert_true(listen[1].is_address);
    assert_int_equal(listen[1].port, 4465);
    assert_int_equal(s->submission.listen_submission.count, 0);
    assert_int_equal(s->delivery.retry_schedule.count, 2);
    assert_true(s->submission.received_client_address);
    const struct config_endpoint *resolvers = s->dns.resolvers.items;
    assert_int_equal(resolvers[0].port, 53);
    assert_int_equal(resolvers[1].port, 5353);
    assert_true(s->smarthost.present);
    assert_slice(s->smarthost.host.host, "smtp.provider.example");
    assert_int_equal(s->smarthost.host.port, 587);
    assert_false(s->smarthost.host.is_address);
    assert_slice(s->smarthost.user, "# a, b");
    assert_int_equal(s->smarthost.tls, SETTING_SMARTHOST_IMPLICIT);
    const struct domain_settings *partner = settings_domain(s, SLICE("PARTNER.test"));
    assert_non_null(partner);
    assert_slice(partner->route.host, "192.0.2.7");
    assert_int_equal(partner->route.port, 25);
    assert_int_equal(settings_domain_tls(s, SLICE("partner.test")), SETTING_TLS_VERIFIED);
    assert_int_equal(settings_domain_tls(s, SLICE("old.example")), SETTING_TLS_CLEARTEXT);
    assert_null(settings_domain(s, SLICE("sub.partner.test")));
}

static void sentences_say_line_and_what_was_expected(void **unused)
{
    (void)unused;
    assert_problem(REQUIRED "size-limit = 50\n",
                   "postern.conf:3: `size-limit` wants a size with a unit such as `50MiB`; it says "
                   "`50`");
    assert_problem(REQUIRED "size-limit = 50MB\n",
                   "postern.conf:3: `size-limit` wants a size with a unit such as `50MiB`; it says "
                   "`50MB`");
    assert_problem(REQUIRED "sizelimit = 50MiB\n",
                   "postern.conf:3: there is no setting `sizelimit`; did you mean `size-limit`?");
    assert_problem(REQUIRED "colour = blue\n", "postern.conf:3: there is no setting `colour`");
    assert_problem(REQUIRED "size-limit = 1MiB\n\nsize-limit = 2MiB\n",
                   "postern.conf:5: `size-limit` was already set in line 3");
    assert_problem(REQUIRED "size-limit = 5GiB\n",
                   "postern.conf:3: `size-limit` wants at most 64MiB; it says `5GiB`");
    assert_problem(REQUIRED "size-limit = 99999999999999999999TiB\n",
                   "postern.conf:3: `size-limit` wants at most 64MiB; it says "
                   "`99999999999999999999TiB`");
    assert_problem(REQUIRED "recipients-limit = 5\n",
                   "postern.conf:3: `recipients-limit` wants at least 100; it says `5`");
    assert_problem(REQUIRED "queue-lifetime = 5 days\n",
                   "postern.conf:3: `queue-lifetime` wants a duration with a unit such as `5d`; it "
                   "says `5 days`");
    assert_problem(REQUIRED "log-addresses = true\n",
                   "postern.conf:3: `log-addresses` wants `yes` or `no`; it says `true`");
    assert_problem(REQUIRED "outbound-tls = default\n",
                   "postern.conf:3: `outbound-tls` wants one of `encrypted`, `verified`, "
                   "`authenticated`; it says `default`");
    assert_problem(REQUIRED "tls = verified\n",
                   "postern.conf:3: `tls` belongs into a section [domain ...]");
    assert_problem(REQUIRED "route = a.test\n",
                   "postern.conf:3: `route` belongs into a section [domain ...]");
    assert_problem(REQUIRED "[domain a.test]\nsize-limit = 1MiB\n",
                   "postern.conf:4: `size-limit` belongs above the first section");
    assert_problem(REQUIRED "[domain a.test]\ntsl = verified\n",
                   "postern.conf:4: there is no setting `tsl` in [domain a.test]; did you mean "
                   "`tls`?");
    assert_problem(REQUIRED "[domains a.test]\ntls = verified\n",
                   "postern.conf:3: there is no section [domains]; did you mean [domain]?");
    assert_problem(REQUIRED "[domain a.test]\n[domain A.TEST]\n",
                   "postern.conf:4: there is already a section [domain a.test]");
    assert_problem(REQUIRED "[domain]\n",
                   "postern.conf:3: [domain ...] wants a domain name; it says ``");
    assert_problem(REQUIRED "[smarthost]\n",
                   "postern.conf:3: `host` is not set in [smarthost]: it wants a host or address "
                   "with a port such as `smtp.provider.example:587`");
    assert_problem(REQUIRED "[smarthost\n", "postern.conf:3: a section ends with `]`");
    assert_problem(REQUIRED "hello\n", "postern.conf:3: expected `name = value`, `[section]` or a "
                                       "`#` comment");
    assert_problem(REQUIRED "size-limit =\n",
                   "postern.conf:3: `size-limit` wants a size with a unit such as `50MiB`; it says "
                   "nothing");
    assert_problem("domain = example.test\n", "postern.conf:1: `hostname` is not set: it wants a "
                                              "domain name such as `mail.example.test`");
    assert_problem(REQUIRED "log-level = in\x01"
                            "fo\n",
                   "postern.conf:3: control characters have no place here");
    assert_problem(REQUIRED "# \xff\n", "postern.conf:3: the file must be UTF-8");
}

static void several_problems_come_at_once(void **unused)
{
    (void)unused;
    OWN(reading) struct reading r;
    read_text(&r, "size-limit = 50\nhello\nhostname = x.test\n[smarthost]\nuser = u\n[what]\n"
                  "anything = here is skipped\n");
    assert_false(r.good);
    assert_int_equal(r.problems.count, 5);
    assert_true(slice_starts(r.problems.sentences[0], SLICE("postern.conf:1: `size-limit`")));
    assert_true(slice_starts(r.problems.sentences[1], SLICE("postern.conf:2: expected")));
    assert_true(slice_starts(r.problems.sentences[2], SLICE("postern.conf:1: `domain` is not")));
    assert_true(slice_starts(r.problems.sentences[3], SLICE("postern.conf:4: `host` is not")));
    assert_true(slice_starts(r.problems.sentences[4], SLICE("postern.conf:6: there is no sect")));
    assert_memory_equal(r.e.text, "postern.conf:1:", 15);
}

static void settings_are_held_against_each_other(void **unused)
{
    (void)unused;
    assert_problem(REQUIRED "header-limit = 32KiB\n",
                   "postern.conf: `header-field-limit` is larger than `header-limit`");
    assert_problem(REQUIRED "disk-warning = 1MiB\n",
                   "postern.conf: `disk-warning` is below `disk-watermark`: the alarm would come "
                   "too late");
    assert_problem(REQUIRED "[smarthost]\nhost = a.test\nuser = u\n",
                   "postern.conf: [smarthost] has a `user` but no `password-file`");
    assert_problem("hostname = a.test\ndomain =\n",
                   "postern.conf: `domain` names no domain: nobody could send");
    assert_problem(REQUIRED "bytes-in-flight = 16MiB\n",
                   "postern.conf: `bytes-in-flight` has no room for one letter of `size-limit`");
}

/* A line with a value, and whether it is one of the setting's type. */
struct value_case {
    const char *line;
    bool good;
};

static const struct value_case cases[] = {
    {"hostname = a",                             true },
    {"hostname = -a.test",                       false},
    {"hostname = a_b.test",                      false},
    {"hostname = a..test",                       false},
    {"hostname = a.test.",                       false},
    {"hostname = 192.0.2.1",                     false},
    {"hostname = .",                             false},
    {"hostname = a.test extra",                  false},
    {"anchor-mail = a.b@example.test",           true },
    {"anchor-mail = @example.test",              false},
    {"anchor-mail = a..b@example.test",          false},
    {"anchor-mail = a.@example.test",            false},
    {"anchor-mail = a b@example.test",           false},
    {"anchor-mail = \"a@b\"@example.test",       false},
    {"anchor-mail = a@b@example.test",           false},
    {"anchor-mail = example.test",               false},
    {"data-directory = relative/path",           false},
    {"data-directory = /with space",             true },
    {"dkim-selector = Upper",                    false},
    {"dkim-selector = a,,b",                     false},
    {"dkim-selector = \"a",                      false},
    {"dkim-selector = \"a\" b",                  false},
    {"dkim-selector = \"a\", b",                 true },
    {"listen-submission = 587",                  false},
    {"listen-submission = localhost:587",        false},
    {"listen-submission = *:587",                true },
    {"listen-submission = *:0",                  false},
    {"listen-submission = *:65536",              false},
    {"listen-submission = ::1:587",              false},
    {"listen-submission = [::1:587",             false},
    {"listen-submission = [::g]:587",            false},
    {"listen-submission = [127.0.0.1]:587",      false},
    {"listen-submission = 127.0.0.256:587",      false},
    {"dns-resolver = ns.test:53",                true },
    {"dns-resolver = *:53",                      false},
    {"dns-resolver = 127.0.0.1/53",              false},
    {"delay-warning = 0s",                       true },
    {"delay-warning = 0",                        false},
    {"delay-warning = -1s",                      false},
    {"delay-warning = 1.5h",                     false},
    {"delay-warning = h",                        false},
    {"delay-warning = 9223372036854775807d",     false},
    {"connections-limit = 18446744073709551617", false},
    {"connections-limit = 0x10",                 false},
    {"log-level = Info",                         false},
};

static void values_are_read_strictly(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        OWN(reading) struct reading r;
        bool hostname = strncmp(cases[i].line, "hostname", 8) == 0;
        (void)snprintf(text, sizeof(text), "domain = a.test\n%s%s\n",
                       hostname ? "" : "hostname = mail.a.test\n", cases[i].line);
        read_text(&r, text);
        if (r.good != cases[i].good) {
            fail_msg("%s: %s", cases[i].line, r.good ? "was accepted" : r.e.text);
        }
    }
}

static void a_reading_stops_at_the_first_problem_when_nobody_counts(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct settings s;
    struct error e;

    assert_false(settings_read(SLICE("a\nb\n"), "f", &arena, &s, NULL, &e));
    assert_memory_equal(e.text, "f:1:", 4);
}

/* What a file may grow to the arena holds: the worst of each kind ends in an answer, no abort. */
static void the_largest_files_fit(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = CONFIG_FILE_MAX};

    buf_add_text(&b, REQUIRED);
    for (unsigned i = 0; b.len < CONFIG_FILE_MAX - 3100; i++) {
        buf_printf(&b, "[domain %x.b]\n", i);
        for (unsigned k = 0; k < 20; k++) {
            buf_add_text(&b,
                         "tls-name=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\n");
        }
    }
    buf_add_byte(&b, '\0');
    assert_false(b.full);
    b.ptr[b.len - 1] = '\n';
    buf_add_byte(&b, 0);
    assert_reads((const char *)b.ptr);

    buf_reset(&b);
    buf_add_text(&b, REQUIRED);
    while (b.len < CONFIG_FILE_MAX - 100) {
        buf_add_text(&b, "x\n");
    }
    buf_add_byte(&b, 0);
    OWN(reading) struct reading r;
    read_text(&r, (const char *)b.ptr);
    assert_false(r.good);
    assert_int_equal(r.problems.count, CONFIG_PROBLEMS_MAX);
}

static void files_are_loaded(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    char path[] = "/tmp/postern-config-XXXXXX";
    struct slice bytes = SLICE_NONE;
    struct error e = {0};
    OWN(fd) int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, REQUIRED, strlen(REQUIRED)), strlen(REQUIRED));
    assert_ok(config_load(path, &arena, &bytes, &e), e);
    assert_slice(bytes, REQUIRED);
    assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
    assert_false(config_load(path, &arena, &bytes, &e));
    assert_int_equal(unlink(path), 0);
    assert_false(config_load(path, &arena, &bytes, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_false(config_load("/dev/zero", &arena, &bytes, &e));
    assert_false(config_load("/tmp", &arena, &bytes, &e));
}

#define ZONE(name, records)                                                                        \
    "[dns-update " name "]\nserver = 127.0.0.1:53\nkey-name = postern\nkey-file = /k\n" records

static bool covers(const struct settings *s, const char *name, uint64_t type)
{
    const struct update_settings *u = settings_update(s, slice_text(name));

    return u && settings_update_covers(s, u, slice_text(name), type);
}

/* A key that the server lets do too much does no more than this. */
static void names_and_types_that_are_published_are_known(void **unused)
{
    (void)unused;

    enum { A = 1, TXT = 16, SRV = 33, TLSA = 52 };

    static const char *const names[] = {"example.test", "a-1._domainkey.Example.test",
                                        "_dmarc.example.test", "_smtp._tls.example.test",
                                        "_mta-sts.example.test"};
    static const char *const others[] = {"_acme-challenge.example.test",
                                         "www.example.test",
                                         "_domainkey.example.test",
                                         "a.b._domainkey.example.test",
                                         "a._domainkey.sub.example.test",
                                         "_dmarc.mail.example.test",
                                         "_dmarc_example.test"};
    OWN(reading) struct reading r;
    OWN(reading) struct reading few;
    read_text(&r, REQUIRED ZONE("example.test", "records = spf, dkim, dmarc, tls-rpt, mta-sts, "
                                                "srv, tlsa\n"));
    read_text(&few, REQUIRED ZONE("example.test", "records = dkim\n"));
    assert_ok(r.good, r.e);
    assert_ok(few.good, few.e);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(covers(&r.settings, names[i], TXT));
        assert_false(covers(&r.settings, names[i], SRV));
        assert_false(covers(&r.settings, names[i], A));
        assert_int_equal(covers(&few.settings, names[i], TXT), i == 1);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(covers(&r.settings, others[i], TXT));
    }
    assert_reads(REQUIRED ZONE("_domainkey.example.test", "records = dkim\n"));
    assert_true(covers(&r.settings, "_submissions._tcp.example.test", SRV));
    assert_false(covers(&r.settings, "_ldap._tcp.example.test", SRV));
    assert_false(covers(&few.settings, "_submissions._tcp.example.test", SRV));
    assert_true(covers(&r.settings, "_465._tcp.mail.example.test", TLSA));
    assert_false(covers(&r.settings, "_443._tcp.mail.example.test", TLSA));
    assert_false(covers(&r.settings, "_465._tcp.example.test", TLSA));
    assert_false(covers(&few.settings, "_465._tcp.mail.example.test", TLSA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(unsound_tables_are_found),
        cmocka_unit_test(defaults_stand_where_the_file_is_silent),
        cmocka_unit_test(the_file_is_heard),
        cmocka_unit_test(sentences_say_line_and_what_was_expected),
        cmocka_unit_test(several_problems_come_at_once),
        cmocka_unit_test(settings_are_held_against_each_other),
        cmocka_unit_test(values_are_read_strictly),
        cmocka_unit_test(a_reading_stops_at_the_first_problem_when_nobody_counts),
        cmocka_unit_test(the_largest_files_fit),
        cmocka_unit_test(files_are_loaded),
        cmocka_unit_test(names_and_types_that_are_published_are_known),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
