/* tests/stamp - what the response tests/corpus/stamp/granted was made for, and by whom. */
#pragma once

#include "formats/stamp/stamp.h"

#define STAMP_TEST_TIME_MS INT64_C(1795546204000)
#define STAMP_TEST_TRUST                                                                           \
    "-----BEGIN CERTIFICATE-----\n"                                                                \
    "MIIBNTCB3KADAgECAgEBMAoGCCqGSM49BAMCMBkxFzAVBgNVBAMMDlRlc3QgYXV0\n"                           \
    "aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAZMRcwFQYD\n"                           \
    "VQQDDA5UZXN0IGF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDul\n"                           \
    "pWGAjBgAXIzrPAJzg+iLxRsivbFluO39g/cyFN59myMzVy6ZszK9JWHqd8XzGXbi\n"                           \
    "KNuavrN7tIY+Xt+HRgujEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID\n"                           \
    "SAAwRQIgD4J3wSjeDkZ5LRxpraAxUC3bTu70ik2uKb8P050bxnECIQDvXI46cfkJ\n"                           \
    "+sXplEHK4M3aiV97hCghKoANj5qmE6fZlw==\n"                                                       \
    "-----END CERTIFICATE-----\n"

static const uint8_t stamp_test_digest[STAMP_DIGEST_LEN] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const uint8_t stamp_test_nonce[STAMP_NONCE_LEN] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                          9, 10, 11, 12, 13, 14, 15, 16};
