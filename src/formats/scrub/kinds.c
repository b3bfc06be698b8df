/* Kinds of files that may say who made them, and that nothing here changes: they are told by their first bytes, so that it can be said. */
#include "formats/scrub/boxes.h"
#include "formats/scrub/internal.h"

#define XML_HEAD   ((size_t)64 << 10) /* bytes in which an XML file says what it is */
#define DICOM_AT   128
#define TAR_AT     257
#define EMF_AT     40
#define BRANDS_END 200  /* bytes of a file of boxes in which they stand */
#define MPEG_RATE  0xf0 /* bits of the third byte of an MPEG sound's frame */

struct mark {
    size_t at;
    struct slice bytes;
};

static const struct mark marks[] = {
    {0,        SLICE_INIT("II\x2b\0")                          }, /* BigTIFF */
    {0,        SLICE_INIT("MM\0\x2b")                          },
    {0,        SLICE_INIT("IIU\0")                             }, /* raw pictures: Panasonic, */
    {0,        SLICE_INIT("IIRO\x08\0")                        }, /* Olympus, */
    {0,        SLICE_INIT("IIRS\x08\0")                        },
    {0,        SLICE_INIT("MMOR\0\0")                          },
    {0,        SLICE_INIT("FUJIFILMCCD-RAW")                   }, /* Fujifilm, */
    {0,        SLICE_INIT("FOVb\0")                            }, /* Sigma, */
    {0,        SLICE_INIT("\0MRM")                             }, /* Minolta */
    {0,        SLICE_INIT("\0\0\0\x0cjP  ")                    }, /* JPEG 2000 */
    {0,        SLICE_INIT("\xff\x4f\xff\x51")                  },
    {0,        SLICE_INIT("gimp xcf")                          },
    {0,        SLICE_INIT("\0\5\x16\7\0")                      }, /* what a Mac keeps beside a file */
    {0,        SLICE_INIT("\0\5\x16\0\0")                      },
    {0,        SLICE_INIT("v/1\1")                             }, /* OpenEXR */
    {0,        SLICE_INIT("AT&TFORM")                          }, /* DjVu */
    {DICOM_AT, SLICE_INIT("DICM")                              }, /* pictures of patients */
    {EMF_AT,   SLICE_INIT(" EMF\0\0\1\0")                      },
    {0,        SLICE_INIT("%!PS")                              }, /* PostScript */
    {0,        SLICE_INIT("\xc5\xd0\xd3\xc6")                  },
    {0,        SLICE_INIT("\x1a\x45\xdf\xa3")                  }, /* Matroska, WebM, */
    {0,        SLICE_INIT("\x30\x26\xb2\x75\x8e\x66\xcf\x11")  }, /* Windows Media, */
    {0,        SLICE_INIT("\x06\x0e\x2b\x34\2\5\1\1\x0d\1\2\1")}, /* MXF */
    {0,        SLICE_INIT("FLV\1")                             },
    {0,        SLICE_INIT("OggS\0")                            }, /* sounds */
    {0,        SLICE_INIT("caff\0\1")                          },
    {0,        SLICE_INIT("MThd\0\0\0\6")                      }, /* MIDI */
    {0,        SLICE_INIT("\xdb\xa5\x2d\0")                    }, /* Word 2, Excel 2 to 4 */
    {0,        SLICE_INIT("\x09\4\6\0")                        },
    {0,        SLICE_INIT("\x09\2\6\0")                        },
    {0,        SLICE_INIT("\x09\0\4\0")                        },
    {TAR_AT,   SLICE_INIT("ustar")                             }, /* an archive */
    {0,        SLICE_INIT("AC1014\0")                          }, /* AutoCAD */
    {0,        SLICE_INIT("AC1015\0")                          },
    {0,        SLICE_INIT("AC1018\0")                          },
    {0,        SLICE_INIT("AC1021\0")                          },
    {0,        SLICE_INIT("AC1024\0")                          },
    {0,        SLICE_INIT("AC1027\0")                          },
    {0,        SLICE_INIT("AC1032\0")                          },
};

/* Films and sounds whose kind stands behind the length of all. */
static bool is_other_chunks(struct slice bytes)
{
    struct slice kind = slice_head(slice_from(bytes, 8), 4);

    return slice_starts(bytes, SLICE("RIFX")) || slice_starts(bytes, SLICE("BW64")) ||
           (slice_starts(bytes, SLICE("RIFF")) && slice_equal(kind, SLICE("AVI "))) ||
           (slice_starts(bytes, SLICE("FORM")) &&
            (slice_equal(kind, SLICE("AIFF")) || slice_equal(kind, SLICE("AIFC")))) ||
           slice_starts(bytes, SLICE("RF64"));
}

bool scrub_is_mpeg_sound(struct slice bytes)
{
    uint8_t rate = bytes.len > 2 ? bytes.ptr[2] & MPEG_RATE : MPEG_RATE;
    bool frame = bytes.len > 3 && bytes.ptr[0] == 0xff;

    return frame && (((bytes.ptr[1] & 0xe6) == 0xe2 && rate != MPEG_RATE && rate != 0) ||
                     (bytes.ptr[1] & 0xf6) == 0xf0);
}

/* Whether one of the brands that a file of ISO boxes names is that of still pictures. */
bool scrub_is_heif(struct slice bytes)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "mif1", "miaf", "avif"};
    struct slice head = slice_head(bytes, scrub_number(bytes, 0, 4, true));

    if (!slice_starts(slice_from(bytes, 4), SLICE("ftyp"))) {
        return false;
    }
    for (size_t at = 8; at + 4 <= head.len && at < BRANDS_END; at += 4) {
        for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++) {
            if (slice_starts(slice_from(head, at), slice_text(brands[i]))) {
                return true;
            }
        }
    }
    return false;
}

/* The first box is not so long that its length could be letters of a text. */
bool scrub_is_film(struct slice bytes)
{
    struct slice type = slice_head(slice_from(bytes, 4), 4);

    return bytes.len && bytes.ptr[0] <= 4 && !scrub_is_heif(bytes) &&
           box_is_one_of(type, "ftypmoovmdatwidestypsidxmooffreeskippnotuuid");
}

static bool is_sound(struct slice bytes)
{
    return scrub_is_mpeg_sound(bytes) || slice_starts(bytes, SLICE("ID3")) ||
           slice_starts(bytes, SLICE("fLaC")) ||
           (slice_starts(bytes, SLICE("RIFF")) &&
            slice_starts(slice_from(bytes, 8), SLICE("WAVE")));
}

const char *scrub_media_reason(struct slice bytes)
{
    return scrub_is_film(bytes)  ? "it holds a film that cannot be changed"
           : is_sound(bytes)     ? "it holds a sound that cannot be changed"
           : scrub_is_svg(bytes) ? "it holds a drawing that cannot be changed"
                                 : SCRUB_PICTURE;
}

static bool holds(struct slice s, const char *part)
{
    return s.len && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

/* The beginning of a text with tags; empty: it is none. */
static struct slice xml_head(struct slice bytes)
{
    bytes = slice_head(bytes, XML_HEAD);
    bytes = slice_from(bytes, slice_starts(bytes, SLICE("\xef\xbb\xbf")) ? 3 : 0);
    while (bytes.len && strchr(" \t\r\n", bytes.ptr[0])) {
        bytes = slice_from(bytes, 1);
    }
    return slice_starts(bytes, SLICE("<")) ? bytes : SLICE_NONE;
}

/* Bytes of what may stand before the first element, one of them; 0: none does. */
static size_t before_root(struct slice s)
{
    static const struct {
        struct slice begin;
        const char *end;
    } rows[] = {
        {SLICE_INIT("<?"),        "?>" },
        {SLICE_INIT("<!--"),      "-->"},
        {SLICE_INIT("<!DOCTYPE"), ">"  },
    };

    if (s.len && strchr(" \t\r\n", s.ptr[0])) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool type = i == 2 && slice_starts(s, rows[i].begin);
        struct slice head = type ? slice_head(s, slice_find(s, '>')) : SLICE_NONE;
        bool subset = slice_find(head, '[') < head.len;
        const char *close = subset ? "]" : rows[i].end;
        const uint8_t *end =
            slice_starts(s, rows[i].begin) ? memmem(s.ptr, s.len, close, strlen(close)) : NULL;
        if (end) { /* behind a subset there are blanks and one more */
            return (size_t)(end - s.ptr) + strlen(close) +
                   (subset ? slice_find(slice_from(s, (size_t)(end - s.ptr)), '>') : 0);
        }
    }
    return 0;
}

bool scrub_is_svg(struct slice bytes)
{
    struct slice rest = xml_head(bytes);
    size_t len = before_root(rest);

    while (len) {
        rest = slice_from(rest, len);
        len = before_root(rest);
    }
    rest = slice_from(rest, 1);
    while (len < rest.len && !strchr(" \t\r\n/>", rest.ptr[len])) {
        len++;
    }
    struct slice name = slice_head(rest, len);
    size_t colon = slice_find(name, ':');
    return slice_equal(slice_from(name, colon < name.len ? colon + 1 : 0), SLICE("svg"));
}

/* Office documents that are one XML file: OpenDocument's, Word's, Excel's; and pages that Office wrote with its properties. */
static bool is_flat_document(struct slice bytes)
{
    static const char *const signs[] = {"<office:document",
                                        "http://schemas.microsoft.com/office/2006/xmlPackage",
                                        "http://schemas.microsoft.com/office/word/2003/wordml",
                                        "urn:schemas-microsoft-com:office:spreadsheet",
                                        "<o:DocumentProperties",
                                        "<o:Author>",
                                        "http://schemas.microsoft.com/visio/2003/core"};
    struct slice head = xml_head(bytes);
    bool found = false;

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !found; i++) {
        found = holds(head, signs[i]);
    }
    return found;
}

/* A picture in tags whose characters have two bytes each. */
static bool is_wide_svg(struct slice bytes)
{
    static const char little[] = "<\0s\0v\0g";
    static const char big[] = "\0<\0s\0v\0g";
    struct slice head = slice_head(bytes, XML_HEAD);
    bool wide = slice_starts(head, SLICE("\xff\xfe<\0")) ||
                slice_starts(head, SLICE("\xfe\xff\0<")) || slice_starts(head, SLICE("<\0?\0")) ||
                slice_starts(head, SLICE("\0<\0?"));

    return wide && (memmem(head.ptr, head.len, little, sizeof(little) - 1) ||
                    memmem(head.ptr, head.len, big, sizeof(big) - 1));
}

bool scrub_is_other_kind(struct slice bytes)
{
    if (scrub_is_heif(bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (slice_starts(slice_from(bytes, marks[i].at), marks[i].bytes)) {
            return true;
        }
    }
    return is_other_chunks(bytes) || is_wide_svg(bytes) || is_flat_document(bytes);
}

bool scrub_is_other_package(const struct package *p)
{
    static const char *const parts[] = {
        "META-INF/container.xml", /* EPUB */
        "Index/Document.iwa",     /* Pages, Numbers, Keynote */
        "index.apxl",
        "buildVersionHistory.plist",
        "Metadata/BuildVersionHistory.plist",
        "mergedimage.png", /* OpenRaster, Krita */
        "3D/3dmodel.model",
        "word/document.xml", /* of Office, without a list of its parts */
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (package_has(p, parts[i])) {
            return true;
        }
    }
    return false;
}

bool scrub_is_other_medium(struct slice bytes)
{
    return scrub_is_other_kind(bytes) && !slice_starts(slice_from(bytes, EMF_AT), SLICE(" EMF"));
}

bool scrub_is_medium_name(struct slice name)
{
    static const char *const folders[] = {"media/", "Media/", "Pictures/"};
    bool found = false;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const uint8_t *at =
            name.len ? memmem(name.ptr, name.len, folders[i], strlen(folders[i])) : NULL;
        found = found || (at && (at == name.ptr || at[-1] == '/'));
    }
    return found;
}
