#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef error_set
#undef error_errno
#undef error_add
#endif

bool error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
    va_list args;

    e->kind = kind;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
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
