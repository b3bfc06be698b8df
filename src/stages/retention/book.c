#include "stages/retention/book.h"

#include <stdlib.h>

static int by_class(const void *a, const void *b)
{
    const struct retention_entry *x = a;
    const struct retention_entry *y = b;

    return slice_compare(x->version->rule.class, y->version->rule.class);
}

static int by_key(const void *a, const void *b)
{
    const struct retention_date *x = a;
    const struct retention_date *y = b;

    return slice_compare(x->key, y->key);
}

static unsigned findings_of(const struct cbor_list *list)
{
    const struct slice *items = list->items;
    unsigned found = 0;

    for (size_t i = 0; i < list->count; i++) {
        found |= retention_finding(items[i]);
    }
    return found;
}

/* The words of a phrase; what is an address or a number is looked for by its parts, as it stands in a
 * letter's terms too. */
static void read_phrase(struct slice text, struct arena *arena, struct retention_phrase *phrase)
{
    struct text_words words;
    struct text_term term;
    size_t count = 0;

    text_words_init(&words, text);
    while (text_words_next(&words, &term)) {
        count += !term.whole;
    }
    phrase->terms = arena_array(arena, count + 1, sizeof(*phrase->terms));
    text_words_init(&words, text);
    while (text_words_next(&words, &term)) {
        if (!term.whole) {
            phrase->terms[phrase->n_terms++] = arena_copy(arena, term.bytes);
        }
    }
}

static void add_phrases(struct retention_book *book, struct retention_entry *entry,
                        struct arena *arena)
{
    const struct cbor_list *words = &entry->version->rule.words;
    const struct slice *items = words->items;

    entry->phrases = arena_array(arena, words->count + 1, sizeof(*entry->phrases));
    for (size_t i = 0; i < words->count; i++) {
        struct retention_phrase *p = &entry->phrases[i];
        read_phrase(items[i], arena, p);
        p->number = book->n_phrases++;
        if (p->n_terms) {
            struct retention_phrase **slot = &book->slots[retention_slot(p->terms[0])];
            p->next = *slot;
            *slot = p;
        }
    }
}

/* A term that cannot be read, which no record should have, ends never. */
static void read_term(const struct rule *rule, struct retention_rule *term)
{
    if (!retention_term_read(rule->term, term)) {
        term->unit = RETENTION_FOREVER;
    }
    term->start = rule->start >= RETENTION_FROM_SENT && rule->start <= RETENTION_FROM_DATE
                      ? (enum retention_start)rule->start
                      : RETENTION_FROM_DATE;
    term->fiscal_month = (unsigned)rule->fiscal_month;
    term->date_ms = RETENTION_NEVER;
}

void retention_book_make(const struct retention_version *rules, size_t n_rules,
                         struct retention_date *dates, size_t n_dates, uint64_t version,
                         struct arena *arena, struct retention_book *book)
{
    *book =
        (struct retention_book){.version = version,
                                .entries = arena_array(arena, n_rules + 1, sizeof(*book->entries)),
                                .n_entries = n_rules,
                                .dates = dates,
                                .n_dates = n_dates};
    for (size_t i = 0; i < n_rules; i++) {
        book->entries[i].version = &rules[i];
    }
    qsort(book->entries, n_rules, sizeof(*book->entries), by_class);
    if (n_dates) {
        qsort(dates, n_dates, sizeof(*dates), by_key);
    }
    for (size_t i = 0; i < n_rules; i++) {
        struct retention_entry *entry = &book->entries[i];
        const struct rule *rule = &entry->version->rule;
        read_term(rule, &entry->term);
        entry->findings = findings_of(&rule->findings);
        add_phrases(book, entry, arena);
        book->wants_findings |= rule->findings.count || rule->words.count;
        book->wants_words |= rule->words.count != 0;
        book->wants_labels |= rule->labels.count != 0;
    }
}
