#include "stages/identity/asserted.h"

#include <stdio.h>

#include "base/error.h"
#include "base/secret.h"

#include "formats/mail/address.h"
#include "formats/smtp/address.h"

#define CLAIMS_MAX 64
#define VALUE_MAX  255

static bool refuse(struct identity_answer *answer, enum identity_verdict verdict, const char *code,
                   const char *sentence)
{
    answer->verdict = verdict;
    answer->code = code;
    (void)snprintf(answer->sentence, sizeof(answer->sentence), "%s", sentence);
    return false;
}

/* A field's value without regard to case, in the same time wherever it differs: it may be a secret. */
static bool has_value(struct slice value, struct slice wanted)
{
    uint8_t a[VALUE_MAX];
    uint8_t b[VALUE_MAX];

    value = slice_trim(value);
    if (value.len != wanted.len || value.len > VALUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        a[i] = ascii_lower(value.ptr[i]);
        b[i] = ascii_lower(wanted.ptr[i]);
    }
    return secret_equal(slice_of(a, value.len), slice_of(b, value.len));
}

/* One field of that name, which says so: of two a sender may have written one. */
static bool has_mark(const struct mail_header *header, const struct asserted_mark *mark)
{
    size_t found = 0;
    size_t right = 0;

    for (size_t i = 0; i < header->n_fields; i++) {
        if (slice_equal_nocase(header->fields[i].label, mark->name)) {
            found++;
            right += has_value(header->fields[i].value, mark->value);
        }
    }
    return found == 1 && right == 1;
}

bool asserted_is_marked(const struct mail_header *header, const struct asserted_mark *marks,
                        size_t n_marks)
{
    for (size_t i = 0; i < n_marks; i++) {
        if (has_mark(header, &marks[i])) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const struct slice *domains, size_t n_domains,
                    const struct mail_address *address)
{
    uint8_t claimed[SMTP_DOMAIN_MAX];
    uint8_t own[SMTP_DOMAIN_MAX];
    size_t claimed_len = 0;
    size_t own_len = 0;
    struct error ignored;

    if (!smtp_domain_canonical(address->domain, claimed, &claimed_len, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < n_domains; i++) {
        if (smtp_domain_canonical(domains[i], own, &own_len, &ignored) &&
            slice_equal(slice_of(own, own_len), slice_of(claimed, claimed_len))) {
            return true;
        }
    }
    return false;
}

/* The addresses of our domains that the letter shows as its sender's. */
struct claims {
    const struct slice *domains;
    size_t n_domains;
    bool utf8;
    struct arena *arena;
    struct slice all[CLAIMS_MAX];
    size_t n;
};

static void claim(struct claims *c, const struct mail_address *address)
{
    if (c->n < CLAIMS_MAX && is_ours(c->domains, c->n_domains, address)) {
        c->all[c->n++] = mail_address_text(address, c->arena);
    }
}

/* The only address of a field, or the empty slice. */
static struct slice claim_field(struct claims *c, struct slice value)
{
    struct mail_addresses list;

    mail_addresses_read(value, c->utf8, c->arena, &list);
    for (size_t i = 0; i < list.count; i++) {
        claim(c, &list.items[i]);
    }
    return list.count == 1 ? mail_address_text(&list.items[0], c->arena) : SLICE_NONE;
}

static struct slice claim_all(struct claims *c, const struct mail_header *header)
{
    struct slice from = SLICE_NONE;

    for (size_t i = 0; i < header->n_fields; i++) {
        const struct mail_field *f = &header->fields[i];
        if (f->name == MAIL_FROM) {
            from = claim_field(c, f->value);
        } else if (f->name == MAIL_SENDER || f->name == MAIL_RESENT_FROM ||
                   f->name == MAIL_RESENT_SENDER) {
            (void)claim_field(c, f->value);
        }
    }
    return from;
}

static size_t count_received(const struct mail_header *header)
{
    size_t n = 0;

    for (size_t i = 0; i < header->n_fields; i++) {
        n += header->fields[i].name == MAIL_RECEIVED;
    }
    return n;
}

/* Bounces and automatic replies of ours come with the null path; what is judged then is the rest. */
static struct slice path_to_judge(struct claims *c, struct slice reverse_path)
{
    struct mail_address address;

    if (reverse_path.len == 0) {
        reverse_path = arena_printf(c->arena, "postmaster@%.*s", SLICE_ARG(c->domains[0]));
    }
    if (mail_address_read(reverse_path, c->utf8, c->arena, &address) == MAIL_ADDRESS_CLEAR) {
        claim(c, &address);
    }
    return reverse_path;
}

/* What From shows beside its address must be that address: the other fields are the writer's too, and make no name his. */
static bool shows_itself_alone(const struct mail_header *header, struct slice from, bool utf8,
                               struct arena *arena, struct identity_answer *answer)
{
    struct mail_field *fields = arena_array(arena, header->n_fields + 1, sizeof(*fields));
    const struct identity_account account = {.addresses = &from, .n_addresses = 1};
    struct mail_header only = *header;

    only.fields = fields;
    only.n_fields = 0;
    for (size_t i = 0; i < header->n_fields; i++) {
        if (header->fields[i].name == MAIL_FROM) {
            fields[only.n_fields++] = header->fields[i];
        }
    }
    return identity_judge(from, &only, utf8, &account, arena, answer);
}

bool asserted_judge(const struct slice *domains, size_t n_domains, struct slice reverse_path,
                    const struct mail_header *header, bool utf8, struct arena *arena,
                    struct slice *from, struct identity_answer *answer)
{
    struct claims claims = {
        .domains = domains, .n_domains = n_domains, .utf8 = utf8, .arena = arena};

    *from = SLICE_NONE;
    if (n_domains == 0) {
        return refuse(answer, IDENTITY_FROM_FOREIGN, "5.7.1", "No domain is ours.");
    }
    if (count_received(header) > ASSERTED_RECEIVED_MAX) {
        return refuse(answer, IDENTITY_FROM_UNCLEAR, "5.4.6",
                      "The letter was handed on too often: it goes round in circles.");
    }
    struct slice shown = claim_all(&claims, header);
    struct slice path = path_to_judge(&claims, reverse_path);
    const struct identity_account account = {.addresses = claims.all, .n_addresses = claims.n};
    if (!identity_judge(path, header, utf8, &account, arena, answer) ||
        !shows_itself_alone(header, shown, utf8, arena, answer)) {
        return false;
    }
    *from = shown;
    return true;
}
