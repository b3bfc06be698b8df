/* Tables: RFC 4180, with the heads that address books write, in English and German. */
#include "formats/contacts/internal.h"

#define FIELD_MAX 8192 /* bytes of a field that is kept; of a longer one the beginning */

enum column { IGNORED, ADDRESS, NAME, FIRST, LAST, ORGANISATION, TITLE, PHONE, NOTE, N_COLUMNS };

static const struct {
    struct slice head;
    enum column column;
} heads[] = {
    {SLICE_INIT("address"),               ADDRESS     },
    {SLICE_INIT("email"),                 ADDRESS     },
    {SLICE_INIT("e-mail"),                ADDRESS     },
    {SLICE_INIT("mail"),                  ADDRESS     },
    {SLICE_INIT("email address"),         ADDRESS     },
    {SLICE_INIT("e-mail address"),        ADDRESS     },
    {SLICE_INIT("e-mail 2 address"),      ADDRESS     },
    {SLICE_INIT("e-mail 3 address"),      ADDRESS     },
    {SLICE_INIT("primary email"),         ADDRESS     },
    {SLICE_INIT("secondary email"),       ADDRESS     },
    {SLICE_INIT("e-mail 1 - value"),      ADDRESS     },
    {SLICE_INIT("e-mail 2 - value"),      ADDRESS     },
    {SLICE_INIT("e-mail-adresse"),        ADDRESS     },
    {SLICE_INIT("adresse"),               ADDRESS     },
    {SLICE_INIT("name"),                  NAME        },
    {SLICE_INIT("full name"),             NAME        },
    {SLICE_INIT("display name"),          NAME        },
    {SLICE_INIT("anzeigename"),           NAME        },
    {SLICE_INIT("first name"),            FIRST       },
    {SLICE_INIT("given name"),            FIRST       },
    {SLICE_INIT("vorname"),               FIRST       },
    {SLICE_INIT("last name"),             LAST        },
    {SLICE_INIT("family name"),           LAST        },
    {SLICE_INIT("nachname"),              LAST        },
    {SLICE_INIT("organisation"),          ORGANISATION},
    {SLICE_INIT("organization"),          ORGANISATION},
    {SLICE_INIT("organization name"),     ORGANISATION},
    {SLICE_INIT("organization 1 - name"), ORGANISATION},
    {SLICE_INIT("company"),               ORGANISATION},
    {SLICE_INIT("firma"),                 ORGANISATION},
    {SLICE_INIT("title"),                 TITLE       },
    {SLICE_INIT("job title"),             TITLE       },
    {SLICE_INIT("position"),              TITLE       },
    {SLICE_INIT("phone"),                 PHONE       },
    {SLICE_INIT("telephone"),             PHONE       },
    {SLICE_INIT("business phone"),        PHONE       },
    {SLICE_INIT("work phone"),            PHONE       },
    {SLICE_INIT("mobile phone"),          PHONE       },
    {SLICE_INIT("phone 1 - value"),       PHONE       },
    {SLICE_INIT("telefon"),               PHONE       },
    {SLICE_INIT("note"),                  NOTE        },
    {SLICE_INIT("notes"),                 NOTE        },
    {SLICE_INIT("notizen"),               NOTE        },
};

/* Take a field off; *last says that its row ends with it. Of what is in quotes a line end is part. False when a quote is
 * not closed. */
static bool field(struct card_reader *r, struct buf *out, bool *last)
{
    struct slice s = r->rest;
    bool quoted = s.len && s.ptr[0] == '"';
    size_t i = quoted;

    for (; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        r->line += c == '\n';
        if (quoted && c == '"' && i + 1 < s.len && s.ptr[i + 1] == '"') {
            i++;
        } else if (quoted && c == '"') {
            quoted = false;
            continue;
        } else if (!quoted && (c == r->separator || c == '\n')) {
            break;
        }
        buf_add_byte(out, c); /* beyond FIELD_MAX it stays full */
    }
    *last = i >= s.len || s.ptr[i] == '\n';
    if (*last && out->len && out->ptr[out->len - 1] == '\r') {
        out->len--;
    }
    r->rest = slice_from(s, i < s.len ? i + 1 : i);
    return !quoted;
}

/* The separator that the heads have most of. */
static uint8_t separator_of(struct slice line)
{
    static const uint8_t possible[] = {',', ';', '\t'};
    uint8_t best = ',';
    size_t most = 0;

    for (size_t k = 0; k < sizeof(possible); k++) {
        size_t count = 0;
        for (size_t i = 0; i < line.len; i++) {
            count += line.ptr[i] == possible[k];
        }
        best = count > most ? possible[k] : best;
        most = count > most ? count : most;
    }
    return best;
}

static enum column column_of(struct slice head)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (slice_equal_nocase(head, heads[i].head)) {
            return heads[i].column;
        }
    }
    return IGNORED;
}

const char *csv_begin(struct card_reader *r)
{
    struct slice ignored;
    bool last = false;
    bool found = false;

    r->separator = separator_of(slice_cut(r->rest, '\n', &ignored));
    while (!last) {
        OWN(buf) struct buf head = {.max = CARD_TEXT_MAX};
        if (!field(r, &head, &last)) {
            return "is neither a vCard nor a table as CSV";
        }
        if (r->n_columns < sizeof(r->columns)) {
            enum column c = head.full ? IGNORED : column_of(slice_trim(buf_slice(&head)));
            r->columns[r->n_columns++] = (uint8_t)c;
            found = found || c == ADDRESS;
        }
    }
    return found ? NULL
                 : "is no vCard, and its first line names no column with addresses, such as "
                   "`address` or `E-mail Address`";
}

/* An apostrophe that keeps a spreadsheet from taking it for a formula. */
static struct slice without_guard(struct slice text)
{
    bool guarded = text.len && text.ptr[0] == '\'' && card_needs_guard(text);

    return guarded ? slice_from(text, 1) : text;
}

static bool keep(struct card *c, enum column column, struct slice text, struct slice parts[2],
                 struct arena *arena)
{
    struct slice *const places[N_COLUMNS] = {
        [NAME] = &c->name,   [FIRST] = &parts[0],
        [LAST] = &parts[1],  [ORGANISATION] = &c->organisation,
        [TITLE] = &c->title, [PHONE] = &c->phone,
        [NOTE] = &c->note,
    };

    if (column == ADDRESS) {
        return card_add_address(c, text, arena);
    }
    return !places[column] || places[column]->len ||
           card_text(text, column == NOTE ? CARD_NOTE_MAX : CARD_TEXT_MAX, arena, places[column]);
}

enum card_result csv_next(struct card_reader *r, struct arena *arena, struct card *out,
                          const char **why)
{
    struct slice parts[2] = {SLICE_NONE, SLICE_NONE};
    bool last = r->rest.len == 0;
    bool good = true;

    if (last) {
        return CARD_END;
    }
    for (size_t i = 0; !last; i++) {
        OWN(buf) struct buf text = {.max = FIELD_MAX};
        bool closed = field(r, &text, &last);
        enum column column = i < r->n_columns ? (enum column)r->columns[i] : IGNORED;
        good = good && closed &&
               keep(out, column, without_guard(slice_trim(buf_slice(&text))), parts, arena);
    }
    if (!good) {
        *why = "has a quote without an end, or text that is no UTF-8";
        return CARD_BROKEN;
    }
    if (!out->name.len) {
        struct slice both =
            arena_printf(arena, "%.*s %.*s", SLICE_ARG(parts[0]), SLICE_ARG(parts[1]));
        (void)!card_text(both, CARD_TEXT_MAX, arena, &out->name); /* each part was good */
    }
    return CARD_READ;
}
