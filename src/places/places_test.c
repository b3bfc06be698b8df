#include <stdio.h>

#include "places/places.h"
#include "places/s3_list.h"
#include "places/s3_sign.h"
#include "tests/scripted.h"
#include "tests/test.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The examples of Amazon's documents: "Signature Calculations for the Authorization Header: Transferring
 * Payload in a Single Chunk", and get-vanilla and get-vanilla-query-order-key-case of its test suite. */
struct example {
    struct s3_request request;
    struct s3_header headers[6];
    const char *signature;
};

static void check(struct example *x, size_t n)
{
    OWN(buf) struct buf out = {.max = 4096};

    x->request.headers = x->headers;
    x->request.n_headers = n;
    s3_sign(&x->request, &out);
    assert_false(out.full);
    struct slice all = buf_slice(&out);
    assert_slice(slice_from(all, all.len - 64), x->signature);
}

#define AMAZON                                                                                     \
    .date = "20130524T000000Z", .region = SLICE("us-east-1"), .service = "s3",                     \
    .access_key = SLICE("AKIAIOSFODNN7EXAMPLE"),                                                   \
    .secret = SLICE("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
#define SUITE                                                                                      \
    .date = "20150830T123600Z", .region = SLICE("us-east-1"), .service = "service",                \
    .access_key = SLICE("AKIDEXAMPLE"),                                                            \
    .secret = SLICE("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), .payload_hash = SLICE(EMPTY)
#define BUCKET SLICE("examplebucket.s3.amazonaws.com")
#define DATE   SLICE("20130524T000000Z")

static void test_get(void **state)
{
    (void)state;
    struct example x = {
        {.method = "GET",  .path = SLICE("/test.txt"), .payload_hash = SLICE(EMPTY), AMAZON},
        {{"host", BUCKET},
         {"range", SLICE("bytes=0-9")},
         {"x-amz-content-sha256", SLICE(EMPTY)},
         {"x-amz-date", DATE}                                                              },
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    };
    check(&x, 4);
}

static void test_put(void **state)
{
    (void)state;
    OWN(buf) struct buf hash = {.max = 100};
    OWN(buf) struct buf path = {.max = 64};
    s3_hash(SLICE("Welcome to Amazon S3."), &hash);
    s3_encode(SLICE("/test$file.text"), true, &path);
    struct example x = {
        {.method = "PUT",  .path = buf_slice(&path), .payload_hash = buf_slice(&hash), AMAZON},
        { {"date", SLICE("Fri, 24 May 2013 00:00:00 GMT")},
         {"host", BUCKET},
         {"x-amz-content-sha256", buf_slice(&hash)},
         {"x-amz-date", DATE},
         {"x-amz-storage-class", SLICE("REDUCED_REDUNDANCY")}},
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    };
    check(&x, 5);
}

static void test_queries(void **state)
{
    (void)state;
    struct example lifecycle = {
        {.method = "GET",
         .path = SLICE("/"),
         .query = SLICE("lifecycle="),
         .payload_hash = SLICE(EMPTY),
         AMAZON},
        {{"host", BUCKET},          {"x-amz-content-sha256", SLICE(EMPTY)},           {"x-amz-date", DATE}   },
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    };
    check(&lifecycle, 3);
    struct example list = {
        {.method = "GET",
         .path = SLICE("/"),
         .query = SLICE("max-keys=2&prefix=J"),
         .payload_hash = SLICE(EMPTY),
         AMAZON},
        {{"host", BUCKET},          {"x-amz-content-sha256", SLICE(EMPTY)},           {"x-amz-date", DATE}            },
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    };
    check(&list, 3);
}

static void test_suite(void **state)
{
    (void)state;
    struct example x = {
        {.method = "GET", .path = SLICE("/"),        SUITE},
        {{"host", SLICE("example.amazonaws.com")},               {"x-amz-date", SLICE("20150830T123600Z")}},
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    };
    check(&x, 2);
    x.request.query = SLICE("Param1=value1&Param2=value2");
    x.signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    check(&x, 2);
}

static bool on_item(void *context, const struct s3_item *item, struct error *e)
{
    struct buf *out = context;

    (void)e;
    buf_printf(out, "%.*s %llu %.*s;", SLICE_ARG(item->key), (unsigned long long)item->size,
               SLICE_ARG(item->version));
    return true;
}

static void test_lists(void **state)
{
    (void)state;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    OWN(buf) struct buf out = {.max = 4096};
    struct slice next;
    struct error e;

    assert_ok(s3_list_read(SLICE("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">"
                                 "<IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key>"
                                 "<Size>12</Size></Contents><Contents><Size>3</Size><Key>c</Key>"
                                 "</Contents><NextContinuationToken>t=</NextContinuationToken>"
                                 "</ListBucketResult>"),
                           on_item, &out, &arena, &next, &e),
              e);
    assert_slice(buf_slice(&out), "a&b 12 ;c 3 ;");
    assert_slice(next, "t=");
    buf_reset(&out);
    assert_ok(s3_list_read(SLICE("<ListVersionsResult><Version><Key>a</Key><VersionId>7</VersionId>"
                                 "<Size>1</Size></Version><DeleteMarker><Key>a</Key>"
                                 "<VersionId>8</VersionId></DeleteMarker></ListVersionsResult>"),
                           on_item, &out, &arena, &next, &e),
              e);
    assert_slice(buf_slice(&out), "a 1 7;a 0 8;");
    assert_int_equal(next.len, 0);
    assert_false(s3_list_read(SLICE("<html>no</html>"), on_item, &out, &arena, &next, &e));
    assert_false(s3_list_read(SLICE("<ListBucketResult><Contents><Key>a</Key><Size>x</Size>"
                                    "</Contents></ListBucketResult>"),
                              on_item, &out, &arena, &next, &e));
}

static void test_urls(void **state)
{
    (void)state;
    static const char *const good[] = {
        "file:///srv/backup",           "sftp://postern@backup.example.test/srv/vault",
        "sftp://p@[::1]:2222/~/vault",  "https://s3.example.test/bucket/postern",
        "http://127.0.0.1:9000/bucket",
    };
    static const char *const bad[] = {
        "",
        "ftp://example.test/x",
        "sftp://example.test/x",
        "sftp://p@example.test",
        "https://user@example.test/bucket",
        "http://s3.example.test/bucket",
        "https://example.test:0/bucket",
        "https://example.test/bucket?x=y",
        "https:///bucket",
    };
    struct error e;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(places_url(slice_text(good[i]), &e), e);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (places_url(slice_text(bad[i]), &e)) {
            fail_msg("%s was taken", bad[i]);
        }
    }
}

#define ANSWER(bytes) "= HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" bytes

/* Many exchanges over one connection; when the server ended it, over another. */
static void test_one_line(void **state)
{
    static const char *const first[] = {"PART", ANSWER("first"), "PART", ANSWER("other"), NULL};
    static const char *const second[] = {"PART", ANSWER("third"), "WAIT", NULL};
    struct scripted server = {
        .scripts = {first, second}
    };
    char url[64];
    struct error e;
    struct places *p = NULL;
    OWN(buf) struct buf got = {.max = 100};

    (void)state;
    assert_ok(places_init(&e), e);
    scripted_start(&server);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/bucket", address_port(&server.address));
    const struct places_options options = {
        .url = slice_text(url), .credentials = SLICE("KEY SECRET"), .region = SLICE("us-east-1")};
    assert_ok(places_open(&options, &p, &e), e);
    struct store s = places_store(p);
    for (int i = 0; i < 3; i++) {
        assert_ok(s.ops->get(s.context, SLICE("name"), &got, &e), e);
        assert_int_equal(server.connections, i < 2 ? 1 : 2);
    }
    assert_slice(buf_slice(&got), "firstotherthird");
    places_close(p);
    scripted_join(&server);
    scripted_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),      cmocka_unit_test(test_put),
        cmocka_unit_test(test_queries),  cmocka_unit_test(test_suite),
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_urls),
        cmocka_unit_test(test_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
