#include <stdlib.h>

#include "stages/identity/identity.h"

static const struct slice alice = SLICE_INIT("alice@example.test");
static const struct slice board = SLICE_INIT("board@example.test");

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Whether what stands between the angle brackets, or the field without comments and white space,
 * is the address: how a reader of a few lines would find it. */
static bool names(struct slice value, struct slice who)
{
    uint8_t text[64];
    size_t len = 0;
    size_t open = slice_find(value, '<');
    unsigned depth = 0;

    if (open != value.len) {
        struct slice inside = slice_from(value, open + 1);
        check(slice_find(inside, '<') == inside.len);
        value = slice_head(inside, slice_find(inside, '>'));
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool escaped = c == '\\' && depth;
        depth += c == '(' ? 1U : 0U;
        if (depth == 0 && c > ' ' && c != '"' && len < sizeof(text)) {
            text[len++] = ascii_lower(c);
        }
        depth -= c == ')' && depth ? 1U : 0U;
        i += escaped;
    }
    return slice_equal_nocase(slice_of(text, len), who);
}

/* Lines as the most generous reader splits them. */
static size_t count_from_lines(struct slice header)
{
    size_t count = 0;
    bool starts = true;

    for (size_t i = 0; i < header.len; i++) {
        uint8_t c = header.ptr[i];
        count += starts && slice_starts_nocase(slice_from(header, i), SLICE("from:"));
        starts = (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0;
    }
    return count;
}

/* What is allowed beside one's own address takes nothing away and is said: a delegation, tags, a whole domain. */
static void check_more(const struct mail_header *h, bool utf8, bool proven, struct arena *arena)
{
    static const struct slice domain = SLICE_INIT("alerts.example.test");
    struct identity_account account = {
        .addresses = &alice, .n_addresses = 1, .delegated = &board, .n_delegated = 1};
    struct identity_answer answer;

    bool more = identity_judge(alice, h, utf8, &account, arena, &answer);
    check(more == (proven || answer.delegation == 1));
    check(!proven || answer.delegation == 0);
    if (answer.delegation && h->defect == MAIL_SOUND) {
        check(names(mail_header_find(h, MAIL_FROM)->value, board));
        check(count_from_lines(h->bytes) == 1);
    }
    account.separator = '+';
    account.domains = &domain;
    account.n_domains = 1;
    check(identity_judge(alice, h, utf8, &account, arena, &answer) || !more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: SMTPUTF8; the rest is a letter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    static const struct identity_account account = {.addresses = &alice, .n_addresses = 1};
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct mail_header h;
    struct identity_answer answer;

    if (size == 0) {
        return 0;
    }
    bool utf8 = data[0] & 1;
    mail_header_read(slice_of(data + 1, size - 1), &limits, utf8, &a, &h);
    bool proven = identity_judge(alice, &h, utf8, &account, &a, &answer);
    check(proven == (answer.verdict == IDENTITY_PROVEN));
    check(slice_is_ascii(slice_text(answer.sentence)) && proven == !answer.sentence[0]);
    if (proven && h.defect == MAIL_SOUND) {
        check(names(mail_header_find(&h, MAIL_FROM)->value, alice));
        check(count_from_lines(h.bytes) == 1);
    }
    check_more(&h, utf8, proven, &a);
    return 0;
}
