/* Invariants
 *
 * 1. A letter's row in `letter`, its words and the counters change in one transaction, so a letter is
 *    in the index whole or not at all.
 * 2. `position` moves only in the transaction that holds the letters it vouches for. */
#include "search/index.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/internal.h"
#include "search/segment.h"

#define MANY 200 /* letters in one transaction: mail that is imported */

struct search_index {
    struct secret *keys; /* struct token_keys */
    sqlite3 *db;
    sqlite3_stmt *add_letter;
    sqlite3_stmt *get_position;
    sqlite3_stmt *set_meta;
    sqlite3_stmt *has_letter;
    sqlite3_stmt *add_day;
    uint64_t position;
    char *path;
    dev_t device; /* of the file that was opened */
    ino_t inode;
    struct segments *segments;
    bool import;               /* so many letters were written last */
    struct text_list envelope; /* reused from letter to letter */
    struct buf marks;
};

/* What one transaction adds: to the counters, and the words that are not in a segment yet. */
struct added {
    int64_t letters;
    int64_t partly;
    int64_t unread;
    struct postings postings;
    struct leaves leaves;
    uint64_t *seqs; /* of the letters whose words those are */
    uint32_t count;
};

static const struct token_keys *keys_of(const struct search_index *x)
{
    return (const struct token_keys *)(const void *)x->keys->ptr;
}

void search_index_close(struct search_index *x)
{
    if (!x) {
        return;
    }
    (void)sqlite3_finalize(x->add_letter);
    (void)sqlite3_finalize(x->get_position);
    (void)sqlite3_finalize(x->set_meta);
    (void)sqlite3_finalize(x->has_letter);
    (void)sqlite3_finalize(x->add_day);
    segments_close(x->segments);
    search_db_close(x->db);
    secret_free(x->keys);
    text_list_done(&x->envelope);
    buf_done(&x->marks);
    free(x->path);
    free(x);
}

static bool prepare(struct search_index *x, struct error *e)
{
    return search_db_prepare(x->db,
                             "INSERT INTO letter VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                             &x->add_letter, e) &&
           search_db_prepare(x->db, "SELECT position FROM meta", &x->get_position, e) &&
           search_db_prepare(x->db,
                             "UPDATE meta SET position = ?1, letters = letters + ?2,"
                             " partly = partly + ?3, unread = unread + ?4",
                             &x->set_meta, e) &&
           search_db_prepare(x->db,
                             "INSERT INTO day VALUES(?1, ?2, ?3) ON CONFLICT(day) DO UPDATE SET"
                             " low = min(low, excluded.low), high = max(high, excluded.high)",
                             &x->add_day, e) &&
           search_db_prepare(x->db, "SELECT 1 FROM letter WHERE seq = ?1", &x->has_letter, e) &&
           segments_open(x->db, x->path, keys_of(x), &x->segments, e);
}

static bool read_position(struct search_index *x, struct error *e)
{
    if (sqlite3_step(x->get_position) != SQLITE_ROW) {
        (void)sqlite3_reset(x->get_position);
        return search_db_error(x->db, e, "cannot read the position");
    }
    x->position = (uint64_t)sqlite3_column_int64(x->get_position, 0);
    (void)sqlite3_reset(x->get_position);
    return true;
}

/* Which file stands at a path; 0 and 0: none. */
static void identify(const char *path, dev_t *device, ino_t *inode)
{
    struct stat st;
    bool there = stat(path, &st) == 0;

    *device = there ? st.st_dev : 0;
    *inode = there ? st.st_ino : 0;
}

/* Without its file, what is left of one would be taken for a part of the new one. */
static void remove_remains(const char *path)
{
    static const char *const ends[] = {"-wal", "-shm"};
    char name[PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < 2 && (stat(path, &st) != 0 || st.st_size == 0); i++) {
        int len = snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        if (len > 0 && (size_t)len < sizeof(name)) {
            (void)unlink(name);
        }
    }
}

static bool open_index(const char *path, enum search_db_use use, struct slice key,
                       struct search_index **out, struct error *e)
{
    if (key.len != SEARCH_KEY_LEN) {
        return error_set(e, ERROR_CONFIG, "search index: a key has %d bytes", SEARCH_KEY_LEN);
    }
    OWN(search_index) struct search_index *x = calloc(1, sizeof(*x));
    if (!x) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    text_list_init(&x->envelope);
    buf_init(&x->marks, 1024);
    x->keys = secret_copy(key);
    x->path = strdup(path);
    if (!x->path) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    remove_remains(path);
    if (!search_db_open(path, use, keys_of(x), &x->db, e) || !prepare(x, e) ||
        !read_position(x, e)) {
        return false;
    }
    identify(path, &x->device, &x->inode);
    *out = TAKE(x, NULL);
    return true;
}

bool search_index_open(const char *path, struct slice key, struct search_index **out,
                       struct error *e)
{
    return open_index(path, SEARCH_DB_WRITE, key, out, e);
}

bool search_index_open_anew(const char *path, struct slice key, struct search_index **out,
                            struct error *e)
{
    return open_index(path, SEARCH_DB_ANEW, key, out, e);
}

uint64_t search_index_position(const struct search_index *x)
{
    return x->position;
}

bool search_index_is_there(const struct search_index *x)
{
    dev_t device = 0;
    ino_t inode = 0;

    identify(x->path, &device, &inode);
    return inode && device == x->device && inode == x->inode;
}

bool search_index_is_sound(const char *path, struct slice key)
{
    OWN(secret) struct secret *keys = secret_copy(key);
    OWN(statement) sqlite3_stmt *s = NULL;
    sqlite3 *db = NULL;
    struct error e;

    bool sound = search_db_open(path, SEARCH_DB_READ,
                                (const struct token_keys *)(const void *)keys->ptr, &db, &e) &&
                 search_db_prepare(db, "PRAGMA quick_check(1)", &s, &e) &&
                 sqlite3_step(s) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    (void)sqlite3_finalize(TAKE(s, NULL));
    search_db_close(db);
    (void)pages_damaged(); /* it is told here, and no later error is due to it */
    return sound;
}

bool search_index_has(struct search_index *x, uint64_t seq)
{
    (void)sqlite3_bind_int64(x->has_letter, 1, (sqlite3_int64)seq);
    bool has = sqlite3_step(x->has_letter) == SQLITE_ROW;
    (void)sqlite3_reset(x->has_letter);
    return has;
}

static bool step(struct search_index *x, sqlite3_stmt *s, struct error *e)
{
    int rc = sqlite3_step(s);

    if (rc != SQLITE_DONE) {
        (void)search_db_error(x->db, e, "cannot write");
    }
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE;
}

/* ---- columns ---- */

/* Whether an address is already among the terms of a field, as most of the envelope is. */
static bool is_among(struct slice terms, struct slice address)
{
    struct text_words words;
    struct text_term wanted;
    struct text_term term;

    text_words_init(&words, address);
    if (!text_words_next(&words, &wanted) || !wanted.whole || wanted.covers != words.rest.len) {
        return false;
    }
    while (text_terms_next(&terms, &term)) {
        if (term.whole && slice_equal(term.bytes, wanted.bytes)) {
            return true;
        }
    }
    return false;
}

/* The terms of one mark, as in a list of terms. */
static void add_mark(struct buf *column, struct slice mark)
{
    buf_add_byte(column, (uint8_t)mark.len);
    buf_add(column, mark);
}

static void add_marks(struct buf *column, const struct search_letter *letter)
{
    static const struct {
        unsigned mark;
        struct slice term;
    } rows[] = {
        {SEARCH_ATTACHMENT, SLICE_INIT("has:attachment")   },
        {SEARCH_ENCRYPTED,  SLICE_INIT("finding:encrypted")},
        {SEARCH_MISMATCH,   SLICE_INIT("finding:mismatch") },
        {SEARCH_CARD,       SLICE_INIT("finding:card")     },
        {SEARCH_IBAN,       SLICE_INIT("finding:iban")     },
        {SEARCH_MALWARE,    SLICE_INIT("finding:malware")  },
        {SEARCH_UNSCANNED,  SLICE_INIT("finding:unscanned")},
    };

    uint8_t account[ACCOUNT_LEN];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (letter->marks & rows[i].mark) {
            add_mark(column, rows[i].term);
        }
    }
    if (letter->reading != SEARCH_WHOLE) {
        add_mark(column, SLICE("has:unread"));
    }
    for (size_t i = 0; i < letter->n_groups; i++) {
        struct slice name = slice_head(letter->groups[i], GROUP_NAME_MAX);
        buf_add_byte(column, (uint8_t)(strlen(GROUP_MARK) + name.len));
        buf_add_text(column, GROUP_MARK);
        buf_add(column, name);
    }
    if (letter->account.len) {
        token_account(letter->account, account);
        add_mark(column, SLICE_ARRAY(account));
    }
}

/* The terms of one column, those of the header followed by those of the envelope. */
static bool add_column(struct search_index *x, struct added *added, enum text_field field,
                       struct slice terms, struct slice more)
{
    struct posting_cursor at = {.letter = added->count, .column = (unsigned)field - 1};

    return postings_add(&added->postings, keys_of(x), &at, terms) &&
           postings_add(&added->postings, keys_of(x), &at, more);
}

static bool add_words(struct search_index *x, struct added *added,
                      const struct search_letter *letter)
{
    static const struct text_terms none;
    const struct text_terms *terms = letter->terms ? letter->terms : &none;
    struct slice to = terms->fields[TEXT_TO];
    struct slice copied = terms->fields[TEXT_CC];

    text_list_reset(&x->envelope);
    buf_reset(&x->marks);
    add_marks(&x->marks, letter);
    if (!is_among(terms->fields[TEXT_FROM], letter->sender)) {
        text_list_add(&x->envelope, TEXT_FROM, letter->sender);
    }
    for (size_t i = 0; i < letter->n_recipients; i++) {
        if (!is_among(to, letter->recipients[i]) && !is_among(copied, letter->recipients[i])) {
            text_list_add(&x->envelope, TEXT_TO, letter->recipients[i]);
        }
    }
    bool all = true;
    for (enum text_field field = TEXT_SUBJECT; field < TEXT_FIELDS && all; field++) {
        all = add_column(x, added, field, terms->fields[field],
                         buf_slice(&x->envelope.fields[field]));
    }
    all = all && add_column(x, added, TEXT_FIELDS, buf_slice(&x->marks), SLICE_NONE);
    added->seqs[added->count++] = letter->seq;
    return all;
}

/* ---- the transaction ---- */

/* The words gathered so far become a segment. */
static bool add_segment(struct search_index *x, struct added *added, struct error *e)
{
    if (!leaves_write(&added->leaves, &added->postings, added->seqs)) {
        return error_set(e, ERROR_LIMIT, "search index: letters have too many words");
    }
    postings_empty(&added->postings);
    added->count = 0;
    return segments_add(x->segments, &added->leaves, e);
}

static bool add_letter(struct search_index *x, const struct search_letter *letter,
                       struct added *added, struct error *e)
{
    (void)sqlite3_bind_int64(x->add_letter, 1, (sqlite3_int64)letter->seq);
    (void)sqlite3_bind_int64(x->add_letter, 2, (sqlite3_int64)letter->at);
    (void)sqlite3_bind_int64(x->add_letter, 3, (sqlite3_int64)letter->size);
    (void)sqlite3_bind_int64(x->add_letter, 4, letter->reading);
    if (!step(x, x->add_letter, e)) {
        return false;
    }
    if (sqlite3_changes(x->db) == 0) {
        return true; /* it is there already */
    }
    added->letters++;
    added->partly += letter->reading == SEARCH_PARTLY;
    added->unread += letter->reading == SEARCH_UNREAD;
    if (!add_words(x, added, letter)) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    return added->postings.count < POSTINGS_MAX || add_segment(x, added, e);
}

/* The days of the letters: one row for neighbours of one day. */
static bool add_days(struct search_index *x, const struct search_letter *letters, size_t count,
                     struct error *e)
{
    for (size_t i = 0, first = 0; i < count; i++) {
        uint64_t day = letters[i].at / SEARCH_DAY_MS;
        if (i + 1 < count && letters[i + 1].at / SEARCH_DAY_MS == day) {
            continue;
        }
        (void)sqlite3_bind_int64(x->add_day, 1, (sqlite3_int64)day);
        (void)sqlite3_bind_int64(x->add_day, 2, (sqlite3_int64)letters[first].seq);
        (void)sqlite3_bind_int64(x->add_day, 3, (sqlite3_int64)letters[i].seq);
        if (!step(x, x->add_day, e)) {
            return false;
        }
        first = i + 1;
    }
    return true;
}

static bool write_letters(struct search_index *x, struct added *added,
                          const struct search_letter *letters, size_t count, uint64_t position,
                          struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        if (!add_letter(x, &letters[i], added, e)) {
            return false;
        }
    }
    (void)sqlite3_bind_int64(x->set_meta, 1, (sqlite3_int64)position);
    (void)sqlite3_bind_int64(x->set_meta, 2, added->letters);
    (void)sqlite3_bind_int64(x->set_meta, 3, added->partly);
    (void)sqlite3_bind_int64(x->set_meta, 4, added->unread);
    return add_segment(x, added, e) && add_days(x, letters, count, e) && step(x, x->set_meta, e) &&
           search_db_run(x->db, "COMMIT", e);
}

static bool write_all(struct search_index *x, const struct search_letter *letters, size_t count,
                      uint64_t position, struct error *e)
{
    struct added added = {.seqs = calloc(count + 1, sizeof(*added.seqs))};

    leaves_init(&added.leaves);
    bool written = added.seqs ? write_letters(x, &added, letters, count, position, e)
                              : error_set(e, ERROR_BUSY, "search index: out of memory");
    postings_done(&added.postings);
    leaves_done(&added.leaves);
    free(added.seqs);
    return written;
}

/* FTS5's own connection opens the file by its path, perhaps long after the first one did. */
static bool merge(struct search_index *x, size_t leaves, bool import, bool *more, struct error *e)
{
    return search_index_is_there(x)
               ? segments_merge(x->segments, leaves, import, more, e)
               : error_set(e, ERROR_BUSY, "search index: the file was removed or replaced");
}

bool search_index_merge(struct search_index *x, struct error *e)
{
    size_t due = segments_due(x->segments);
    bool more = false;

    return due == 0 || merge(x, due, x->import, &more, e);
}

bool search_index_tidy(struct search_index *x, bool *more, struct error *e)
{
    *more = false;
    return merge(x, SEGMENTS_STEP, false, more, e);
}

bool search_index_remove(struct search_index *x, uint64_t seq, struct error *e)
{
    char sql[512];

    (void)snprintf(sql, sizeof(sql),
                   "BEGIN IMMEDIATE;"
                   "UPDATE meta SET letters = letters - 1,"
                   " partly = partly - (SELECT reading = %d FROM letter WHERE seq = %llu),"
                   " unread = unread - (SELECT reading = %d FROM letter WHERE seq = %llu)"
                   " WHERE EXISTS (SELECT 1 FROM letter WHERE seq = %llu);"
                   "DELETE FROM letter WHERE seq = %llu; COMMIT",
                   SEARCH_PARTLY, (unsigned long long)seq, SEARCH_UNREAD, (unsigned long long)seq,
                   (unsigned long long)seq, (unsigned long long)seq);
    if (search_db_run(x->db, sql, e)) {
        return true;
    }
    (void)sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static int by_seq(const void *a, const void *b)
{
    const struct search_letter *left = a;
    const struct search_letter *right = b;

    return (left->seq > right->seq) - (left->seq < right->seq);
}

bool search_index_write(struct search_index *x, struct search_letter *letters, size_t count,
                        uint64_t position, struct error *e)
{
    if (position < x->position) {
        return error_set(e, ERROR_INPUT, "search index: the position went back");
    }
    if (count) {
        qsort(letters, count, sizeof(*letters), by_seq);
    }
    x->import = count >= MANY;
    if (!search_db_run(x->db, "BEGIN IMMEDIATE", e)) {
        return false;
    }
    if (!write_all(x, letters, count, position, e)) {
        (void)sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    x->position = position;
    return true;
}

bool search_index_clear(struct search_index *x, struct error *e)
{
    static const char clear[] =
        "BEGIN IMMEDIATE; INSERT INTO words(words) VALUES('delete-all'); DELETE FROM letter; "
        "DELETE FROM day;"
        "UPDATE meta SET position = 0, letters = 0, partly = 0, unread = 0; COMMIT";

    segments_close_merger(x->segments);
    if (!search_db_run(x->db, clear, e)) {
        (void)sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
        if (e->kind != ERROR_CORRUPT || !pages_wipe(x->db) ||
            !search_db_check(x->db, keys_of(x), true, e)) {
            return false;
        }
    }
    x->position = 0;
    return true;
}
