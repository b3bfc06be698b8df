#include <sodium.h>

#include "search/internal.h"

#define DIGEST_LEN crypto_shorthash_siphashx24_BYTES

_Static_assert(TOKEN_KEY_LEN == crypto_shorthash_siphashx24_KEYBYTES, "SipHash takes 128 bits");
_Static_assert(CHECK_LEN == DIGEST_LEN, "a check is one digest");
_Static_assert(TOKEN_LEN == crypto_shorthash_siphash24_BYTES, "a token is one short digest");
_Static_assert(sizeof(struct token_keys) == SEARCH_KEY_LEN, "two halves make a key");

/* FTS5 takes terms for C strings: a byte that is zero becomes one. */
uint64_t token_of(const struct token_keys *keys, struct slice term)
{
    static const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t token = 0;
    uint8_t digest[TOKEN_LEN];

    (void)crypto_shorthash_siphash24(digest, term.ptr, term.len, keys->token);
    (void)memcpy(&token, digest, sizeof(token));
    return token | ~(((token & low) + low) | token | low) >> 7;
}

void token_write(uint64_t token, uint8_t bytes[static TOKEN_LEN])
{
    for (size_t i = TOKEN_LEN; i-- > 0; token >>= 8) {
        bytes[i] = (uint8_t)token;
    }
}

void token_check(const struct token_keys *keys, uint8_t check[static CHECK_LEN])
{
    (void)crypto_shorthash_siphashx24(check, keys->token, TOKEN_KEY_LEN, keys->check);
}

void token_account(struct slice account, uint8_t mark[static ACCOUNT_LEN])
{
    static const struct slice begin = SLICE_INIT("account:");

    (void)memcpy(mark, begin.ptr, begin.len);
    (void)crypto_generichash(mark + begin.len, ACCOUNT_LEN - begin.len, account.ptr, account.len,
                             NULL, 0);
}

/* ---- the tokenizer "keyed" ---- */

typedef int token_sink(void *, int, const char *, int, int, int);

static int create(void *something, const char **arguments, int count, Fts5Tokenizer **out)
{
    (void)arguments;
    (void)count;
    *out = something; /* it has no state of its own; NULL would be no tokenizer */
    return SQLITE_OK;
}

static void delete (Fts5Tokenizer *unused)
{
    (void)unused;
}

/* What match_write() wrote of a token, as it stands in the index; false when it is none. */
static bool read_token(struct slice text, uint8_t token[static TOKEN_LEN])
{
    size_t len = 0;

    return text.len == TOKEN_TEXT_LEN &&
           sodium_hex2bin(token, TOKEN_LEN, (const char *)text.ptr, text.len, NULL, &len, NULL) ==
               0 &&
           len == TOKEN_LEN;
}

static int tokenize_query(struct slice tokens, void *context, token_sink *sink)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && tokens.len) {
        struct slice spellings = slice_cut(tokens, ' ', &tokens);
        int flags = 0;
        while (rc == SQLITE_OK && spellings.len) {
            uint8_t token[TOKEN_LEN];
            if (!read_token(slice_cut(spellings, '|', &spellings), token)) {
                return SQLITE_MISUSE;
            }
            rc = sink(context, flags, (const char *)token, TOKEN_LEN, 0, 0);
            flags = FTS5_TOKEN_COLOCATED;
        }
    }
    return rc;
}

/* Letters do not come by way of FTS5: see segment.h. */
static int tokenize(Fts5Tokenizer *unused, void *context, int flags, const char *text, int len,
                    token_sink *sink)
{
    (void)unused;
    return flags & FTS5_TOKENIZE_QUERY ? tokenize_query(slice_of(text, (size_t)len), context, sink)
                                       : SQLITE_MISUSE;
}

fts5_api *search_fts5(sqlite3 *db, struct error *e)
{
    OWN(statement) sqlite3_stmt *s = NULL;
    fts5_api *api = NULL;

    if (!search_db_prepare(db, "SELECT fts5(?1)", &s, e)) {
        return NULL;
    }
    (void)sqlite3_bind_pointer(s, 1, (void *)&api, "fts5_api_ptr", NULL);
    (void)sqlite3_step(s);
    if (!api) {
        (void)error_set(e, ERROR_CONFIG, "search index: SQLite offers no FTS5");
    }
    return api;
}

bool token_register(sqlite3 *db, struct error *e)
{
    static fts5_tokenizer keyed = {create, delete, tokenize};
    static char something;
    fts5_api *api = search_fts5(db, e);

    return api && (api->xCreateTokenizer(api, "keyed", &something, &keyed, NULL) == SQLITE_OK ||
                   search_db_error(db, e, "cannot set up"));
}
