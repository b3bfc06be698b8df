#include "base/buf.h"

#include "formats/text/html.h"
#include "formats/text/links.h"
#include "tests/test.h"

static void hosts_are_found(void **state)
{
    static const struct {
        const char *text;
        const char *hosts; /* one behind the other */
    } cases[] = {
        {"see http://Example.ORG/x and https://two.example:8443?y", "example.org two.example "},
        {"(http://a.example). HTTPS://B.example, www.c.example/x",
         "a.example b.example www.c.example "                                                 },
        {"http://bank.example@evil.example/",                       "evil.example "           },
        {"http://u:p@[2001:db8::1]:80/",                            "[2001:db8::1] "          },
        {"http://dot.example./ http:///nothing http:// end",        "dot.example "            },
        {"awww.example xhttp://in.example",                         "in.example "             },
        {"http://\xc3\xa4.example",                                 "\xc3\xa4.example "       },
        {"http://www.one.example",                                  "www.one.example "        },
        {"ftp://a.example mailto:b@c.example example.org",          ""                        },
        {"",                                                        ""                        },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(buf) struct buf found = {.max = 4096};
        struct slice text = slice_text(cases[i].text);
        struct link link;
        while (link_next(&text, &link)) {
            buf_printf(&found, "%.*s ", (int)link.len, (const char *)link.host);
        }
        assert_slice(buf_slice(&found), cases[i].hosts);
    }
}

static void a_host_that_is_too_long_is_none(void **state)
{
    OWN(buf) struct buf text = {.max = 8192};
    struct link link;

    (void)state;
    buf_add_text(&text, "http://");
    for (int i = 0; i < 254; i++) {
        buf_add_byte(&text, 'a');
    }
    buf_add_text(&text, " http://b.example");
    struct slice s = buf_slice(&text);
    assert_true(link_next(&s, &link));
    assert_slice(slice_of(link.host, link.len), "b.example");
    assert_false(link_next(&s, &link));
}

static void references_hide_no_link(void **state)
{
    OWN(buf) struct buf decoded = {.max = 4096};
    struct link link;

    (void)state;
    text_decode_references(SLICE("<a href='&#104;ttp&colon;//evil.example&#x2f;x'>bank</a>"),
                           &decoded);
    struct slice s = buf_slice(&decoded);
    assert_true(link_next(&s, &link));
    assert_slice(slice_of(link.host, link.len), "evil.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_found),
        cmocka_unit_test(a_host_that_is_too_long_is_none),
        cmocka_unit_test(references_hide_no_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
