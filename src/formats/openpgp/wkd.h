/* formats/openpgp/wkd - where an OpenPGP Web Key Directory has the key of an address
 * (draft-koch-openpgp-webkey-service): on the domain's own web server, under the hash of the local part. Pure. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define WKD_HASH_LEN 32 /* characters */

struct wkd_place {
    char hash[WKD_HASH_LEN + 1]; /* name of the key's file */
    struct slice advanced;       /* https://openpgpkey.DOMAIN/..., asked first */
    struct slice direct;         /* https://DOMAIN/..., where the other host does not exist */
};

/**
 * Find the places for an address.
 *
 * @return  false when the address has no local part or domain, or a domain that is no DNS name in ASCII
 */
bool wkd_place(struct slice address, struct arena *arena, struct wkd_place *out)
    __attribute__((warn_unused_result));
