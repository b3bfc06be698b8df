/* stages/attachments/internal - one letter while it is rewritten: what its files share. */
#pragma once

#include "formats/lock/lock.h"
#include "formats/mime/header.h"
#include "stages/attachments/attachments.h"

#define DEPTH_MAX  50
#define PARTS_MAX  10000
#define HEADER_MAX ((size_t)1 << 20) /* bytes of a part's header, and of a field that is read */
#define FIELD_MAX  ((size_t)64 << 10)
#define HELD_MAX   ((size_t)128 << 20) /* bytes of files that wait for the archive */

struct work {
    const struct attachments_wish *wish;
    struct arena *arena;
    struct buf *out;
    struct error *e; /* of the first failure */
    bool failed;
    size_t parts;
    struct slice *texts;
    size_t n_texts;
    /* for the archive */
    struct lock_entry entries[LOCK_FILES_MAX];
    struct buf held[LOCK_FILES_MAX];
    size_t n_entries;
    size_t held_bytes;
    /* what was done */
    size_t n_locked;    /* files encrypted in their own form */
    size_t n_encrypted; /* that were so already */
    bool covered;       /* the text that says how to open it stands somewhere */
    bool covered_as[2]; /* as text, as HTML */
    size_t
        insert_at; /* in out: where a further part of the outermost multipart/mixed goes; 0: it is none */
    struct slice insert_boundary;
    bool insert_closed; /* its end is marked */
    size_t unpacked;    /* by scrub_file_of_letter() */
};

/* Where in the tree a part stands. */
struct spot {
    unsigned depth;
    bool letter; /* it is one itself: its header has fields of all kinds */
    bool digest; /* parts without a type are letters */
};

/* One part, read. */
struct entity {
    struct slice raw;
    struct slice header;
    struct slice body;
    bool letter;
    struct content_facts facts;
};

/* What became of a part. */
enum fate {
    WRITTEN, /* it stands in out, as it was or rewritten */
    GONE,    /* into the archive; nothing was written */
};

/* ---- walk.c ---- */

/* Rewrite one part, appending it to w->out. */
enum fate walk_entity(struct work *w, struct slice raw, const struct spot *spot);

/* ---- leaf.c ---- */

/* A part that is no multipart and no letter that is gone through. */
enum fate leaf_rewrite(struct work *w, const struct entity *part);

/* Put a whole part into the archive as it is, as a file that mail programs open. */
enum fate leaf_keep_whole(struct work *w, const struct entity *part, const char *what);

/* Note a sentence for the record. */
void work_say(struct work *w, struct slice name, const char *what);

/* Note the first failure. */
void work_fail(struct work *w, enum error_kind kind, const char *why);

/* ---- encrypted.c ---- */

/* Whether it is encrypted for somebody, and not only said to be, and nothing beside it is clear. */
bool leaf_is_encrypted(const struct entity *part);

/* ---- write.c ---- */

/* Append in base64, in lines of 76 characters. */
void write_base64(struct buf *out, struct slice bytes);

/* The header with another transfer encoding: base64. Of a letter all other fields stay, of a part those that
 * field_fate() copies. */
void write_header_base64(struct buf *out, const struct entity *part);

/* Fields of a letter's header: those about the content, or all others. Lines that are no field go. */
void write_fields(struct buf *out, struct slice header, bool about_content);

/* Of a part's header what field_fate() copies, with its empty line. */
void write_part_header(struct buf *out, struct slice header);

/* What becomes of a field in the header of a part. */
enum field_fate {
    FIELD_COPIED,  /* about the content */
    FIELD_DROPPED, /* nobody shows it, or it does not hold any more */
    FIELD_FLAW,    /* it may be text of which a mistake made a field */
};
enum field_fate field_fate(struct slice name);

/* Whether a header has a field of that name. */
bool has_field(struct slice header, struct slice name);

/* ---- cover.c ---- */

/* Append the text that says how to open it, as text or as HTML. */
void cover_add(const struct work *w, bool html, struct buf *text);
