/* The syntax of a line:
 *
 *     line    = [ section / setting ] [ "#" comment ]
 *     section = "[" name [ argument ] "]"
 *     setting = name "=" [ value *( "," value ) ]
 *     value   = quoted or bare; a "#" behind a blank begins a comment, except inside quotes */
#include "config/internal.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return s.len > 0;
}

/* Drop a comment and the blanks around what is left. */
static struct slice without_comment(struct slice s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else if (s.ptr[i] == '#' && !quoted && (i == 0 || is_blank(s.ptr[i - 1]))) {
            s.len = i;
        }
    }
    return slice_trim(s);
}

static struct config_line bad(const char *complaint)
{
    return (struct config_line){.kind = CONFIG_LINE_BAD, .complaint = complaint};
}

static struct config_line read_section(struct slice s)
{
    struct slice argument = SLICE_NONE;

    if (s.ptr[s.len - 1] != ']') {
        return bad("a section ends with `]`");
    }
    s = slice_trim(slice_of(s.ptr + 1, s.len - 2));
    struct slice name = slice_cut(s, ' ', &argument);
    if (!is_name(name)) {
        return bad("a section looks like `[domain partner.test]`");
    }
    return (struct config_line){
        .kind = CONFIG_LINE_SECTION, .name = name, .value = slice_trim(argument)};
}

struct config_line config_line_read(struct slice line)
{
    struct slice value = SLICE_NONE;

    if (line.len > CONFIG_LINE_MAX) {
        return bad("a line may have 4096 bytes");
    }
    if (!slice_is_utf8(line)) {
        return bad("the file must be UTF-8");
    }
    for (size_t i = 0; i < line.len; i++) {
        if ((line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f) {
            return bad("control characters have no place here");
        }
    }
    line = without_comment(line);
    if (line.len == 0) {
        return (struct config_line){.kind = CONFIG_LINE_EMPTY};
    }
    if (line.ptr[0] == '[') {
        return read_section(line);
    }
    if (slice_find(line, '=') == line.len) {
        return bad("expected `name = value`, `[section]` or a `#` comment");
    }
    struct slice name = slice_trim(slice_cut(line, '=', &value));
    if (!is_name(name)) {
        return bad("a name is made of letters, digits and hyphens");
    }
    return (struct config_line){
        .kind = CONFIG_LINE_SETTING, .name = name, .value = slice_trim(value)};
}

bool config_line_item(struct slice *rest, bool list, struct slice *item)
{
    struct slice s = slice_trim(*rest);

    if (s.len == 0 || s.ptr[0] != '"') {
        *item = list ? slice_trim(slice_cut(s, ',', rest)) : s;
        *rest = list ? *rest : SLICE_NONE;
        return true;
    }
    struct slice text = slice_from(s, 1);
    size_t end = slice_find(text, '"');
    struct slice behind = slice_trim(slice_from(text, end + 1));
    if (end == text.len || (behind.len && (!list || behind.ptr[0] != ','))) {
        return false;
    }
    *item = slice_head(text, end);
    *rest = slice_from(behind, 1);
    return true;
}
