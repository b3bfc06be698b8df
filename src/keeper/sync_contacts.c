/* 1. A contact is changed after the record of it is durable.
 * 2. Only contacts of this directory are changed: not those that a person added or changed, nor another directory's. */
#include "keeper/sync_contacts.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/contact_plan.h"
#include "keeper/contacts.h"
#include "keeper/internal.h"
#include "keeper/sync_pages.h"

#define FIRST_ASK_MS (5 * 60 * 1000) /* the servers are asked */
#define PAGE_ASK_MS  30000
#define GROUP        100 /* changes of one commit */
#define GROUP_ARENA  ((size_t)16 << 20)

/* ── reading ── */

struct reading {
    struct contact *contacts;
    struct sync_pages pages;
};

static bool read_page(struct keeper *k, struct slice directory, struct reading *r,
                      struct arena *arena, struct directory_report *report, struct error *e)
{
    const struct directory_people_ask ask = {
        .directory = directory, .reading = r->pages.reading, .from = r->pages.count};
    struct directory_contacts_answer answer;
    bool first = false;
    size_t at = 0;

    bool answered = ipc_call(k->options.directory, &directory_contacts, &ask, -1, &answer, NULL,
                             arena, r->pages.begun ? PAGE_ASK_MS : FIRST_ASK_MS, e);
    if (!sync_pages_bear(&r->pages, answered, arena, clock_steady_ms(), e) ||
        !sync_pages_take(&r->pages, answer.reading, answer.total, answer.contacts.count, &first,
                         &at, e)) {
        return false;
    }
    if (first) {
        r->contacts = arena_array(arena, (size_t)answer.total + 1, sizeof(*r->contacts));
        report->contacts = answer.total;
    }
    if (answer.contacts.count) {
        (void)memcpy(r->contacts + at, answer.contacts.items,
                     answer.contacts.count * sizeof(*r->contacts));
    }
    return true;
}

static bool read_all(struct keeper *k, struct slice directory, struct reading *r,
                     struct arena *arena, struct directory_report *report, struct error *e)
{
    while (sync_pages_go_on(&r->pages)) {
        if (!read_page(k, directory, r, arena, report, e)) {
            return error_add(e, "address book");
        }
    }
    return true;
}

/* ── doing ── */

static bool add_act(struct slice directory, enum contact_plan_kind kind, struct slice object,
                    size_t count, struct arena *arena, struct ledger_record *record,
                    struct error *e)
{
    static const char *const verbs[CONTACT_PLAN_KINDS] = {"contact add", "contact set",
                                                          "contact remove"};
    const struct act act = {.by = arena_printf(arena, "directory %.*s", SLICE_ARG(directory)),
                            .at = SLICE("directory"),
                            .verb = slice_text(verbs[kind]),
                            .object = object,
                            .count = count,
                            .detail = SLICE("company contacts")};
    OWN(buf) struct buf body = {.max = LEDGER_BODY_MAX};

    cbor_write(&body, &act_schema, &act);
    *record = (struct ledger_record){RECORD_ADMIN, arena_copy(arena, buf_slice(&body)), NULL};
    return !body.full || error_set(e, ERROR_INPUT, "a change does not fit into a record");
}

/* Of few changes each is an act; of many, as of an import, only how many there are: whoever has a directory write its entries anew all the
 * time does not fill the ledger with it. */
static bool record(struct keeper *k, const struct contact_change *changes, size_t n, bool few,
                   struct slice directory, struct arena *arena, struct error *e)
{
    struct ledger_record *records = arena_array(arena, n + CONTACT_PLAN_KINDS, sizeof(*records));
    size_t counts[CONTACT_PLAN_KINDS] = {0};
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        counts[changes[i].kind]++;
        if (few && !add_act(directory, changes[i].kind, changes[i].row.contact.address, 0, arena,
                            &records[made++], e)) {
            return false;
        }
    }
    for (enum contact_plan_kind kind = 0; !few && kind < CONTACT_PLAN_KINDS; kind++) {
        if (counts[kind] &&
            !add_act(directory, kind, SLICE_NONE, counts[kind], arena, &records[made++], e)) {
            return false;
        }
    }
    return keeper_record(k, LEDGER_AWAITED, records, made, NULL, e);
}

/* Those that stay come first; each of them and of those that go is written as it is. */
static bool do_group(struct keeper *k, const struct contact_change *changes, size_t n, bool few,
                     struct slice directory, struct error *e)
{
    OWN(arena) struct arena arena = {.max = GROUP_ARENA};
    struct contact_row *rows = arena_array(&arena, n, sizeof(*rows));
    size_t written = 0;

    if (!record(k, changes, n, few, directory, &arena, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (changes[i].kind != CONTACT_PLAN_REMOVE || changes[i].row.kind != CONTACT_REAL) {
            rows[written++] = changes[i].row;
        } else if (!contacts_drop(k, &changes[i].row, e)) {
            return false;
        }
    }
    return contacts_write(k, rows, written, e);
}

/* The first `end` of them. */
static bool do_all(struct keeper *k, const struct contact_plan *plan, size_t end,
                   struct slice directory, struct error *e)
{
    for (size_t done = 0; done < end; done += GROUP) {
        size_t n = end - done < GROUP ? end - done : GROUP;
        if (!do_group(k, plan->changes + done, n, plan->n_changes <= GROUP, directory, e)) {
            return error_add(e, "address book");
        }
    }
    return true;
}

static void tell(const struct contact_plan *plan, struct directory_report *report)
{
    report->contacts_added = plan->counts[CONTACT_PLAN_ADD];
    report->contacts_changed = plan->counts[CONTACT_PLAN_SET];
    report->contacts_removed = plan->counts[CONTACT_PLAN_REMOVE];
    report->contacts_left_out = plan->left_out;
}

/* Before anything was done. */
static bool has_room(struct keeper *k, const struct contact_plan *plan, struct error *e)
{
    const struct contact_book *book = k->contacts->book;
    size_t now = contact_book_count(book, SLICE_NONE, CONTACT_REAL) +
                 contact_book_count(book, SLICE_NONE, CONTACT_DECOY);
    size_t added = plan->counts[CONTACT_PLAN_ADD];

    return added == 0 ||
           (now + added <= CONTACT_COMPANY_MAX + plan->counts[CONTACT_PLAN_REMOVE] &&
            contact_book_size(book) + added <= CONTACT_ALL_MAX) ||
           error_set(e, ERROR_LIMIT,
                     "address book: it holds at most %d contacts, and has %zu; %zu more would "
                     "come: no contact was added or changed, only those that went there went here",
                     CONTACT_COMPANY_MAX, now, added);
}

/* So many go by a mistake more often than on purpose. */
static bool confirm(struct keeper *k, const struct sync_order *order,
                    const struct contact_plan *plan, struct error *e)
{
    size_t removed = plan->counts[CONTACT_PLAN_REMOVE];

    if (!contact_plan_is_alarming(plan) || order->drop >= removed) {
        return true;
    }
    (void)error_set(e, ERROR_LIMIT,
                    "%zu of %zu contacts of this directory would go from the address book: none "
                    "was changed; if it is right, `postern directory sync %.*s --drop %zu`",
                    removed, plan->owned, SLICE_ARG(order->directory), removed);
    if (!order->test) {
        keeper_alert(k, "directory-closes", e->text);
    }
    return false;
}

/* With the books held still. */
static bool plan_and_do(struct keeper *k, const struct sync_order *order, struct slice directory,
                        const struct reading *r, struct arena *arena,
                        struct directory_report *report, struct error *e)
{
    struct contact_plan plan;

    contact_plan_make(k->contacts->book, directory, contacts_separator(k), r->contacts,
                      r->pages.count, arena, &plan);
    tell(&plan, report);
    report->fills_book = report->fills_book || plan.owned;
    if (!confirm(k, order, &plan, e)) {
        return false;
    }
    bool room = has_room(k, &plan, e);
    if (!room && !order->test) {
        keeper_alert(k, "directory-failed", e->text);
        report->contacts_added = report->contacts_changed = 0; /* only those that go, go */
    }
    /* Those that go come first in a plan: there is always room for that. */
    size_t end = room ? plan.n_changes : plan.counts[CONTACT_PLAN_REMOVE];
    struct error why;
    if (!order->test && !do_all(k, &plan, end, directory, &why)) {
        *e = why;
        return false;
    }
    return room;
}

bool sync_contacts(struct keeper *k, const struct sync_order *order,
                   const struct directory_settings *section, struct arena *pages,
                   struct arena *arena, struct directory_report *report, struct error *e)
{
    struct reading r = {.contacts = NULL};

    report->fills_book = section->address_book;
    /* What came from it while it filled the book goes when a person says so, not by a change of the settings alone. */
    if (!section->address_book && !order->drop && !order->test) {
        return true;
    }
    if (section->address_book && !read_all(k, section->name, &r, pages, report, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->contacts->changing);
    bool done = plan_and_do(k, order, section->name, &r, arena, report, e);
    (void)pthread_mutex_unlock(&k->contacts->changing);
    return done;
}
