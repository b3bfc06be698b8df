/* A whole book leaves only when another person approved it: then who asked may take it, once, for a while. What was
 * approved is a value of the state until it is taken. */
#include <string.h>

#include "base/clock.h"

#include "formats/contacts/contacts.h"
#include "host/memfd.h"
#include "keeper/contacts.h"
#include "keeper/drills.h"
#include "keeper/internal.h"
#include "requests/contacts.h"

#define FILE_MAX   CARDS_FILE_MAX
#define GRANT_LEN  8 /* until when, big-endian */
#define ROWS_BYTES (CONTACT_ALL_MAX * 2 * sizeof(void *))

/* ── what was approved ── */

static struct slice grant_name(struct slice by, struct slice owner, struct arena *arena)
{
    return arena_printf(arena, "contacts/export/%s/%.*s", owner.len ? "own" : "company",
                        SLICE_ARG(by));
}

enum carried contacts_approved(struct keeper *k, const struct docket_request *r,
                               struct arena *arena, struct slice *said, struct error *e)
{
    int64_t until =
        approvals_now(k) + k->options.settings(k->options.context)->contacts.export_within_ms;
    struct request_contacts asked;
    uint8_t value[GRANT_LEN];
    char text[CLOCK_TEXT_MAX];

    if (!cbor_read(r->record.arguments, &request_contacts_schema, arena, &asked, e)) {
        return CARRIED_FAILED;
    }
    for (size_t i = 0; i < GRANT_LEN; i++) {
        value[i] = (uint8_t)((uint64_t)until >> (8 * (GRANT_LEN - 1 - i)));
    }
    if (!state_value_put(k->state, grant_name(r->record.by, asked.owner, arena), SLICE_ARRAY(value),
                         e)) {
        return CARRIED_LATER;
    }
    clock_rfc3339(until, text);
    *said = arena_printf(arena, "%.*s takes it with the same command, once, until %s",
                         SLICE_ARG(r->record.by), text);
    return CARRIED_DONE;
}

/* Use it up, if there is one that is not over. */
static bool take_grant(struct keeper *k, struct slice by, struct slice owner, struct arena *arena,
                       bool *granted, struct error *e)
{
    struct slice name = grant_name(by, owner, arena);
    struct slice value;
    uint64_t until = 0;
    bool found = false;

    *granted = false;
    if (!state_value_get(k->state, name, arena, &value, &found, e)) {
        return false;
    }
    if (!found) {
        return true;
    }
    for (size_t i = 0; i < value.len && i < GRANT_LEN; i++) {
        until = until << 8 | value.ptr[i];
    }
    if (!state_value_delete(k->state, name, &found, e)) {
        return false;
    }
    *granted = found && (uint64_t)approvals_now(k) < until; /* of two at once one took it */
    return true;
}

/* ── the file ── */

static struct card card_of(const struct contact *c)
{
    return (struct card){.addresses = {c->address},
                         .n_addresses = 1,
                         .name = c->name,
                         .organisation = c->organisation,
                         .title = c->title,
                         .phone = c->phone,
                         .note = c->note};
}

static size_t write_book(struct keeper *k, struct slice owner, bool table, struct buf *out)
{
    OWN(arena) struct arena arena = {.max = ROWS_BYTES};
    const struct contact_row **rows = NULL;

    if (table) {
        card_write_heads(out);
    }
    (void)pthread_rwlock_rdlock(&k->contacts->lock);
    size_t n = contact_book_list(k->contacts->book, owner, &arena, &rows);
    for (size_t i = 0; i < n; i++) {
        const struct card card = card_of(&rows[i]->contact);
        (table ? card_write_row : card_write)(out, &card);
    }
    (void)pthread_rwlock_unlock(&k->contacts->lock);
    return n;
}

/* It is an act before it is given. */
static bool give(struct keeper_admin *admin, const struct contact_export_ask *ask,
                 struct slice owner, struct ipc_request *r, struct error *e)
{
    OWN(buf) struct buf file = {.max = FILE_MAX};
    struct contact_export_answer *answer = r->answer;

    answer->count = write_book(admin->keeper, owner, ask->format == CONTACT_CSV, &file);
    struct act act = {.verb = SLICE("contact export"),
                      .reason = ask->reason,
                      .count = answer->count,
                      .detail = owner.len ? SLICE("own contacts") : SLICE("company contacts")};
    if (file.full) {
        return error_set(e, ERROR_LIMIT, "the file would be too large");
    }
    return keeper_admin_act(admin, &act, e) &&
           memfd_from("contacts", buf_slice(&file), &r->answer_fd, e);
}

/* ── asking ── */

/* One request of anybody's waits at a time: nobody fills the list of what waits. */
static bool waits_already(struct keeper *k, struct slice by)
{
    int64_t now = approvals_now(k);
    bool waits = false;

    (void)pthread_mutex_lock(&k->approvals.lock);
    for (const struct docket_request *r = k->approvals.docket.oldest; r; r = r->next) {
        waits = waits || (r->record.kind == REQUEST_CONTACTS && slice_equal(r->record.by, by) &&
                          (r->approved || docket_waits(r, now)));
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return waits;
}

static bool ask_for(struct keeper_admin *admin, const struct contact_export_ask *ask,
                    struct slice owner, struct ipc_request *r, struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    const struct request_contacts asked = {.owner = owner};
    struct contact_export_answer *answer = r->answer;

    if (waits_already(admin->keeper, admin->caller.by)) {
        return error_set(e, ERROR_BUSY,
                         "an export that you asked for waits already: `postern approvals`");
    }
    cbor_write(&arguments, &request_contacts_schema, &asked);
    struct request_record request = {
        .kind = REQUEST_CONTACTS,
        .arguments = buf_slice(&arguments),
        .object = owner.len ? arena_printf(r->arena, "all contacts of %.*s", SLICE_ARG(owner))
                            : SLICE("all contacts of the company"),
        .reason = ask->reason};
    return approvals_ask(admin, &request, SLICE_NONE, r->arena, &answer->asked, e);
}

bool keeper_on_contact_export(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct contact_export_ask *ask = r->ask;
    struct slice owner;
    bool granted = false;

    if (ask->format == 0) {
        return error_set(e, ERROR_INPUT, "no format was named");
    }
    if (!contacts_owner(admin, ask->company, false, &owner, e) ||
        (admin->caller.account.len &&
         !drill_spares(admin->keeper, admin->caller.account, r->arena, e)) ||
        !take_grant(admin->keeper, admin->caller.by, owner, r->arena, &granted, e)) {
        return false;
    }
    return granted ? give(admin, ask, owner, r, e) : ask_for(admin, ask, owner, r, e);
}
