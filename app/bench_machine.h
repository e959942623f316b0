// SPDX-License-Identifier: BSD-3-Clause
// What a benchmark has to know of the machine: which clock the core runs at, who else used it, what
// pages its memory is in.
#pragma once

#include "bench_duration.h"

#include <stdbool.h>
#include <stdint.h>

// The CPUs that this thread may use, at most `most`, the last one first: the first is where the rest
// of the machine's work tends to be. Returns how many.
unsigned machine_cpus(int *cpus, unsigned most);
// Keeps this thread on one CPU. 0 or -errno.
int machine_pin_to(int cpu);
// Core cycles for each cycle of the TSC, from a chain of additions. Takes about 3 ms.
double machine_clock(void);
// Enters into `durations` how long so many spans of `cycles` of the TSC take in which this thread does
// nothing: what is longer was taken by the system, or by the one below it.
void machine_idle(struct durations *durations, uint64_t cycles, unsigned count);
// How often this thread was made to wait for another one so far.
uint64_t machine_switches(void);
// Whether large memory came in huge pages.
bool machine_has_huge_pages(void);
uint64_t machine_tsc_hz(void);
