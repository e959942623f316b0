// SPDX-License-Identifier: BSD-3-Clause
// Ports, pairs and parameters of the configuration file: what a table of keys cannot check.
#pragma once

#include "options.h"

// From `ports_map` and `pairs_list`.
void options_resolve_ports(struct options *options, struct complaints *complaints);
void options_check_eal_params(const struct options *options, struct complaints *complaints);
