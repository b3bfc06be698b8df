#include "keeper/sts_transport.h"

#include "keeper/internal.h"
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
    } else if ((known.problem || known.unasked) && out->transport == TRANSPORT_NONE) {
        out->transport = TRANSPORT_UNKNOWN;
        out->transport_why = SLICE("its MTA-STS policy cannot be fetched now");
    }
}
