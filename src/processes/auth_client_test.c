#include "processes/auth_client_test.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"

#include "formats/smtp/base64.h"
#include "keyring/digest.h"

const uint8_t here[AUTH_EXCHANGE_LEN] = {1};
const uint8_t elsewhere[AUTH_EXCHANGE_LEN] = {2};

static void copy_text(struct slice from, char *out, size_t size)
{
    assert_true(from.len < size);
    (void)snprintf(out, size, "%.*s", SLICE_ARG(from));
}

uint64_t client_say_first(struct client *c, const char *mechanism, struct slice message)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_sasl_begin_ask ask = {SLICE_ARRAY(here), OFFICE, slice_text(mechanism),
                                            message, c->exporter};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_sasl_begin, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
        e);
    c->delay_ms = answer.delay_ms;
    if (answer.verdict == LOGIN_CONTINUES) {
        assert_int_equal(answer.exchange.len, sizeof(c->exchange));
        memcpy(c->exchange, answer.exchange.ptr, sizeof(c->exchange));
        copy_text(answer.message, c->server_first, sizeof(c->server_first));
    } else {
        assert_int_equal(answer.exchange.len + answer.message.len, 0);
    }
    return answer.verdict;
}

/* r=NONCE,s=SALT,i=NUMBER */
static void read_server_first(struct client *c)
{
    struct slice rest = slice_text(c->server_first);
    size_t len = 0;

    struct slice nonce = slice_cut(rest, ',', &rest);
    struct slice salt = slice_cut(rest, ',', &rest);
    assert_true(slice_starts(nonce, SLICE("r=" MINE)) && nonce.len > 2 + strlen(MINE) + 20);
    copy_text(slice_from(nonce, 2), c->nonce, sizeof(c->nonce));
    assert_true(smtp_base64_decode(slice_from(salt, 2), c->salt, sizeof(c->salt), &len));
    assert_int_equal(len, sizeof(c->salt));
    assert_true(slice_decimal(slice_from(rest, 2), UINT32_MAX, &c->iterations));
}

uint64_t client_begin_bound(struct client *c, const char *user, const char *mechanism,
                            const char *header, struct slice exporter)
{
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    *c = (struct client){.exporter = exporter};
    (void)snprintf(c->header, sizeof(c->header), "%s", header);
    (void)snprintf(c->user, sizeof(c->user), "%s", user);
    (void)snprintf(c->first, sizeof(c->first), "n=%s,r=" MINE, user);
    buf_printf(&message, "%s%s", c->header, c->first);
    uint64_t verdict = client_say_first(c, mechanism, buf_slice(&message));
    if (verdict == LOGIN_CONTINUES) {
        read_server_first(c);
    }
    return verdict;
}

uint64_t client_begin(struct client *c, const char *user)
{
    return client_begin_bound(c, user, "SCRAM-SHA-256", "n,,", SLICE_NONE);
}

/* The client's last message without its proof. */
struct slice client_without_proof(struct client *c, struct buf *out)
{
    OWN(buf) struct buf bound = {.max = 200};

    buf_add_text(&bound, c->header);
    buf_add(&bound, c->binding);
    buf_add_text(out, "c=");
    scram_write_base64(out, buf_slice(&bound));
    buf_printf(out, ",r=%s", c->nonce);
    return buf_slice(out);
}

void client_add_proof(struct client *c, struct slice password, struct buf *message)
{
    uint8_t salted[32];
    uint8_t key[32];
    uint8_t signature[32];

    (void)snprintf(c->said, sizeof(c->said), "%s,%s,%.*s", c->first, c->server_first,
                   SLICE_ARG(buf_slice(message)));
    scram_keys_make(password, c->salt, c->iterations, &c->keys);
    assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, c->salt,
                                       sizeof(c->salt), (int)c->iterations, EVP_sha256(), 32,
                                       salted),
                     1);
    digest_hmac(SLICE_ARRAY(salted), SLICE("Client Key"), key);
    digest_hmac(SLICE_ARRAY(c->keys.stored), slice_text(c->said), signature);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= signature[i];
    }
    buf_add_text(message, ",p=");
    scram_write_base64(message, SLICE_ARRAY(key));
}

uint64_t client_say_last(struct client *c, const uint8_t *connection, struct slice message)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct auth_sasl_next_ask ask = {slice_of(connection, AUTH_EXCHANGE_LEN), OFFICE,
                                           SLICE_ARRAY(c->exchange), message};
    struct auth_login_answer answer;
    struct error e;

    assert_ok(
        ipc_call(scene.submission, &auth_sasl_next, &ask, -1, &answer, NULL, &arena, WITHIN, &e),
        e);
    c->delay_ms = answer.delay_ms;
    copy_text(answer.message, c->answer, sizeof(c->answer));
    assert_int_equal(answer.session.len, answer.verdict == LOGIN_ACCEPTED ? AUTH_SESSION_LEN : 0);
    assert_int_equal(answer.message.len > 0, answer.verdict == LOGIN_ACCEPTED);
    return answer.verdict;
}

uint64_t client_finish(struct client *c, struct slice password)
{
    OWN(buf) struct buf message = {.max = SCRAM_MESSAGE_MAX};

    (void)client_without_proof(c, &message);
    client_add_proof(c, password, &message);
    return client_say_last(c, here, buf_slice(&message));
}

uint64_t client_sign_in(struct client *c, const char *user, struct slice password)
{
    assert_int_equal(client_begin(c, user), LOGIN_CONTINUES);
    return client_finish(c, password);
}
