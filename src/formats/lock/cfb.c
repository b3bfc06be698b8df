#include "formats/lock/cfb.h"

#include "base/arena.h"

#define SECTOR      512u
#define MINI        64u   /* a sector of streams that are small */
#define SMALL_BELOW 4096u /* streams below this are */
#define ENTRY       128u  /* bytes of an entry in the directory */
#define NUMBERS     (SECTOR / 4)
#define IN_HEADER   109u /* sectors of the table of sectors that the header names */

#define FREE     UINT32_C(0xffffffff)
#define LAST     UINT32_C(0xfffffffe) /* of a chain */
#define IS_FAT   UINT32_C(0xfffffffd) /* the sector is one of the table of sectors */
#define IS_DIFAT UINT32_C(0xfffffffc)

/* One entry's place in the tree of its storage: a search tree that is coloured red and black. */
struct node {
    int left;
    int right;
    int child;
    bool red;
    uint32_t start;
};

/* How many sectors each part of the file takes, and where each begins. The parts stand in this order. */
struct layout {
    size_t fat, difat, directory, mini_fat, mini_stream, large;
    size_t at_difat, at_directory, at_mini_fat, at_mini_stream, at_large;
    size_t minis; /* small sectors in use */
};

struct file {
    const struct cfb_entry *entries;
    size_t n;
    struct node nodes[CFB_ENTRIES_MAX];
    struct layout layout;
    uint8_t *bytes;
};

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint64_t value)
{
    put16(at, (uint32_t)(value & 0xffff));
    put16(at + 2, (uint32_t)(value >> 16 & 0xffff));
}

static size_t pieces(size_t bytes, size_t size)
{
    return bytes / size + (bytes % size != 0);
}

static uint8_t *sector(struct file *f, size_t i)
{
    return f->bytes + (i + 1) * SECTOR; /* the header stands before the first */
}

/* ---- the tree ---- */

/* Section 2.6.4: the shorter name is less; of equal length, by capital letters. */
static int compare(const char *a, const char *b)
{
    size_t na = strlen(a);
    size_t nb = strlen(b);

    if (na != nb) {
        return na < nb ? -1 : 1;
    }
    for (size_t i = 0; i < na; i++) {
        int la = ascii_lower((uint8_t)a[i]);
        int lb = ascii_lower((uint8_t)b[i]);
        if (la != lb) {
            return la - lb;
        }
    }
    return 0;
}

/* A balanced tree of the sorted children; its lowest level is red, when it is not the only one. The
 * depth of recursion is the logarithm of CFB_ENTRIES_MAX. */
static int balance(struct file *f, const int *sorted, size_t n, unsigned depth, unsigned deepest)
{
    size_t middle = n / 2;

    if (n == 0) {
        return -1;
    }
    struct node *node = &f->nodes[sorted[middle]];
    node->left = balance(f, sorted, middle, depth + 1, deepest);
    node->right = balance(f, sorted + middle + 1, n - middle - 1, depth + 1, deepest);
    node->red = depth > 0 && depth == deepest;
    return sorted[middle];
}

static int plant(struct file *f, size_t parent)
{
    int sorted[CFB_ENTRIES_MAX];
    size_t n = 0;
    unsigned deepest = 0;

    for (size_t i = 1; i < f->n; i++) {
        if (f->entries[i].parent != (int)parent) {
            continue;
        }
        size_t at = n++;
        while (at > 0 && compare(f->entries[i].name, f->entries[sorted[at - 1]].name) < 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = (int)i;
    }
    while ((((size_t)2 << deepest) - 1) < n) {
        deepest++;
    }
    return balance(f, sorted, n, 0, deepest);
}

/* ---- the layout ---- */

static bool is_small(const struct cfb_entry *e)
{
    return e->data.len < SMALL_BELOW;
}

static void lay_out(struct file *f)
{
    struct layout *l = &f->layout;

    for (size_t i = 0; i < f->n; i++) {
        const struct cfb_entry *e = &f->entries[i];
        if (e->kind == CFB_STREAM && is_small(e)) {
            l->minis += pieces(e->data.len, MINI);
        } else if (e->kind == CFB_STREAM) {
            l->large += pieces(e->data.len, SECTOR);
        }
    }
    l->mini_stream = pieces(l->minis * MINI, SECTOR);
    l->mini_fat = pieces(l->minis, NUMBERS);
    l->directory = pieces(f->n * ENTRY, SECTOR);
    size_t others = l->mini_stream + l->mini_fat + l->directory + l->large;
    size_t fat = 0;
    do { /* the table counts its own sectors as well */
        l->fat = fat;
        l->difat = fat > IN_HEADER ? pieces(fat - IN_HEADER, NUMBERS - 1) : 0;
        fat = pieces(others + l->fat + l->difat, NUMBERS);
    } while (fat != l->fat);
    l->at_difat = l->fat;
    l->at_directory = l->at_difat + l->difat;
    l->at_mini_fat = l->at_directory + l->directory;
    l->at_mini_stream = l->at_mini_fat + l->mini_fat;
    l->at_large = l->at_mini_stream + l->mini_stream;
}

/* ---- the sectors ---- */

/* The table of sectors begins in the first, so that its rows are one array. */
static void chain(struct file *f, size_t table, size_t start, size_t count)
{
    uint8_t *row = sector(f, table) + 4 * start;

    for (size_t i = 0; i < count; i++, row += 4) {
        put32(row, i + 1 < count ? start + i + 1 : LAST);
    }
}

static void mark(struct file *f, size_t start, size_t count, uint32_t as)
{
    for (size_t i = 0; i < count; i++) {
        put32(sector(f, 0) + 4 * (start + i), as);
    }
}

/* Put one stream at its place, which is counted in pieces, and move on to the next. */
static void write_stream(struct file *f, size_t i, uint8_t *to, size_t fat, size_t piece,
                         size_t *place)
{
    struct slice data = f->entries[i].data;
    size_t count = pieces(data.len, piece);

    f->nodes[i].start = count ? (uint32_t)*place : LAST;
    if (data.len) {
        (void)memcpy(to, data.ptr, data.len);
    }
    chain(f, fat, *place, count);
    *place += count;
}

static void write_streams(struct file *f)
{
    const struct layout *l = &f->layout;
    size_t mini = 0;
    size_t at = l->at_large;

    for (size_t i = 0; i < f->n; i++) {
        if (f->entries[i].kind != CFB_STREAM) {
            continue;
        }
        if (is_small(&f->entries[i])) {
            write_stream(f, i, sector(f, l->at_mini_stream) + mini * MINI, l->at_mini_fat, MINI,
                         &mini);
        } else {
            write_stream(f, i, sector(f, at), 0, SECTOR, &at);
        }
    }
}

static void write_directory(struct file *f)
{
    uint8_t *at = sector(f, f->layout.at_directory);

    for (size_t i = 0; i < f->layout.directory * (SECTOR / ENTRY); i++, at += ENTRY) {
        put32(at + 68, FREE);
        put32(at + 72, FREE);
        put32(at + 76, FREE);
        if (i >= f->n) {
            continue;
        }
        const struct cfb_entry *e = &f->entries[i];
        const struct node *node = &f->nodes[i];
        size_t len = strlen(e->name);
        for (size_t j = 0; j < len; j++) {
            at[2 * j] = (uint8_t)e->name[j]; /* UTF-16, little-endian */
        }
        put16(at + 64, (uint32_t)(2 * len + 2));
        at[66] = (uint8_t)e->kind;
        at[67] = node->red ? 0 : 1;
        put32(at + 68, (uint32_t)node->left);
        put32(at + 72, (uint32_t)node->right);
        put32(at + 76, (uint32_t)node->child);
        put32(at + 116, e->kind == CFB_STORAGE ? 0 : node->start);
        put32(at + 120, e->kind == CFB_ROOT ? f->layout.minis * MINI : e->data.len);
    }
}

static void write_header(struct file *f)
{
    static const uint8_t magic[8] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    const struct layout *l = &f->layout;
    uint8_t *h = f->bytes;

    (void)memcpy(h, magic, sizeof(magic));
    put16(h + 24, 0x3e); /* minor version */
    put16(h + 26, 3);
    put16(h + 28, 0xfffe); /* little-endian */
    put16(h + 30, 9);      /* sectors of 2^9 bytes, small ones of 2^6 */
    put16(h + 32, 6);
    put32(h + 44, l->fat);
    put32(h + 48, l->at_directory);
    put32(h + 56, SMALL_BELOW);
    put32(h + 60, l->mini_fat ? l->at_mini_fat : LAST);
    put32(h + 64, l->mini_fat);
    put32(h + 68, l->difat ? l->at_difat : LAST);
    put32(h + 72, l->difat);
    for (size_t i = 0; i < IN_HEADER; i++) {
        put32(h + 76 + 4 * i, i < l->fat ? i : FREE);
    }
}

/* The sectors of the table that the header has no room for. */
static void write_difat(struct file *f)
{
    size_t named = IN_HEADER;

    for (size_t i = 0; i < f->layout.difat; i++) {
        uint8_t *at = sector(f, f->layout.at_difat + i);
        for (size_t j = 0; j < NUMBERS - 1; j++, named++) {
            put32(at + 4 * j, named < f->layout.fat ? named : FREE);
        }
        put32(at + 4 * (NUMBERS - 1), i + 1 < f->layout.difat ? f->layout.at_difat + i + 1 : LAST);
    }
}

void cfb_write(const struct cfb_entry *entries, size_t n, struct buf *out)
{
    struct file f = {.entries = entries, .n = n};
    const struct layout *l = &f.layout;

    if (n == 0 || n > CFB_ENTRIES_MAX) {
        arena_panic("a compound file of that many entries");
    }
    for (size_t i = 0; i < n; i++) { /* a child's node is not touched by its own children */
        f.nodes[i].child = -1;
    }
    for (size_t i = 0; i < n; i++) {
        f.nodes[i].child = entries[i].kind == CFB_STREAM ? -1 : plant(&f, i);
    }
    f.nodes[0].left = -1; /* nobody's child */
    f.nodes[0].right = -1;
    lay_out(&f);
    size_t size = (l->at_large + l->large + 1) * SECTOR;
    f.bytes = size <= CFB_BYTES_MAX ? buf_room(out, size) : NULL;
    if (!f.bytes) {
        out->full = true;
        return;
    }
    (void)memset(f.bytes, 0, size);
    (void)memset(sector(&f, 0), 0xff, l->fat * SECTOR);
    (void)memset(sector(&f, l->at_mini_fat), 0xff, l->mini_fat * SECTOR);
    mark(&f, 0, l->fat, IS_FAT);
    mark(&f, l->at_difat, l->difat, IS_DIFAT);
    chain(&f, 0, l->at_directory, l->directory);
    chain(&f, 0, l->at_mini_fat, l->mini_fat);
    chain(&f, 0, l->at_mini_stream, l->mini_stream);
    f.nodes[0].start = l->mini_stream ? (uint32_t)l->at_mini_stream : LAST;
    write_streams(&f);
    write_directory(&f);
    write_difat(&f);
    write_header(&f);
    out->len += size;
}
