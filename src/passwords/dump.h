/* passwords/dump - read a list of hashes as Have I Been Pwned gives it out, and make a filter of it.
 *
 * A line is a SHA-1 in 40 hexadecimal digits, a colon and how often the password was seen; lines
 * ascend by their hash. The file is read once, from front to back, so it may be a pipe. How many
 * hashes there are is told from how densely the first ones lie, and that the end is there from how near
 * the last one is to the highest: a list that was cut at the end of a line is refused, unless it has lost less
 * than 40 lines. One thread. */
#pragma once

#include "base/error.h"

#include "passwords/filter.h"

#define DUMP_NAME "breached" /* of the filter, in the folder `passwords` of the data directory */

struct dump_options {
    unsigned bits;       /* see filter_writer_new() */
    uint64_t seen_least; /* leave out what was seen less often; 0: nothing */
};

struct dump_report {
    uint64_t lines;
    uint64_t entries;
    uint64_t bytes; /* of the filter */
};

/**
 * Make a filter and put it in place of the one there in one step: whoever opens it sees the old or the
 * new one, also after a crash. What was begun stands beside it as NAME.new and is made anew.
 *
 * @param in      the dump
 * @param folder  directory of `name`
 * @return        false with ERROR_INPUT for what is no such list, naming the line; ERROR_BUSY when a
 *                disk fails, ERROR_CONFIG when the folder does not allow it. Then the old one stays
 */
bool dump_import(int in, int folder, const char *name, const struct dump_options *options,
                 struct dump_report *report, struct error *e) MUST_CHECK;
