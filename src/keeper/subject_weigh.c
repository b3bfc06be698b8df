/* What stands against erasing a letter, and for how long. */
#include "base/clock.h"

#include "catalog/retention.h"
#include "keeper/erase.h"
#include "keeper/internal.h"
#include "keeper/retention_look.h"
#include "keeper/subject.h"

#define DUTIES_MAX 8 /* rules that are named of one letter, those that run longest */
#define LETTER_MAX (2 * DUTIES_MAX + 4)

void subject_weigh_begin(struct subject_weighing *w, struct keeper *k, struct arena *arena)
{
    *w = (struct subject_weighing){
        .k = k,
        .arena = arena,
        .letter = {.max = KEEPER_ARENA_MAX},
        .clock = disposal_clock_now(k),
        .holds = approvals_holds(k, arena),
        .grounds = arena_array(arena, SUBJECT_GROUNDS_MAX, sizeof(*w->grounds)),
        .rules = arena_array(arena, SUBJECT_GROUNDS_MAX, sizeof(*w->rules)),
        .letters = arena_array(arena, SUBJECT_KEPT_MAX, sizeof(*w->letters)),
    };
}

void subject_weigh_end(struct subject_weighing *w)
{
    arena_done(&w->letter);
}

bool subject_weigh_room(const struct subject_weighing *w)
{
    return w->n_grounds + LETTER_MAX <= SUBJECT_GROUNDS_MAX &&
           w->n_letters + LETTER_MAX <= SUBJECT_KEPT_MAX;
}

/* The place of a ground in the list; SUBJECT_GROUNDS_MAX when it is not there. */
static size_t ground_at(const struct subject_weighing *w, enum subject_why why, struct slice name,
                        uint64_t rule)
{
    for (size_t i = 0; i < w->n_grounds; i++) {
        if (w->grounds[i].why == why && w->rules[i] == rule &&
            slice_equal(w->grounds[i].name, name)) {
            return i;
        }
    }
    return SUBJECT_GROUNDS_MAX;
}

static size_t ground_add(struct subject_weighing *w, enum subject_why why, struct slice name,
                         uint64_t rule, struct slice citation)
{
    if (w->n_grounds == SUBJECT_GROUNDS_MAX) {
        arena_panic("more grounds than subject_weigh_room() saw");
    }
    w->rules[w->n_grounds] = rule;
    w->grounds[w->n_grounds] =
        (struct subject_ground){why, arena_copy(w->arena, name), arena_copy(w->arena, citation)};
    return w->n_grounds++;
}

static void letter_add(struct subject_weighing *w, const struct letter_id *id, size_t ground,
                       uint64_t until)
{
    if (w->n_letters == SUBJECT_KEPT_MAX) {
        arena_panic("more letters than subject_weigh_room() saw");
    }
    w->letters[w->n_letters++] = (struct subject_kept){
        .id = arena_copy(w->arena, letter_id_slice(id)), .ground = ground, .until = until};
}

void subject_keep(struct subject_weighing *w, const struct letter_id *id, enum subject_why why,
                  struct slice name)
{
    size_t at = ground_at(w, why, name, 0);

    at = at < SUBJECT_GROUNDS_MAX ? at : ground_add(w, why, name, 0, SLICE_NONE);
    letter_add(w, id, at, 0);
}

/* ── duties ── */

/* The law that a rule names, as it was recorded; nothing when that cannot be read. */
static struct slice citation_of(struct subject_weighing *w, uint64_t rule)
{
    struct slice citation = SLICE_NONE;
    struct ledger_entry entry;
    struct ledger_ref ref;
    struct rule r;
    struct error e;
    struct lookup *l = keeper_lookup(w->k, &e);

    if (l && ledger_reader_find(l->reader, rule, &ref, &e) &&
        ledger_reader_get(l->reader, ref, &w->letter, &entry, &e) && entry.type == RECORD_RULE &&
        cbor_read(entry.body, &rule_schema, &w->letter, &r, &e)) {
        citation = r.citation;
    }
    if (l) {
        keeper_lookup_end(w->k, l);
    }
    return citation;
}

static void duty_add(struct subject_weighing *w, const struct letter_id *id,
                     const struct class_stamp *stamp)
{
    size_t at = ground_at(w, SUBJECT_DUTY, stamp->class, stamp->rule);

    if (at == SUBJECT_GROUNDS_MAX) {
        at = ground_add(w, SUBJECT_DUTY, stamp->class, stamp->rule, citation_of(w, stamp->rule));
    }
    letter_add(w, id, at, stamp->ends);
}

/* The one of those that run which ends last, and is not `taken`; NULL: there is none. */
static const struct class_stamp *longest(const struct classes *classes, uint64_t now,
                                         const bool *taken, size_t *which)
{
    const struct class_stamp *stamps = classes->classes.items;
    const struct class_stamp *best = NULL;

    for (size_t i = 0; i < classes->classes.count; i++) {
        uint64_t ends = stamps[i].ends - 1; /* never is the longest */
        if (!taken[i] && (stamps[i].ends == 0 || stamps[i].ends > now) &&
            (!best || ends > best->ends - 1)) {
            best = &stamps[i];
            *which = i;
        }
    }
    return best;
}

/* Those that run, the longest first. A record does not name all when there are very many: until when it is kept
 * it says all the same. */
static void duties_add(struct subject_weighing *w, const struct classes *classes,
                       const struct letter_id *id, uint64_t now)
{
    bool taken[STAMP_MAX] = {false};
    size_t before = w->n_letters;
    size_t which = 0;

    for (size_t i = 0; i < DUTIES_MAX; i++) {
        const struct class_stamp *stamp = longest(classes, now, taken, &which);
        if (stamp) {
            taken[which] = true;
            duty_add(w, id, stamp);
        }
    }
    if (w->n_letters == before) {
        const struct class_stamp unnamed = {.ends = classes->until};
        duty_add(w, id, &unnamed);
    }
}

static enum disposal_verdict judge(const struct subject_weighing *w, uint64_t seq,
                                   const struct classes *classes)
{
    const struct disposal_order order = {UINT64_MAX, UINT64_MAX};
    const struct disposal_letter l = {
        .seq = seq, .ruled = classes->classes.count != 0, .until = classes->until, .at_rest = true};

    return disposal_judge(&order, &w->clock, clock_wall_ms(), &l);
}

static bool is_over(enum disposal_verdict verdict)
{
    return verdict == DISPOSAL_DESTROY || verdict == DISPOSAL_UNRULED;
}

/* As the rules say now, by the letter itself and not by the stamp that the catalog names; *told is false when that cannot
 * be read. */
static bool look_again(struct subject_weighing *w, uint64_t seq, struct classes *classes,
                       bool *told, struct error *e)
{
    struct retention_looker looker = {.k = w->k, .catalog = w->catalog, .arena = &w->letter};
    struct catalog_letter *l = NULL;
    size_t found = 0;

    *told = false;
    if (!catalog_letters(w->catalog, CATALOG_BEHIND, seq, 1, &w->letter, &l, &found, e)) {
        return false;
    }
    if (found != 1 || l->seq != seq) {
        return true;
    }
    if (!retention_look_again(&looker, l, w->book, classes, e)) {
        return e->kind != ERROR_BUSY;
    }
    *told = !looker.doubted;
    return true;
}

bool subject_duties(struct subject_weighing *w, uint64_t seq, const struct letter_id *id,
                    struct error *e)
{
    struct classes classes = {0};
    bool ruled = false;
    struct error why = {0};
    bool told = disposal_stamp(w->k, w->catalog, seq, &w->letter, &classes, &ruled, &why);

    if (!told && why.kind == ERROR_BUSY) { /* the disk: all of it later */
        *e = why;
        return false;
    }
    enum disposal_verdict verdict = judge(w, seq, &classes);
    if (told && w->book && is_over(verdict)) { /* before it is erased the stamp is not believed */
        if (!look_again(w, seq, &classes, &told, e)) {
            return false;
        }
        verdict = judge(w, seq, &classes);
    }
    if (!told || (!is_over(verdict) && verdict != DISPOSAL_KEPT)) { /* or not what time it is */
        subject_keep(w, id, SUBJECT_UNTOLD, SLICE_NONE);
    } else if (verdict == DISPOSAL_KEPT) {
        duties_add(w, &classes, id, (uint64_t)trusted_clock_now(&w->clock, clock_wall_ms()));
        /* It is kept until the longest of them ends. */
        if (classes.until && (w->due == 0 || classes.until < w->due)) {
            w->due = classes.until;
        }
    }
    return true;
}

/* ── one letter ── */

bool subject_letter(struct subject_weighing *w, uint64_t seq, struct catalog_letter *l, bool *found,
                    struct error *e)
{
    struct catalog_letter *letters = NULL;
    size_t count = 0;

    arena_reset(&w->letter);
    if (!catalog_letters(w->catalog, CATALOG_BEHIND, seq, 1, &w->letter, &letters, &count, e)) {
        return false;
    }
    *found = count == 1 && letters[0].seq == seq && letters[0].kind != LETTER_REPEAT;
    if (*found) {
        *l = letters[0];
    }
    return true;
}

bool subject_look(struct subject_weighing *w, const struct catalog_letter *l, struct error *e)
{
    struct slice names;

    if (!subject_duties(w, l->seq, &l->id, e) ||
        !holds_shown(w->k, w->holds, &l->id, l->seq, &w->letter, &names, e)) {
        return false;
    }
    if (names.len) {
        subject_keep(w, &l->id, SUBJECT_HELD, names);
    }
    if (!l->decided || erase_in_queue(w->k, &l->id)) {
        subject_keep(w, &l->id, SUBJECT_QUEUE, SLICE_NONE);
    }
    return true;
}
