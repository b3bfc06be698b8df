/* verify/bytes - bytes that are read: a view of them, integers in them, are they zero.
 *
 * postern-verify shares no code with what writes a ledger, so it has its own. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
    const uint8_t *at;
    size_t len;
};

static inline uint16_t be16(const uint8_t *at)
{
    uint16_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static inline uint32_t be32(const uint8_t *at)
{
    uint32_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static inline uint64_t be64(const uint8_t *at)
{
    uint64_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static inline void put_be64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    (void)memcpy(at, &value, sizeof(value));
}

static inline bool is_zero(const uint8_t *at, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= at[i];
    }
    return any == 0;
}

static inline bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}
