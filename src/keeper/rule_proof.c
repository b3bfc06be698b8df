#include "keeper/rule_proof.h"

#include <search.h>
#include <stdlib.h>

#include "keyring/digest.h"

#define BODY_MAX ((size_t)1 << 20)

struct row {
    uint8_t name[DIGEST_LEN]; /* of type and name */
    uint64_t value;           /* a rule: its record; a date: its day */
};

static int by_name(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return memcmp(x->name, y->name, sizeof(x->name));
}

void rule_proof_done(struct rule_proof *p)
{
    tdestroy(p->rows, free);
    *p = (struct rule_proof){0};
}

static void name_row(struct row *row, uint16_t type, struct slice name)
{
    const uint8_t first[] = {(uint8_t)type};

    digest_of(SLICE_ARRAY(first), name, row->name);
}

static struct row *find(const struct rule_proof *p, uint16_t type, struct slice name)
{
    struct row wanted;

    name_row(&wanted, type, name);
    struct row **found = (struct row **)tfind(&wanted, (void *const *)&p->rows, by_name);
    return found ? *found : NULL;
}

static void remove_row(struct rule_proof *p, uint16_t type, struct slice name, size_t *count)
{
    struct row *row = find(p, type, name);

    if (row) {
        (void)tdelete(row, &p->rows, by_name);
        free(row);
        (*count)--;
    }
}

static void put_row(struct rule_proof *p, uint16_t type, struct slice name, uint64_t value,
                    size_t *count)
{
    struct row *row = find(p, type, name);

    if (!row) {
        row = calloc(1, sizeof(*row));
        if (!row) {
            arena_panic("out of memory");
        }
        name_row(row, type, name);
        if (!tsearch(row, &p->rows, by_name)) {
            arena_panic("out of memory");
        }
        (*count)++;
    }
    row->value = value;
}

static bool unreadable(uint64_t seq, struct error *e)
{
    e->kind = ERROR_CORRUPT;
    return error_add(e, "record %llu", (unsigned long long)seq);
}

static bool apply_rule(struct rule_proof *p, uint64_t seq, struct slice body, struct error *e)
{
    OWN(arena) struct arena arena = {.max = BODY_MAX};
    struct rule r;

    if (!cbor_read(body, &rule_schema, &arena, &r, e)) {
        return unreadable(seq, e);
    }
    if (r.removed) {
        remove_row(p, RECORD_RULE, r.class, &p->rules);
    } else {
        put_row(p, RECORD_RULE, r.class, seq, &p->rules);
    }
    p->version = seq;
    return true;
}

static bool apply_date(struct rule_proof *p, uint64_t seq, struct slice body, struct error *e)
{
    OWN(arena) struct arena arena = {.max = BODY_MAX};
    struct rule_date d;

    if (!cbor_read(body, &rule_date_schema, &arena, &d, e)) {
        return unreadable(seq, e);
    }
    if (d.removed) {
        remove_row(p, RECORD_DATE, d.key, &p->dates);
    } else {
        put_row(p, RECORD_DATE, d.key, d.date > INT64_MAX ? (uint64_t)RETENTION_NEVER : d.date,
                &p->dates);
    }
    p->version = seq;
    return true;
}

bool rule_proof_apply(struct rule_proof *p, uint64_t seq, uint16_t type, struct slice body,
                      struct error *e)
{
    return type == RECORD_RULE   ? apply_rule(p, seq, body, e)
           : type == RECORD_DATE ? apply_date(p, seq, body, e)
                                 : true;
}

/* Books are in order, so what is named twice, in the place of what is hidden, stands side by side. */
bool rule_proof_fits(const struct rule_proof *p, const struct retention_book *book)
{
    bool fits = p->rules == book->n_entries && p->dates == book->n_dates;

    for (size_t i = 0; fits && i < book->n_entries; i++) {
        const struct retention_version *v = book->entries[i].version;
        const struct row *row = find(p, RECORD_RULE, v->rule.class);
        fits =
            row && row->value == v->seq && (i == 0 || book->entries[i - 1].version->seq != v->seq);
    }
    for (size_t i = 0; fits && i < book->n_dates; i++) {
        const struct row *row = find(p, RECORD_DATE, book->dates[i].key);
        fits = row && row->value == (uint64_t)book->dates[i].ms &&
               (i == 0 || !slice_equal(book->dates[i - 1].key, book->dates[i].key));
    }
    return fits;
}
