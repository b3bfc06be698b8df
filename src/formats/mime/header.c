#include "formats/mime/header.h"

#include <gmime/gmime.h>

#include "formats/mime/decode.h"

void mime_init(void)
{
    g_mime_init();
    charset_init();
}

static bool is_name_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != ':'; /* RFC 5322 section 3.6.8 */
}

/* Length of the line at the start of s with its line end. */
static size_t line_len(struct slice s)
{
    size_t at = slice_find(s, '\n');
    return at < s.len ? at + 1 : s.len;
}

static bool is_empty_line(struct slice s)
{
    return slice_starts(s, SLICE("\r\n")) || slice_starts(s, SLICE("\n"));
}

/* Length of the field name at the start of s, 0 when there is none. */
static size_t name_len(struct slice s)
{
    size_t len = 0;

    while (len < s.len && is_name_byte(s.ptr[len])) {
        len++;
    }
    size_t colon = len;
    while (colon < s.len && (s.ptr[colon] == ' ' || s.ptr[colon] == '\t')) {
        colon++; /* obsolete, but read so by most programs */
    }
    return colon < s.len && s.ptr[colon] == ':' ? len : 0;
}

/* Letters that lay in a mailbox file start with a line "From address date". */
static struct slice without_envelope_line(struct slice entity)
{
    struct slice rest = slice_from(entity, line_len(entity));

    return slice_starts(entity, SLICE("From ")) && name_len(rest) > 0 ? rest : entity;
}

void entity_split(struct slice entity, struct slice *header, struct slice *body)
{
    size_t at = 0;

    entity = without_envelope_line(entity);
    if (name_len(entity) > 0) {
        while (at < entity.len && !is_empty_line(slice_from(entity, at))) {
            at += line_len(slice_from(entity, at));
        }
    }
    struct slice rest = slice_from(entity, at);
    *header = slice_head(entity, at);
    *body = is_empty_line(rest) ? slice_from(rest, line_len(rest)) : rest;
}

bool field_next(struct slice *header, struct field *field)
{
    struct slice s = *header;

    if (s.len == 0) {
        return false;
    }
    size_t name = name_len(s);
    size_t end = line_len(s);
    while (end < s.len && (s.ptr[end] == ' ' || s.ptr[end] == '\t')) {
        end += line_len(slice_from(s, end));
    }
    struct slice whole = slice_head(s, end);
    field->name = slice_head(whole, name);
    field->value = name ? slice_from(whole, slice_find(whole, ':') + 1) : whole;
    *header = slice_from(s, end);
    return true;
}

/* A C string of a field's value, unfolded: line ends and NULs become spaces. */
static char *unfolded(struct slice value, struct arena *arena)
{
    char *text = arena_alloc(arena, value.len + 1);

    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        text[i] = (char)(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    }
    return text;
}

static struct slice lowered(const char *text, struct arena *arena)
{
    char *copy = arena_text(arena, slice_text(text));

    for (char *c = copy; *c; c++) {
        *c = (char)ascii_lower((uint8_t)*c);
    }
    return slice_text(copy);
}

/* More semicolons than that are more parameters, or an attempt to look like it. */
static bool has_many_parameters(struct slice value)
{
    size_t count = 0;

    for (size_t i = 0; i < value.len; i++) {
        count += value.ptr[i] == ';';
    }
    return count > MIME_PARAMETERS_MAX;
}

static struct slice without_parameters(struct slice value, struct content_facts *facts)
{
    struct slice rest = SLICE_NONE;

    if (!has_many_parameters(value)) {
        return value;
    }
    facts->flaw = "a header field of the part has too many parameters";
    return slice_cut(value, ';', &rest);
}

/* Programs differ in which of two parameters of one name they go by. */
static void check_repeated(GMimeParamList *list, struct content_facts *facts)
{
    int n = list ? g_mime_param_list_length(list) : 0;

    for (int i = 1; i < n; i++) {
        const char *name = g_mime_param_get_name(g_mime_param_list_get_parameter_at(list, i));
        for (int j = 0; j < i && !facts->repeated; j++) {
            facts->repeated =
                g_ascii_strcasecmp(
                    name, g_mime_param_get_name(g_mime_param_list_get_parameter_at(list, j))) == 0;
        }
    }
}

static struct slice parameter(GMimeContentType *type, const char *name, struct arena *arena)
{
    return arena_copy(arena, slice_text(g_mime_content_type_get_parameter(type, name)));
}

void content_read_type(struct slice value, struct arena *arena, struct content_facts *facts)
{
    value = without_parameters(value, facts);
    if (slice_find(value, '/') == value.len) {
        return; /* not a type: RFC 2045 section 5.2 has it read as text/plain */
    }
    GMimeContentType *type = g_mime_content_type_parse(NULL, unfolded(value, arena));
    if (!type) {
        return;
    }
    char *name = g_mime_content_type_get_mime_type(type);
    facts->type = lowered(name ? name : "", arena);
    g_free(name);
    facts->boundary = parameter(type, "boundary", arena);
    facts->charset = lowered(g_mime_content_type_get_parameter(type, "charset"), arena);
    facts->smime_type = lowered(g_mime_content_type_get_parameter(type, "smime-type"), arena);
    check_repeated(g_mime_content_type_get_parameters(type), facts);
    if (facts->name.len == 0) {
        facts->name = parameter(type, "name", arena);
    }
    g_object_unref(type);
}

void content_read_disposition(struct slice value, struct arena *arena, struct content_facts *facts)
{
    value = without_parameters(value, facts);
    GMimeContentDisposition *d = g_mime_content_disposition_parse(NULL, unfolded(value, arena));
    if (!d) {
        return;
    }
    struct slice word = lowered(g_mime_content_disposition_get_disposition(d), arena);
    struct slice name = slice_text(g_mime_content_disposition_get_parameter(d, "filename"));
    /* What is not known counts as an attachment: RFC 2183 section 2.8. */
    facts->disposition = slice_equal(word, SLICE("inline")) ? CONTENT_INLINE : CONTENT_ATTACHMENT;
    if (name.len) {
        facts->name = arena_copy(arena, name);
    }
    check_repeated(g_mime_content_disposition_get_parameters(d), facts);
    g_object_unref(d);
}

void content_read_encoding(struct slice value, struct arena *arena, struct content_facts *facts)
{
    struct slice word = slice_trim(slice_text(unfolded(value, arena)));
    size_t len = 0;

    while (len < word.len && is_name_byte(word.ptr[len]) && word.ptr[len] != '(' &&
           word.ptr[len] != ';') {
        len++;
    }
    len = len ? len : word.len; /* a comment or the like before it: no encoding that is known */
    facts->encoding = lowered(arena_text(arena, slice_head(word, len)), arena);
}

struct slice header_text(struct slice value, struct arena *arena)
{
    char *decoded = g_mime_utils_header_decode_text(NULL, unfolded(value, arena));
    struct slice text = arena_copy(arena, slice_text(decoded));

    g_free(decoded);
    return text;
}
