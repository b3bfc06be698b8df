#include "stages/approval/approval.h"

#include "base/buf.h"

#include "formats/mail/text.h"

#define TEXT_MAX ((size_t)1 << 20)
#define WHY_MAX  900

static const char *const role_names[] = {"employee", "auditor", "officer", "administrator"};

/* What is being judged. */
struct judging {
    const struct approval_letter *letter;
    const struct settings *settings;
    struct arena *arena;
    struct buf why;
};

static bool has(const struct config_list *list, struct slice text)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal_nocase(items[i], text)) {
            return true;
        }
    }
    return false;
}

static void met(struct judging *j, const char *what)
{
    buf_printf(&j->why, "%s%s", j->why.len ? "; " : "", what);
}

/* ── recipients ── */

static size_t index_at(struct slice indexes, size_t i)
{
    return (size_t)indexes.ptr[2 * i] << 8 | indexes.ptr[2 * i + 1];
}

/* Whether the address stands in the ruling before this place already. */
static bool was_before(const struct judging *j, struct slice indexes, size_t place)
{
    const struct cbor_list *list = &j->letter->facts->recipients;
    const struct recipient *all = list->items;

    for (size_t i = 0; i < place; i++) {
        size_t a = index_at(indexes, i);
        size_t b = index_at(indexes, place);
        if (a < list->count && b < list->count &&
            slice_equal_nocase(all[a].address, all[b].address)) {
            return true;
        }
    }
    return false;
}

static uint64_t count_outside(const struct judging *j)
{
    const struct ruling *rulings = j->letter->decision->rulings.items;
    uint64_t n = 0;

    for (size_t i = 0; i < j->letter->decision->rulings.count; i++) {
        struct slice indexes = rulings[i].recipients;
        if (has(&j->settings->general.domains, rulings[i].domain)) {
            continue;
        }
        for (size_t k = 0; k < indexes.len / 2; k++) {
            n += !was_before(j, indexes, k);
        }
    }
    return n;
}

static bool many_outside(struct judging *j, const struct approval_settings *a)
{
    if (a->recipients_outside == SETTINGS_RECIPIENTS_LIMIT_MAX) {
        return true;
    }
    uint64_t n = count_outside(j);
    if (n <= a->recipients_outside) {
        return false;
    }
    buf_printf(&j->why, "%llu recipients outside, more than %llu", (unsigned long long)n,
               (unsigned long long)a->recipients_outside);
    return true;
}

static bool to_domain(struct judging *j, const struct approval_settings *a)
{
    const struct ruling *rulings = j->letter->decision->rulings.items;

    for (size_t i = 0; i < j->letter->decision->rulings.count; i++) {
        if (has(&a->domains, rulings[i].domain)) {
            met(j, "a recipient in ");
            buf_add(&j->why, rulings[i].domain);
            return true;
        }
    }
    return a->domains.count == 0;
}

/* ── labels ── */

static bool holds(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (slice_starts_nocase(slice_from(text, i), part)) {
            return true;
        }
    }
    return false;
}

static bool tagged(struct judging *j, const struct approval_settings *a)
{
    const struct slice *tags = a->subject_tags.items;

    for (size_t i = 0; i < a->subject_tags.count; i++) {
        if (holds(j->letter->facts->subject, tags[i])) {
            met(j, "a tag in its subject");
            return true;
        }
    }
    return a->subject_tags.count == 0;
}

static bool has_value(const struct mail_field *f, struct slice wanted, struct arena *arena)
{
    struct slice all = slice_trim(mail_text_decode(f->value, arena));

    if (slice_equal_nocase(all, wanted)) {
        return true;
    }
    for (struct slice rest = all; rest.len;) {
        if (slice_equal_nocase(slice_trim(slice_cut(rest, ',', &rest)), wanted)) {
            return true;
        }
    }
    return false;
}

static bool has_field(const struct judging *j, struct slice name, struct slice wanted)
{
    const struct mail_header *h = j->letter->header;

    for (size_t i = 0; i < h->n_fields; i++) {
        if (slice_equal_nocase(h->fields[i].label, name) &&
            has_value(&h->fields[i], wanted, j->arena)) {
            return true;
        }
    }
    return false;
}

static bool labelled(struct judging *j, const struct approval_settings *a)
{
    const struct slice *labels = a->header_labels.items;

    for (size_t i = 0; i < a->header_labels.count; i++) {
        struct slice rest = SLICE_NONE;
        struct slice name = slice_cut(labels[i], ':', &rest);
        if (has_field(j, name, slice_trim(rest))) {
            met(j, "its header field ");
            buf_add(&j->why, name);
            return true;
        }
    }
    return a->header_labels.count == 0;
}

/* ── the rest ── */

static bool of_group(struct judging *j, const struct approval_settings *a)
{
    const struct slice *in = j->letter->facts->groups.items;

    for (size_t i = 0; i < j->letter->facts->groups.count; i++) {
        if (has(&a->groups, in[i])) {
            met(j, "its sender is in the group ");
            buf_add(&j->why, in[i]);
            return true;
        }
    }
    return a->groups.count == 0;
}

/* Whatever is no text of the letter itself. */
static bool is_file(const struct part *p)
{
    bool text = p->reading == PART_TEXT || p->reading == PART_HTML;

    return !slice_starts(p->type, SLICE("multipart/")) &&
           (p->name.len || p->disposition == PART_ATTACHMENT || !text);
}

static bool large_file(struct judging *j, const struct approval_settings *a)
{
    const struct findings *f = j->letter->findings;
    const struct part *parts = f->parts.items;

    if (a->attachment_larger == 0) {
        return true;
    }
    for (size_t i = 0; i < f->parts.count; i++) {
        if (is_file(&parts[i]) && parts[i].size > a->attachment_larger) {
            met(j, "a large attachment");
            return true;
        }
    }
    if ((f->unread || f->gaps.count) && j->letter->facts->size > a->attachment_larger) {
        met(j, "it is large and could not be read whole");
        return true;
    }
    return false;
}

const struct approval_settings *approval_judge(const struct approval_letter *l,
                                               const struct settings *s, struct arena *arena,
                                               struct slice *why)
{
    const struct approval_settings *all = s->approvals.items;
    struct judging j = {.letter = l, .settings = s, .arena = arena};

    for (size_t i = 0; i < s->approvals.count; i++) {
        buf_init(&j.why, WHY_MAX);
        bool meets = many_outside(&j, &all[i]) && tagged(&j, &all[i]) && labelled(&j, &all[i]) &&
                     of_group(&j, &all[i]) && large_file(&j, &all[i]) && to_domain(&j, &all[i]);
        *why = arena_copy(arena, buf_slice(&j.why));
        buf_done(&j.why);
        if (meets) {
            return &all[i];
        }
    }
    return NULL;
}

/* ── the section, written down ── */

static void write_list(struct buf *out, const char *name, const struct config_list *list)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s%.*s", i ? ", " : name, i ? "" : " = ", SLICE_ARG(items[i]));
    }
    buf_add_text(out, list->count ? "\n" : "");
}

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
    write_list(&out, "subject-tag", &a->subject_tags);
    write_list(&out, "header-label", &a->header_labels);
    write_list(&out, "group", &a->groups);
    if (a->attachment_larger) {
        buf_printf(&out, "attachment-larger-than = %lluB\n",
                   (unsigned long long)a->attachment_larger);
    }
    write_list(&out, "to-domain", &a->domains);
    write_roles(&out, &a->roles);
    write_list(&out, "approver-group", &a->approver_groups);
    write_list(&out, "approver-account", &a->approver_accounts);
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
