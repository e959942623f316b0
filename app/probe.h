// SPDX-License-Identifier: BSD-3-Clause
// What the host has of all that a configuration needs, on one screen, without starting anything.
#pragma once

#include "options.h"

// Writes a line for each thing and, for what is missing, the command that mends it. How many are
// missing; -errno after a message. What only costs speed is a hint, and not counted.
int probe_host(FILE *stream, const struct options *options);
