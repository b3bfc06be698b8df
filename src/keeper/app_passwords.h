/* keeper/app_passwords - what app passwords and devices have in common when they are added. For the keeper's own files. */
#pragma once

#include "keeper/factors.h"

/* Whose it is to be. */
struct app_holder {
    struct slice account;
    struct cbor_list addresses; /* texts: what the account may send as */
};

/* Take over what may be said by who asks for one, with an id. False with a sentence. */
bool app_password_take(const struct app_holder *holder, const struct app_password *ask,
                       struct arena *arena, struct app_password *out, struct error *e) MUST_CHECK;

/* One that is about to be added. */
struct app_adding {
    struct keeper_admin *admin;
    struct arena *arena;
    struct slice account;
    struct slice reason;
    struct app_password app;
};

/* Whether networks are such. */
bool app_password_check_networks(const struct cbor_list *networks, struct error *e) MUST_CHECK;

/* "phone (abcdefgh), to send, as anna@example.test, from 192.0.2.0/24", for an act. */
struct slice app_password_describe(const struct app_password *p, struct arena *arena);

/* What it becomes by what is asked; lists are the asker's. */
struct app_password_set_ask;
struct app_password app_password_changed(const struct app_password *was,
                                         const struct app_password_set_ask *ask);

/* Whether nobody can do more with `now` than with `was`: it ends no later, no network and no limit is given up or becomes wider. */
bool app_password_is_narrower(const struct app_password *now, const struct app_password *was);

/* The factors_change that appends a struct app_adding, and records it. */
bool app_password_append(struct factors *f, void *adding, struct error *e) MUST_CHECK;
