// SPDX-License-Identifier: BSD-3-Clause
// `wiretag bench`: what the packet's path costs on this machine, stage by stage.
#pragma once

#include <stdio.h>

// The program's exit status: 0 whatever was measured; 1 when rules or the capture are at fault, 2 for
// wrong usage, 3 when memory is short.
int bench_main(int argc, char **argv);
void bench_help(FILE *stream);
