#include "formats/document/kind.h"

#include <string.h>

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."

/* ---- first bytes ---- */

static const struct {
    struct slice mark;
    enum document_kind kind;
} marks[] = {
    {SLICE_INIT("PK\3\4"),                           DOCUMENT_ZIP    },
    {SLICE_INIT("PK\5\6"),                           DOCUMENT_ZIP    },
    {SLICE_INIT("PK\7\10PK"),                        DOCUMENT_ZIP    },
    {SLICE_INIT("{\\rt"),                            DOCUMENT_RTF    },
    {SLICE_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), DOCUMENT_OLE    },
    {SLICE_INIT("7z\xbc\xaf\x27\x1c"),               DOCUMENT_ARCHIVE},
    {SLICE_INIT("Rar!\x1a\7"),                       DOCUMENT_ARCHIVE},
    {SLICE_INIT("\x1f\x8b\x08"),                     DOCUMENT_ARCHIVE},
    {SLICE_INIT("BZh"),                              DOCUMENT_ARCHIVE},
    {SLICE_INIT("\xfd"
                "7zXZ"),
     DOCUMENT_ARCHIVE                                                },
    {SLICE_INIT("\x28\xb5\x2f\xfd"),                 DOCUMENT_ARCHIVE},
    {SLICE_INIT("MSCF\0\0\0\0"),                     DOCUMENT_ARCHIVE},
    {SLICE_INIT("\x89PNG\r\n\x1a\n"),                DOCUMENT_MEDIA  },
    {SLICE_INIT("\xff\xd8\xff"),                     DOCUMENT_MEDIA  },
    {SLICE_INIT("GIF87a"),                           DOCUMENT_MEDIA  },
    {SLICE_INIT("GIF89a"),                           DOCUMENT_MEDIA  },
    {SLICE_INIT("\x7f"
                "ELF"),
     DOCUMENT_PROGRAM                                                },
    {SLICE_INIT("MZ\x90\0"),                         DOCUMENT_PROGRAM},
};

/* A PDF may have up to 1024 bytes of anything before its mark (ISO 32000-1 annex H). */
static bool is_pdf(struct slice head)
{
    head = slice_head(head, DOCUMENT_HEAD_LEN);
    return head.len && memmem(head.ptr, head.len, "%PDF-", 5) != NULL;
}

enum document_kind document_kind_of_bytes(struct slice head)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (slice_starts(head, marks[i].mark)) {
            return marks[i].kind;
        }
    }
    return is_pdf(head) ? DOCUMENT_PDF : DOCUMENT_OTHER;
}

/* ---- names and types ---- */

static const struct row {
    const char *end; /* of the name, behind its last dot */
    const char *type;
    enum document_kind kind;
} rows[] = {
    {"txt",  "text/plain",                                            DOCUMENT_TEXT   },
    {"log",  "text/plain",                                            DOCUMENT_TEXT   },
    {"md",   "text/markdown",                                         DOCUMENT_TEXT   },
    {"csv",  "text/csv",                                              DOCUMENT_TEXT   },
    {"tsv",  "text/tab-separated-values",                             DOCUMENT_TEXT   },
    {"json", "application/json",                                      DOCUMENT_TEXT   },
    {"ics",  "text/calendar",                                         DOCUMENT_TEXT   },
    {"vcf",  "text/vcard",                                            DOCUMENT_TEXT   },
    {"ini",  "text/plain",                                            DOCUMENT_TEXT   },
    {"sql",  "text/plain",                                            DOCUMENT_TEXT   },
    {"yaml", "text/yaml",                                             DOCUMENT_TEXT   },
    {"yml",  "text/yaml",                                             DOCUMENT_TEXT   },
    {"htm",  "text/html",                                             DOCUMENT_HTML   },
    {"html", "text/html",                                             DOCUMENT_HTML   },
    {"xml",  "application/xml",                                       DOCUMENT_HTML   },
    {"svg",  "image/svg+xml",                                         DOCUMENT_HTML   },
    {"eml",  "message/rfc822",                                        DOCUMENT_LETTER },
    {"rtf",  "application/rtf",                                       DOCUMENT_RTF    },
    {"rtf",  "text/rtf",                                              DOCUMENT_RTF    },
    {"pdf",  "application/pdf",                                       DOCUMENT_PDF    },
    {"docx", OOXML "wordprocessingml.document",                       DOCUMENT_ZIP    },
    {"docm", "application/vnd.ms-word.document.macroenabled.12",      DOCUMENT_ZIP    },
    {"dotx", OOXML "wordprocessingml.template",                       DOCUMENT_ZIP    },
    {"xlsx", OOXML "spreadsheetml.sheet",                             DOCUMENT_ZIP    },
    {"xlsm", "application/vnd.ms-excel.sheet.macroenabled.12",        DOCUMENT_ZIP    },
    {"xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12", DOCUMENT_ZIP    },
    {"pptx", OOXML "presentationml.presentation",                     DOCUMENT_ZIP    },
    {"ppsx", OOXML "presentationml.slideshow",                        DOCUMENT_ZIP    },
    {"odt",  ODF "text",                                              DOCUMENT_ZIP    },
    {"ods",  ODF "spreadsheet",                                       DOCUMENT_ZIP    },
    {"odp",  ODF "presentation",                                      DOCUMENT_ZIP    },
    {"odg",  ODF "graphics",                                          DOCUMENT_ZIP    },
    {"zip",  "application/zip",                                       DOCUMENT_ZIP    },
    {"zip",  "application/x-zip-compressed",                          DOCUMENT_ZIP    },
    {"doc",  "application/msword",                                    DOCUMENT_OLE    },
    {"xls",  "application/vnd.ms-excel",                              DOCUMENT_OLE    },
    {"ppt",  "application/vnd.ms-powerpoint",                         DOCUMENT_OLE    },
    {"msg",  "application/vnd.ms-outlook",                            DOCUMENT_OLE    },
    {"7z",   "application/x-7z-compressed",                           DOCUMENT_ARCHIVE},
    {"rar",  "application/vnd.rar",                                   DOCUMENT_ARCHIVE},
    {"gz",   "application/gzip",                                      DOCUMENT_ARCHIVE},
    {"tgz",  "application/gzip",                                      DOCUMENT_ARCHIVE},
    {"bz2",  "application/x-bzip2",                                   DOCUMENT_ARCHIVE},
    {"xz",   "application/x-xz",                                      DOCUMENT_ARCHIVE},
    {"tar",  "application/x-tar",                                     DOCUMENT_ARCHIVE},
    {"png",  "image/png",                                             DOCUMENT_MEDIA  },
    {"jpg",  "image/jpeg",                                            DOCUMENT_MEDIA  },
    {"jpeg", "image/jpeg",                                            DOCUMENT_MEDIA  },
    {"gif",  "image/gif",                                             DOCUMENT_MEDIA  },
    {"exe",  "application/vnd.microsoft.portable-executable",         DOCUMENT_PROGRAM},
    {"dll",  "application/vnd.microsoft.portable-executable",         DOCUMENT_PROGRAM},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of_name(struct slice name)
{
    size_t dot = name.len;

    while (dot > 0 && name.ptr[dot - 1] != '.') {
        dot--;
    }
    for (size_t i = 0; dot > 0 && i < ROWS; i++) {
        if (slice_equal_nocase(slice_from(name, dot), slice_text(rows[i].end))) {
            return &rows[i];
        }
    }
    return NULL;
}

enum document_kind document_kind_of_name(struct slice name)
{
    const struct row *row = row_of_name(name);

    return row ? row->kind : DOCUMENT_OTHER;
}

struct slice document_type_of_name(struct slice name)
{
    const struct row *row = row_of_name(name);

    return row ? slice_text(row->type) : SLICE("application/octet-stream");
}

enum document_kind document_kind_of_type(struct slice type)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (slice_equal(type, slice_text(rows[i].type))) {
            return rows[i].kind;
        }
    }
    if (slice_starts(type, SLICE("image/")) || slice_starts(type, SLICE("audio/")) ||
        slice_starts(type, SLICE("video/"))) {
        return DOCUMENT_MEDIA;
    }
    return slice_starts(type, SLICE("text/")) ? DOCUMENT_TEXT : DOCUMENT_OTHER;
}

static bool is_text_byte(uint8_t c)
{
    return c >= ' ' || (c >= '\t' && c <= '\r') || c == 0x1b;
}

bool document_is_text(struct slice head)
{
    head = slice_head(head, DOCUMENT_HEAD_LEN);
    for (size_t i = 0; i < head.len; i++) {
        if (!is_text_byte(head.ptr[i])) {
            return false;
        }
    }
    size_t cut = head.len == DOCUMENT_HEAD_LEN ? 3 : 0; /* of a character at the end */
    for (size_t i = 0; i <= cut; i++) {
        if (slice_is_utf8(slice_head(head, head.len - i))) {
            return head.len > 0;
        }
    }
    return false;
}

struct slice document_kind_text(enum document_kind kind)
{
    static const struct slice texts[DOCUMENT_KINDS] = {
        [DOCUMENT_TEXT] = SLICE_INIT("a text"),
        [DOCUMENT_HTML] = SLICE_INIT("a page in HTML or XML"),
        [DOCUMENT_LETTER] = SLICE_INIT("a letter"),
        [DOCUMENT_RTF] = SLICE_INIT("rich text (RTF)"),
        [DOCUMENT_PDF] = SLICE_INIT("a PDF document"),
        [DOCUMENT_ZIP] = SLICE_INIT("a ZIP archive or a document made of one"),
        [DOCUMENT_OLE] = SLICE_INIT("a document of older Office programs"),
        [DOCUMENT_ARCHIVE] = SLICE_INIT("an archive"),
        [DOCUMENT_MEDIA] = SLICE_INIT("an image, a sound or a film"),
        [DOCUMENT_PROGRAM] = SLICE_INIT("a program"),
    };

    return texts[kind];
}

/* ---- OLE ---- */

/* The names of streams stand in the directory as UTF-16LE. */
static bool has_stream(struct slice bytes, const char *name)
{
    uint8_t wide[64];
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        wide[2 * i] = (uint8_t)name[i];
        wide[2 * i + 1] = 0;
    }
    return memmem(bytes.ptr, bytes.len, wide, 2 * len) != NULL;
}

const char *document_ole_reason(struct slice bytes, bool *encrypted)
{
    static const struct {
        const char *stream;
        const char *reason;
    } streams[] = {
        {"WordDocument",        "a document of Word 97 to 2003 is not read"          },
        {"PowerPoint Document", "a presentation of PowerPoint 97 to 2003 is not read"},
        {"Workbook",            "a workbook of Excel 97 to 2003 is not read"         },
        {"__substg1.0_",        "a message of Outlook is not read"                   },
    };

    *encrypted = has_stream(bytes, "EncryptedPackage");
    if (*encrypted) {
        return "encrypted with a password";
    }
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        if (has_stream(bytes, streams[i].stream)) {
            return streams[i].reason;
        }
    }
    return "a document of older Office programs is not read";
}
