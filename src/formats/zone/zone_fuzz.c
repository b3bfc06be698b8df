#include <stdlib.h>

#include "formats/zone/spf.h"
#include "formats/zone/tags.h"
#include "formats/zone/zone.h"

static void require(bool what)
{
    if (!what) {
        abort();
    }
}

/* Every name has these lines as its records, whatever the type. */
static struct slice input;
static size_t questions;

static void ask(void *context, struct slice name, enum zone_type type, struct arena *arena,
                struct zone_answer *answer)
{
    struct slice rest = input;

    (void)context, (void)name, (void)type;
    *answer = (struct zone_answer){.found = ZONE_FOUND,
                                   .items = arena_array(arena, 16, sizeof(struct slice))};
    while (rest.len && answer->n_items < 16) {
        answer->items[answer->n_items++] = slice_cut(rest, '\n', &rest);
    }
    questions++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t raw[32] = {1};
    static const struct zone_key key = {
        SLICE_INIT("s"), DKIM_ED25519_SHA256, {raw, 32},
          true
    };
    static const struct slice four[] = {SLICE_INIT("\xc0\0\2\1")};
    static const struct slice mx[] = {SLICE_INIT("mx.test")};
    const struct zone_lookup lookup = {ask, NULL};
    struct zone_facts facts = {.domain = SLICE("a.test"),
                               .hostname = SLICE("b.a.test"),
                               .mx = mx,
                               .n_mx = 1,
                               .keys = &key,
                               .n_keys = 1,
                               .tls = four,
                               .n_tls = 1,
                               .addresses = four,
                               .n_addresses = 1,
                               .implicit_port = 465};
    struct arena arena = {.max = (size_t)16 << 20};
    struct zone_record *wanted = NULL;
    struct zone_verdict verdict;
    struct tags tags;

    input = slice_of(data, size);
    if (size > 4096) {
        return 0;
    }
    require(!tags_read(input, &tags) || tags.count <= TAGS_MAX);
    size_t n = zone_wanted(&facts, &arena, &wanted);
    for (size_t i = 0; i < n; i++) {
        questions = 0;
        zone_judge(&wanted[i], &facts, &lookup, &arena, &verdict);
        require(verdict.mark >= ZONE_GOOD && verdict.mark <= ZONE_UNKNOWN && verdict.what.len);
        require(questions < 400); /* ten mechanisms, ten hosts of each `mx`, for three addresses */
    }
    arena_done(&arena);
    return 0;
}
