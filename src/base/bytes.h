/* base/bytes - integers as bytes, big-endian, in and out. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void put16(uint8_t *at, uint16_t value)
{
    value = htobe16(value);
    (void)memcpy(at, &value, sizeof(value));
}

static inline void put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    (void)memcpy(at, &value, sizeof(value));
}

static inline void put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    (void)memcpy(at, &value, sizeof(value));
}

static inline uint16_t get16(const uint8_t *at)
{
    uint16_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static inline uint32_t get32(const uint8_t *at)
{
    uint32_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static inline uint64_t get64(const uint8_t *at)
{
    uint64_t value = 0;
    (void)memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static inline bool bytes_are_zero(const uint8_t *at, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= at[i];
    }
    return any == 0;
}
