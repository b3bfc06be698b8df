#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"

#include "keyring/digest.h"
#include "ledger/merkle.h"
#include "tests/test.h"

/* The tree written out as RFC 9162 section 2.1.1 defines it, for leaves 0, 1, 2, ... */
static void slow_root(struct digest *d, uint64_t from, uint64_t n, uint8_t out[static MERKLE_LEN])
{
    uint8_t nodes[1 + 2 * MERKLE_LEN] = {1};
    uint64_t split = 1;

    if (n == 0) {
        digest_end(d, out);
        return;
    }
    if (n == 1) {
        uint8_t data[1] = {(uint8_t)from};
        merkle_leaf(d, SLICE_ARRAY(data), out);
        return;
    }
    while (split * 2 < n) {
        split *= 2;
    }
    slow_root(d, from, split, nodes + 1);
    slow_root(d, from + split, n - split, nodes + 1 + MERKLE_LEN);
    digest_add(d, SLICE_ARRAY(nodes));
    digest_end(d, out);
}

static void root_is_that_of_the_definition(void **unused)
{
    (void)unused;
    OWN(digest) struct digest *d = digest_new();
    struct merkle m = {0};
    struct merkle again;

    for (uint64_t n = 0; n < 200; n++) {
        uint8_t wanted[MERKLE_LEN];
        uint8_t got[MERKLE_LEN];
        uint8_t data[1] = {(uint8_t)n};
        slow_root(d, 0, n, wanted);
        merkle_root(&m, d, got);
        assert_memory_equal(got, wanted, MERKLE_LEN);
        assert_true(merkle_load(&again, n, merkle_peaks(&m)));
        merkle_root(&again, d, got);
        assert_memory_equal(got, wanted, MERKLE_LEN);
        assert_false(merkle_load(&again, n + 1, merkle_peaks(&m)) &&
                     __builtin_popcountll(n + 1) != __builtin_popcountll(n));
        merkle_leaf(d, SLICE_ARRAY(data), got);
        merkle_push(&m, d, got);
    }
}

/* -- the vectors of transparency-dev/merkle -- */

struct vector {
    uint64_t a, b;
    uint8_t hash1[64], hash2[64];
    size_t hash1_len, hash2_len;
    struct buf proof;
    bool odd_proof; /* a node that has not 32 bytes */
    bool want_error;
};

/* The value of "name" in one flat JSON object; these files hold nothing that needs a real parser. */
static struct slice value_of(struct slice json, const char *name)
{
    char key[40];

    int n = snprintf(key, sizeof(key), "\"%s\":", name);
    const uint8_t *at = memmem(json.ptr, json.len, key, (size_t)n);
    if (!at) {
        return SLICE_NONE;
    }
    return slice_trim(slice_from(json, (size_t)(at - json.ptr) + (size_t)n));
}

static uint64_t number_of(struct slice json, const char *name)
{
    struct slice value = value_of(json, name);
    return value.len ? strtoull((const char *)value.ptr, NULL, 10) : 0;
}

/* Decode the base64 string that `text` begins with; *rest is what follows it. */
static size_t decode(struct slice text, uint8_t out[static 64], struct slice *rest)
{
    struct slice body = slice_cut(slice_from(text, 1), '"', rest);
    uint8_t bytes[256];

    if (body.len == 0 || body.len > 128) {
        return 0;
    }
    int n = EVP_DecodeBlock(bytes, body.ptr, (int)body.len);
    for (size_t i = body.len; n > 0 && i > 0 && body.ptr[i - 1] == '='; i--) {
        n--;
    }
    if (n < 0 || n > 64) {
        return 0;
    }
    (void)memcpy(out, bytes, (size_t)n);
    return (size_t)n;
}

static void read_proof(struct slice json, struct vector *v)
{
    struct slice rest = value_of(json, "proof");

    if (rest.len == 0 || rest.ptr[0] != '[') {
        return;
    }
    rest = slice_cut(slice_from(rest, 1), ']', &(struct slice){0});
    for (;;) {
        uint8_t node[64];
        size_t at = slice_find(rest, '"');
        if (at == rest.len) {
            return;
        }
        size_t n = decode(slice_from(rest, at), node, &rest);
        v->odd_proof |= n != MERKLE_LEN;
        buf_add(&v->proof, slice_of(node, n));
    }
}

/* The upstream verifier refuses malformed lengths before it hashes; here types do. */
static bool accepts(struct vector *v, bool inclusion)
{
    if (v->odd_proof || v->hash1_len != MERKLE_LEN || v->hash2_len != MERKLE_LEN) {
        return false;
    }
    return inclusion
               ? merkle_check_inclusion(v->a, v->b, v->hash1, buf_slice(&v->proof), v->hash2)
               : merkle_check_consistency(v->a, v->hash1, v->b, v->hash2, buf_slice(&v->proof));
}

static void check_file(const char *path, bool inclusion)
{
    static char text[65536];
    struct slice rest = SLICE_NONE;
    OWN(buf) struct buf proof = {.max = 65536};
    struct vector v = {.proof = proof};

    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    struct slice json = slice_of(text, n);
    v.a = number_of(json, inclusion ? "leafIdx" : "size1");
    v.b = number_of(json, inclusion ? "treeSize" : "size2");
    v.hash1_len = decode(value_of(json, inclusion ? "leafHash" : "root1"), v.hash1, &rest);
    v.hash2_len = decode(value_of(json, inclusion ? "root" : "root2"), v.hash2, &rest);
    read_proof(json, &v);
    v.want_error = slice_starts(value_of(json, "wantErr"), SLICE("true"));
    if (accepts(&v, inclusion) == v.want_error) {
        fail_msg("%s: expected %s", path, v.want_error ? "refusal" : "acceptance");
    }
    buf_done(&v.proof);
}

static size_t check_folder(const char *path, bool inclusion)
{
    size_t n = 0;

    DIR *dir = opendir(path);
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        char child[1024];
        if (d->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
        if (d->d_type == DT_DIR) {
            n += check_folder(child, inclusion);
        } else {
            check_file(child, inclusion);
            n++;
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return n;
}

static void vectors_of_transparency_dev(void **unused)
{
    (void)unused;
    char path[512];
    const char *corpora = getenv("POSTERN_CORPORA");

    corpora = corpora ? corpora : "../shared/corpora";
    (void)snprintf(path, sizeof(path), "%s/crypto/merkle/testdata/inclusion", corpora);
    size_t inclusion = check_folder(path, true);
    if (inclusion == 0) {
        print_message("skipped: no vectors in %s (set POSTERN_CORPORA)\n", path);
        skip();
    }
    (void)snprintf(path, sizeof(path), "%s/crypto/merkle/testdata/consistency", corpora);
    size_t consistency = check_folder(path, false);
    print_message("%zu inclusion and %zu consistency vectors\n", inclusion, consistency);
    assert_true(inclusion >= 20 && consistency >= 20);
}

static void only_the_empty_tree_is_before_all(void **unused)
{
    (void)unused;
    uint8_t empty[MERKLE_LEN];
    uint8_t other[MERKLE_LEN] = {1};

    digest_of(SLICE_NONE, SLICE_NONE, empty);
    assert_true(merkle_check_consistency(0, empty, 5, other, SLICE_NONE));
    assert_false(merkle_check_consistency(0, other, 5, other, SLICE_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_that_of_the_definition),
        cmocka_unit_test(vectors_of_transparency_dev),
        cmocka_unit_test(only_the_empty_tree_is_before_all),
    };
    return cmocka_run_group_tests_name("ledger/merkle", tests, NULL, NULL);
}
