// SPDX-License-Identifier: BSD-3-Clause
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// A build directory is as deep in its tree as its user likes: TREE/build/app, TREE/build/gcc/app.
enum {
	LEVELS_MIN = 2,
	LEVELS_MAX = 4,
	NAMES_BYTES = 64, // of a folder and what is looked for in it
};

void place_find(char path[PATH_MAX], const char *folder, const char *probe, const char *installed)
{
	char program[PATH_MAX - NAMES_BYTES] = "";
	char *slash;

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		program[0] = '\0';
	for (int level = 0; level <= LEVELS_MAX; level++) {
		slash = strrchr(program, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
		if (level < LEVELS_MIN)
			continue;
		snprintf(path, PATH_MAX, "%s/%s/%s", program, folder, probe);
		if (access(path, R_OK) == 0) {
			snprintf(path, PATH_MAX, "%s/%s", program, folder);
			return;
		}
	}
	snprintf(path, PATH_MAX, "%s/%s", WIRETAG_DATADIR, installed);
}
