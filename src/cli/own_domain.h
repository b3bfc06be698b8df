/* cli/own_domain - our own domains in the DNS. */
#pragma once

#include "cli/cli.h"

cli_run cli_domain_dns;
cli_run cli_domain_check;
cli_run cli_domain_publish; /* publish.c */
extern const struct argument_option publish_options[];

/* Of others' domains: how well their servers must protect letters for a while. */
cli_run cli_domain_override;
extern const struct argument_option override_options[];
cli_run cli_dkim_rotate;
