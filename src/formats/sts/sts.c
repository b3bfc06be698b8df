#include "formats/sts/sts.h"

#include "formats/sts/internal.h"

#define LABEL_MAX  63
#define DOMAIN_MAX 253

const char *sts_mode_name(uint64_t mode)
{
    static const char *const names[] = {
        [STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce"};

    return mode >= STS_NONE && mode <= STS_ENFORCE ? names[mode] : "?";
}

static bool is_alnum(uint8_t c)
{
    uint8_t l = ascii_lower(c);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

/* ── the TXT record ── */

static bool is_id(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0 && s.len <= STS_ID_MAX;
}

bool sts_id_read(const struct slice *texts, size_t n, struct slice *id)
{
    struct slice prefix = SLICE("v=STSv1;");
    struct slice rest = SLICE_NONE;
    struct slice found = SLICE_NONE;
    struct text_field field = {0};
    bool end = false;

    if (!text_pick(texts, n, prefix, &rest)) {
        return false;
    }
    rest = slice_from(rest, prefix.len);
    while (!end) {
        if (!text_field_next(&rest, false, &field, &end)) {
            return false;
        }
        if (!end && found.len == 0 && slice_equal(field.name, SLICE("id"))) {
            if (!is_id(field.value)) {
                return false;
            }
            found = field.value;
        }
    }
    if (found.len == 0) {
        return false;
    }
    *id = found;
    return true;
}

/* ── patterns ── */

/* sub-domain of RFC 5321 section 4.1.2 */
static bool is_label(struct slice s)
{
    if (s.len == 0 || s.len > LABEL_MAX || !is_alnum(s.ptr[0]) || !is_alnum(s.ptr[s.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && s.ptr[i] != '-') {
            return false;
        }
    }
    return true;
}

bool sts_pattern_is_good(struct slice pattern)
{
    struct slice rest = slice_starts(pattern, SLICE("*.")) ? slice_from(pattern, 2) : pattern;
    bool more = rest.len > 0 && rest.len <= DOMAIN_MAX;

    while (more) {
        size_t dot = slice_find(rest, '.');
        if (!is_label(slice_head(rest, dot))) {
            return false;
        }
        more = dot < rest.len;
        if (!more) {
            return true;
        }
        rest = slice_from(rest, dot + 1);
    }
    return false;
}

bool sts_pattern_matches(struct slice pattern, struct slice host)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.') {
        host.len--;
    }
    if (!slice_starts(pattern, SLICE("*."))) {
        return pattern.len > 0 && slice_equal_nocase(pattern, host);
    }
    size_t dot = slice_find(host, '.');
    return dot > 0 && dot < host.len &&
           slice_equal_nocase(slice_from(pattern, 2), slice_from(host, dot + 1));
}

bool sts_admits(const struct sts_policy *policy, struct slice host)
{
    for (size_t i = 0; i < policy->n_mx; i++) {
        if (sts_pattern_matches(policy->mx[i], host)) {
            return true;
        }
    }
    return false;
}

/* ── the policy file ── */

/* What was read so far; of a field that stands twice the first counts. */
struct reading {
    struct sts_policy policy;
    struct slice mx[STS_MX_MAX];
    bool version;
    bool max_age;
};

static bool read_mode(struct reading *r, struct slice value)
{
    for (uint64_t mode = STS_NONE; mode <= STS_ENFORCE && !r->policy.mode; mode++) {
        if (slice_equal(value, slice_text(sts_mode_name(mode)))) {
            r->policy.mode = mode;
        }
    }
    return r->policy.mode != STS_NO_MODE;
}

static bool read_max_age(struct reading *r, struct slice value)
{
    uint64_t seconds = 0;

    if (r->max_age) {
        return true;
    }
    if (value.len > 10 || !slice_decimal(value, UINT64_C(9999999999), &seconds)) {
        return false;
    }
    r->max_age = true;
    r->policy.max_age_s = seconds < STS_MAX_AGE_MAX ? seconds : STS_MAX_AGE_MAX;
    return true;
}

static bool read_mx(struct reading *r, struct slice value)
{
    if (!sts_pattern_is_good(value) || r->policy.n_mx == STS_MX_MAX) {
        return false;
    }
    r->mx[r->policy.n_mx++] = value;
    return true;
}

static bool read_field(struct reading *r, struct slice name, struct slice value)
{
    if (slice_equal(name, SLICE("version"))) {
        bool good = r->version || slice_equal(value, SLICE("STSv1"));
        r->version = true;
        return good;
    }
    if (slice_equal(name, SLICE("mode"))) {
        return read_mode(r, value);
    }
    if (slice_equal(name, SLICE("max_age"))) {
        return read_max_age(r, value);
    }
    if (slice_equal(name, SLICE("mx"))) {
        return read_mx(r, value);
    }
    return true;
}

/* LF or CRLF ends a line. Empty lines are passed over: whoever wrote one meant a policy. */
static bool read_lines(struct reading *r, struct slice text, struct error *e)
{
    for (unsigned number = 1; text.len > 0; number++) {
        struct slice line = slice_cut(text, '\n', &text);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        line = slice_trim(line);
        size_t colon = slice_find(line, ':');
        if (line.len > 0 &&
            (colon == line.len ||
             !read_field(r, slice_head(line, colon), slice_trim(slice_from(line, colon + 1))))) {
            return error_set(e, ERROR_INPUT, "line %u of the policy is malformed", number);
        }
    }
    return true;
}

bool sts_policy_read(struct slice text, struct arena *arena, struct sts_policy *out,
                     struct error *e)
{
    struct reading r = {0};

    if (text.len > STS_POLICY_MAX) {
        return error_set(e, ERROR_INPUT, "the policy is longer than %zu octets", STS_POLICY_MAX);
    }
    if (!read_lines(&r, text, e)) {
        return false;
    }
    if (!r.version || !r.policy.mode || !r.max_age) {
        return error_set(e, ERROR_INPUT, "the policy lacks its %s",
                         !r.version       ? "version"
                         : !r.policy.mode ? "mode"
                                          : "max_age");
    }
    if (r.policy.n_mx == 0 && r.policy.mode != STS_NONE) {
        return error_set(e, ERROR_INPUT, "the policy names no mail server");
    }
    r.policy.mx = arena_array(arena, r.policy.n_mx + 1, sizeof(*r.policy.mx));
    for (size_t i = 0; i < r.policy.n_mx; i++) {
        r.policy.mx[i] = arena_copy(arena, r.mx[i]);
    }
    *out = r.policy;
    return true;
}
