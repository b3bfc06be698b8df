#include "letter/app_password.h"

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ' ';
}

bool app_password_name_is_good(struct slice name)
{
    bool good = name.len > 0 && name.len <= APP_PASSWORD_NAME_MAX && name.ptr[0] != ' ' &&
                name.ptr[0] != '-' && name.ptr[name.len - 1] != ' ';

    for (size_t i = 0; good && i < name.len; i++) {
        good = is_name_byte(name.ptr[i]);
    }
    return good;
}

bool app_password_is_over(const struct app_password *p, uint64_t now_ms)
{
    return p->expires_at != 0 && p->expires_at <= now_ms;
}
