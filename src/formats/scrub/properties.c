#include "formats/scrub/properties.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n"

/* Where they usually are, the ends of the types of relationships that lead to them, also in documents that are Strict, and what takes
 * their place. */
static const struct {
    const char *name;
    const char *types[2];
    const char *empty;
} properties[] = {
    {"docProps/core.xml",
     {"/metadata/core-properties", "/metadata/core-properties"},
     XML "<cp:coreProperties "
         "xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\"/>"},
    {"docProps/app.xml",
     {"/extended-properties", "/extendedProperties"},
     XML "<Properties "
         "xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\"/>" },
    {"docProps/custom.xml",
     {"/custom-properties", "/customProperties"},
     XML "<Properties "
         "xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties\"/>"   },
    {"meta.xml",
     {NULL, NULL},
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document-meta "
     "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" office:version=\"1.2\">"
     "<office:meta/></office:document-meta>"                                                     },
};

/* Parts that go, by what [Content_Types].xml says of them: ends of types, without "+xml". */
static const struct {
    const char *type;
    const char *word;
} parts[] = {
    {".comments",           "comments"       },
    {".commentsExtended",   "comments"       },
    {".commentsIds",        "comments"       },
    {".commentsExtensible", "comments"       },
    {".threadedcomments",   "comments"       },
    {".people",             "names of users" },
    {".person",             "names of users" },
    {".commentAuthors",     "names of users" },
    {".authors",            "names of users" },
    {".userNames",          "names of users" },
    {".revisionHeaders",    "tracked changes"},
    {".revisionLog",        "tracked changes"},
    {".changesinfo",        "tracked changes"},
    {".revisioninfo",       "tracked changes"},
};

#define COUNT (sizeof(properties) / sizeof(properties[0]))

static bool ends_with(struct slice s, const char *end)
{
    size_t len = end ? strlen(end) : 0;

    return len && s.len >= len && slice_equal(slice_from(s, s.len - len), slice_text(end));
}

unsigned property_of_name(struct slice name)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (slice_equal(name, slice_text(properties[i].name))) {
            return i + 1;
        }
    }
    return 0;
}

unsigned property_of_type(struct slice type)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (ends_with(type, properties[i].types[0]) || ends_with(type, properties[i].types[1])) {
            return i + 1;
        }
    }
    return 0;
}

struct slice property_empty(unsigned which)
{
    return which && which <= COUNT ? slice_text(properties[which - 1].empty) : SLICE_NONE;
}

/* Types are the same in capital letters (RFC 2045 section 5.1). */
static bool type_ends_with(struct slice s, const char *end)
{
    size_t len = strlen(end);

    return s.len >= len && slice_equal_nocase(slice_from(s, s.len - len), slice_text(end));
}

const char *property_word_of_type(struct slice type)
{
    if (type_ends_with(type, "+xml")) {
        type = slice_head(type, type.len - 4);
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (type_ends_with(type, parts[i].type)) {
            return parts[i].word;
        }
    }
    return NULL;
}
