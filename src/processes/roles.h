/* processes/roles - the duties themselves: one file each, named as the role. */
#pragma once

#include "processes/role.h"

/* What a program does of the duties: its own list, which ends with an empty one. */
struct role_duty {
    const char *role;
    bool (*run)(struct role *r, struct error *e);
    bool (*prepare)(struct role *r, struct error *e); /* before the walls are up; may be NULL */
};

/* The process of a role: what a program does that is started with `--role NAME`. Returns the exit status. */
int role_main(const char *name, const struct role_duty *duties);

/* What the programs name in their lists of duties; processes/role.h says what they must do. */
bool submission_run(struct role *r, struct error *e);
bool delivery_run(struct role *r, struct error *e);
bool courier_prepare(struct role *r, struct error *e);
bool courier_run(struct role *r, struct error *e);
bool inspector_prepare(struct role *r, struct error *e);
bool inspector_run(struct role *r, struct error *e);
bool scanner_prepare(struct role *r, struct error *e);
bool scanner_run(struct role *r, struct error *e);
bool journal_run(struct role *r, struct error *e);
bool connector_run(struct role *r, struct error *e);
bool directory_prepare(struct role *r, struct error *e);
bool directory_run(struct role *r, struct error *e);
bool pull_run(struct role *r, struct error *e);
bool intake_run(struct role *r, struct error *e);
bool auth_run(struct role *r, struct error *e);
bool signer_run(struct role *r, struct error *e);
bool backup_run(struct role *r, struct error *e);
bool reader_run(struct role *r, struct error *e);
bool keeper_run(struct role *r, struct error *e);
