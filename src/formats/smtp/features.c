#include "formats/smtp/features.h"

static const struct {
    struct slice name;
    enum smtp_feature feature;
} features[] = {
    {SLICE_INIT("PIPELINING"),          SMTP_PIPELINING         },
    {SLICE_INIT("SIZE"),                SMTP_SIZE               },
    {SLICE_INIT("STARTTLS"),            SMTP_STARTTLS           },
    {SLICE_INIT("AUTH"),                SMTP_AUTH               },
    {SLICE_INIT("8BITMIME"),            SMTP_8BITMIME           },
    {SLICE_INIT("SMTPUTF8"),            SMTP_SMTPUTF8           },
    {SLICE_INIT("CHUNKING"),            SMTP_CHUNKING           },
    {SLICE_INIT("DSN"),                 SMTP_DSN                },
    {SLICE_INIT("ENHANCEDSTATUSCODES"), SMTP_ENHANCEDSTATUSCODES},
    {SLICE_INIT("REQUIRETLS"),          SMTP_REQUIRETLS         },
};

enum smtp_feature smtp_feature_by_name(struct slice keyword)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (slice_equal_nocase(features[i].name, keyword)) {
            return features[i].feature;
        }
    }
    return SMTP_NO_FEATURE;
}

enum smtp_mechanism smtp_mechanism_by_name(struct slice name)
{
    if (slice_equal_nocase(name, SLICE("PLAIN"))) {
        return SMTP_PLAIN;
    }
    return slice_equal_nocase(name, SLICE("LOGIN")) ? SMTP_LOGIN : SMTP_NO_MECHANISM;
}
