/* processes/roles - the duties themselves: one file each, named as the role. */
#pragma once

#include "processes/role.h"

/* The run and prepare functions of the rows in roles.c; processes/role.h says what they must do. */
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
