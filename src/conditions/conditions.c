#include "conditions/conditions.h"

#include "conditions/labels.h"
#include "conditions/tag.h"
#include "formats/mail/address.h"
#include "formats/smtp/address.h"

/* What is being judged. */
struct judging {
    const struct conditions_settings *c;
    const struct settings *settings;
    const struct conditions_letter *letter;
    const struct conditions_recipient *to;
    size_t n_to;
    struct arena *arena;
    struct buf *why;
};

static bool has(const struct config_list *list, struct slice text)
{
    const struct slice *items = list->items;

    for (size_t i = 0; text.len && i < list->count; i++) {
        if (slice_equal_nocase(items[i], text)) {
            return true;
        }
    }
    return false;
}

/* Whether there is one way to write it, but for the case of its letters. */
static bool is_plain(struct slice mailbox)
{
    return slice_is_ascii(mailbox) && slice_find(mailbox, '"') == mailbox.len;
}

static struct slice canonical(struct slice mailbox, uint8_t out[static SMTP_CANONICAL_MAX])
{
    struct smtp_mailbox parsed;
    struct error ignored = {0};
    size_t len = 0;

    return smtp_mailbox_parse(mailbox, &parsed, &ignored) &&
                   smtp_mailbox_canonical(&parsed, out, &len, &ignored)
               ? slice_of(out, len)
               : mailbox;
}

/* However either is written: quoted in vain, with U-labels or A-labels. */
static bool has_mailbox(const struct config_list *list, struct slice mailbox)
{
    const struct slice *items = list->items;
    uint8_t one[SMTP_CANONICAL_MAX];
    uint8_t other[SMTP_CANONICAL_MAX];

    if (list->count == 0 || has(list, mailbox)) {
        return list->count > 0;
    }
    bool plain = is_plain(mailbox);
    struct slice wanted = canonical(mailbox, one);
    for (size_t i = 0; i < list->count; i++) {
        if (!(plain && is_plain(items[i])) &&
            slice_equal_nocase(canonical(items[i], other), wanted)) {
            return true;
        }
    }
    return false;
}

static bool met(struct judging *j, const char *what, struct slice which)
{
    buf_printf(j->why, "%s%s", j->why->len ? "; " : "", what);
    buf_add(j->why, which);
    return true;
}

/* ── recipients ── */

static bool to_address(struct judging *j)
{
    for (size_t i = 0; i < j->n_to; i++) {
        if (has_mailbox(&j->c->recipients, j->to[i].address)) {
            return met(j, "to ", j->to[i].address);
        }
    }
    return j->c->recipients.count == 0;
}

static bool to_domain(struct judging *j)
{
    for (size_t i = 0; i < j->n_to; i++) {
        if (has(&j->c->domains, j->to[i].domain)) {
            return met(j, "a recipient in ", j->to[i].domain);
        }
    }
    return j->c->domains.count == 0;
}

static bool to_outside(struct judging *j)
{
    for (size_t i = 0; j->c->outside && i < j->n_to; i++) {
        if (!has(&j->settings->general.domains, j->to[i].domain)) {
            return met(j, "a recipient outside", SLICE_NONE);
        }
    }
    return !j->c->outside;
}

/* ── labels ── */

static bool tagged(struct judging *j)
{
    const struct slice *tags = j->c->subject_tags.items;
    size_t at = 0;
    size_t len = 0;

    for (size_t i = 0; i < j->c->subject_tags.count; i++) {
        if (tag_find(j->letter->facts->subject, tags[i], &at, &len)) {
            return met(j, "a tag in its subject", SLICE_NONE);
        }
    }
    return j->c->subject_tags.count == 0;
}

static bool marked(struct judging *j)
{
    const struct slice *fields = j->c->header_labels.items;

    for (size_t i = 0; i < j->c->header_labels.count; i++) {
        if (labels_field(j->letter->header, fields[i], j->arena)) {
            struct slice rest = SLICE_NONE;
            return met(j, "its header field ", slice_cut(fields[i], ':', &rest));
        }
    }
    return j->c->header_labels.count == 0;
}

static bool labelled(struct judging *j)
{
    const struct slice *names = j->c->labels.items;

    for (size_t i = 0; i < j->c->labels.count; i++) {
        if (labels_have(&j->letter->labels, names[i])) {
            return met(j, "the label ", names[i]);
        }
    }
    return j->c->labels.count == 0;
}

/* ── the sender ── */

static bool of_group(struct judging *j)
{
    const struct slice *in = j->letter->facts->groups.items;

    for (size_t i = 0; i < j->letter->facts->groups.count; i++) {
        if (has(&j->c->groups, in[i])) {
            return met(j, "its sender is in the group ", in[i]);
        }
    }
    return j->c->groups.count == 0;
}

static bool is_from(struct judging *j, struct slice address, bool *address_met, bool *domain_met)
{
    *address_met = *address_met || has_mailbox(&j->c->senders, address);
    *domain_met = *domain_met || has(&j->c->sender_domains, letter_domain(address));
    return *address_met && *domain_met;
}

/* Its account and reverse-path, then what its From line shows. */
static bool from_sender(struct judging *j)
{
    const struct facts *f = j->letter->facts;
    const struct mail_header *h = j->letter->header;
    const struct mail_field *field = h ? mail_header_find(h, MAIL_FROM) : NULL;
    struct mail_addresses shown = {0};
    bool by_address = j->c->senders.count == 0;
    bool by_domain = j->c->sender_domains.count == 0;

    if (by_address && by_domain) {
        return true;
    }
    if (!is_from(j, f->account, &by_address, &by_domain) &&
        !is_from(j, f->reverse_path, &by_address, &by_domain) && field) {
        mail_addresses_read(field->value, f->smtputf8, j->arena, &shown);
    }
    for (size_t i = 0; i < shown.count; i++) {
        struct slice address = mail_address_text(&shown.items[i], j->arena);
        if (is_from(j, address, &by_address, &by_domain)) {
            break;
        }
    }
    return by_address && by_domain && met(j, "its sender", SLICE_NONE);
}

/* ── what is in it ── */

/* Whatever is no text of the letter itself. */
static bool is_file(const struct part *p)
{
    bool text = p->reading == PART_TEXT || p->reading == PART_HTML;

    return !slice_starts(p->type, SLICE("multipart/")) &&
           (p->name.len || p->disposition == PART_ATTACHMENT || !text);
}

static bool large_file(struct judging *j)
{
    const struct findings *f = j->letter->findings;
    uint64_t most = j->c->attachment_larger;

    if (most == 0) {
        return true;
    }
    for (size_t i = 0; f && i < f->parts.count; i++) {
        const struct part *p = (const struct part *)f->parts.items + i;
        if (is_file(p) && p->size > most) {
            return met(j, "a large attachment", SLICE_NONE);
        }
    }
    if ((!f || f->unread || f->gaps.count) && j->letter->facts->size > most) {
        return met(j, "it is large and could not be read whole", SLICE_NONE);
    }
    return false;
}

static bool large(struct judging *j)
{
    return j->c->larger == 0 ||
           (j->letter->facts->size > j->c->larger && met(j, "it is large", SLICE_NONE));
}

static bool is_found_in(const struct part *p, int finding)
{
    switch (finding) {
    case SETTING_FINDING_ATTACHMENT:
        return is_file(p);
    case SETTING_FINDING_ENCRYPTED:
        return part_is_encrypted(p);
    case SETTING_FINDING_MISMATCH:
        return part_is_mismatch(p);
    case SETTING_FINDING_UNREAD:
        return p->reading == PART_UNREADABLE;
    default:
        return false;
    }
}

static bool is_detected(const struct findings *f, int finding)
{
    uint64_t kind = finding == SETTING_FINDING_CARD   ? DETECTED_CARD
                    : finding == SETTING_FINDING_IBAN ? DETECTED_IBAN
                                                      : 0;
    const struct detected *all = f->detected.items;

    for (size_t i = 0; kind && i < f->detected.count; i++) {
        if (all[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static bool is_found(const struct findings *f, int finding)
{
    const struct part *parts = f->parts.items;

    if (is_detected(f, finding) ||
        (finding == SETTING_FINDING_UNREAD && (f->unread || f->gaps.count))) {
        return true;
    }
    for (size_t i = 0; i < f->parts.count; i++) {
        if (is_found_in(&parts[i], finding)) {
            return true;
        }
    }
    return false;
}

static bool found(struct judging *j)
{
    const int *wanted = j->c->findings.items;
    const struct findings *f = j->letter->findings;

    for (size_t i = 0; i < j->c->findings.count; i++) {
        if (f ? is_found(f, wanted[i]) : wanted[i] == SETTING_FINDING_UNREAD) {
            return met(j, "finding ", slice_text(settings_finding_name(wanted[i])));
        }
    }
    return j->c->findings.count == 0;
}

bool conditions_letter_holds(const struct conditions_settings *c, const struct conditions_letter *l,
                             struct arena *arena, struct buf *why)
{
    static bool (*const all[])(struct judging * j) = {tagged,   marked, labelled,   from_sender,
                                                      of_group, found,  large_file, large};
    struct judging j = {.c = c, .letter = l, .arena = arena, .why = why};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!all[i](&j)) {
            return false;
        }
    }
    return true;
}

bool conditions_recipients_hold(const struct conditions_settings *c, const struct settings *s,
                                const struct conditions_recipient *to, size_t n_to, struct buf *why)
{
    struct judging j = {.c = c, .settings = s, .to = to, .n_to = n_to, .why = why};

    return to_address(&j) && to_domain(&j) && to_outside(&j);
}

/* ── written down ── */

void conditions_write_list(struct buf *out, const char *name, const struct config_list *list)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s%.*s", i ? ", " : name, i ? "" : " = ", SLICE_ARG(items[i]));
    }
    buf_add_text(out, list->count ? "\n" : "");
}

static void write_size(struct buf *out, const char *name, uint64_t size)
{
    if (size) {
        buf_printf(out, "%s = %lluB\n", name, (unsigned long long)size);
    }
}

void conditions_write(const struct conditions_settings *c, struct buf *out)
{
    const int *findings = c->findings.items;

    conditions_write_list(out, "subject-tag", &c->subject_tags);
    conditions_write_list(out, "header-label", &c->header_labels);
    conditions_write_list(out, "group", &c->groups);
    write_size(out, "attachment-larger-than", c->attachment_larger);
    conditions_write_list(out, "to-domain", &c->domains);
    conditions_write_list(out, "to", &c->recipients);
    buf_add_text(out, c->outside ? "outside = yes\n" : "");
    conditions_write_list(out, "from", &c->senders);
    conditions_write_list(out, "from-domain", &c->sender_domains);
    conditions_write_list(out, "label", &c->labels);
    for (size_t i = 0; i < c->findings.count; i++) {
        buf_printf(out, "%s%s", i ? ", " : "finding = ", settings_finding_name(findings[i]));
    }
    buf_add_text(out, c->findings.count ? "\n" : "");
    write_size(out, "larger-than", c->larger);
}
