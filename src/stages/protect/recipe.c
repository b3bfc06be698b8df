#include "stages/protect/recipe.h"

#include <string.h>

#define COPY_MAX (2 * (uint64_t)LETTER_BYTES_MAX)

static bool read_script(const struct sealed *sealed, struct arena *arena,
                        struct edit_script *script, struct error *e)
{
    const struct sealed_edit *from = sealed->edits.items;
    struct edit *edits = arena_array(arena, sealed->edits.count + 1, sizeof(*edits));

    if (sealed->digest.len != PROTECT_DIGEST_LEN || sealed->size > COPY_MAX) {
        return error_set(e, ERROR_CORRUPT, "a sealed copy without digest or of impossible size");
    }
    for (size_t i = 0; i < sealed->edits.count; i++) {
        edits[i] = (struct edit){.literal = from[i].literal.len != 0,
                                 .bytes = from[i].literal,
                                 .offset = from[i].offset,
                                 .length = from[i].len};
    }
    *script =
        (struct edit_script){.edits = edits, .n_edits = sealed->edits.count, .size = sealed->size};
    (void)memcpy(script->digest, sealed->digest.ptr, PROTECT_DIGEST_LEN);
    return true;
}

bool recipe_follow(const struct sealed *sealed, struct slice letter, struct arena *arena,
                   struct buf *copy, struct error *e)
{
    struct edit_script script;

    if (!read_script(sealed, arena, &script, e) || !protect_verify(&script, letter, e)) {
        return false;
    }
    buf_init(copy, script.size);
    for (size_t i = 0; i < script.n_edits; i++) {
        struct slice piece;
        if (!protect_piece(&script.edits[i], letter, &piece, e)) {
            return false;
        }
        buf_add(copy, piece);
    }
    return true;
}
