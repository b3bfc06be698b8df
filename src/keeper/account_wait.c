#include "keeper/account_wait.h"

#include "keeper/approvals.h"
#include "keeper/internal.h"
#include "keeper/renewal.h"
#include "keyring/digest.h"
#include "keyring/former.h"

static struct slice name_of(struct slice id, struct arena *arena)
{
    struct letter_id request;
    char text[LETTER_ID_TEXT] = "";

    if (letter_id_from(id, &request)) {
        letter_id_text(&request, text);
    }
    return arena_printf(arena, "request/%s", text);
}

bool account_wait(struct keeper *k, struct slice id, struct slice encoded, struct arena *arena,
                  struct error *e)
{
    return state_value_put(k->state, name_of(id, arena), encoded, e);
}

bool account_waiting(struct keeper *k, struct slice id, const struct request_account *asked,
                     struct arena *arena, struct account *account, bool *there, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    struct slice value;

    if (!state_value_get(k->state, name_of(id, arena), arena, &value, there, e)) {
        return false;
    }
    if (*there) {
        digest_of(value, SLICE_NONE, digest);
        *there = slice_equal(SLICE_ARRAY(digest), asked->after) &&
                 cbor_read(value, &account_schema, arena, account, e) &&
                 slice_equal(account->name, asked->account);
    }
    return true;
}

void account_forget(struct keeper *k, struct slice id, struct arena *arena)
{
    bool found = false;
    struct error e;

    (void)!state_value_delete(k->state, name_of(id, arena), &found, &e);
}

/* Requests about accounts that wait, or are approved and not done: copies, from the arena. */
static struct docket_request **open_requests(struct keeper *k, struct arena *arena, size_t *count)
{
    struct docket_request **out =
        arena_array(arena, DOCKET_REQUESTS_MAX, sizeof(struct docket_request *));
    int64_t now = approvals_now(k);

    *count = 0;
    (void)pthread_mutex_lock(&k->approvals.lock);
    for (struct docket_request *r = k->approvals.docket.oldest; r && *count < DOCKET_REQUESTS_MAX;
         r = r->next) {
        if (r->record.kind == REQUEST_ACCOUNT && (r->approved || docket_waits(r, now))) {
            out[(*count)++] = docket_copy(r, arena);
        }
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return out;
}

static bool is_former(struct keeper *k, const struct account *account, struct arena *arena,
                      bool *former, struct error *e)
{
    struct slice renewed = account->verifier;

    if (!keeper_renew_verifier(k, account->name, &renewed, arena, e)) {
        return false;
    }
    *former = !slice_equal(renewed, account->verifier);
    return true;
}

bool account_count_former(struct keeper *k, struct arena *arena, uint64_t *count, struct error *e)
{
    size_t n = 0;

    *count = 0;
    if (!keyring_former(k->options.state_key, 0)) {
        return true;
    }
    struct docket_request **requests = open_requests(k, arena, &n);
    for (size_t i = 0; i < n; i++) {
        struct request_account asked;
        struct account account;
        bool there = false;
        bool former = false;
        if (!cbor_read(requests[i]->record.arguments, &request_account_schema, arena, &asked, e) ||
            !account_waiting(k, requests[i]->record.id, &asked, arena, &account, &there, e) ||
            (there && !is_former(k, &account, arena, &former, e))) {
            return false;
        }
        *count += former;
    }
    return true;
}
