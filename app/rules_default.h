// SPDX-License-Identifier: BSD-3-Clause
// Where the shipped rules are.
#pragma once

#include <limits.h>

// The directory of the tree that this program was built in, or else the installed one.
void rules_default(char path[PATH_MAX]);
