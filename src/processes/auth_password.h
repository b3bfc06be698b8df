/* processes/auth_password - whether a password is good enough for an account (passwords/standard).
 *
 * Knows the company's words from the settings, the account's from the question, and the imported list
 * by its folder: it is opened for each password that is set, so that a new list holds at once.
 * Thread-safe; takes some milliseconds. */
#pragma once

#include "config/settings.h"
#include "passwords/standard.h"
#include "requests/auth.h"

/**
 * Judge a password.
 *
 * @param folder  where the imported list is; -1: there can be none
 * @return        false with ERROR_CORRUPT, ERROR_CONFIG or ERROR_BUSY when the list cannot be read: then
 *                the password must not be set
 */
bool auth_password_judge(const struct settings *settings, int folder,
                         const struct auth_verifier_ask *ask, struct password_judgement *judgement,
                         struct error *e) MUST_CHECK;
