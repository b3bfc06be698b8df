/* cli/own_domain - our own domains in the DNS. */
#pragma once

#include "cli/cli.h"

cli_run cli_domain_dns;
cli_run cli_domain_check;
