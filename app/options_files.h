// SPDX-License-Identifier: BSD-3-Clause
// Files that a configuration names: further configuration, and rules.
#pragma once

#include "yaml.h"

#include <limits.h>

// The whole path of the name in `node`: relative ones start where the file is that has it in it.
void files_resolve(const struct yaml_node *node, char path[PATH_MAX]);

// Calls `each` with every path that the names and patterns of `list` stand for, in the order of the
// list, those of one pattern sorted. Complains about a name that no file has; a pattern (*, ?, [) may
// match nothing.
void files_each(const struct yaml_node *list, struct complaints *complaints,
		void (*each)(void *context, const char *path, const struct yaml_node *node),
		void *context);
