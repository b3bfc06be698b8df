#include <sodium.h>

#include "search/internal.h"

#define DIGEST_LEN crypto_shorthash_siphashx24_BYTES

_Static_assert(TOKEN_KEY_LEN == crypto_shorthash_siphashx24_KEYBYTES, "SipHash takes 128 bits");
_Static_assert(CHECK_LEN == DIGEST_LEN, "a check is one digest");
_Static_assert(sizeof(struct token_keys) == SEARCH_KEY_LEN, "two halves make a key");

void token_make(const struct token_keys *keys, struct slice term, char token[static TOKEN_LEN])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t digest[DIGEST_LEN];
    uint64_t low = 0;

    (void)crypto_shorthash_siphashx24(digest, term.ptr, term.len, keys->token);
    (void)memcpy(&low, digest, sizeof(low));
    for (size_t i = 0; i < TOKEN_LEN - 1; i++) {
        token[i] = alphabet[low & 63];
        low >>= 6;
    }
    /* Four bits are left of the first 64; two more come from the second. */
    token[TOKEN_LEN - 1] = alphabet[low | (uint64_t)(digest[sizeof(low)] & 3) << 4];
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

static int create(void *keys, const char **arguments, int count, Fts5Tokenizer **out)
{
    (void)arguments;
    (void)count;
    *out = keys; /* it has no state of its own */
    return SQLITE_OK;
}

static void delete (Fts5Tokenizer *unused)
{
    (void)unused;
}

/* A whole stands at the position of the part behind it, and so does an address's domain. */
static int tokenize_letter(const struct token_keys *keys, struct slice terms, void *context,
                           token_sink *sink)
{
    struct text_term term;
    int flags = 0;
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && text_terms_next(&terms, &term)) {
        size_t at = term.whole ? slice_find(term.bytes, '@') : term.bytes.len;
        char token[TOKEN_LEN];
        token_make(keys, term.bytes, token);
        rc = sink(context, flags, token, TOKEN_LEN, 0, 0);
        flags = term.whole ? FTS5_TOKEN_COLOCATED : 0;
        if (rc == SQLITE_OK && at < term.bytes.len) {
            token_make(keys, slice_from(term.bytes, at), token);
            rc = sink(context, flags, token, TOKEN_LEN, 0, 0);
        }
    }
    return rc;
}

static int tokenize_query(struct slice tokens, void *context, token_sink *sink)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && tokens.len) {
        struct slice spellings = slice_cut(tokens, ' ', &tokens);
        int flags = 0;
        while (rc == SQLITE_OK && spellings.len) {
            struct slice token = slice_cut(spellings, '|', &spellings);
            rc = sink(context, flags, (const char *)token.ptr, (int)token.len, 0, 0);
            flags = FTS5_TOKEN_COLOCATED;
        }
    }
    return rc;
}

static int tokenize(Fts5Tokenizer *keys, void *context, int flags, const char *text, int len,
                    token_sink *sink)
{
    struct slice in = slice_of(text, (size_t)len);

    return flags & FTS5_TOKENIZE_QUERY
               ? tokenize_query(in, context, sink)
               : tokenize_letter((const struct token_keys *)keys, in, context, sink);
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

bool token_register(sqlite3 *db, const struct token_keys *keys, struct error *e)
{
    static fts5_tokenizer keyed = {create, delete, tokenize};
    fts5_api *api = search_fts5(db, e);
    void *context = NULL;

    (void)memcpy(&context, &keys, sizeof(context)); /* SQLite's void * is not const */
    return api && (api->xCreateTokenizer(api, "keyed", context, &keyed, NULL) == SQLITE_OK ||
                   search_db_error(db, e, "cannot set up"));
}
