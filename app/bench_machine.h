// SPDX-License-Identifier: BSD-3-Clause
// What a benchmark has to know of the machine: which clock the core runs at, who else used it, what
// pages its memory is in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Keeps this thread on one CPU, the last of those that it may use: the first is where the rest of
// the machine's work tends to be. Returns it, or -errno.
int machine_pin(void);
// Core cycles for each cycle of the TSC, from a chain of additions. Takes about 3 ms.
double machine_clock(void);
// How often this thread was made to wait for another one so far.
uint64_t machine_switches(void);
// Whether large memory came in huge pages.
bool machine_has_huge_pages(void);
uint64_t machine_tsc_hz(void);
