/* stages/retention/pack - a file of rules that a law asks for, to be taken as they are.
 *
 *     title = "Germany: commercial letters, vouchers, books"
 *     jurisdiction = Germany
 *     review = 2027-06-30                # look at it again by then
 *
 *     [class de-letters]
 *     title = "Handels- und Geschäftsbriefe"
 *     term = 6y
 *     start = year-end                   # sent, year-end, fiscal-end or date
 *     fiscal-month = 12                  # the last month of the fiscal year, for fiscal-end
 *     citation = "§ 257 Abs. 4 HGB"
 *     source = "https://www.gesetze-im-internet.de/hgb/__257.html"
 *     unverified = no                    # yes: nobody is sure of it yet
 *
 * The syntax is that of config/config.h, with its limits; what is wrong is said with file and line. A pack says how
 * long, and not for which letters. Pure. */
#pragma once

#include "config/config.h"
#include "letter/retention.h"

#define RETENTION_PACK_CLASSES 200

struct retention_class {
    struct slice name;
    struct slice title;
    struct slice term;
    int start; /* enum retention_start - 1 */
    uint64_t fiscal_month;
    struct slice citation;
    struct slice source;
    struct slice review; /* empty: the pack's */
    bool unverified;
};

struct retention_pack {
    struct slice title;
    struct slice jurisdiction;
    struct slice review;
    struct config_list classes; /* struct retention_class */
};

extern const struct config_schema retention_pack_schema;

/* Read a pack; `file` is its name for sentences. What it holds lives in the arena, in the bytes too. False with
 * ERROR_CONFIG and the first sentence about what is wrong. */
bool retention_pack_read(struct slice bytes, const char *file, struct arena *arena,
                         struct retention_pack *out, struct error *e) MUST_CHECK;

/* The rule that a class of a pack is, about every letter; `pack` is its name. */
void retention_pack_rule(const struct retention_pack *p, const struct retention_class *class,
                         struct slice pack, struct rule *out);
