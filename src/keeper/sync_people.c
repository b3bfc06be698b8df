#include "keeper/sync_people.h"

#include "base/clock.h"

#include "keeper/internal.h"
#include "letter/group.h"

#define FIRST_ASK_MS (5 * 60 * 1000) /* the servers are asked */
#define PAGE_ASK_MS  30000

#define ADDRESSES_MAX   200000U
#define MEMBERSHIPS_MAX 2000000U

struct reading {
    struct keeper *keeper;
    struct slice directory;
    struct arena *arena;
    struct directory_report *report;
    struct sync_people *out;
};

static bool are_short(const struct cbor_list *texts, size_t max, const char *what, struct error *e)
{
    const struct slice *all = texts->items;

    for (size_t i = 0; i < texts->count; i++) {
        if (all[i].len > max) {
            return error_set(e, ERROR_INPUT, "somebody has the %s of %zu bytes there", what,
                             all[i].len);
        }
    }
    return true;
}

/* What one reading may come to: the keeper holds it, and a row for each address in each group, in memory. */
static bool is_bearable(struct reading *r, const struct cbor_list *page, struct error *e)
{
    const struct directory_person *people = page->items;

    for (size_t i = 0; i < page->count; i++) {
        if (!are_short(&people[i].addresses, LETTER_ADDRESS_MAX, "address", e) ||
            !are_short(&people[i].groups, GROUP_NAME_MAX, "group", e)) {
            return false;
        }
        r->out->addresses += 1 + people[i].addresses.count;
        r->out->memberships += (1 + people[i].addresses.count) * people[i].groups.count;
    }
    return (r->out->addresses <= ADDRESSES_MAX && r->out->memberships <= MEMBERSHIPS_MAX) ||
           error_set(e, ERROR_CONFIG,
                     "more than %u addresses, or %u memberships of them in groups: narrow "
                     "`user-filter` or name fewer groups",
                     ADDRESSES_MAX, MEMBERSHIPS_MAX);
}

static bool ask_page(struct reading *r, struct directory_people_answer *answer, struct error *e)
{
    const struct directory_people_ask ask = {
        .directory = r->directory, .reading = r->out->pages.reading, .from = r->out->pages.count};

    if (!r->keeper->options.directory) {
        return error_set(e, ERROR_BUSY, "there is no process for directories");
    }
    bool answered = ipc_call(r->keeper->options.directory, &directory_people, &ask, -1, answer,
                             NULL, r->arena, r->out->pages.begun ? PAGE_ASK_MS : FIRST_ASK_MS, e);
    return sync_pages_bear(&r->out->pages, answered, r->arena, clock_steady_ms(), e);
}

static bool read_page(struct reading *r, struct error *e)
{
    struct directory_people_answer answer;
    bool first = false;
    size_t at = 0;

    if (!ask_page(r, &answer, e) || !sync_pages_take(&r->out->pages, answer.reading, answer.total,
                                                     answer.people.count, &first, &at, e)) {
        return false;
    }
    if (first) {
        r->out->list = arena_array(r->arena, (size_t)answer.total + 1, sizeof(*r->out->list));
        r->report->people = answer.total;
        r->report->server = answer.server;
    }
    if (!is_bearable(r, &answer.people, e)) {
        return false;
    }
    if (answer.people.count) {
        (void)memcpy(r->out->list + at, answer.people.items,
                     answer.people.count * sizeof(*r->out->list));
    }
    return true;
}

bool sync_people_read(struct keeper *k, struct slice directory, struct sync_people *out,
                      struct arena *arena, struct directory_report *report, struct error *e)
{
    struct reading r = {
        .keeper = k, .directory = directory, .arena = arena, .report = report, .out = out};

    while (sync_pages_go_on(&out->pages)) {
        if (!read_page(&r, e)) {
            return false;
        }
    }
    return true;
}
