/* formats/jose/json - JSON objects that a stranger wrote (RFC 8259), read by jansson behind bounds.
 *
 * An object of JOSE_JSON_MAX octets and JOSE_JSON_DEPTH levels at most; UTF-8, no name twice, no NUL, nothing behind it.
 * Pure. Thread-safe. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/own.h"
#include "base/slice.h"

#define JOSE_JSON_MAX   ((size_t)64 << 10)
#define JOSE_JSON_DEPTH 8
#define JOSE_TEXTS_MAX  64 /* of a list */

/* Read an object. NULL when it is none; the caller's, for jose_json_free(). */
json_t *jose_json_read(struct slice text);

/* NULL is fine. */
void jose_json_free(json_t *json);

OWN_BY(json, json_t, jose_json_free)

/* A text of an object, which lives as long as the object; empty when there is none of that name. */
struct slice jose_json_text(const json_t *object, const char *name);

/* A number of seconds since 1970, rounded down; 0 when there is none, or one before 1970 or behind the year 9999. */
int64_t jose_json_time(const json_t *object, const char *name);

/* Texts of a list, or one text alone, copied into the arena. False, and none: there are more than JOSE_TEXTS_MAX, or it is
 * something else. */
bool jose_json_texts(const json_t *object, const char *name, struct arena *arena,
                     struct slice **out, size_t *count);
