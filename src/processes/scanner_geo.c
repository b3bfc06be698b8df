#include "processes/scanner_geo.h"

#include <math.h>
#include <maxminddb.h>

#include "host/address.h"

static MMDB_s database;
static bool is_open;

bool geo_open(struct slice path, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 65536};
    int status = MMDB_open(arena_text(&arena, path), MMDB_MODE_MMAP, &database);

    is_open = status == MMDB_SUCCESS;
    return is_open ||
           error_set(e, ERROR_CONFIG, "%.*s: %s", SLICE_ARG(path), MMDB_strerror(status));
}

static bool is_country(const MMDB_entry_data_s *d)
{
    return d->has_data && d->type == MMDB_DATA_TYPE_UTF8_STRING && d->data_size == 2 &&
           d->utf8_string[0] >= 'A' && d->utf8_string[0] <= 'Z' && d->utf8_string[1] >= 'A' &&
           d->utf8_string[1] <= 'Z';
}

static bool degrees(MMDB_entry_s *entry, const char *name, double most, uint64_t *out)
{
    const char *const path[] = {"location", name, NULL};
    MMDB_entry_data_s d;

    if (MMDB_aget_value(entry, &d, path) != MMDB_SUCCESS || !d.has_data ||
        d.type != MMDB_DATA_TYPE_DOUBLE || !(fabs(d.double_value) <= most)) {
        return false;
    }
    *out = (uint64_t)((d.double_value + most) * 1000);
    return true;
}

void geo_find(struct slice address, struct arena *arena, struct scanner_locate_answer *out)
{
    static const char *const country[] = {"country", "iso_code", NULL};
    MMDB_entry_data_s d;
    struct address a;
    struct error ignored;
    int status = 0;

    if (!is_open || !address_parse(address, 1, &a, &ignored)) {
        return;
    }
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&database, &a.socket.any, &status);
    if (status != MMDB_SUCCESS || !found.found_entry) {
        return;
    }
    if (MMDB_aget_value(&found.entry, &d, country) == MMDB_SUCCESS && is_country(&d)) {
        out->country = arena_copy(arena, slice_of((const uint8_t *)d.utf8_string, 2));
    }
    out->located = degrees(&found.entry, "latitude", 90, &out->latitude) &&
                   degrees(&found.entry, "longitude", 180, &out->longitude);
}
