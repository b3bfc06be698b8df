#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keyring/keyring.h"
#include "processes/signer_keys.h"
#include "tests/test.h"

#define DOMAIN SLICE("Example.test")

static char folder[64];
static int directory = -1;
static struct secret *seal;

static int begin(void **unused)
{
    (void)unused;
    (void)snprintf(folder, sizeof(folder), "/tmp/postern-signer-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    seal = keyring_random();
    return directory < 0 ? -1 : 0;
}

static int finish(void **unused)
{
    char command[128];
    (void)unused;
    secret_free(seal);
    (void)close(directory);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static struct signer_store *open_store(size_t *unreadable)
{
    struct error e;
    struct signer_store *s = signer_store_open(directory, seal, unreadable, &e);
    if (!s) {
        fail_msg("%s", e.text);
    }
    return s;
}

static EVP_PKEY *public_of(struct slice der)
{
    const unsigned char *at = der.ptr;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);
    assert_non_null(key);
    return key;
}

static bool verifies(struct slice public, int padding, struct slice digest, struct slice signature)
{
    EVP_PKEY *key = public_of(public);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    const EVP_MD *hash = digest.len == 32 ? EVP_sha256() : EVP_sha384();

    assert_int_equal(EVP_PKEY_verify_init(c), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(c, hash), 1);
    if (padding) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, padding), 1);
    }
    if (padding == RSA_PKCS1_PSS_PADDING) {
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    bool ok = EVP_PKEY_verify(c, signature.ptr, signature.len, digest.ptr, digest.len) == 1;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    return ok;
}

static bool verifies_data(struct slice public, struct slice data, struct slice signature)
{
    EVP_PKEY *key = public_of(public);
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestVerifyInit(c, NULL, NULL, NULL, key), 1);
    bool ok = EVP_DigestVerify(c, signature.ptr, signature.len, data.ptr, data.len) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    return ok;
}

static struct signer_key make(struct signer_store *s, uint64_t kind, struct slice selector,
                              struct arena *arena)
{
    struct signer_new_ask ask = {.kind = kind, .domain = DOMAIN, .name = selector};
    struct signer_key made;
    struct error e;

    assert_ok(signer_store_new(s, &ask, arena, &made, &e), e);
    return made;
}

static void dkim_keys_sign_and_are_there_after_a_restart(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf signature = {.max = SIGNER_SIGNATURE_MAX};
    static const uint8_t digest[32] = {1, 2, 3};
    size_t unreadable = 0;
    struct error e;
    struct signer_store *s = open_store(&unreadable);

    struct signer_key rsa = make(s, KEY_DKIM_RSA, SLICE("2026A"), &arena);
    struct signer_key ed = make(s, KEY_DKIM_ED25519, SLICE("2026e"), &arena);
    assert_slice(rsa.domain, "example.test");
    assert_slice(rsa.name, "2026a");
    signer_store_close(s);
    s = open_store(&unreadable);
    assert_int_equal(unreadable, 0);
    OWN(private_key) struct private_key *k = signer_store_dkim(s, DOMAIN, SLICE("2026a"));
    OWN(private_key)
    struct private_key *k2 = signer_store_dkim(s, SLICE("example.TEST"), SLICE("2026E"));
    assert_non_null(k);
    assert_non_null(k2);
    assert_null(signer_store_dkim(s, SLICE("partner.test"), SLICE("2026a")));
    assert_null(signer_store_dkim(s, SLICE_NONE, SLICE(SIGNER_CHECKPOINT)));
    signer_store_close(s); /* a key in use lives on */
    assert_ok(private_key_sign(k, SCHEME_RSA_PKCS1, SLICE_ARRAY(digest), &signature, &e), e);
    assert_true(
        verifies(rsa.public, RSA_PKCS1_PADDING, SLICE_ARRAY(digest), buf_slice(&signature)));
    buf_reset(&signature);
    assert_ok(private_key_sign(k2, SCHEME_ED25519, SLICE_ARRAY(digest), &signature, &e), e);
    assert_true(verifies_data(ed.public, SLICE_ARRAY(digest), buf_slice(&signature)));
    assert_false(private_key_sign(k2, SCHEME_RSA_PSS, SLICE_ARRAY(digest), &signature, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(private_key_sign(k, SCHEME_RSA_PKCS1, SLICE("not a digest"), &signature, &e));
}

static void names_are_taken_once_and_must_be_names(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    size_t unreadable = 0;
    struct error e;
    OWN(signer_store) struct signer_store *s = open_store(&unreadable);
    const struct signer_new_ask bad[] = {
        {KEY_DKIM_RSA,     DOMAIN,                 SLICE("2026e"),      0   }, /* taken below */
        {KEY_CHECKPOINT,   DOMAIN,                 SLICE("x"),          0   },
        {KEY_TLS,          DOMAIN,                 SLICE("x"),          0   },
        {KEY_DKIM_RSA,     DOMAIN,                 SLICE("x"),          1024},
        {KEY_DKIM_RSA,     DOMAIN,                 SLICE("x"),          8192},
        {KEY_DKIM_ED25519, SLICE_NONE,             SLICE("checkpoint"), 0   },
        {KEY_DKIM_ED25519, DOMAIN,                 SLICE("../x"),       0   },
        {KEY_DKIM_ED25519, DOMAIN,                 SLICE("a b"),        0   },
        {KEY_DKIM_ED25519, SLICE("a..b"),          SLICE("x"),          0   },
        {KEY_DKIM_ED25519, SLICE("example.test."), SLICE("x"),          0   },
    };

    (void)make(s, KEY_DKIM_ED25519, SLICE("2026E"), &arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct signer_key made;
        assert_false(signer_store_new(s, &bad[i], &arena, &made, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
    struct signer_keys all = signer_store_list(s, &arena);
    assert_int_equal(all.keys.count, 2);
}

/* Call with the name of each file below the folder. */
static size_t for_each_file(void (*look)(const char *path))
{
    char command[128];
    char path[256];
    size_t n = 0;

    (void)snprintf(command, sizeof(command), "find %s -type f", folder);
    FILE *list = popen(command, "r");
    while (fgets(path, sizeof(path), list)) {
        path[strcspn(path, "\n")] = '\0';
        look(path);
        n++;
    }
    (void)pclose(list);
    return n;
}

static void is_private_and_unreadable(const char *path)
{
    struct stat about;
    uint8_t bytes[8192];

    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    assert_null(memmem(bytes, n, "example", 7));
    assert_null(memmem(bytes, n, "2026", 4));
    assert_null(strstr(path, "example"));
    assert_null(strstr(path, "2026"));
    assert_null(strstr(path, ".new"));
}

static void flip_a_bit(const char *path)
{
    int fd = open(path, O_RDWR);
    uint8_t byte = 0;

    assert_int_equal(pread(fd, &byte, 1, 100), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
    (void)close(fd);
}

static void files_tell_nothing_and_damage_is_seen(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    size_t unreadable = 0;
    struct error e;
    struct signer_store *s = open_store(&unreadable);
    struct signer_new_ask again = {KEY_DKIM_ED25519, DOMAIN, SLICE("2026e"), 0};
    struct signer_key made;

    (void)make(s, KEY_DKIM_ED25519, SLICE("2026e"), &arena);
    signer_store_close(s);
    assert_int_equal(for_each_file(is_private_and_unreadable), 2);
    assert_int_equal(for_each_file(flip_a_bit), 2);
    s = open_store(&unreadable);
    assert_int_equal(unreadable, 2);
    assert_null(signer_store_checkpoint(s)); /* and none is made in its place */
    assert_null(signer_store_dkim(s, DOMAIN, SLICE("2026e")));
    assert_false(signer_store_new(s, &again, &arena, &made, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    signer_store_close(s);
    assert_int_equal(for_each_file(flip_a_bit), 2);
    s = open_store(&unreadable);
    assert_int_equal(unreadable, 0);
    signer_store_close(s);
}

static void a_key_file_under_anothers_name_is_refused(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    char command[256];
    size_t unreadable = 0;
    struct signer_store *s = open_store(&unreadable);

    (void)make(s, KEY_DKIM_ED25519, SLICE("a"), &arena);
    signer_store_close(s);
    (void)snprintf(command, sizeof(command),
                   "cd %s && set -- *.key && mv $1 x && mv $2 $1 && mv x $2", folder);
    assert_int_equal(system(command), 0);
    s = open_store(&unreadable);
    assert_int_equal(unreadable, 2);
    signer_store_close(s);
}

static void the_checkpoint_key_stays_the_same(void **unused)
{
    (void)unused;
    size_t unreadable = 0;
    struct signer_store *s = open_store(&unreadable);
    OWN(private_key) struct private_key *first = signer_store_checkpoint(s);

    assert_non_null(first);
    signer_store_close(s);
    s = open_store(&unreadable);
    OWN(private_key) struct private_key *second = signer_store_checkpoint(s);
    assert_true(slice_equal(private_key_id(first), private_key_id(second)));
    signer_store_close(s);
}

/* A PEM key of a group or "RSA", and its id as a name. */
static void make_pem(const char *kind, char pem[static 4096], char name[static 65])
{
    EVP_PKEY *key = strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
    BIO *out = BIO_new(BIO_s_mem());
    uint8_t *spki = NULL;
    uint8_t id[32];

    assert_int_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    int n = BIO_read(out, pem, 4095);
    pem[n] = '\0';
    int len = i2d_PUBKEY(key, &spki);
    assert_int_equal(EVP_Digest(spki, (size_t)len, id, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < sizeof(id); i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", id[i]);
    }
    OPENSSL_free(spki);
    BIO_free(out);
    EVP_PKEY_free(key);
}

static void tls_keys_are_renewed_and_the_old_ones_stay(void **unused)
{
    (void)unused;
    char pem[2][4096];
    char both[8192];
    char name[4][65];
    size_t unreadable = 0;
    struct error e;
    OWN(signer_store) struct signer_store *s = open_store(&unreadable);

    assert_null(signer_store_tls(s, SLICE(SIGNER_TLS), PRIVATE_KEY_EC));
    make_pem("P-256", pem[0], name[0]);
    make_pem("RSA", pem[1], name[1]);
    (void)snprintf(both, sizeof(both), "%s%s", pem[0], pem[1]);
    assert_ok(signer_store_set_tls(s, slice_text(both), &e), e);
    assert_ok(signer_store_set_tls(s, slice_text(both), &e), e); /* a reload changes nothing */
    make_pem("P-384", pem[0], name[2]);
    assert_ok(signer_store_set_tls(s, slice_text(pem[0]), &e), e);
    assert_false(signer_store_set_tls(s, SLICE("nonsense"), &e));
    assert_int_equal(e.kind, ERROR_CONFIG);

    OWN(private_key)
    struct private_key *old = signer_store_tls(s, slice_text(name[0]), PRIVATE_KEY_EC);
    OWN(private_key)
    struct private_key *rsa = signer_store_tls(s, SLICE(SIGNER_TLS), PRIVATE_KEY_RSA);
    OWN(private_key)
    struct private_key *newest = signer_store_tls(s, SLICE(SIGNER_TLS), PRIVATE_KEY_EC);
    OWN(private_key)
    struct private_key *named = signer_store_tls(s, slice_text(name[2]), PRIVATE_KEY_EC);
    assert_non_null(old);
    assert_true(slice_equal(private_key_id(newest), private_key_id(named)));
    assert_null(signer_store_tls(s, slice_text(name[1]), PRIVATE_KEY_EC));
    assert_null(signer_store_tls(s, SLICE(""), PRIVATE_KEY_EC));

    static const uint8_t digest[48] = {9};
    OWN(buf) struct buf signature = {.max = SIGNER_SIGNATURE_MAX};
    assert_ok(private_key_sign(named, SCHEME_ECDSA, SLICE_ARRAY(digest), &signature, &e), e);
    assert_true(verifies(private_key_public(named), 0, SLICE_ARRAY(digest), buf_slice(&signature)));
    buf_reset(&signature);
    assert_ok(private_key_sign(rsa, SCHEME_RSA_PSS, slice_of(digest, 32), &signature, &e), e);
    assert_true(verifies(private_key_public(rsa), RSA_PKCS1_PSS_PADDING, slice_of(digest, 32),
                         buf_slice(&signature)));

    for (int i = 0; i < 2 * SIGNER_TLS_MAX; i++) { /* bounded */
        make_pem("P-256", pem[0], name[3]);
        assert_ok(signer_store_set_tls(s, slice_text(pem[0]), &e), e);
    }
    assert_null(signer_store_tls(s, slice_text(name[0]), PRIVATE_KEY_EC));
    OWN(arena) struct arena arena = {.max = 1 << 20};
    assert_int_equal(signer_store_list(s, &arena).keys.count, SIGNER_TLS_MAX + 1);
}

static void keys_nobody_should_use_are_refused(void **unused)
{
    (void)unused;
    static const char *const commands[] = {
        "openssl genrsa 1024 2>/dev/null",
        "openssl genpkey -algorithm ed25519",
        "openssl ecparam -genkey -noout -name secp224r1",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:x 2>&1",
    };
    struct private_key *keys[4];
    struct error e;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char pem[4096];
        size_t n = 7;
        FILE *f = popen(commands[i], "r");
        size_t len = fread(pem, 1, sizeof(pem), f);
        (void)pclose(f);
        assert_true(len > 100);
        assert_false(private_keys_from_pem(slice_of(pem, len), 4, keys, &n, &e));
        assert_int_equal(e.kind, ERROR_CONFIG);
        assert_int_equal(n, 0);
    }
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(dkim_keys_sign_and_are_there_after_a_restart),
        SCENE(names_are_taken_once_and_must_be_names),
        SCENE(files_tell_nothing_and_damage_is_seen),
        SCENE(a_key_file_under_anothers_name_is_refused),
        SCENE(the_checkpoint_key_stays_the_same),
        SCENE(tls_keys_are_renewed_and_the_old_ones_stay),
        SCENE(keys_nobody_should_use_are_refused),
    };
    return cmocka_run_group_tests_name("processes/signer", tests, NULL, NULL);
}
