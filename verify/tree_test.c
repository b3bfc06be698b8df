/* The tree against its definition, and against the vectors of transparency-dev/merkle. */
#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "verify/tree.h"

#define NODES_MAX 64

static void leaf(struct hash *h, uint8_t number, uint8_t out[static HASH_LEN])
{
    uint8_t data[2] = {0, number};

    hash_begin(h);
    hash_add(h, data, sizeof(data));
    hash_end(h, out);
}

/* RFC 9162 section 2.1.1 as it is written, for leaves from, from + 1, ... */
static void slow_root(struct hash *h, uint8_t from, uint8_t n, uint8_t out[static HASH_LEN])
{
    static const uint8_t inner = 1;
    uint8_t left[HASH_LEN];
    uint8_t right[HASH_LEN];
    uint8_t split = 1;

    if (n == 0) {
        hash_begin(h);
        hash_end(h, out);
        return;
    }
    if (n == 1) {
        leaf(h, from, out);
        return;
    }
    while (split * 2 < n) {
        split = (uint8_t)(split * 2);
    }
    slow_root(h, from, split, left);
    slow_root(h, (uint8_t)(from + split), (uint8_t)(n - split), right);
    hash_begin(h);
    hash_add(h, &inner, 1);
    hash_add(h, left, sizeof(left));
    hash_add(h, right, sizeof(right));
    hash_end(h, out);
}

/* Section 14 as it is written: nodes for the leaves that `wanted` has as bits. */
static bool slow_prove(struct hash *h, uint8_t from, uint8_t n, uint64_t wanted, uint8_t *nodes,
                       size_t *len)
{
    uint8_t split = 1;

    if (n == 1) {
        return wanted >> from & 1;
    }
    while (split * 2 < n) {
        split = (uint8_t)(split * 2);
    }
    bool left = slow_prove(h, from, split, wanted, nodes, len);
    bool right = slow_prove(h, (uint8_t)(from + split), (uint8_t)(n - split), wanted, nodes, len);
    if (left && !right) {
        slow_root(h, (uint8_t)(from + split), (uint8_t)(n - split), nodes + *len);
    } else if (right && !left) {
        slow_root(h, from, split, nodes + *len);
    }
    *len += left != right ? HASH_LEN : 0;
    return left || right;
}

static void many_leaves_are_proved_at_once(void **unused)
{
    (void)unused;
    struct hash *h = hash_new();
    uint64_t seed = 1;

    for (uint8_t n = 1; n <= 40; n++) {
        uint8_t root[HASH_LEN];
        slow_root(h, 0, n, root);
        for (unsigned round = 0; round < 20; round++) {
            uint8_t hashes[NODES_MAX][HASH_LEN];
            uint8_t nodes[NODES_MAX * HASH_LEN];
            struct tree_leaf leaves[NODES_MAX];
            size_t count = 0;
            size_t len = 0;
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            uint64_t wanted = (seed >> 20 | 1) & (((uint64_t)1 << n) - 1);
            for (uint8_t i = 0; i < n; i++) {
                if (wanted >> i & 1) {
                    leaf(h, i, hashes[count]);
                    leaves[count] = (struct tree_leaf){i, hashes[count]};
                    count++;
                }
            }
            assert_true(slow_prove(h, 0, n, wanted, nodes, &len));
            struct view proof = {nodes, len};
            assert_true(tree_includes_all(h, leaves, count, n, proof, root));
            proof.len = len ? len - HASH_LEN : 0;
            assert_int_equal(tree_includes_all(h, leaves, count, n, proof, root), len == 0);
            proof.len = len + HASH_LEN;
            assert_false(tree_includes_all(h, leaves, count, n, proof, root));
            proof.len = len;
            hashes[count - 1][3] ^= 1;
            assert_false(tree_includes_all(h, leaves, count, n, proof, root));
            leaves[count - 1].index = n;
            assert_false(tree_includes_all(h, leaves, count, n, proof, root));
        }
    }
    hash_free(h);
}

static void the_root_is_that_of_the_definition(void **unused)
{
    (void)unused;
    struct hash *h = hash_new();
    struct tree t = {0};

    for (uint8_t n = 0; n < 120; n++) {
        struct tree again = {0};
        uint8_t wanted[HASH_LEN];
        uint8_t got[HASH_LEN];
        size_t peaks = (size_t)__builtin_popcount(n) * HASH_LEN;
        slow_root(h, 0, n, wanted);
        tree_root(&t, h, got);
        assert_memory_equal(got, wanted, sizeof(got));
        assert_true(tree_load(&again, n, (struct view){t.peaks[0], peaks}));
        assert_true(tree_same(&again, &t));
        assert_false(tree_load(&again, n, (struct view){t.peaks[0], peaks + HASH_LEN}));
        leaf(h, n, got);
        tree_push(&t, h, got);
    }
    hash_free(h);
}

/* -- vectors -- */

struct vector {
    uint64_t a, b; /* index and size, or both sizes */
    uint8_t hash[64], root[64];
    size_t hash_len, root_len;
    uint8_t proof[NODES_MAX * HASH_LEN];
    size_t nodes;
    bool odd; /* a node that is no hash, or more than there may be */
    bool refused;
};

static const char *value_of(const char *json, const char *name)
{
    char key[40];

    (void)snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(json, key);
    return at ? at + strlen(key) + strspn(at + strlen(key), " \n") : "";
}

/* Decode a string in base64; returns its bytes, and where it ends. */
static size_t decode(const char *text, uint8_t out[static 64], const char **end)
{
    uint8_t bytes[99];
    size_t len = *text == '"' ? strcspn(text + 1, "\"") : 0;

    *end = text + len + (len ? 2 : 0);
    if (len == 0 || len > 88) {
        return 0;
    }
    int n = EVP_DecodeBlock(bytes, (const uint8_t *)text + 1, (int)len);
    for (size_t i = len; n > 0 && text[i] == '='; i--) {
        n--;
    }
    if (n < 0 || n > 64) {
        return 0;
    }
    (void)memcpy(out, bytes, (size_t)n);
    return (size_t)n;
}

static void read_proof(const char *at, struct vector *v)
{
    uint8_t node[64];

    for (at += *at == '['; *at && *at != ']'; at += *at == '"' ? 0 : 1) {
        if (*at != '"') {
            continue;
        }
        size_t n = decode(at, node, &at);
        if (n != HASH_LEN || v->nodes == NODES_MAX) {
            v->odd = true;
            return;
        }
        (void)memcpy(v->proof + v->nodes++ * HASH_LEN, node, HASH_LEN);
    }
}

static bool accepts(struct hash *h, const struct vector *v, bool inclusion)
{
    struct view proof = {v->proof, v->nodes * HASH_LEN};

    if (v->odd || v->hash_len != HASH_LEN || v->root_len != HASH_LEN) {
        return false;
    }
    return inclusion ? tree_includes(h, v->a, v->b, v->hash, proof, v->root)
                     : tree_continues(h, v->a, v->hash, v->b, v->root, proof);
}

static void check_file(struct hash *h, const char *path, bool inclusion)
{
    static char text[65536];
    struct vector v = {0};
    const char *end = NULL;
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    v.a = strtoull(value_of(text, inclusion ? "leafIdx" : "size1"), NULL, 10);
    v.b = strtoull(value_of(text, inclusion ? "treeSize" : "size2"), NULL, 10);
    v.hash_len = decode(value_of(text, inclusion ? "leafHash" : "root1"), v.hash, &end);
    v.root_len = decode(value_of(text, inclusion ? "root" : "root2"), v.root, &end);
    v.refused = strncmp(value_of(text, "wantErr"), "true", 4) == 0;
    read_proof(value_of(text, "proof"), &v);
    if (accepts(h, &v, inclusion) == v.refused) {
        fail_msg("%s: expected %s", path, v.refused ? "refusal" : "acceptance");
    }
}

static size_t check_folder(struct hash *h, const char *path, bool inclusion)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    for (const struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        char child[1024];
        if (d->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(child, sizeof(child), "%s/%s", path, d->d_name);
        if (d->d_type == DT_DIR) {
            n += check_folder(h, child, inclusion);
        } else {
            check_file(h, child, inclusion);
            n++;
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return n;
}

static void proofs_are_those_of_transparency_dev(void **unused)
{
    (void)unused;
    struct hash *h = hash_new();
    char path[512];
    const char *corpora = getenv("POSTERN_CORPORA");

    corpora = corpora ? corpora : "../shared/corpora";
    (void)snprintf(path, sizeof(path), "%s/crypto/merkle/testdata/inclusion", corpora);
    size_t inclusion = check_folder(h, path, true);
    (void)snprintf(path, sizeof(path), "%s/crypto/merkle/testdata/consistency", corpora);
    size_t consistency = check_folder(h, path, false);
    hash_free(h);
    if (inclusion == 0) {
        print_message("skipped: no vectors in %s (set POSTERN_CORPORA)\n", path);
        skip();
    }
    print_message("%zu inclusion and %zu consistency vectors\n", inclusion, consistency);
    assert_true(inclusion >= 20 && consistency >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_that_of_the_definition),
        cmocka_unit_test(many_leaves_are_proved_at_once),
        cmocka_unit_test(proofs_are_those_of_transparency_dev),
    };
    return cmocka_run_group_tests_name("verify/tree", tests, NULL, NULL);
}
