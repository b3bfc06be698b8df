/* keeper/sync_contacts - the company's address book kept as a directory says. For the keeper's own files.
 *
 * Read by the directory process in pages, planned by contact_plan, recorded and done here. */
#pragma once

#include "config/settings.h"
#include "keeper/sync.h"

/**
 * Read, plan and do it, if the section has contacts; one at a time.
 *
 * @param pages   holds what the directory process says
 * @param report  what is said of contacts is filled in: numbers alone, since who reads it is counted nowhere
 * @return        false with ERROR_LIMIT when too many would go: then nothing was changed; or when more would come than the book holds: then only what goes
 *                  went. Both have raised their alarm
 */
bool sync_contacts(struct keeper *k, const struct sync_order *order,
                   const struct directory_settings *section, struct arena *pages,
                   struct arena *arena, struct directory_report *report,
                   struct error *e) MUST_CHECK;
