#include "formats/smtp/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <idn2.h>

#include "base/own.h"

/* Characters outside quoted strings and domains: atext of RFC 5322 section 3.2.3, and what RFC 6531
 * section 3.3 adds. Whether the high octets are UTF-8 is seen once the whole mailbox is known. */
static bool is_atext(uint8_t c)
{
    static const struct slice marks = SLICE_INIT("!#$%&'*+-/=?^_`{|}~");
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

    return letter || (c >= '0' && c <= '9') || c >= 0x80 || slice_find(marks, c) < marks.len;
}

static bool is_let_dig(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* Length of the Dot-string at the start of `in`; 0 when there is none. */
static size_t dot_string(struct slice in)
{
    size_t len = 0;
    bool atom_begun = false;

    for (; len < in.len; len++) {
        if (in.ptr[len] == '.' && atom_begun) {
            atom_begun = false;
        } else if (is_atext(in.ptr[len])) {
            atom_begun = true;
        } else {
            break;
        }
    }
    return atom_begun ? len : 0;
}

/* Length of the Quoted-string at the start of `in`, quotes included; 0 when there is none. */
static size_t quoted_string(struct slice in)
{
    for (size_t at = 1; at < in.len; at++) {
        uint8_t c = in.ptr[at];
        if (c == '"') {
            return at + 1;
        }
        if (c == '\\' && (++at == in.len || in.ptr[at] >= 0x7f)) {
            return 0; /* quoted-pairSMTP takes ASCII alone */
        }
        if (in.ptr[at] < ' ' || in.ptr[at] == 0x7f) {
            return 0;
        }
    }
    return 0;
}

/* address-literal, section 4.1.3. IPv6 is the only tag that IANA has registered; leading zeros in
 * IPv4, which programs read as octal or decimal, are refused. */
static bool literal_valid(struct slice domain)
{
    struct slice inner = slice_head(slice_from(domain, 1), domain.len - 2);
    bool six = slice_starts_nocase(inner, SLICE("IPv6:"));
    char text[INET6_ADDRSTRLEN];
    uint8_t address[sizeof(struct in6_addr)];

    if (six) {
        inner = slice_from(inner, strlen("IPv6:"));
    }
    if (inner.len >= sizeof(text) || slice_find(inner, 0) < inner.len) {
        return false;
    }
    if (inner.len) {
        (void)memcpy(text, inner.ptr, inner.len);
    }
    text[inner.len] = '\0';
    return inet_pton(six ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool label_valid(struct slice label)
{
    bool ascii = slice_is_ascii(label);

    if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-' ||
        (ascii && label.len > SMTP_LABEL_MAX)) {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_let_dig(label.ptr[i]) && label.ptr[i] != '-') {
            return false;
        }
    }
    return ascii || slice_is_utf8(label);
}

bool smtp_domain_valid(struct slice domain)
{
    struct slice rest = domain;
    size_t dots = 0;

    if (domain.len == 0 || domain.len > SMTP_DOMAIN_MAX) {
        return false;
    }
    if (domain.ptr[0] == '[') {
        return domain.len > 2 && domain.ptr[domain.len - 1] == ']' && literal_valid(domain);
    }
    for (size_t i = 0; i < domain.len; i++) {
        dots += domain.ptr[i] == '.';
    }
    for (size_t i = 0; i <= dots; i++) {
        if (!label_valid(slice_cut(rest, '.', &rest))) {
            return false;
        }
    }
    return true;
}

/* Length of what stands at the start of `in` and can only be a domain or address literal. */
static size_t domain_extent(struct slice in)
{
    size_t len = 0;

    if (in.len && in.ptr[0] == '[') {
        len = slice_find(in, ']') + 1;
        return len <= in.len ? len : 0;
    }
    while (len < in.len && (is_let_dig(in.ptr[len]) || in.ptr[len] == '-' || in.ptr[len] == '.')) {
        len++;
    }
    return len;
}

/* C1 controls and the two Unicode line ends are UTF-8 and yet no characters of an address: they
 * could break the lines of whatever shows it. */
static bool has_hidden_controls(struct slice s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] == 0xc2 && s.ptr[i + 1] < 0xa0) {
            return true;
        }
        if (s.ptr[i] == 0xe2 && s.ptr[i + 1] == 0x80 && i + 2 < s.len &&
            (s.ptr[i + 2] == 0xa8 || s.ptr[i + 2] == 0xa9)) {
            return true;
        }
    }
    return false;
}

/* What cannot be judged octet by octet: lengths, encoding and the domain's inner form. */
static bool mailbox_check(const struct smtp_mailbox *m, struct error *e)
{
    if (m->local.len > SMTP_LOCAL_MAX) {
        return error_set(e, ERROR_INPUT, "the part before the @ is longer than %d characters",
                         SMTP_LOCAL_MAX);
    }
    if (m->text.len > SMTP_MAILBOX_MAX) {
        return error_set(e, ERROR_INPUT, "the address is longer than %d characters",
                         SMTP_MAILBOX_MAX);
    }
    if (!slice_is_utf8(m->text) || has_hidden_controls(m->text)) {
        return error_set(e, ERROR_INPUT, "the address holds bytes that are not text");
    }
    if (!smtp_domain_valid(m->domain)) {
        return error_set(e, ERROR_INPUT, "what stands behind the @ is not a domain name");
    }
    return true;
}

/* Mailbox = Local-part "@" ( Domain / address-literal ), as long as it goes. */
static bool mailbox_take(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                         struct error *e)
{
    struct smtp_mailbox m = {.quoted = in.len && in.ptr[0] == '"'};
    size_t local = m.quoted ? quoted_string(in) : dot_string(in);

    if (local == 0) {
        return error_set(e, ERROR_INPUT, "the part before the @ is missing or malformed");
    }
    if (local == in.len || in.ptr[local] != '@') {
        return error_set(e, ERROR_INPUT, "the address must have the form name@domain");
    }
    m.local = slice_head(in, local);
    m.domain = slice_from(in, local + 1);
    m.domain = slice_head(m.domain, domain_extent(m.domain));
    m.text = slice_head(in, local + 1 + m.domain.len);
    m.literal = m.domain.len && m.domain.ptr[0] == '[';
    m.utf8 = !slice_is_ascii(m.text);
    if (!mailbox_check(&m, e)) {
        return false;
    }
    *rest = slice_from(in, m.text.len);
    *out = m;
    return true;
}

bool smtp_mailbox_parse(struct slice in, struct smtp_mailbox *out, struct error *e)
{
    struct smtp_mailbox m;
    struct slice rest;

    if (!mailbox_take(in, &m, &rest, e)) {
        return false;
    }
    if (rest.len) {
        return error_set(e, ERROR_INPUT, "what stands behind the @ is not a domain name");
    }
    *out = m;
    return true;
}

/* A-d-l ":" with A-d-l = At-domain *( "," At-domain ), At-domain = "@" Domain: checked and left
 * behind (appendix F.2). */
static bool skip_source_route(struct slice *in, struct error *e)
{
    bool more = in->len && in->ptr[0] == '@';

    while (more) {
        struct slice domain = slice_from(*in, 1);
        domain = slice_head(domain, domain_extent(domain));
        struct slice rest = slice_from(*in, 1 + domain.len);
        bool goes_on = rest.len > 1 && rest.ptr[0] == ',' && rest.ptr[1] == '@';
        if (!smtp_domain_valid(domain) || rest.len == 0 || (rest.ptr[0] != ':' && !goes_on)) {
            return error_set(e, ERROR_INPUT, "the route before the address is malformed");
        }
        *in = slice_from(rest, 1);
        more = goes_on;
    }
    return true;
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">", from behind the "<". */
static bool path_take(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                      struct error *e)
{
    struct smtp_mailbox m;
    struct slice behind;

    if (!skip_source_route(&in, e) || !mailbox_take(in, &m, &behind, e)) {
        return false;
    }
    if (behind.len == 0 || behind.ptr[0] != '>') {
        return error_set(e, ERROR_INPUT, "the address must end with '>'");
    }
    *rest = slice_from(behind, 1);
    *out = m;
    return true;
}

static bool opened(struct slice *in, struct error *e)
{
    if (in->len == 0 || in->ptr[0] != '<') {
        return error_set(e, ERROR_INPUT, "the address must stand between '<' and '>'");
    }
    *in = slice_from(*in, 1);
    return true;
}

bool smtp_reverse_path_parse(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                             struct error *e)
{
    if (!opened(&in, e)) {
        return false;
    }
    if (in.len && in.ptr[0] == '>') {
        *out = (struct smtp_mailbox){.text = slice_head(in, 0)};
        *rest = slice_from(in, 1);
        return true;
    }
    return path_take(in, out, rest, e);
}

bool smtp_forward_path_parse(struct slice in, struct smtp_mailbox *out, struct slice *rest,
                             struct error *e)
{
    static const struct slice postmaster = SLICE_INIT("postmaster>");

    if (!opened(&in, e)) {
        return false;
    }
    if (slice_starts_nocase(in, postmaster)) {
        struct slice local = slice_head(in, postmaster.len - 1);
        *out = (struct smtp_mailbox){.text = local, .local = local};
        *rest = slice_from(in, postmaster.len);
        return true;
    }
    return path_take(in, out, rest, e);
}

/* IDNA2008 by way of UTS 46, non-transitional: maps case and width, then checks every label. Its
 * mapping can bring forth dots and other ASCII, so the result is judged as a domain again. */
static bool to_a_labels(struct slice domain, uint8_t out[static SMTP_DOMAIN_MAX], size_t *len,
                        struct error *e)
{
    uint8_t text[SMTP_DOMAIN_MAX + 1];
    OWN(heap) uint8_t *ascii = NULL;

    (void)memcpy(text, domain.ptr, domain.len);
    text[domain.len] = 0;
    int result = idn2_lookup_u8(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    struct slice made = result == IDN2_OK ? slice_text((const char *)ascii) : SLICE("");
    if (!smtp_domain_valid(made) || !slice_is_ascii(made)) {
        return error_set(e, ERROR_INPUT, "the domain is not a valid international name");
    }
    assert(made.ptr);
    (void)memcpy(out, made.ptr, made.len);
    *len = made.len;
    return true;
}

bool smtp_domain_plain(struct slice domain)
{
    uint8_t text[SMTP_DOMAIN_MAX + 1];
    uint8_t mapped[SMTP_DOMAIN_MAX];
    OWN(heap) uint8_t *ascii = NULL;
    size_t len = 0;
    struct error ignored;

    if (!smtp_domain_canonical(domain, mapped, &len, &ignored)) {
        return false;
    }
    if (slice_is_ascii(domain)) {
        return true;
    }
    for (size_t i = 0; i < domain.len; i++) {
        text[i] = ascii_lower(domain.ptr[i]);
    }
    text[domain.len] = 0;
    return idn2_lookup_u8(text, &ascii, IDN2_NO_TR46) == IDN2_OK &&
           slice_equal(slice_text((const char *)ascii), slice_of(mapped, len));
}

bool smtp_domain_canonical(struct slice domain, uint8_t out[static SMTP_DOMAIN_MAX], size_t *len,
                           struct error *e)
{
    if (!smtp_domain_valid(domain)) {
        return error_set(e, ERROR_INPUT, "not a domain name");
    }
    if (!slice_is_ascii(domain)) {
        return to_a_labels(domain, out, len, e);
    }
    for (size_t i = 0; i < domain.len; i++) {
        out[i] = ascii_lower(domain.ptr[i]);
    }
    *len = domain.len;
    return true;
}

/* The local part without quotes when it can stand without, else with no more backslashes than
 * needed. Never longer than what was written. */
static size_t local_canonical(const struct smtp_mailbox *m, uint8_t out[static SMTP_LOCAL_MAX])
{
    uint8_t bare[SMTP_LOCAL_MAX];
    size_t n_bare = 0;
    size_t len = 0;

    for (size_t i = 1; m->quoted && i + 1 < m->local.len; i++) {
        i += m->local.ptr[i] == '\\';
        bare[n_bare++] = m->local.ptr[i];
    }
    struct slice plain = m->quoted ? slice_of(bare, n_bare) : m->local;
    if (!m->quoted || (plain.len && dot_string(plain) == plain.len)) {
        (void)memcpy(out, plain.ptr, plain.len);
        return plain.len;
    }
    out[len++] = '"';
    for (size_t i = 0; i < n_bare; i++) {
        if (bare[i] == '"' || bare[i] == '\\') {
            out[len++] = '\\';
        }
        out[len++] = bare[i];
    }
    out[len++] = '"';
    return len;
}

bool smtp_mailbox_canonical(const struct smtp_mailbox *mailbox,
                            uint8_t out[static SMTP_CANONICAL_MAX], size_t *len, struct error *e)
{
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t domain_len = 0;

    if (mailbox->domain.len && !smtp_domain_canonical(mailbox->domain, domain, &domain_len, e)) {
        return false;
    }
    size_t at = mailbox->local.len ? local_canonical(mailbox, out) : 0;
    if (domain_len) {
        out[at++] = '@';
        (void)memcpy(out + at, domain, domain_len);
        at += domain_len;
    }
    *len = at;
    return true;
}
