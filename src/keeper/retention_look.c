#include "keeper/retention_look.h"

#include <unistd.h>

#include "host/memfd.h"
#include "keeper/internal.h"

#define INSPECTED_MAX ((size_t)1 << 20) /* bytes of a header that labels are looked for in */

static bool is_of(const struct catalog_letter *l, struct slice id, struct error *e)
{
    return slice_equal(id, letter_id_slice(&l->id)) ||
           error_set(e, ERROR_CORRUPT, "the catalog names a record of another letter");
}

/* Whether it goes on with what is known: *e stays when it does not. */
static bool doubts(struct retention_looker *w, struct findings *findings,
                   struct retention_look *look, const struct error *e)
{
    if (e->kind != ERROR_CORRUPT && !(e->kind == ERROR_BUSY && w->hurried)) {
        return false;
    }
    w->doubted = true;
    w->why = *e;
    *findings = (struct findings){.unread = true};
    look->findings = findings;
    return true;
}

/* Read it once more, for words and labels. */
static bool read_again(struct retention_looker *w, const struct catalog_letter *l,
                       const struct retention_rules *rules, struct retention_look *look,
                       struct mail_header *header, struct findings *findings, struct error *e)
{
    static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                              .header_bytes = INSPECTED_MAX,
                                              .field_bytes = INSPECTED_MAX,
                                              .line_bytes = LETTER_BYTES_MAX,
                                              .fields = 100000};
    OWN(fd) int fd = -1;
    struct ledger_ref ref;
    struct content content;
    bool found = false;

    if (!catalog_record(w->catalog, l->seq, RECORD_CONTENT, &ref, &found, e)) {
        return false;
    }
    if (!found) {
        (void)error_set(e, ERROR_CORRUPT, "a letter without content");
        return doubts(w, findings, look, e);
    }
    if (!keeper_read(w->k, ref, &content_schema, w->arena, &content, e) ||
        !is_of(l, content.id, e)) {
        return doubts(w, findings, look, e);
    }
    if (!memfd_from("letter", content.bytes, &fd, e)) {
        return false;
    }
    keeper_inspect(w->k, look->facts, fd, w->arena, findings, &look->terms_fd);
    look->findings = findings;
    if (retention_wants_header(rules)) {
        mail_header_read(content.bytes, &limits, true, w->arena, header);
        look->header = header;
    }
    return true;
}

static bool read_findings(struct retention_looker *w, const struct catalog_letter *l,
                          struct retention_look *look, struct findings *findings, struct error *e)
{
    struct ledger_ref ref;
    bool found = false;

    if (!catalog_record(w->catalog, l->seq, RECORD_FINDINGS, &ref, &found, e)) {
        return false;
    }
    *findings = (struct findings){.unread = true};
    look->findings = findings;
    return !found ||
           (keeper_read(w->k, ref, &findings_schema, w->arena, findings, e) &&
            is_of(l, findings->id, e)) ||
           doubts(w, findings, look, e);
}

bool retention_look_again(struct retention_looker *w, const struct catalog_letter *l,
                          const struct retention_rules *rules, struct classes *out, struct error *e)
{
    struct facts *facts = arena_alloc(w->arena, sizeof(*facts));
    struct findings *findings = arena_alloc(w->arena, sizeof(*findings));
    struct mail_header header;
    struct retention_look look = {.facts = facts, .terms_fd = -1};
    bool read = true;

    w->doubted = false;
    if (!keeper_read(w->k, l->facts, &facts_schema, w->arena, facts, e) ||
        !is_of(l, facts->id, e)) {
        return false;
    }
    if (retention_wants_reading(rules, facts)) {
        read = read_again(w, l, rules, &look, &header, findings, e);
    } else if (retention_wants_findings(rules)) {
        read = read_findings(w, l, &look, findings, e);
    }
    if (read) {
        retention_judge_letter(rules, &look, w->arena, out);
    }
    if (look.terms_fd >= 0) {
        (void)close(look.terms_fd);
    }
    return read;
}
