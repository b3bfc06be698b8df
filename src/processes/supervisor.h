/* processes/supervisor - starts the roles, joins them, restarts who dies, stops them in order.
 *
 * Sees configuration, keys and listening sockets, and no byte from the network. SIGHUP reads the
 * configuration again, SIGTERM and SIGINT stop in order, twice at once. */
#pragma once

/* What `posternd -c FILE` runs. Returns the exit status: 0 after an orderly stop; 78 or 74 when a
 * process could not begin because of what only a person can change. */
int supervisor_main(const char *config_path, int passphrase_fd);
