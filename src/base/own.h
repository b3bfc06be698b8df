/* base/own - what a variable owns is released when the variable goes out of scope.
 *
 *     OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     ...
 *     *out = TAKE(fd, -1);    // the caller owns it from here on
 *
 * A module makes its own type ownable with OWN_BY(name, type, ender); every ender accepts the
 * empty value. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define OWN(name) __attribute__((cleanup(own_##name)))

#define TAKE(variable, nobody)                                                                     \
    __extension__({                                                                                \
        __typeof__(variable) own_taken_ = (variable);                                              \
        (variable) = (nobody);                                                                     \
        own_taken_;                                                                                \
    })

/* Define own_<name>() for pointers to `type` ended by `ender`. */
#define OWN_BY(name, type, ender)                                                                  \
    static inline void own_##name(type **variable)                                                 \
    {                                                                                              \
        ender(*variable);                                                                          \
    }

/* The same for values that live in the caller's memory and end by address. */
#define OWN_VALUE(name, type, ender)                                                               \
    static inline void own_##name(type *variable)                                                  \
    {                                                                                              \
        ender(variable);                                                                           \
    }

static inline void own_fd(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static inline void own_heap(void *variable)
{
    void *memory = NULL;
    __builtin_memcpy(&memory, variable, sizeof(memory));
    free(memory);
}
