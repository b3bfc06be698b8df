#include "keeper/sts_transport.h"

#include "formats/smtp/address.h"
#include "keeper/internal.h"
#include "keeper/recipients.h"
#include "keeper/sts.h"

void sts_transport(struct keeper *k, struct slice domain, struct arena *arena,
                   struct recipient_state *out)
{
    struct sts_known known;

    if (out->transport == TRANSPORT_PIN || out->transport == TRANSPORT_DANE) {
        return;
    }
    sts_find(k, domain, STS_CURRENT, arena, &known);
    if (known.policy.mode == STS_ENFORCE) {
        out->transport = TRANSPORT_MTA_STS;
        out->transport_why =
            arena_printf(arena, "its MTA-STS policy %.*s is enforced", SLICE_ARG(known.id));
    } else if (known.problem && out->transport == TRANSPORT_NONE) {
        out->transport = TRANSPORT_UNKNOWN;
        out->transport_why = SLICE("its MTA-STS policy cannot be fetched now");
    }
}

/* By MX records alone, and only where a decision may depend on it. */
void recipients_sts(struct keeper *k, const struct facts *f, struct slice address,
                    struct arena *arena, struct recipient_state *out)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct error ignored = {0};
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;

    (void)f;
    if (s->policies.count == 0 || s->smarthost.present ||
        !smtp_domain_canonical(letter_domain(address), text, &len, &ignored)) {
        return;
    }
    struct slice domain = arena_copy(arena, slice_of(text, len));
    const struct domain_settings *own = settings_domain(s, domain);
    if (!own || (own->route.port == 0 && own->tls_pins.count == 0 && own->tls_ca.len == 0)) {
        sts_transport(k, domain, arena, out);
    }
}
