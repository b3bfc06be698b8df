#include "keeper/findings.h"

/* Whether words may be missing from the index. */
static bool is_partly(const struct findings *f)
{
    const struct part *parts = f->parts.items;
    bool partly = f->gaps.count != 0;

    for (size_t i = 0; i < f->parts.count; i++) {
        partly = partly || parts[i].reading == PART_UNREADABLE;
    }
    return partly;
}

enum search_reading findings_reading(const struct findings *f, bool unread)
{
    if (unread) {
        return SEARCH_UNREAD;
    }
    return is_partly(f) ? SEARCH_PARTLY : SEARCH_WHOLE;
}

static unsigned scan_marks(const struct cbor_list *scans)
{
    const struct scan *all = scans->items;
    unsigned marks = 0;

    for (size_t i = 0; i < scans->count; i++) {
        bool unseen = all[i].verdict == SCAN_AWAY || all[i].verdict == SCAN_TOO_LARGE;
        marks |= all[i].verdict == SCAN_MALWARE ? SEARCH_MALWARE : 0;
        marks |= unseen ? SEARCH_UNSCANNED : 0;
    }
    return marks;
}

unsigned findings_marks(const struct findings *f)
{
    const struct part *parts = f->parts.items;
    const struct detected *detected = f->detected.items;
    unsigned marks = 0;

    for (size_t i = 0; i < f->parts.count; i++) {
        bool attached = parts[i].disposition == PART_ATTACHMENT || parts[i].name.len;
        marks |= attached ? SEARCH_ATTACHMENT : 0;
        marks |= part_is_encrypted(&parts[i]) ? SEARCH_ENCRYPTED : 0;
        marks |= part_is_mismatch(&parts[i]) ? SEARCH_MISMATCH : 0;
    }
    for (size_t i = 0; i < f->detected.count; i++) {
        marks |= detected[i].kind == DETECTED_CARD ? SEARCH_CARD : 0;
        marks |= detected[i].kind == DETECTED_IBAN ? SEARCH_IBAN : 0;
    }
    return marks | scan_marks(&f->scans);
}
