#include "base/buf.h"

#include "stages/identity/identity.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
static const struct slice addresses[] = {
    SLICE_INIT("alice@Example.test"),
    SLICE_INIT("office+x@example.test"),
};
static const struct slice delegated[] = {SLICE_INIT("board@example.test")};

/* Of others: what stands in the directory. */
static bool is_of_others(void *ctx, struct slice local, struct slice domain)
{
    static const struct slice others[] = {
        SLICE_INIT("bob"),
        SLICE_INIT("alice+private"),
        SLICE_INIT("root"),
        SLICE_INIT("board"),
    };

    (void)ctx;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (slice_equal_nocase(others[i], local) &&
            (slice_equal(domain, SLICE("example.test")) || slice_equal(others[i], SLICE("root")))) {
            return true;
        }
    }
    return false;
}

static const struct {
    uint8_t separator;
    struct slice from;
    enum identity_verdict verdict;
    size_t delegation;
} claims[] = {
    {'+', SLICE_INIT("alice+shop@example.test"),                       IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("alice+Shop@Example.Test"),                       IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("alice+a+b@example.test"),                        IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("\"alice+shop\"@example.test"),                   IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("office+x+y@example.test"),                       IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("board+2027@example.test"),                       IDENTITY_PROVEN,       1},
    {'-', SLICE_INIT("alice-shop@example.test"),                       IDENTITY_PROVEN,       0},
 /* off, or another character */
    {0,   SLICE_INIT("alice+shop@example.test"),                       IDENTITY_FROM_FOREIGN, 0},
    {'-', SLICE_INIT("alice+shop@example.test"),                       IDENTITY_FROM_FOREIGN, 0},
 /* another's as it stands, or its longer beginning is */
    {'+', SLICE_INIT("alice+private@example.test"),                    IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("Alice+PRIVATE@example.test"),                    IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("alice+private+x@example.test"),                  IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("bob+alice@example.test"),                        IDENTITY_FROM_FOREIGN, 0},
 /* no tag, or none that every program takes off alike */
    {'+', SLICE_INIT("alice+@example.test"),                           IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("+alice@example.test"),                           IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("\"alice+a b\"@example.test"),                    IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("\"alice+a@b\"@example.test"),                    IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("\"alice+\\\"\"@example.test"),                   IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("ALICE+shop@example.test"),                       IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("alice+shop@evil.test"),                          IDENTITY_FROM_FOREIGN, 0},
 /* a whole domain, but for what somebody has in it */
    {'+', SLICE_INIT("disk-full@alerts.example.test"),                 IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("a+b@ALERTS.example.test"),                       IDENTITY_PROVEN,       0},
    {0,   SLICE_INIT("root@alerts.example.test"),                      IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("root+x@alerts.example.test"),                    IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("\"ceo@example.test\"@alerts.example.test"),      IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("ceo%example.test@alerts.example.test"),          IDENTITY_FROM_FOREIGN, 0},
    {'+',
     SLICE_INIT("ceo\xef\xbc\xa0"
                "example.test@alerts.example.test"),
     IDENTITY_FROM_FOREIGN,                                                                   0},
    {'+',
     SLICE_INIT("alice+\xef\xbc\xa0"
                "evil.test@example.test"),
     IDENTITY_FROM_FOREIGN,                                                                   0},
    {'+', SLICE_INIT("alice+=?x@example.test"),                        IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("bounce+paula=partner.test@alerts.example.test"), IDENTITY_PROVEN,       0},
    {'+', SLICE_INIT("x@sub.alerts.example.test"),                     IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("x@alertsxexample.test"),                         IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("x@example.test"),                                IDENTITY_FROM_FOREIGN, 0},
    {'+', SLICE_INIT("a@alerts.example.test, b@alerts.example.test"),  IDENTITY_FROM_SEVERAL, 0},
    {'+', SLICE_INIT("\"ceo@example.test\" <a@alerts.example.test>"),  IDENTITY_FROM_UNCLEAR, 0},
};

static void an_address_belongs_to_its_longest_beginning(void **unused)
{
    (void)unused;
    static const struct slice domain = SLICE_INIT("alerts.example.test");

    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        OWN(arena) struct arena a = {.max = 1 << 20};
        OWN(buf) struct buf header = {.max = 1000};
        struct identity_answer answer;
        struct mail_header h;
        const struct identity_account account = {.addresses = addresses,
                                                 .n_addresses = 2,
                                                 .delegated = delegated,
                                                 .n_delegated = 1,
                                                 .domains = &domain,
                                                 .n_domains = 1,
                                                 .taken = is_of_others,
                                                 .separator = claims[i].separator};
        buf_printf(&header, "From: %.*s\r\n", SLICE_ARG(claims[i].from));
        mail_header_read(buf_slice(&header), &limits, true, &a, &h);
        (void)identity_judge(SLICE("alice@example.test"), &h, true, &account, &a, &answer);
        if (answer.verdict != claims[i].verdict || answer.delegation != claims[i].delegation) {
            fail_msg("case %zu: verdict %d: %s", i, (int)answer.verdict, answer.sentence);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_belongs_to_its_longest_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
