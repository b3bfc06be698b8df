/* postern.conf(5) in mdoc. What stands here and not in a row is what is true of every setting. */
#include "config/document.h"
#include "config/internal.h"

#define WORDS_MAX (1 << 16)

static const char opening[] =
    ".\\\" Written by `./do docs` from the settings' tables in src/config: change them there.\n"
    ".Dd November 24, 2026\n"
    ".Dt POSTERN.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm postern.conf\n"
    ".Nd configuration of the Postern mail gateway\n"
    ".Sh DESCRIPTION\n"
    ".Xr posternd 8\n"
    "reads one file, by default\n"
    ".Pa /etc/postern/postern.conf .\n"
    ".Ic postern init\n"
    "writes it with every setting and its explanation in it;\n"
    ".Ic postern check-config\n"
    "says whether it is right, and names file, line and what was expected where it is not.\n"
    "An unknown name, a name set twice, a missing unit or a value out of bounds is an error: the\n"
    "daemon does not start, and a reload leaves the old settings in force.\n"
    ".Pp\n"
    "A line is empty, a comment, a setting or the head of a section:\n"
    ".Bd -literal -offset indent\n"
    "# a comment; behind a blank it may also end a line\n"
    "size-limit = 50MiB\n"
    "domain = example.test, example.org\n"
    "\n"
    "[domain partner.test]\n"
    "tls = verified\n"
    ".Ed\n"
    ".Pp\n"
    "Settings above the first section are the server's.\n"
    "A list takes several values with commas between them, or the same name again; what the file\n"
    "says replaces the default, and an empty value is the empty list.\n"
    "A value in double quotes may hold commas, number signs and blanks at its ends.\n"
    "The file is UTF-8.\n"
    ".Bl -tag -width Duration\n"
    ".It Duration\n"
    "a whole number and one of\n"
    ".Cm ms , s , min , h , d .\n"
    ".It Size\n"
    "a whole number and one of\n"
    ".Cm B , KiB , MiB , GiB , TiB .\n"
    ".It Address\n"
    "a host name or address, a colon, a port; an IPv6 address stands in brackets.\n"
    "Where the server listens,\n"
    ".Cm *\n"
    "is every address.\n"
    ".El\n"
    ".Pp\n"
    "A setting marked\n"
    ".Em at start\n"
    "is read once; all others also take effect on a reload\n"
    ".Pq Dv SIGHUP .\n";

static const char closing[] = ".Sh FILES\n"
                              ".Bl -tag -width Ds\n"
                              ".It Pa /etc/postern/postern.conf\n"
                              "the file itself\n"
                              ".It Pa /var/lib/postern\n"
                              "the default data directory\n"
                              ".El\n"
                              ".Sh SEE ALSO\n"
                              ".Xr postern 1 ,\n"
                              ".Xr posternd 8\n";

/* Plain text for roff: no backslash or leading dot is taken for a request, `words` in backquotes
 * come out bold, and every sentence begins a line. */
static void add_text(struct buf *out, struct slice text)
{
    bool bold = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool sentence = c == ' ' && i && strchr(".;", text.ptr[i - 1]) && !bold;
        if (c == '`') {
            bold = !bold;
            buf_add_text(out, bold ? "\\fB" : "\\fR");
        } else if (c == '\\') {
            buf_add_text(out, "\\e");
        } else if (c == '-' && bold) {
            buf_add_text(out, "\\-");
        } else if (sentence && text.ptr[i - 1] == '.') {
            buf_add_byte(out, '\n');
        } else {
            buf_add_byte(out, c);
        }
    }
    buf_add_byte(out, '\n');
}

/* A name or value as the reader must type it. */
static void add_literal(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-') {
            buf_add_text(out, "\\-");
        } else {
            buf_add_byte(out, (uint8_t)*text);
        }
    }
}

static void add_row(struct buf *out, const struct config_setting *row)
{
    OWN(arena) struct arena arena = {.max = WORDS_MAX};
    const char *shown = row->initial ? row->initial : row->example;

    buf_add_text(out, ".It Ic ");
    add_literal(out, row->name);
    buf_add_byte(out, '\n');
    add_text(out, slice_text(row->help));
    if (row->more) {
        add_text(out, slice_text(row->more));
    }
    add_text(out,
             arena_printf(&arena, "(%.*s%s%s)", SLICE_ARG(config_type_text(row, &arena)),
                          row->required ? "; required" : "", row->restart ? "; at start" : ""));
    buf_add_text(out, row->initial ? "Default:\n.Ql " : "Example:\n.Ql ");
    add_literal(out, shown);
    buf_add_byte(out, '\n');
}

static void add_table(struct buf *out, const struct config_table *table)
{
    buf_add_text(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->n_settings; i++) {
        add_row(out, &table->settings[i]);
    }
    buf_add_text(out, ".El\n");
}

void config_write_manual(const struct config_schema *schema, struct buf *out)
{
    buf_add_text(out, opening);
    buf_add_text(out, ".Sh SETTINGS\n");
    for (size_t i = 0; i < schema->n_sections; i++) {
        const struct config_section *section = schema->sections[i];
        if (section->name) {
            buf_printf(out, ".Ss Section [%s%s]\n", section->name, section->named ? " NAME" : "");
            add_text(out, slice_text(section->help));
        }
        for (size_t t = 0; t < section->n_tables; t++) {
            if (!section->name) {
                buf_printf(out, ".Ss %s\n", section->tables[t]->title);
            }
            add_table(out, section->tables[t]);
        }
    }
    buf_add_text(out, closing);
}
