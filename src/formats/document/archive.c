#include "formats/document/archive.h"

#include <zip.h>

#include "base/arena.h"

#define STEP 65536 /* bytes unpacked at once */

struct archive {
    zip_t *zip;
    size_t count;
    uint8_t step[STEP];
};

struct archive *archive_open(struct slice bytes)
{
    struct archive *a = calloc(1, sizeof(*a));

    if (!a) {
        arena_panic("out of memory");
    }
    zip_source_t *source = zip_source_buffer_create(bytes.ptr, bytes.len, 0, NULL);
    a->zip = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
    if (!a->zip) {
        zip_source_free(source); /* otherwise it is the archive's now */
        archive_close(a);
        return NULL;
    }
    zip_int64_t count = zip_get_num_entries(a->zip, 0);
    a->count = count > 0 ? (size_t)count : 0;
    return a;
}

void archive_close(struct archive *a)
{
    if (a && a->zip) {
        zip_discard(a->zip);
    }
    free(a);
}

size_t archive_count(const struct archive *a)
{
    return a->count;
}

static bool is_strong(zip_uint16_t method)
{
    return method == ZIP_EM_AES_128 || method == ZIP_EM_AES_192 || method == ZIP_EM_AES_256;
}

bool archive_entry(struct archive *a, size_t i, struct archive_entry *out)
{
    zip_stat_t about;

    if (zip_stat_index(a->zip, i, ZIP_FL_ENC_GUESS, &about) != 0 ||
        !(about.valid & ZIP_STAT_NAME)) {
        return false;
    }
    struct slice name = slice_text(about.name);
    *out = (struct archive_entry){
        .name = name,
        .size = about.valid & ZIP_STAT_SIZE ? about.size : 0,
        .folder = name.len > 0 && name.ptr[name.len - 1] == '/',
        .encrypted = about.valid & ZIP_STAT_ENCRYPTION_METHOD && about.encryption_method,
        .strong = about.valid & ZIP_STAT_ENCRYPTION_METHOD && is_strong(about.encryption_method),
        .supported = zip_compression_method_supported(about.comp_method, 0) != 0,
    };
    return true;
}

bool archive_find(struct archive *a, const char *name, size_t *i)
{
    zip_int64_t at = zip_name_locate(a->zip, name, 0);

    if (at >= 0) {
        *i = (size_t)at;
    }
    return at >= 0;
}

enum archive_got archive_read(struct archive *a, size_t i, archive_sink *sink, void *context)
{
    zip_file_t *file = zip_fopen_index(a->zip, i, 0);
    enum archive_got got = ARCHIVE_BROKEN;
    zip_int64_t n = 0;

    if (!file) {
        return ARCHIVE_BROKEN;
    }
    while ((n = zip_fread(file, a->step, STEP)) > 0) {
        if (!sink(context, slice_of(a->step, (size_t)n))) {
            got = ARCHIVE_STOPPED;
            break;
        }
    }
    got = n == 0 ? ARCHIVE_WHOLE : got;
    (void)zip_fclose(file);
    return got;
}
