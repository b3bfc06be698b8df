#include "stages/approval/approval.h"

#include "base/buf.h"

#include "conditions/conditions.h"
#include "conditions/labels.h"

#define TEXT_MAX ((size_t)1 << 20)
#define WHY_MAX  900

static const char *const role_names[] = {"employee", "auditor", "officer", "administrator"};

static size_t index_at(struct slice indexes, size_t i)
{
    return (size_t)indexes.ptr[2 * i] << 8 | indexes.ptr[2 * i + 1];
}

/* The addresses of all rulings, as conditions want them. */
static struct conditions_recipient *recipients(const struct approval_letter *l, struct arena *arena,
                                               size_t *count)
{
    const struct cbor_list *list = &l->facts->recipients;
    const struct recipient *all = list->items;
    const struct ruling *rulings = l->decision->rulings.items;
    struct conditions_recipient *out = arena_array(arena, list->count + 1, sizeof(*out));

    *count = 0;
    for (size_t i = 0; i < l->decision->rulings.count; i++) {
        for (size_t k = 0; k < rulings[i].recipients.len / 2; k++) {
            size_t at = index_at(rulings[i].recipients, k);
            if (at < list->count && *count < list->count) {
                out[(*count)++] = (struct conditions_recipient){all[at].address, rulings[i].domain};
            }
        }
    }
    return out;
}

static bool was_before(const struct conditions_recipient *to, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (slice_equal_nocase(to[i].address, to[place].address)) {
            return true;
        }
    }
    return false;
}

static bool many_outside(const struct approval_settings *a, const struct settings *s,
                         const struct conditions_recipient *to, size_t n_to, struct buf *why)
{
    uint64_t n = 0;

    if (a->recipients_outside == SETTINGS_RECIPIENTS_LIMIT_MAX) {
        return true;
    }
    for (size_t i = 0; i < n_to; i++) {
        n += !settings_is_ours(s, to[i].domain) && !was_before(to, i);
    }
    if (n <= a->recipients_outside) {
        return false;
    }
    buf_printf(why, "%llu recipients outside, more than %llu", (unsigned long long)n,
               (unsigned long long)a->recipients_outside);
    return true;
}

const struct approval_settings *approval_judge(const struct approval_letter *l,
                                               const struct settings *s, struct arena *arena,
                                               struct slice *why)
{
    const struct approval_settings *all = s->approvals.items;
    size_t n_to = 0;

    if (s->approvals.count == 0) {
        return NULL;
    }
    const struct conditions_recipient *to = recipients(l, arena, &n_to);
    const struct conditions_letter letter = {l->facts, l->header, l->findings,
                                             labels_find(l->facts, l->header, s, arena)};
    for (size_t i = 0; i < s->approvals.count; i++) {
        OWN(buf) struct buf met = {.max = WHY_MAX};
        if (many_outside(&all[i], s, to, n_to, &met) &&
            conditions_letter_holds(&all[i].when, &letter, arena, &met) &&
            conditions_recipients_hold(&all[i].when, s, to, n_to, &met)) {
            *why = arena_copy(arena, buf_slice(&met));
            return &all[i];
        }
    }
    return NULL;
}

/* ── the section, written down ── */

static void write_roles(struct buf *out, const struct config_list *list)
{
    const int *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s", i ? ", " : "approver-role = ", role_names[items[i]]);
    }
    buf_add_text(out, list->count ? "\n" : "");
}

struct slice approval_text(const struct approval_settings *a, struct arena *arena)
{
    OWN(buf) struct buf out = {.max = TEXT_MAX};

    buf_printf(&out, "[approval %.*s]\n", SLICE_ARG(a->name));
    if (a->recipients_outside != SETTINGS_RECIPIENTS_LIMIT_MAX) {
        buf_printf(&out, "recipients-outside = %llu\n", (unsigned long long)a->recipients_outside);
    }
    conditions_write(&a->when, &out);
    write_roles(&out, &a->roles);
    conditions_write_list(&out, "approver-group", &a->approver_groups);
    conditions_write_list(&out, "approver-account", &a->approver_accounts);
    buf_printf(&out, "timeout = %lldms\non-timeout = return\n", (long long)a->timeout_ms);
    return arena_copy(arena, buf_slice(&out));
}

static size_t add_approvers(struct slice *out, size_t n, const char *kind,
                            const struct config_list *list, struct arena *arena)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        out[n++] = arena_printf(arena, "%s %.*s", kind, SLICE_ARG(items[i]));
    }
    return n;
}

struct cbor_list approval_approvers(const struct approval_settings *a, struct arena *arena)
{
    const int *roles = a->roles.items;
    size_t n = 0;
    struct slice *out = arena_array(
        arena, a->roles.count + a->approver_groups.count + a->approver_accounts.count + 1,
        sizeof(*out));

    for (size_t i = 0; i < a->roles.count; i++) {
        out[n++] = arena_printf(arena, "role %s", role_names[roles[i]]);
    }
    n = add_approvers(out, n, "group", &a->approver_groups, arena);
    n = add_approvers(out, n, "account", &a->approver_accounts, arena);
    return (struct cbor_list){out, n};
}
