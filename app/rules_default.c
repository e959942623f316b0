// SPDX-License-Identifier: BSD-3-Clause
#include "rules_default.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void rules_default(char path[PATH_MAX])
{
	char program[PATH_MAX - 32] = "";
	char *slash;

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		program[0] = '\0';
	slash = strrchr(program, '/');
	if (slash != NULL) {
		*slash = '\0';
		snprintf(path, PATH_MAX, "%s/../../config/rules", program);
		if (access(path, R_OK) == 0)
			return;
	}
	snprintf(path, PATH_MAX, "%s/rules", WIRETAG_DATADIR);
}
