#include "passwords/stems.h"

#include <string.h>
#include <utf8proc.h>

#include "passwords/filter.h"

#define ADDED_MAX 4 /* characters in front or behind that a guesser tries to add */
#define STEM_MIN  4 /* bytes of what is left: shorter ones say nothing */

/* What is undone, each in every combination. */
enum trick { DOTTED, REPEATED, BACKWARDS, HEAD, TAIL, LEET };

#define WAYS_OF_LEET 3
#define TRICKS       ((1U << LEET) * WAYS_OF_LEET)

_Static_assert(TRICKS <= STEMS_MAX, "each may be given");

struct text {
    uint8_t bytes[STEM_MAX * 2];
    size_t len;
};

/* Two ways to read what stands for a letter; 0: itself. */
static const uint8_t leet[2][128] = {
    {['0'] = 'o',
     ['1'] = 'i',
     ['2'] = 'z',
     ['3'] = 'e',
     ['4'] = 'a',
     ['5'] = 's',
     ['6'] = 'g',
     ['7'] = 't',
     ['8'] = 'b',
     ['9'] = 'g',
     ['@'] = 'a',
     ['$'] = 's',
     ['!'] = 'i',
     ['|'] = 'l',
     ['+'] = 't',
     ['('] = 'c'},
    {['0'] = 'o',
     ['1'] = 'l',
     ['3'] = 'e',
     ['4'] = 'a',
     ['5'] = 's',
     ['6'] = 'b',
     ['7'] = 'l',
     ['9'] = 'q',
     ['@'] = 'a',
     ['$'] = 's',
     ['!'] = 'l',
     ['|'] = 'i',
     ['+'] = 't',
     ['<'] = 'c'},
};

static bool is_letter(uint8_t c)
{
    return c >= 128 || (c >= 'a' && c <= 'z');
}

static bool is_mark(uint8_t c)
{
    return !is_letter(c) && !(c >= '0' && c <= '9');
}

static void drop_marks(struct text *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->len; i++) {
        if (!is_mark(t->bytes[i])) {
            t->bytes[kept++] = t->bytes[i];
        }
    }
    t->len = kept;
}

/* "passwordpassword" and "passwordpass" are "password". */
static void drop_repeats(struct text *t)
{
    for (size_t unit = 1; unit <= t->len / 2 + t->len / 4; unit++) {
        bool repeats = true;
        for (size_t i = unit; i < t->len && repeats; i++) {
            repeats = t->bytes[i] == t->bytes[i - unit];
        }
        if (repeats) {
            t->len = unit;
            return;
        }
    }
}

static void turn(struct text *t)
{
    for (size_t i = 0; i < t->len / 2; i++) {
        uint8_t c = t->bytes[i];
        t->bytes[i] = t->bytes[t->len - 1 - i];
        t->bytes[t->len - 1 - i] = c;
    }
}

static void drop_head(struct text *t)
{
    size_t n = 0;

    while (n < t->len && n < ADDED_MAX && !is_letter(t->bytes[n])) {
        n++;
    }
    t->len -= n;
    (void)memmove(t->bytes, t->bytes + n, t->len);
}

static void drop_tail(struct text *t)
{
    for (size_t n = 0; n < ADDED_MAX && t->len && !is_letter(t->bytes[t->len - 1]); n++) {
        t->len--;
    }
}

static void read_leet(struct text *t, unsigned way)
{
    for (size_t i = 0; i < t->len; i++) {
        uint8_t letter = t->bytes[i] < 128 ? leet[way][t->bytes[i]] : 0;
        t->bytes[i] = letter ? letter : t->bytes[i];
    }
}

void stems_begin(struct stems *s, const struct password_normal *password)
{
    *s = (struct stems){.len = 0};
    for (size_t at = 0; at < password->len;) {
        utf8proc_int32_t c = 0;
        utf8proc_ssize_t step =
            utf8proc_iterate(password->bytes + at, (utf8proc_ssize_t)(password->len - at), &c);
        if (step <= 0 || s->len + 4 > sizeof(s->folded)) {
            return;
        }
        s->len += (size_t)utf8proc_encode_char(password_fold(c), s->folded + s->len);
        at += (size_t)step;
    }
}

/* The stem of these tricks; empty when it says nothing. */
static struct slice undo(struct stems *s, unsigned tricks)
{
    struct text t = {.len = s->len};

    if (s->len > sizeof(t.bytes)) {
        return SLICE_NONE;
    }
    (void)memcpy(t.bytes, s->folded, s->len);
    if (tricks >> DOTTED & 1) {
        drop_marks(&t);
    }
    if (tricks >> REPEATED & 1) {
        drop_repeats(&t);
    }
    if (tricks >> HEAD & 1) {
        drop_head(&t);
    }
    if (tricks >> TAIL & 1) {
        drop_tail(&t);
    }
    if (tricks >> LEET) {
        read_leet(&t, (tricks >> LEET) - 1);
    }
    if (tricks >> BACKWARDS & 1) {
        turn(&t);
    }
    size_t len = t.len <= STEM_MAX && (t.len >= STEM_MIN || tricks == 0) ? t.len : 0;
    (void)memcpy(s->text, t.bytes, len);
    explicit_bzero(&t, sizeof(t));
    return slice_of(s->text, len);
}

static bool is_new(struct stems *s, struct slice stem)
{
    uint64_t hash = filter_hash(stem);

    for (size_t i = 0; i < s->n_given; i++) {
        if (s->given[i] == hash) {
            return false;
        }
    }
    s->given[s->n_given++] = hash;
    return true;
}

bool stems_next(struct stems *s, struct slice *stem)
{
    while (s->next < TRICKS) {
        struct slice undone = undo(s, s->next++);
        if (undone.len && is_new(s, undone)) {
            *stem = undone;
            return true;
        }
    }
    return false;
}

void stems_wipe(struct stems *s)
{
    explicit_bzero(s, sizeof(*s));
}
