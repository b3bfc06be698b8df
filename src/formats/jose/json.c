#include "formats/jose/json.h"

#include <pthread.h>
#include <sys/random.h>

#define LATEST INT64_C(253402300799) /* the end of the year 9999 */

/* jansson would look for random numbers in a file. Of the numbers of a table depends no more than its speed. */
static void seed(void)
{
    size_t number = 0;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number) || number == 0) {
        number = 1;
    }
    json_object_seed(number);
}

/* jansson reads a list by calling itself. */
static bool is_shallow(struct slice text)
{
    size_t depth = 0;
    bool within = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (within) {
            i += c == '\\';
            within = c != '"';
            continue;
        }
        within = c == '"';
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth > 0;
        if (depth > JOSE_JSON_DEPTH) {
            return false;
        }
    }
    return true;
}

json_t *jose_json_read(struct slice text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t ignored;

    (void)pthread_once(&once, seed);
    if (text.len == 0 || text.len > JOSE_JSON_MAX || !is_shallow(text)) {
        return NULL;
    }
    json_t *json = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &ignored);
    if (!json_is_object(json)) {
        jose_json_free(json);
        return NULL;
    }
    return json;
}

void jose_json_free(json_t *json)
{
    json_decref(json);
}

static struct slice text_of(const json_t *value)
{
    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value))
                                 : SLICE_NONE;
}

struct slice jose_json_text(const json_t *object, const char *name)
{
    return text_of(json_object_get(object, name));
}

int64_t jose_json_time(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        return number > 0 && number <= LATEST ? number : 0;
    }
    double number = json_is_real(value) ? json_real_value(value) : 0;
    return number > 0 && number < (double)LATEST ? (int64_t)number : 0;
}

bool jose_json_texts(const json_t *object, const char *name, struct arena *arena,
                     struct slice **out, size_t *count)
{
    const json_t *value = json_object_get(object, name);
    size_t all = json_is_array(value) ? json_array_size(value) : value != NULL;

    *count = 0;
    *out = arena_array(arena, JOSE_TEXTS_MAX, sizeof(**out));
    if (all > JOSE_TEXTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < all; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item)) {
            return false;
        }
        (*out)[i] = arena_copy(arena, text_of(item));
    }
    *count = all;
    return true;
}
