// SPDX-License-Identifier: BSD-3-Clause
// `wiretag read`: classifies captures.
#pragma once

#include <stdio.h>

// The program's exit status: 0; 1 when a capture, the rules or the output failed; 2 for wrong
// usage. What failed was said on standard error.
int replay_main(int argc, char **argv);
void replay_help(FILE *stream);
