// SPDX-License-Identifier: BSD-3-Clause
#include "rules_default.h"

#include "place.h"

void rules_default(char path[PATH_MAX])
{
	place_find(path, "config/rules", "skype.yaml", "rules");
}
