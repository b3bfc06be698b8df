/* Certificates of recipients (userCertificate, RFC 4523) as they stand in a directory. Nothing here looks into one: an inspector
 * does, for the keeper. */
#include "base/log.h"

#include "formats/ldap/entry.h"
#include "processes/directory_parts.h"

#define FILTER_MAX  4096 /* more than the longest address takes, each byte escaped */
#define ENTRIES_MAX 8    /* with one address: more is a directory that answers something else */

/* The places of attributes in what is asked for. Active Directory says the last without `;binary`. */
enum { MAIL, BINARY, PLAIN, ATTRIBUTES };

/* The server's own rule may be a wider one, and it may say what it likes. */
static bool is_of(const struct dirlink_entry *entry, struct slice address)
{
    const struct dirlink_values *mail = &entry->attributes[MAIL];
    bool same = false;

    for (size_t i = 0; i < mail->count; i++) {
        same = same || slice_equal_nocase(mail->values[i], address);
    }
    return same;
}

static void take(const struct dirlink_values *from, size_t *bytes,
                 struct directory_certificates_answer *out)
{
    struct directory_certificate *all = out->certificates.items;

    out->more = out->more || from->more;
    for (size_t i = 0; i < from->count; i++) {
        size_t len = from->values[i].len;
        bool fits = len && len <= DIRECTORY_CERTIFICATE_MAX &&
                    *bytes + len <= DIRECTORY_CERTIFICATES_BYTES_MAX &&
                    out->certificates.count < DIRECTORY_CERTIFICATES_MAX;
        if (fits) {
            all[out->certificates.count++].bytes = from->values[i];
            *bytes += len;
        }
        out->more = out->more || !fits;
    }
}

/* A base that is not there says nothing of anybody: a wrong setting, or a server that hides it. */
static bool search(struct visit *v, struct slice address, struct dirlink_entry **entries,
                   size_t *count, enum directory_told *told, struct error *e)
{
    OWN(buf) struct buf filter = {.max = FILTER_MAX};
    const struct slice names[ATTRIBUTES] = {[MAIL] = SLICE("mail"),
                                            [BINARY] = SLICE("userCertificate;binary"),
                                            [PLAIN] = SLICE("userCertificate")};
    struct dirlink_search search = {
        .base = v->certificates->base, .attributes = names, .n_attributes = ATTRIBUTES};
    bool found = false;

    buf_add_text(&filter, "(mail=");
    entry_filter_value(address, &filter);
    buf_add_text(&filter, ")");
    search.filter = buf_slice(&filter);
    if (filter.full) {
        *told = DIRECTORY_OVERFULL;
        return error_set(e, ERROR_LIMIT, "the address is too long");
    }
    if (!dirlink_ask(v->link, &search, v->arena, entries, count, &found, e)) {
        *told = search.limited           ? DIRECTORY_LIMITED
                : e->kind == ERROR_LIMIT ? DIRECTORY_OVERFULL
                                         : DIRECTORY_SILENT;
        return false;
    }
    return found || error_set(e, ERROR_CONFIG, "`base` is not there, or may not be read");
}

/* What a server says may hold the address, which is for no log. */
static const char *reason_of(const struct error *e)
{
    if (e->kind == ERROR_LIMIT) {
        return "the server does not say all that it has of an address, by a limit of its own";
    }
    if (e->kind == ERROR_CONFIG) {
        return "`base` is not there, or may not be read";
    }
    return e->kind == ERROR_DENIED ? "the server lets nobody search there as who `bind-dn` is"
                                   : "the server did not answer the search";
}

static void log_away(const struct visit *v, const char *reason)
{
    log_event(LOG_WARNING, "certificates.away", LOG_SLICE("certificates", v->door.section),
              LOG_TEXT("reason", reason));
}

void visit_take_certificates(struct visit *v, struct slice address,
                             struct directory_certificates_answer *out)
{
    struct dirlink_entry *entries = NULL;
    enum directory_told told = DIRECTORY_SILENT;
    size_t count = 0;
    size_t bytes = 0;
    struct error e;

    *out = (struct directory_certificates_answer){.told = DIRECTORY_SILENT};
    if (!visit_open(v, &e)) {
        log_away(v, e.text);
        return;
    }
    if (!search(v, address, &entries, &count, &told, &e)) {
        out->told = told;
        if (told != DIRECTORY_OVERFULL) {
            log_away(v, reason_of(&e));
        }
        if (told == DIRECTORY_SILENT) {
            visit_failed(v);
        }
        return;
    }
    if (count > ENTRIES_MAX) {
        out->told = DIRECTORY_OVERFULL;
        return;
    }
    out->told = DIRECTORY_TOLD;
    out->certificates.items =
        arena_array(v->arena, DIRECTORY_CERTIFICATES_MAX, sizeof(struct directory_certificate));
    for (size_t i = 0; i < count; i++) {
        if (is_of(&entries[i], address)) {
            take(&entries[i].attributes[BINARY], &bytes, out);
            take(&entries[i].attributes[PLAIN], &bytes, out);
        }
    }
}
