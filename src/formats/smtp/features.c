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

static const struct {
    struct slice name;
    enum smtp_mechanism mechanism;
} mechanisms[] = {
    {SLICE_INIT("EXTERNAL"),           SMTP_EXTERNAL          },
    {SLICE_INIT("SCRAM-SHA-256-PLUS"), SMTP_SCRAM_SHA_256_PLUS},
    {SLICE_INIT("SCRAM-SHA-256"),      SMTP_SCRAM_SHA_256     },
    {SLICE_INIT("OAUTHBEARER"),        SMTP_OAUTHBEARER       },
    {SLICE_INIT("XOAUTH2"),            SMTP_XOAUTH2           },
    {SLICE_INIT("PLAIN"),              SMTP_PLAIN             },
    {SLICE_INIT("LOGIN"),              SMTP_LOGIN             },
};

enum smtp_mechanism smtp_mechanism_at(size_t n, struct slice *name)
{
    if (n >= sizeof(mechanisms) / sizeof(mechanisms[0])) {
        return SMTP_NO_MECHANISM;
    }
    *name = mechanisms[n].name;
    return mechanisms[n].mechanism;
}

enum smtp_mechanism smtp_mechanism_by_name(struct slice name)
{
    struct slice known;
    enum smtp_mechanism mechanism = SMTP_NO_MECHANISM;

    for (size_t n = 0; (mechanism = smtp_mechanism_at(n, &known)) != SMTP_NO_MECHANISM; n++) {
        if (slice_equal_nocase(name, known)) {
            return mechanism;
        }
    }
    return SMTP_NO_MECHANISM;
}
