/* What a page draws, as text (ISO 32000-1 section 9). Words are told apart by where they stand: many
 * programs draw no blanks, and many draw one word in several pieces. */
#include <math.h>

#include "formats/document/internal.h"

#define STATES_MAX  64   /* saved within each other */
#define NUMBERS_MAX 6    /* operands of an operator */
#define ANCESTORS   50   /* of a page, whose resources it may have */
#define WORD_GAP    0.12 /* of the font's size: from here on it is a blank */
#define BACK_GAP    0.4
#define LINE_GAP    0.45
#define SHOWN_MAX   65536 /* bytes of one shown string */

struct matrix {
    double a, b, c, d, e, f;
};

struct state {
    struct matrix ctm;
    struct pdf_font *font;
    double size;
    double char_space;
    double word_space;
    double stretch;
    double leading;
    double rise;
};

/* A page and the forms in it, while they are drawn. */
struct canvas {
    struct pdf_drawing *drawing;
    bool wrote;    /* some text */
    bool pictured; /* an image */
    bool pen_down; /* the next is compared with where the last one ended */
    double x, y;   /* the end of what was written last */
    unsigned depth;
};

/* One stream of operators. */
struct run {
    struct canvas *canvas;
    struct slice resources;
    struct state state;
    struct state saved[STATES_MAX];
    size_t n_saved;
    struct matrix text;
    struct matrix line;
    double numbers[NUMBERS_MAX];
    size_t n_numbers;
    struct pdf_token string; /* the last name or string */
    struct slice array;
    struct slice rest; /* of the stream */
};

static const struct matrix unit = {1, 0, 0, 1, 0, 0};

/* First a, then b. */
static struct matrix times(struct matrix a, struct matrix b)
{
    return (struct matrix){
        a.a * b.a + a.b * b.c, a.a * b.b + a.b * b.d,       a.c * b.a + a.d * b.c,
        a.c * b.b + a.d * b.d, a.e * b.a + a.f * b.c + b.e, a.e * b.b + a.f * b.d + b.f,
    };
}

static double operand(const struct run *r, size_t i)
{
    return i < r->n_numbers ? r->numbers[i] : 0;
}

static struct matrix matrix_operand(const struct run *r)
{
    return (struct matrix){operand(r, 0), operand(r, 1), operand(r, 2),
                           operand(r, 3), operand(r, 4), operand(r, 5)};
}

/* ---- words ---- */

static void add_break(struct buf *out, char c)
{
    if (out->len && out->ptr[out->len - 1] > ' ') {
        buf_add_byte(out, (uint8_t)c);
    }
}

/* Write a break when the next character does not follow the last one. `at` maps the text space. */
static void separate(struct run *r, const struct matrix *at)
{
    struct canvas *canvas = r->canvas;
    double length = hypot(at->a, at->b);
    double em = fabs(r->state.size) * length;

    if (!canvas->pen_down) {
        return;
    }
    double dx = at->e - canvas->x;
    double dy = at->f - canvas->y;
    double along = (dx * at->a + dy * at->b) / length;
    double across = (dy * at->a - dx * at->b) / length;
    if (!(fabs(across) <= LINE_GAP * em)) { /* also what is no number */
        add_break(canvas->drawing->out, '\n');
    } else if (!(along <= WORD_GAP * em && along >= -BACK_GAP * em)) {
        add_break(canvas->drawing->out, ' ');
    }
}

static void move_text(struct run *r, double tx)
{
    r->text.e += tx * r->text.a;
    r->text.f += tx * r->text.b;
}

static void put_pen(struct run *r)
{
    struct matrix at = times(r->text, r->state.ctm);

    r->canvas->pen_down = true;
    r->canvas->x = at.e;
    r->canvas->y = at.f;
}

static void show(struct run *r, const struct pdf_token *string)
{
    OWN(buf) struct buf codes = {.max = SHOWN_MAX};
    OWN(buf) struct buf text = {.max = SHOWN_MAX};
    struct pdf_drawing *d = r->canvas->drawing;
    struct state *s = &r->state;
    struct pdf_shown shown;

    pdf_string(string, &codes);
    struct slice rest = buf_slice(&codes);
    if (!s->font || rest.len == 0) {
        return;
    }
    struct matrix at = times(r->text, s->ctm);
    separate(r, &at);
    while (pdf_font_show(&d->fonts, s->font, &rest, &text, &shown)) {
        double space = s->char_space + (shown.blank ? s->word_space : 0);
        move_text(r, (shown.width / 1000 * s->size + space) * s->stretch);
    }
    buf_add(d->out, buf_slice(&text));
    r->canvas->wrote = r->canvas->wrote || text.len;
    put_pen(r);
}

/* ---- operators ---- */

static void save(struct run *r)
{
    if (r->n_saved < STATES_MAX) {
        r->saved[r->n_saved] = r->state;
    }
    r->n_saved++;
}

static void restore(struct run *r)
{
    r->n_saved -= r->n_saved ? 1 : 0;
    if (r->n_saved < STATES_MAX) {
        r->state = r->saved[r->n_saved];
    }
}

static void concatenate(struct run *r)
{
    r->state.ctm = times(matrix_operand(r), r->state.ctm);
}

static void begin_text(struct run *r)
{
    r->text = unit;
    r->line = unit;
}

static void set_font(struct run *r)
{
    struct pdf_drawing *d = r->canvas->drawing;
    struct slice fonts = pdf_look(d->objects, r->resources, "Font");
    OWN(buf) struct buf name = {.max = 256};

    r->state.size = operand(r, 0);
    buf_add(&name, r->string.text);
    buf_add_byte(&name, '\0');
    if (r->string.kind == PDF_NAME && !name.full) {
        struct slice object = pdf_get(fonts, (const char *)name.ptr);
        r->state.font = object.len ? pdf_font_get(&d->fonts, object) : NULL;
    }
}

static void set_char_space(struct run *r)
{
    r->state.char_space = operand(r, 0);
}

static void set_word_space(struct run *r)
{
    r->state.word_space = operand(r, 0);
}

static void set_stretch(struct run *r)
{
    r->state.stretch = operand(r, 0) / 100;
}

static void set_leading(struct run *r)
{
    r->state.leading = operand(r, 0);
}

static void set_rise(struct run *r)
{
    r->state.rise = operand(r, 0);
}

static void move_line(struct run *r, double x, double y)
{
    const struct matrix by = {1, 0, 0, 1, x, y};

    r->line = times(by, r->line);
    r->text = r->line;
}

static void move(struct run *r)
{
    move_line(r, operand(r, 0), operand(r, 1));
}

static void move_and_lead(struct run *r)
{
    r->state.leading = -operand(r, 1);
    move(r);
}

static void set_matrix(struct run *r)
{
    r->line = matrix_operand(r);
    r->text = r->line;
}

static void next_line(struct run *r)
{
    move_line(r, 0, -r->state.leading);
}

static void show_string(struct run *r)
{
    show(r, &r->string);
}

static void show_on_next_line(struct run *r)
{
    next_line(r);
    show(r, &r->string);
}

static void show_spaced(struct run *r)
{
    r->state.word_space = operand(r, 0);
    r->state.char_space = operand(r, 1);
    show_on_next_line(r);
}

static void show_array(struct run *r)
{
    struct slice rest = pdf_elements(r->array);
    struct pdf_token t;

    while (pdf_next(&rest, &t) && t.kind != PDF_ARRAY_CLOSE) {
        if (t.kind == PDF_NUMBER) {
            move_text(r, -t.number / 1000 * r->state.size * r->state.stretch);
        } else if (t.kind == PDF_STRING || t.kind == PDF_HEX) {
            show(r, &t);
        }
    }
}

/* The bytes of an image in the stream end with the word EI. */
static void skip_image(struct run *r)
{
    struct slice rest = r->rest;
    size_t i = 0;

    r->canvas->pictured = true;
    while (i + 3 < rest.len && !(pdf_is_space(rest.ptr[i]) && rest.ptr[i + 1] == 'E' &&
                                 rest.ptr[i + 2] == 'I' && pdf_is_space(rest.ptr[i + 3]))) {
        i++;
    }
    r->rest = slice_from(rest, i + 3);
}

static void draw(struct canvas *canvas, struct slice bytes, struct slice resources,
                 const struct state *state);

static void draw_form(struct run *r, const struct pdf_object *form)
{
    struct pdf_drawing *d = r->canvas->drawing;
    OWN(buf) struct buf bytes = {.max = PDF_TEXT_MAX};
    struct slice resources = pdf_look(d->objects, form->value, "Resources");
    struct slice elements = pdf_elements(pdf_look(d->objects, form->value, "Matrix"));
    struct state state = r->state;
    double m[6];

    if (r->canvas->depth == PDF_DEPTH_MAX || d->forms == PDF_FORMS_MAX) {
        d->objects->found->stopped = true;
        return;
    }
    d->forms++;
    if (!pdf_unpack(d->objects, form, &bytes)) {
        d->objects->found->damaged = true;
    }
    if (elements.len) {
        for (size_t i = 0; i < 6; i++) {
            m[i] = pdf_number(pdf_take(&elements), 0);
        }
        state.ctm = times((struct matrix){m[0], m[1], m[2], m[3], m[4], m[5]}, state.ctm);
    }
    r->canvas->depth++;
    draw(r->canvas, buf_slice(&bytes), resources.len ? resources : r->resources, &state);
    r->canvas->depth--;
}

static void draw_object(struct run *r)
{
    struct pdf_drawing *d = r->canvas->drawing;
    struct slice objects = pdf_look(d->objects, r->resources, "XObject");
    OWN(buf) struct buf name = {.max = 256};

    buf_add(&name, r->string.text);
    buf_add_byte(&name, '\0');
    if (r->string.kind != PDF_NAME || name.full) {
        return;
    }
    const struct pdf_object *object =
        pdf_follow(d->objects, pdf_get(objects, (const char *)name.ptr));
    if (!object || !object->stream.ptr) {
        return;
    }
    if (pdf_is_name(pdf_look(d->objects, object->value, "Subtype"), "Form")) {
        draw_form(r, object);
    } else {
        r->canvas->pictured = true;
    }
}

static void operate(struct run *r, struct slice name)
{
    static const struct {
        const char *name;
        void (*operate)(struct run *r);
    } rows[] = {
        {"q",  save             },
        {"Q",  restore          },
        {"cm", concatenate      },
        {"BT", begin_text       },
        {"Tf", set_font         },
        {"Tc", set_char_space   },
        {"Tw", set_word_space   },
        {"Tz", set_stretch      },
        {"TL", set_leading      },
        {"Ts", set_rise         },
        {"Td", move             },
        {"TD", move_and_lead    },
        {"Tm", set_matrix       },
        {"T*", next_line        },
        {"Tj", show_string      },
        {"TJ", show_array       },
        {"'",  show_on_next_line},
        {"\"", show_spaced      },
        {"Do", draw_object      },
        {"ID", skip_image       },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(name, slice_text(rows[i].name))) {
            rows[i].operate(r);
            return;
        }
    }
}

static void take_operand(struct run *r, const struct pdf_token *t, struct slice before)
{
    switch (t->kind) {
    case PDF_NUMBER:
        if (r->n_numbers < NUMBERS_MAX) {
            r->numbers[r->n_numbers++] = t->number;
        }
        break;
    case PDF_NAME:
    case PDF_STRING:
    case PDF_HEX:
        r->string = *t;
        break;
    case PDF_ARRAY_OPEN:
    case PDF_DICT_OPEN:
        r->rest = before;
        r->array = pdf_take(&r->rest);
        break;
    case PDF_END:
    case PDF_ARRAY_CLOSE:
    case PDF_DICT_CLOSE:
    case PDF_WORD:
        break;
    }
}

static void draw(struct canvas *canvas, struct slice bytes, struct slice resources,
                 const struct state *state)
{
    struct run run = {
        .canvas = canvas,
        .resources = resources,
        .state = *state,
        .text = unit,
        .line = unit,
        .rest = bytes,
    };
    struct slice before = run.rest;
    struct pdf_token t;

    while (!canvas->drawing->out->full && pdf_next(&run.rest, &t)) {
        if (t.kind == PDF_WORD) {
            operate(&run, t.text);
            run.n_numbers = 0;
            run.string = (struct pdf_token){0};
            run.array = SLICE_NONE;
        } else {
            take_operand(&run, &t, before);
        }
        if (!pdf_work(canvas->drawing->objects, before.len - run.rest.len)) {
            break;
        }
        before = run.rest;
    }
}

/* ---- the page ---- */

/* Its own, or those of what it is part of. */
static struct slice resources_of(const struct pdf_objects *o, struct slice page)
{
    struct slice resources = pdf_look(o, page, "Resources");

    for (unsigned i = 0; i < ANCESTORS && resources.len == 0 && page.len; i++) {
        page = pdf_look(o, page, "Parent");
        resources = pdf_look(o, page, "Resources");
    }
    return resources;
}

static void add_content(struct pdf_objects *o, struct slice object, struct buf *bytes)
{
    const struct pdf_object *stream = pdf_follow(o, object);

    if (!stream || !stream->stream.ptr) {
        return;
    }
    if (!pdf_unpack(o, stream, bytes)) {
        o->found->damaged = true;
    }
    buf_add_byte(bytes, '\n');
}

void pdf_page(struct pdf_drawing *d, struct slice page)
{
    OWN(buf) struct buf bytes = {.max = PDF_TEXT_MAX};
    struct canvas canvas = {.drawing = d};
    const struct state state = {.ctm = unit, .stretch = 1};
    struct slice contents = pdf_get(page, "Contents");
    struct slice list = pdf_elements(pdf_resolve(d->objects, contents));

    if (list.len == 0) {
        add_content(d->objects, contents, &bytes);
    }
    while (list.len && !bytes.full && !d->objects->found->stopped) {
        add_content(d->objects, pdf_take(&list), &bytes);
    }
    d->objects->found->stopped = d->objects->found->stopped || bytes.full;
    draw(&canvas, buf_slice(&bytes), resources_of(d->objects, page), &state);
    d->objects->found->images += canvas.pictured && !canvas.wrote;
    add_break(d->out, '\n');
}
