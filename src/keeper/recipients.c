#include "keeper/recipients.h"

struct recipient_state *recipients_look(struct keeper *k, const struct facts *f,
                                        struct arena *arena)
{
    static recipients_fact *const facts[] = {recipients_smime, recipients_openpgp,
                                             recipients_secret, recipients_transport};
    const struct recipient *all = f->recipients.items;
    struct recipient_state *states = arena_array(arena, f->recipients.count + 1, sizeof(*states));

    for (size_t i = 0; i < f->recipients.count; i++) {
        for (size_t n = 0; n < sizeof(facts) / sizeof(facts[0]); n++) {
            facts[n](k, f, all[i].address, arena, &states[i]);
        }
    }
    return states;
}
