// SPDX-License-Identifier: BSD-3-Clause
// Which configuration is in force, as one word: two boxes, or two moments, that show the same are
// configured the same.
#pragma once

#include "options.h"

// SHA-256 in hexadecimal of every key's value, defaults too, and of all rule files that are named;
// comments and the way in which the configuration is written do not count, those of rule files do.
// Needs no memory to fail for: what cannot be read is left out.
void options_digest(const struct options *options, char digest[POLICY_DIGEST_BYTES]);
