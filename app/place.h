// SPDX-License-Identifier: BSD-3-Clause
// Where files that come with the program are.
#pragma once

#include <limits.h>

// The path of `folder` in the source tree that the program was built in, when `probe` is in there;
// otherwise of `installed` below the directory of installed data, whether it exists or not.
void place_find(char path[PATH_MAX], const char *folder, const char *probe, const char *installed);
