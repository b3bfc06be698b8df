/* bench-search - how large the index becomes and how long questions take, at a size that would take
 * hours to submit: letters are made by varying those of a corpus, read by the inspection and written
 * by the index as the keeper does it, a thousand at a time; then the index is asked, opened anew for
 * each question as the reader does it. Standard output has lines of `name=value`: one of the writing,
 * one of each kind of question. An index that is there already is asked only. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#include "bench/letters.h"
#include "search/find.h"
#include "search/index.h"
#include "stages/inspection/inspection.h"

#define TEMPLATES_MAX 4000
#define TEMPLATE_MAX  (64u << 10)
#define BATCH         1000
#define WORDS         30000 /* made up, to vary letters with */
#define PEOPLE        2000
#define SAMPLES       2000 /* letters whose words are asked for */
#define SAMPLE_WORDS  64
#define START_MS      1577836800000u /* 2020-01-01 */
#define YEARS_MS      (5ull * 365 * 86400000)
#define PAGE          50

struct bench {
    struct buf templates[TEMPLATES_MAX];
    size_t n_templates;
    uint64_t letters;
    uint64_t raw_bytes;
    char (*samples)[SAMPLE_WORDS][TEXT_TERM_MAX + 1]; /* runs of neighbouring words */
    uint64_t *sample_letters;
    size_t n_samples;
    uint64_t random;
};

static _Noreturn void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench-search: %s: %s\n", what, why);
    exit(1);
}

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t draw(struct bench *b)
{
    b->random = mix(b->random);
    return b->random;
}

/* Frequent ones often and rare ones rarely. */
static unsigned draw_rank(struct bench *b, unsigned count)
{
    double u = (double)(draw(b) >> 11) / (double)(UINT64_C(1) << 53);
    double rank = pow(count, u);

    return (unsigned)rank - 1 < count ? (unsigned)rank - 1 : count - 1;
}

/* ---- letters ---- */

static void load_file(struct bench *b, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    struct buf *t = &b->templates[b->n_templates];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 200 ||
        st.st_size > (off_t)TEMPLATE_MAX) {
        (void)close(fd);
        return;
    }
    buf_init(t, TEMPLATE_MAX);
    uint8_t *to = buf_room(t, (size_t)st.st_size);
    ssize_t got = to ? read(fd, to, (size_t)st.st_size) : -1;
    (void)close(fd);
    if (got > 0) {
        t->len = (size_t)got;
        b->n_templates++;
    }
}

static void load_folder(struct bench *b, int dir, unsigned depth)
{
    DIR *list = fdopendir(dir);

    if (!list) {
        die("the corpus", strerror(errno));
    }
    for (struct dirent *d = readdir(list); d && b->n_templates < TEMPLATES_MAX; d = readdir(list)) {
        if (d->d_name[0] == '.') {
            continue;
        }
        int inner = openat(dirfd(list), d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (inner < 0) {
            load_file(b, dirfd(list), d->d_name);
        } else if (depth) {
            load_folder(b, inner, depth - 1);
        } else {
            (void)close(inner);
        }
    }
    (void)closedir(list);
}

/* Without a corpus: made-up letters, as the load sender's. */
static void make_templates(struct bench *b)
{
    for (size_t i = 0; i < 500; i++) {
        const struct letters_options options = {
            .bytes = 2000 + i * 20, .from = "anna@company.example", .domain = "partner.example"};
        struct letters *letters = letters_new(&options);
        struct buf *t = &b->templates[b->n_templates++];
        buf_init(t, TEMPLATE_MAX);
        letters_write(letters, i, t);
        letters_free(letters);
    }
}

static bool is_letter(uint8_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* The text with one word in eight replaced; short runs and what looks like base64 stay. */
static void vary(struct bench *b, struct slice text, struct buf *out)
{
    size_t i = 0;

    while (i < text.len) {
        size_t end = i;
        while (end < text.len && is_letter(text.ptr[end])) {
            end++;
        }
        bool word = end - i >= 4 && end - i <= 16 && (end == text.len || text.ptr[end] == ' ') &&
                    i && text.ptr[i - 1] == ' ';
        if (word && draw(b) % 8 == 0) {
            buf_printf(out, "w%xq", (unsigned)mix(draw_rank(b, WORDS)) & 0xffffff);
        } else {
            end = end > i ? end : i + 1;
            buf_add(out, slice_of(text.ptr + i, end - i));
        }
        i = end;
    }
}

static unsigned person(uint64_t n, unsigned which)
{
    return (unsigned)(mix(n * 4 + which) % PEOPLE);
}

static void make_letter(struct bench *b, uint64_t n, struct buf *out)
{
    struct slice t = buf_slice(&b->templates[mix(n) % b->n_templates]);
    const uint8_t *body = memmem(t.ptr, t.len, "\n\n", 2);

    body = body ? body : memmem(t.ptr, t.len, "\n\r\n", 3);

    buf_reset(out);
    buf_printf(out,
               "From: Person %u <p%u@company%u.example>\nTo: p%u@partner%u.example\nMessage-ID: "
               "<%llu@bench.example>\nX-Number: ",
               person(n, 0), person(n, 0), person(n, 0) % 20, person(n, 1), person(n, 1) % 200,
               (unsigned long long)n);
    size_t head = body ? (size_t)(body - t.ptr) : 0;
    b->random = mix(n);
    buf_add(out, slice_head(t, head)); /* what the corpus's letter was, Subject among it */
    vary(b, slice_from(t, head), out);
}

/* ---- writing ---- */

static double ms_of(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static void take_sample(struct bench *b, uint64_t n, const struct text_terms *terms)
{
    struct slice rest = terms->fields[TEXT_BODY];
    struct text_term term;
    size_t count = 0;

    if (b->n_samples == SAMPLES) {
        return;
    }
    while (count < SAMPLE_WORDS && text_terms_next(&rest, &term)) {
        if (!term.whole) {
            (void)memcpy(b->samples[b->n_samples][count], term.bytes.ptr, term.bytes.len);
            b->samples[b->n_samples][count][term.bytes.len] = '\0';
            count++;
        }
    }
    if (count == SAMPLE_WORDS) {
        b->sample_letters[b->n_samples++] = n;
    }
}

struct batch {
    struct text_list lists[BATCH];
    struct buf bytes[BATCH];
    struct text_terms terms[BATCH];
    struct search_letter letters[BATCH];
    struct slice recipients[BATCH];
    char addresses[BATCH][2][64];
};

static void read_letter(struct bench *b, struct batch *batch, size_t i, uint64_t n,
                        struct buf *letter)
{
    static struct arena arena = {.max = INSPECTION_ARENA_MAX};
    struct findings findings;
    struct error e;

    make_letter(b, n, letter);
    arena_reset(&arena);
    text_list_reset(&batch->lists[i]);
    buf_reset(&batch->bytes[i]);
    inspection_read(buf_slice(letter), false, &arena, &findings, &batch->lists[i]);
    text_list_write(&batch->lists[i], &batch->bytes[i]);
    if (!text_terms_read(buf_slice(&batch->bytes[i]), &batch->terms[i], &e)) {
        die("terms", e.text);
    }
    (void)snprintf(batch->addresses[i][0], 64, "p%u@company%u.example", person(n, 0),
                   person(n, 0) % 20);
    (void)snprintf(batch->addresses[i][1], 64, "p%u@partner%u.example", person(n, 1),
                   person(n, 1) % 200);
    batch->recipients[i] = slice_text(batch->addresses[i][1]);
    batch->letters[i] = (struct search_letter){
        .seq = 6 * n + 1, /* as many records as a letter has that goes its whole way */
        .at = START_MS + n * (YEARS_MS / b->letters),
        .size = letter->len,
        .reading = SEARCH_WHOLE,
        .account = slice_text(batch->addresses[i][0]),
        .sender = slice_text(batch->addresses[i][0]),
        .recipients = &batch->recipients[i],
        .n_recipients = 1,
        .terms = &batch->terms[i],
    };
    b->raw_bytes += letter->len;
    if (n % (b->letters / SAMPLES + 1) == 0) {
        take_sample(b, n, &batch->terms[i]);
    }
}

static void write_all(struct bench *b, struct search_index *x)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    struct buf letter = {.max = 4 * TEMPLATE_MAX};
    bool there = search_index_position(x) >= 6 * (b->letters - 1) + 1; /* from another run */
    int64_t inspecting = 0;
    double writing = 0; /* processor time, in ms */
    int64_t begun = clock_steady_ms();
    struct error e;

    if (!batch) {
        die("memory", "there is none");
    }
    for (size_t i = 0; i < BATCH; i++) {
        text_list_init(&batch->lists[i]);
        buf_init(&batch->bytes[i], TEXT_LIST_BYTES_MAX);
    }
    for (uint64_t n = 0; n < b->letters;) {
        int64_t from = clock_steady_ms();
        size_t count = 0;
        while (count < BATCH && n < b->letters) {
            read_letter(b, batch, count++, n, &letter);
            n += there ? b->letters / SAMPLES + 1 : 1;
        }
        inspecting += clock_steady_ms() - from;
        double busy = ms_of(CLOCK_THREAD_CPUTIME_ID);
        if (!there && (!search_index_write(x, batch->letters, count, 6 * n + 1, &e) ||
                       !search_index_merge(x, &e))) {
            die("writing", e.text);
        }
        writing += ms_of(CLOCK_THREAD_CPUTIME_ID) - busy;
    }
    int64_t took = clock_steady_ms() - begun;
    (void)printf("letters=%llu raw_bytes=%llu seconds=%.1f inspecting_seconds=%.1f "
                 "writing_cpu_seconds=%.2f ",
                 (unsigned long long)b->letters, (unsigned long long)b->raw_bytes,
                 (double)took / 1000, (double)inspecting / 1000, writing / 1000);
    for (size_t i = 0; i < BATCH; i++) {
        text_list_done(&batch->lists[i]);
        buf_done(&batch->bytes[i]);
    }
    free(batch);
    buf_done(&letter);
}

/* ---- asking ---- */

static int by_number(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

/* By the clock on the wall and by that of the processor, which other work on the machine spares. */
struct took {
    double wall_ms;
    double cpu_ms;
};

static struct took ask(const char *path, struct slice key, const char *text,
                       enum search_order order, size_t *hits)
{
    static struct search_hit found[PAGE];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(search_finder) struct search_finder *finder = NULL;
    struct search_place place = {.order = order};
    struct took took = {ms_of(CLOCK_MONOTONIC), ms_of(CLOCK_THREAD_CPUTIME_ID)};
    struct query query;
    struct error e;
    size_t count = 0;

    if (!query_parse(slice_text(text), &arena, &query, &e) ||
        !search_finder_open(path, key, &finder, &e) ||
        !search_find(finder, &query, &place, found, PAGE, &count, &e)) {
        die(text, e.text);
    }
    *hits += count;
    return (struct took){ms_of(CLOCK_MONOTONIC) - took.wall_ms,
                         ms_of(CLOCK_THREAD_CPUTIME_ID) - took.cpu_ms};
}

enum kind { WORD, TWO_WORDS, PHRASE, NEAR, SENDER_AND_DATE, RELEVANCE, KINDS };

/* A question whose words stand in a letter that is drawn, so that frequent ones are asked often. */
static void make_question(struct bench *b, enum kind kind, char *text, size_t room)
{
    size_t sample = draw(b) % b->n_samples;
    char(*words)[TEXT_TERM_MAX + 1] = b->samples[sample];
    size_t at = draw(b) % (SAMPLE_WORDS - 3);
    uint64_t n = b->sample_letters[sample];
    uint64_t day = (START_MS + n * (YEARS_MS / b->letters)) / 86400000;
    time_t after = (time_t)((day - 15) * 86400);
    time_t before = (time_t)((day + 15) * 86400);
    struct tm a;
    struct tm z;

    switch (kind) {
    case TWO_WORDS:
        (void)snprintf(text, room, "\"%s\" \"%s\"", words[at], words[(at + 17) % SAMPLE_WORDS]);
        break;
    case PHRASE:
        (void)snprintf(text, room, "\"%s %s %s\"", words[at], words[at + 1], words[at + 2]);
        break;
    case NEAR:
        (void)snprintf(text, room, "\"%s\" NEAR \"%s\"", words[at], words[at + 2]);
        break;
    case SENDER_AND_DATE:
        (void)gmtime_r(&after, &a);
        (void)gmtime_r(&before, &z);
        (void)snprintf(text, room,
                       "from:p%u@company%u.example after:%04d-%02d-%02d before:%04d-%02d-%02d",
                       person(n, 0), person(n, 0) % 20, a.tm_year + 1900, a.tm_mon + 1, a.tm_mday,
                       z.tm_year + 1900, z.tm_mon + 1, z.tm_mday);
        break;
    case WORD:
    case RELEVANCE:
    case KINDS:
        (void)snprintf(text, room, "\"%s\"", words[at]);
        break;
    }
}

static void ask_all(struct bench *b, const char *path, struct slice key, size_t questions)
{
    static const char *const names[KINDS] = {"word", "two-words",   "phrase",
                                             "near", "sender+date", "word-by-relevance"};
    double *wall = calloc(questions, sizeof(*wall));
    double *cpu = calloc(questions, sizeof(*cpu));

    for (enum kind kind = WORD; wall && cpu && b->n_samples && kind < KINDS; kind++) {
        size_t hits = 0;
        for (size_t i = 0; i < questions; i++) {
            char text[512];
            make_question(b, kind, text, sizeof(text));
            struct took took =
                ask(path, key, text, kind == RELEVANCE ? SEARCH_RELEVANT : SEARCH_NEWEST, &hits);
            wall[i] = took.wall_ms;
            cpu[i] = took.cpu_ms;
        }
        qsort(wall, questions, sizeof(*wall), by_number);
        qsort(cpu, questions, sizeof(*cpu), by_number);
        (void)printf("question=%s p50_ms=%.2f p95_ms=%.2f max_ms=%.2f p95_cpu_ms=%.2f hits=%.1f\n",
                     names[kind], wall[questions / 2], wall[questions * 95 / 100],
                     wall[questions - 1], cpu[questions * 95 / 100],
                     (double)hits / (double)questions);
        (void)fflush(stdout);
    }
    free(wall);
    free(cpu);
}

static uint64_t bytes_of(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    uint64_t sum = 0;
    char name[4096];
    struct stat st;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        sum += stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const uint8_t key[SEARCH_KEY_LEN] = {1};
    static struct bench b;
    OWN(search_index) struct search_index *x = NULL;
    char path[4096];
    struct rusage used;
    struct error e;

    if (argc != 5) {
        die("usage", "bench-search FOLDER CORPUS|- LETTERS QUESTIONS");
    }
    (void)snprintf(path, sizeof(path), "%s/search.db", argv[1]);
    if (strcmp(argv[2], "-") == 0) {
        make_templates(&b);
    } else {
        int corpus = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (corpus < 0) {
            die(argv[2], strerror(errno));
        }
        load_folder(&b, corpus, 3);
    }
    b.letters = strtoull(argv[3], NULL, 10);
    b.samples = calloc(SAMPLES, sizeof(*b.samples));
    b.sample_letters = calloc(SAMPLES, sizeof(*b.sample_letters));
    if (b.n_templates == 0 || b.letters == 0 || !b.samples || !b.sample_letters) {
        die(argv[2], "no letters there, or none wanted");
    }
    inspection_init();
    if (!search_index_open(path, SLICE_ARRAY(key), &x, &e)) {
        die(path, e.text);
    }
    write_all(&b, x);
    search_index_close(TAKE(x, NULL));
    int64_t begun = clock_steady_ms();
    if (!search_index_open(path, SLICE_ARRAY(key), &x, &e)) {
        die(path, e.text);
    }
    int64_t opened = clock_steady_ms() - begun;
    (void)getrusage(RUSAGE_SELF, &used);
    (void)printf("index_bytes=%llu open_ms=%lld memory_kib=%ld\n",
                 (unsigned long long)bytes_of(path), (long long)opened, used.ru_maxrss);
    (void)fflush(stdout);
    ask_all(&b, path, SLICE_ARRAY(key), strtoull(argv[4], NULL, 10));
    for (size_t i = 0; i < b.n_templates; i++) {
        buf_done(&b.templates[i]);
    }
    free(b.samples);
    free(b.sample_letters);
    return 0;
}
