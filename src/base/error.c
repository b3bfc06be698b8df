#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef error_set
#undef error_errno
#undef error_add
#endif

/* What was longer than there is room for ends behind a whole character. */
static void cut(struct error *e)
{
    size_t n = strlen(e->text);
    size_t begin = n; /* of the last character */

    if (n < sizeof(e->text) - 1) {
        return;
    }
    while (begin && n - begin < 4 && ((uint8_t)e->text[begin - 1] & 0xc0) == 0x80) {
        begin--;
    }
    if (begin == 0 || (uint8_t)e->text[begin - 1] < 0xc0) {
        return; /* ASCII, or no UTF-8 anyway */
    }
    uint8_t first = (uint8_t)e->text[begin - 1];
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (n - begin + 1 < len) {
        e->text[begin - 1] = '\0';
    }
}

bool error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
    va_list args;

    e->kind = kind;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    cut(e);
    return false;
}

bool error_errno(struct error *e, enum error_kind kind, const char *format, ...)
{
    char why[64];
    int saved = errno;
    va_list args;

    e->kind = kind;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(e->text)) {
        (void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s",
                       strerror_r(saved, why, sizeof(why)));
    }
    cut(e);
    errno = saved;
    return false;
}

bool error_add(struct error *e, const char *format, ...)
{
    char inner[ERROR_TEXT_MAX];
    va_list args;

    (void)memcpy(inner, e->text, sizeof(inner));
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(e->text)) {
        (void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", inner);
    }
    cut(e);
    return false;
}

int error_exit_code(const struct error *e)
{
    switch (e->kind) {
    case ERROR_NONE:
        return 0;
    case ERROR_INPUT:
        return 65;
    case ERROR_LIMIT:
    case ERROR_BUSY:
        return 75;
    case ERROR_CONFIG:
        return 78;
    case ERROR_CORRUPT:
        return 74;
    case ERROR_DENIED:
        return 77;
    }
    return 70;
}
