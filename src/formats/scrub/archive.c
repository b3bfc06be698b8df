/* A ZIP archive of files: each is cleaned in its place, what is in no kind that is known stays. One that cannot be cleaned stays and is named, and
 * the others are cleaned all the same. What systems add of themselves (folders' looks, previews, where a file came from) goes. Archives
 * within are not opened. */
#include "formats/scrub/internal.h"

#define PART_MAX  ((size_t)96 << 20)
#define WORDS_MAX 300
#define SLACK                                                                                      \
    ((size_t)4                                                                                     \
     << 20) /* bytes that a cleaned file may be longer than twice what it was: it is written in large steps */
#define NAME_SHOWN 80
#define END_LEN    22 /* of what stands at an archive's end, without its comment, */
#define END_MAX    (END_LEN + 65535)
#define END_LIST   16 /* and where in it stands where the list of files begins */
#define FORK_ID    2  /* of a file of Macs: what stands beside it */
#define FORK_EMPTY 286
#define ENTRY_LEN  12
#define ENTRIES_AT 24

struct files {
    struct package *package;
    struct buf *what;
    struct buf part;
    struct buf stays; /* the first that stays, and why */
};

static void end_files(struct files *f)
{
    buf_done(&f->part);
    buf_done(&f->stays);
}

OWN_VALUE(files, struct files, end_files)

static bool ends_with(struct slice s, const char *end)
{
    size_t len = strlen(end);

    return s.len >= len && slice_equal_nocase(slice_from(s, s.len - len), slice_text(end));
}

static struct slice behind_slash(struct slice name)
{
    size_t at = name.len;

    while (at > 0 && name.ptr[at - 1] != '/') {
        at--;
    }
    return slice_from(name, at);
}

/* What a system added, and what it says; NULL: a file of somebody's. */
static const char *added_by_system(struct slice name)
{
    struct slice last = behind_slash(name);

    bool look = slice_starts(name, SLICE("__MACOSX/")) &&
                (last.len == 0 || slice_starts(last, SLICE("._")));

    if (look || slice_equal(last, SLICE(".DS_Store"))) {
        return "data of programs";
    }
    return slice_equal_nocase(last, SLICE("thumbs.db")) ? "previews" : NULL;
}

/* Whether a file is a signature over others: signed programs, ASiC containers, those of PGP and PKCS #7. */
static bool is_signature(struct slice name)
{
    static const char *const ends[] = {".p7s", ".p7m", ".sig", ".asc",          ".p7x",
                                       ".rsa", ".dsa", ".ec",  "signatures.xml"};
    bool within = slice_starts_nocase(name, SLICE("META-INF/")) &&
                  (ends_with(name, ".sf") || memmem(name.ptr, name.len, "signature", 9));

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && !within; i++) {
        within = ends_with(name, ends[i]);
    }
    return within;
}

/* Whether a block of signatures stands before the list of all files, where Android looks for it. */
static bool has_signing_block(struct slice bytes)
{
    static const char mark[] = "APK Sig Block 42";
    size_t most = bytes.len < END_MAX ? bytes.len : END_MAX;

    for (size_t back = END_LEN; back <= most; back++) {
        struct slice end = slice_from(bytes, bytes.len - back);
        size_t at = scrub_number(end, END_LIST, 4, false);
        if (slice_starts(end, SLICE("PK\5\6")) && at <= bytes.len && at >= sizeof(mark) - 1 &&
            memcmp(bytes.ptr + at - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_signed(struct package *p)
{
    for (size_t i = 0; i < package_count(p); i++) {
        if (is_signature(package_name_before(p, i))) {
            return true;
        }
    }
    return false;
}

static void note_stay(struct files *f, struct slice name, struct slice why)
{
    if (f->stays.len == 0) {
        buf_printf(&f->stays, "it holds %.*s: %.*s", SLICE_ARG(slice_head(name, NAME_SHOWN)),
                   SLICE_ARG(why));
    }
}

static void clean_file(struct files *f, size_t i, struct slice name)
{
    OWN(buf) struct buf words = {.max = WORDS_MAX};
    OWN(buf) struct buf cleaned = {.max = 2 * f->part.len + SLACK};
    enum scrub_end end =
        scrub_file_within(buf_slice(&f->part), f->package->spent, &cleaned, &words);

    if (end == SCRUB_CANNOT) {
        note_stay(f, name, buf_slice(&words));
    } else if (end == SCRUB_CLEANED || end == SCRUB_PARTLY) {
        package_replace(f->package, i, buf_slice(&cleaned));
        package_keep_time(f->package, i);
        struct slice stays = scrub_say_part(f->what, buf_slice(&words));
        if (end == SCRUB_PARTLY) {
            note_stay(f, name, stays);
        }
    }
}

/* Whether what a Mac wrote beside a file, in the form of AppleDouble (RFC 1740 appendix B), is no more than how it looks: a fork with
 * something in it, such as an old typeface, is the file itself. */
static bool is_look(struct slice bytes)
{
    uint32_t n = scrub_number(bytes, ENTRIES_AT, 2, true);

    if (!slice_starts(bytes, SLICE("\0\5\x16\7"))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = ENTRIES_AT + 2 + i * ENTRY_LEN;
        uint32_t len = scrub_number(bytes, at + 8, 4, true);
        if (scrub_number(bytes, at, 4, true) == FORK_ID && len != 0 && len != FORK_EMPTY) {
            return false;
        }
    }
    return true;
}

/* What a Mac wrote beside a file: its look goes. */
static void take_fork(struct files *f, size_t i, struct slice name, const char *word)
{
    if (is_look(buf_slice(&f->part))) {
        package_delete(f->package, i);
        scrub_say(f->what, word);
    } else {
        note_stay(f, name, SLICE("it is a part of a file of a Mac, which is not changed"));
    }
}

/* One entry; false when the archive cannot be read any further. */
static bool take(struct files *f, size_t i)
{
    struct slice name = package_name_before(f->package, i);
    const char *word = added_by_system(name);

    bool fork = slice_starts(behind_slash(name), SLICE("._"));

    if (word && !fork) {
        package_delete(f->package, i);
        scrub_say(f->what, word);
    } else if (name.len && name.ptr[name.len - 1] != '/') {
        if (!package_read(f->package, i, &f->part)) {
            return false;
        }
        if (word) {
            take_fork(f, i, name, word);
        } else {
            clean_file(f, i, name);
        }
    }
    return !f->package->failed;
}

enum scrub_end scrub_archive(struct package *p, struct slice bytes, bool within, struct buf *out,
                             struct buf *what)
{
    OWN(files)
    struct files f = {.package = p, .what = what, .part.max = PART_MAX, .stays.max = WORDS_MAX};
    size_t n = package_count(p);

    if (scrub_is_other_package(p)) {
        return scrub_refuse_kind(what);
    }
    if (within) {
        return scrub_refuse(what, SCRUB_ARCHIVE);
    }
    if (is_signed(p) || has_signing_block(bytes)) {
        return scrub_refuse(what, SCRUB_SIGNED);
    }
    for (size_t i = 0; i < n; i++) {
        if (!take(&f, i)) {
            return scrub_refuse(what, p->why ? p->why : SCRUB_DAMAGED);
        }
    }
    if (what->len && !package_write(p, out)) {
        return scrub_refuse(what, SCRUB_DAMAGED);
    }
    return scrub_end_with(what, buf_slice(&f.stays));
}
