#include "letter/group.h"

bool group_name_is_good(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (c != '-' || i == 0 || i == name.len - 1)) {
            return false;
        }
    }
    return name.len != 0 && name.len <= GROUP_NAME_MAX;
}
