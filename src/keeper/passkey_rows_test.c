#include <stdio.h>
#include <unistd.h>

#include "keeper/internal.h"
#include "keeper/passkey_rows.h"
#include "keyring/keyring.h"
#include "tests/test.h"

#define ANNA SLICE("anna@example.test")
#define BERT SLICE("bert@example.test")
#define KEY  SLICE("a credential")

static struct keeper keeper; /* what is not set is not used here */
static struct arena arena = {.max = 1 << 20};

static bool add(struct factors *f, void *context, struct error *e)
{
    static struct passkey keys[] = {
        {.id = SLICE_INIT("abcdefgh"),
         .name = SLICE_INIT("blue key"),
         .credential = SLICE_INIT("a credential"),
         .sealed = SLICE_INIT("sealed"),
         .created_at = 1}
    };

    (void)e;
    f->passkeys = (struct cbor_list){keys, context ? 1 : 0};
    return true;
}

static bool refuse(struct factors *f, void *context, struct error *e)
{
    (void)f;
    (void)context;
    return error_set(e, ERROR_BUSY, "the ledger does not answer");
}

static bool adds(struct slice account, struct error *e)
{
    return passkey_rows_add(&keeper, account, KEY, &arena, add, &keeper, e);
}

static void a_credential_is_one_accounts_until_it_goes(void **unused)
{
    (void)unused;
    struct error e;

    /* What a failure leaves leads nowhere. */
    assert_false(passkey_rows_add(&keeper, BERT, KEY, &arena, refuse, NULL, &e));
    assert_ok(adds(ANNA, &e), e);
    assert_false(adds(BERT, &e) || adds(ANNA, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    /* While she has it, it is hers, and nobody else forgets it. */
    assert_ok(passkey_rows_forget(&keeper, ANNA, KEY, &arena, &e), e);
    assert_ok(passkey_rows_forget(&keeper, BERT, KEY, &arena, &e), e);
    assert_false(adds(BERT, &e));
    assert_ok(factors_put(&keeper, ANNA, &arena, add, NULL, &e), e); /* off */
    assert_ok(passkey_rows_forget(&keeper, ANNA, KEY, &arena, &e), e);
    assert_ok(adds(BERT, &e), e);
    assert_false(adds(ANNA, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_one_accounts_until_it_goes),
    };
    char folder[] = "/tmp/passkey-rows-XXXXXX";
    char path[64];
    char journal[80];
    OWN(secret) struct secret *key = keyring_random();
    struct error e;

    if (!mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/state.db", folder);
    (void)snprintf(journal, sizeof(journal), "%s-journal", path);
    if (!state_open(path, key, &keeper.state, &e)) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("keeper/passkey_rows", tests, NULL, NULL);
    state_close(keeper.state);
    arena_done(&arena);
    (void)unlink(path);
    (void)unlink(journal);
    return rmdir(folder) == 0 ? failed : 1;
}
