/* keeper/publish - our own domains' records are put into the DNS by dynamic update, where the settings name a server for it.
 *
 * courier speaks with the server and alone has the key; what is to be done says keeper/publish_plan. What is about to be put there is
 * in the state before it is sent, so that a crash leaves nothing there that is not known as ours. The caller holds
 * rotations.turn. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "config/settings_update.h"
#include "formats/zone/zone.h"
#include "keeper/admin.h"
#include "letter/published.h"
#include "requests/publish.h"

struct keeper;
struct settings;

struct publish_wish {
    struct slice domain;
    struct keeper_admin *admin; /* who orders it; NULL: Postern itself, for a change of keys */
    struct slice reason;
    bool dry_run;
    bool keys_only; /* DKIM alone */
    int64_t deadline_ms;
};

struct publish_report {
    struct own_publish_row *rows;
    size_t n_rows;
};

/**
 * Publish what is missing, replace what of ours is old, and take away the records of destroyed keys.
 *
 * @param out  what became of each name, in the arena
 * @return     false when nothing was sent: the keys are not known, or it could not be recorded
 */
bool publish_domain(struct keeper *k, const struct publish_wish *wish, struct arena *arena,
                    struct publish_report *out, struct error *e) MUST_CHECK;

/* Whether the settings have the DKIM keys of a domain published. */
bool publish_does_keys(const struct settings *s, struct slice domain);

/* What `records` calls this kind. */
enum setting_published publish_setting_of(enum zone_kind kind);

/* What the state says; and keep it there. */
bool publish_read(struct keeper *k, struct slice domain, struct arena *arena, struct published *out,
                  struct error *e) MUST_CHECK;
bool publish_keep(struct keeper *k, struct slice domain, const struct published *ours,
                  struct error *e) MUST_CHECK;

/* "example.test" of a selector: "SELECTOR._domainkey.example.test". */
struct slice publish_key_name(struct slice selector, struct slice domain, struct arena *arena);
