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

    if (slice_starts(name, SLICE("__MACOSX/")) || slice_equal(last, SLICE(".DS_Store"))) {
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

/* One entry; false when the archive cannot be read any further. */
static bool take(struct files *f, size_t i)
{
    struct slice name = package_name_before(f->package, i);
    const char *word = added_by_system(name);

    if (word) {
        package_delete(f->package, i);
        scrub_say(f->what, word);
    } else if (name.len && name.ptr[name.len - 1] != '/') {
        if (!package_read(f->package, i, &f->part)) {
            return false;
        }
        clean_file(f, i, name);
    }
    return !f->package->failed;
}

enum scrub_end scrub_archive(struct package *p, bool within, struct buf *out, struct buf *what)
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
    if (is_signed(p)) {
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
