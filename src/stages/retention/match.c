/* Which rules a letter is under. */
#include "stages/retention/book.h"

/* The letter, and what was found out about it so far. */
struct asking {
    const struct retention_book *book;
    const struct retention_letter *letter;
    struct arena *arena; /* NULL where only facts are asked */
    bool *met;           /* by a phrase's number; NULL: the words were not looked through */
    bool anything;       /* words, findings and labels count as there: only the facts are asked */
};

/* ── facts ── */

/* `*` stands for any bytes, none among them; letters have no case. */
static bool fits(struct slice pattern, struct slice text)
{
    size_t p = 0;
    size_t t = 0;
    bool starred = false;
    size_t star = 0; /* behind the last one met */
    size_t from = 0; /* where what it stands for ends */

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            starred = true;
            star = ++p;
            from = t;
        } else if (p < pattern.len && ascii_lower(pattern.ptr[p]) == ascii_lower(text.ptr[t])) {
            p++;
            t++;
        } else if (starred) {
            p = star;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool sender_fits(struct slice pattern, struct slice address)
{
    return address.len && fits(pattern, address);
}

/* Addresses stand in text for reading between blanks, brackets, commas and the like. */
static bool ends_address(uint8_t c)
{
    return c <= ' ' || c == '<' || c == '>' || c == ',' || c == ';' || c == '"' || c == '(' ||
           c == ')';
}

static bool shown_fits(struct slice pattern, struct slice shown)
{
    size_t start = 0;

    for (size_t i = 0; i <= shown.len; i++) {
        if (i < shown.len && !ends_address(shown.ptr[i])) {
            continue;
        }
        struct slice word = slice_of(shown.ptr + start, i - start);
        if (word.len <= LETTER_ADDRESS_MAX && slice_find(word, '@') < word.len &&
            fits(pattern, word)) {
            return true;
        }
        start = i + 1;
    }
    return false;
}

/* Of a notice: who it is for. */
static struct slice notified(const struct facts *f)
{
    const struct recipient *to = f->recipients.items;

    return f->kind == LETTER_NOTICE && f->recipients.count ? to[0].address : SLICE_NONE;
}

static struct slice account_of(const struct facts *f)
{
    return f->kind == LETTER_NOTICE ? notified(f) : facts_owner(f);
}

static bool has_sender(const struct facts *f, const struct cbor_list *patterns)
{
    const struct slice *items = patterns->items;

    for (size_t i = 0; i < patterns->count; i++) {
        if (sender_fits(items[i], f->account) || sender_fits(items[i], f->reverse_path) ||
            sender_fits(items[i], notified(f)) ||
            (f->kind != LETTER_NOTICE && shown_fits(items[i], f->from))) {
            return true;
        }
    }
    return patterns->count == 0;
}

static bool has_account(const struct facts *f, const struct cbor_list *accounts)
{
    const struct slice *items = accounts->items;

    for (size_t i = 0; i < accounts->count; i++) {
        if (slice_equal_nocase(items[i], account_of(f))) {
            return true;
        }
    }
    return accounts->count == 0;
}

/* As the letter's record says: what the account is in now is no matter. */
static bool has_group(const struct facts *f, const struct cbor_list *groups)
{
    const struct slice *wanted = groups->items;
    const struct slice *in = f->groups.items;

    for (size_t i = 0; i < groups->count; i++) {
        for (size_t k = 0; k < f->groups.count; k++) {
            if (slice_equal(wanted[i], in[k])) {
                return true;
            }
        }
    }
    return groups->count == 0;
}

static bool domain_fits(struct slice wanted, struct slice domain)
{
    if (!slice_starts(wanted, SLICE("*."))) {
        return slice_equal_nocase(wanted, domain);
    }
    struct slice end = slice_from(wanted, 1); /* with its dot */
    return domain.len > end.len &&
           slice_equal_nocase(slice_from(domain, domain.len - end.len), end);
}

/* Of an imported letter whose envelope is not known, the header is asked as well. */
static bool is_for(const struct facts *f, struct slice wanted)
{
    const struct recipient *to = f->recipients.items;
    uint8_t address[RULE_TEXT_MAX + 2] = "*@";

    for (size_t i = 0; i < f->recipients.count; i++) {
        if (domain_fits(wanted, letter_domain(to[i].address))) {
            return true;
        }
    }
    if (f->kind != LETTER_IMPORTED || f->source.envelope) {
        return false;
    }
    wanted = slice_head(wanted, RULE_TEXT_MAX);
    (void)memcpy(address + 2, wanted.ptr, wanted.len);
    struct slice pattern = slice_of(address, 2 + wanted.len);
    return shown_fits(pattern, f->to) || shown_fits(pattern, f->cc) || shown_fits(pattern, f->bcc);
}

static bool has_domain(const struct facts *f, const struct cbor_list *domains)
{
    const struct slice *items = domains->items;

    for (size_t i = 0; i < domains->count; i++) {
        if (is_for(f, items[i])) {
            return true;
        }
    }
    return domains->count == 0;
}

/* ── words ── */

/* Whether the words behind the first stand here, one after the other. */
static bool goes_on(const struct retention_phrase *p, struct slice rest)
{
    struct text_term term;
    size_t met = 1;

    while (met < p->n_terms && text_terms_next(&rest, &term)) {
        if (!term.whole && !slice_equal(term.bytes, p->terms[met])) {
            return false;
        }
        met += !term.whole;
    }
    return met == p->n_terms;
}

static void look_through(struct asking *a, struct slice terms)
{
    struct text_term term;

    while (text_terms_next(&terms, &term)) {
        struct retention_phrase *p = term.whole ? NULL : a->book->slots[retention_slot(term.bytes)];
        for (; p; p = p->next) {
            if (!a->met[p->number] && slice_equal(p->terms[0], term.bytes) && goes_on(p, terms)) {
                a->met[p->number] = true;
            }
        }
    }
}

static void look_for_words(struct asking *a)
{
    const struct text_terms *terms = a->letter->terms;

    a->met = arena_array(a->arena, a->book->n_phrases + 1, sizeof(*a->met));
    if (terms) {
        look_through(a, terms->fields[TEXT_SUBJECT]);
        look_through(a, terms->fields[TEXT_BODY]);
        look_through(a, terms->fields[TEXT_NAMES]);
    }
}

/* The number of the phrase that is met, counted from 1; 0: none is. */
static size_t met_phrase(struct asking *a, const struct retention_entry *entry)
{
    size_t count = entry->version->rule.words.count;

    if (!a->met) {
        look_for_words(a);
    }
    for (size_t i = 0; i < count; i++) {
        if (a->met[entry->phrases[i].number]) {
            return i + 1;
        }
    }
    return 0;
}

/* ── labels ── */

static bool has_label(const struct retention_letter *letter, const struct cbor_list *labels)
{
    const struct slice *items = labels->items;

    for (size_t i = 0; i < labels->count; i++) {
        for (size_t k = 0; k < letter->n_labels; k++) {
            if (slice_equal_nocase(items[i], letter->labels[k])) {
                return true;
            }
        }
    }
    return labels->count == 0 || letter->labels_doubted;
}

/* ── all of it ── */

/* Whether a letter is under a rule, and why, as far as words say so. */
static bool applies(struct asking *a, const struct retention_entry *entry, size_t *phrase)
{
    const struct rule *rule = &entry->version->rule;
    const struct facts *f = a->letter->facts;
    bool doubt = a->letter->unread || a->anything;

    *phrase = 0;
    if (!has_sender(f, &rule->senders) || !has_account(f, &rule->accounts) ||
        !has_group(f, &rule->groups) || !has_domain(f, &rule->domains)) {
        return false;
    }
    if (entry->findings && !doubt && !(entry->findings & a->letter->findings)) {
        return false;
    }
    if (!a->anything && !has_label(a->letter, &rule->labels)) {
        return false;
    }
    if (rule->words.count && !a->anything) {
        *phrase = met_phrase(a, entry);
    }
    return rule->words.count == 0 || *phrase || doubt;
}

static int64_t date_of(const struct asking *a, const struct rule *rule)
{
    struct slice key = rule->date_key.len ? rule->date_key : account_of(a->letter->facts);
    size_t low = 0;
    size_t high = a->book->n_dates;
    uint8_t lower[RULE_KEY_MAX];

    for (size_t i = 0; i < key.len && i < sizeof(lower); i++) {
        lower[i] = ascii_lower(key.ptr[i]);
    }
    key = slice_of(lower, key.len < sizeof(lower) ? key.len : sizeof(lower));
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(a->book->dates[middle].key, key);
        if (order == 0) {
            return a->book->dates[middle].ms;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return RETENTION_NEVER;
}

static void add_kind(struct buf *why, const char *kind)
{
    buf_add_text(why, why->len ? ", " : "");
    buf_add_text(why, kind);
}

static struct slice explain(const struct asking *a, const struct rule *rule, size_t phrase)
{
    OWN(buf) struct buf why = {.max = 2 * RULE_TEXT_MAX};
    const struct slice *words = rule->words.items;

    if (rule->senders.count) {
        add_kind(&why, "sender");
    }
    if (rule->accounts.count) {
        add_kind(&why, "account");
    }
    if (rule->groups.count) {
        add_kind(&why, "group");
    }
    if (rule->domains.count) {
        add_kind(&why, "recipient");
    }
    if (rule->findings.count) {
        add_kind(&why, "finding");
    }
    if (rule->labels.count) {
        add_kind(&why, "label");
    }
    if (phrase) {
        buf_printf(&why, "%s\"%.*s\"", why.len ? ", " : "", SLICE_ARG(words[phrase - 1]));
    } else if (rule->words.count) {
        add_kind(&why, "not read whole");
    }
    return letter_text(a->arena, why.len ? buf_slice(&why) : SLICE("every letter"), STAMP_WHY_MAX);
}

int64_t retention_sent_ms(const struct facts *f)
{
    uint64_t at = facts_dated(f);

    at = f->source.received_at > at ? f->source.received_at : at;
    return at > INT64_MAX ? INT64_MAX : (int64_t)at;
}

void retention_stamp(const struct retention_book *book, const struct retention_letter *letter,
                     struct arena *arena, struct classes *out)
{
    struct asking a = {.book = book, .letter = letter, .arena = arena};
    struct class_stamp *stamps = arena_array(arena, book->n_entries + 1, sizeof(*stamps));
    int64_t longest = INT64_MIN;
    size_t count = 0;
    size_t phrase = 0;

    for (size_t i = 0; i < book->n_entries; i++) {
        const struct retention_entry *entry = &book->entries[i];
        const struct rule *rule = &entry->version->rule;
        if (!applies(&a, entry, &phrase)) {
            continue;
        }
        struct retention_rule term = entry->term;
        term.date_ms = term.start == RETENTION_FROM_DATE ? date_of(&a, rule) : RETENTION_NEVER;
        int64_t ends = retention_ends(&term, retention_sent_ms(letter->facts));
        longest = ends > longest ? ends : longest;
        if (count == STAMP_MAX) { /* more than a record names: they count all the same */
            continue;
        }
        stamps[count++] = (struct class_stamp){.class = rule->class,
                                               .rule = entry->version->seq,
                                               .ends = ends == RETENTION_NEVER ? 0 : (uint64_t)ends,
                                               .why = explain(&a, rule, phrase)};
    }
    *out = (struct classes){
        .classes = {stamps, count},
        .until = count == 0 || longest == RETENTION_NEVER ? 0 : (uint64_t)longest,
        .rules = book->version,
    };
}

bool retention_must_read(const struct retention_book *book, const struct facts *f)
{
    const struct retention_letter letter = {.facts = f};
    struct asking a = {.book = book, .letter = &letter, .anything = true};
    size_t phrase = 0;

    for (size_t i = 0; i < book->n_entries; i++) {
        const struct rule *rule = &book->entries[i].version->rule;
        if ((rule->words.count || rule->labels.count) && applies(&a, &book->entries[i], &phrase)) {
            return true;
        }
    }
    return false;
}

static void add_labels(struct slice text, uint8_t separator, struct arena *arena,
                       struct slice *labels, size_t *count, bool *doubt)
{
    while (text.len) {
        struct slice label = slice_trim(slice_cut(text, separator, &text));
        bool encoded = slice_starts(label, SLICE("=?"));
        *doubt = *doubt || encoded || (label.len && *count == RETENTION_LABELS_MAX);
        if (label.len && *count < RETENTION_LABELS_MAX) {
            labels[(*count)++] = letter_text(arena, label, RULE_TEXT_MAX);
        }
    }
}

/* A folded field on one line. */
static struct slice unfold(struct slice value, struct arena *arena)
{
    uint8_t *line = arena_alloc(arena, value.len + 1);

    for (size_t i = 0; i < value.len; i++) {
        line[i] = value.ptr[i] == '\r' || value.ptr[i] == '\n' ? ' ' : value.ptr[i];
    }
    return slice_of(line, value.len);
}

void retention_labels(const struct mail_header *h, const struct facts *f, struct arena *arena,
                      struct slice **labels, size_t *count, bool *doubt)
{
    *labels = arena_array(arena, RETENTION_LABELS_MAX, sizeof(**labels));
    *count = 0;
    *doubt = h->defect >= MAIL_LINE_LONG; /* reading stopped there */
    /* Before what a stranger wrote, which could fill the list. */
    add_labels(f->source.flags, ' ', arena, *labels, count, doubt);
    for (size_t i = 0; i < h->n_fields; i++) {
        if (slice_equal_nocase(h->fields[i].label, SLICE("Keywords")) ||
            slice_equal_nocase(h->fields[i].label, SLICE("Sensitivity"))) {
            add_labels(unfold(h->fields[i].value, arena), ',', arena, *labels, count, doubt);
        }
    }
}
