/* processes/provision - what the supervisor opens once and hands to the roles again and again.
 *
 * The data directory with the roles' directories, listening sockets, derived keys, user ids, the
 * configuration in force and the files that it names. The supervisor's alone; one thread. */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

#include "config/settings.h"
#include "processes/role.h"

struct provision;

/**
 * Read the configuration and open everything that it names.
 *
 * @param config_path    of postern.conf; outlives the provision
 * @param passphrase_fd  gives what opens the master key; closed; -1: see host/ask
 * @return             NULL with ERROR_CONFIG and a sentence that says what to change
 */
struct provision *provision_open(const char *config_path, int passphrase_fd,
                                 struct error *e) MUST_CHECK;

/**
 * Read configuration and files again. Listening sockets, keys and directories stay.
 *
 * @return  false with ERROR_CONFIG; then the old configuration stays in force, whole
 */
bool provision_reload(struct provision *p, struct error *e) MUST_CHECK;

/* The settings in force; they live until the next reload that succeeds. */
const struct settings *provision_settings(const struct provision *p);

/* The program of its process, for process_spawn(). */
int provision_program(const struct provision *p, const struct role_row *row);

/* Hand a new process of the role everything of its row, up to START. ERROR_BUSY when it does not
 * take it. */
bool provision_give(struct provision *p, const struct role_row *row, unsigned instance, int control,
                    struct error *e) MUST_CHECK;

/* The socket on which root tells of a new master key; the provision's. */
int provision_adoption_socket(const struct provision *p);

/* As master_keys_adopt(): whoever is started from now on gets what follows from it. */
bool provision_adopt(struct provision *p, struct slice key, uint64_t *generation, bool *fresh,
                     struct error *e) MUST_CHECK;

/* Whether master.key has a later generation than the one in force. */
bool provision_key_waits(const struct provision *p);

/* Read the files again that sections of the row name, when one has changed; whether any has. */
bool provision_renew(struct provision *p, const struct role_row *row) MUST_CHECK;

/* Hand a running one the configuration in force and its files. */
bool provision_regive(struct provision *p, const struct role_row *row, int control,
                      struct error *e) MUST_CHECK;
