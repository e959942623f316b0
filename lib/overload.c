// SPDX-License-Identifier: BSD-3-Clause
#include "overload.h"

static const char *const labels[OVERLOAD_LEVELS] = {
	[OVERLOAD_STREAMS] = "streams",
	[OVERLOAD_PATTERNS] = "patterns",
	[OVERLOAD_FLOWS] = "flows",
};

void overload_init(struct overload *overload, uint64_t calm)
{
	*overload = (struct overload){ .calm = calm };
}

bool overload_raise(struct overload *overload, uint64_t now)
{
	overload->calm_at = now + overload->calm;
	if (overload->level == OVERLOAD_FLOWS)
		return false;
	overload->level++;
	return true;
}

bool overload_relax(struct overload *overload, uint64_t now)
{
	overload->calm_at = now + overload->calm;
	overload->level--;
	return true;
}

const char *overload_label(enum overload_level level)
{
	return labels[level];
}
