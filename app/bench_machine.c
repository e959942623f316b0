// SPDX-License-Identifier: BSD-3-Clause
#include "bench_machine.h"

#include "fail.h"
#include "memory.h"

#include <rte_cycles.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
	ADDS = 8000000,
	ADDS_A_TURN = 16,
	PROBE_BYTES = 4 << 20,
};

int machine_pin_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? fail(errno) : 0;
}

unsigned machine_cpus(int *cpus, unsigned most)
{
	cpu_set_t may;
	unsigned count = 0;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return 0;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && count < most; cpu--)
		if (CPU_ISSET(cpu, &may))
			cpus[count++] = cpu;
	return count;
}

double machine_clock(void)
{
	uint64_t number = 0, step = 3, start = rte_rdtsc();

	// Each addition waits for the one before and takes one cycle; that of a constant might not.
	for (int i = 0; i < ADDS / ADDS_A_TURN; i++) {
		for (int k = 0; k < ADDS_A_TURN; k++) {
			__asm__ volatile("" : "+r"(number), "+r"(step));
			number += step;
		}
	}
	__asm__ volatile("" : : "r"(number));
	return (double)ADDS / (rte_rdtsc() - start);
}

void machine_idle(struct durations *durations, uint64_t cycles, unsigned count)
{
	while (count-- > 0) {
		const uint64_t start = rte_rdtsc();
		uint64_t now;

		do
			now = rte_rdtsc();
		while (now - start < cycles);
		durations_add(durations, now - start);
	}
}

uint64_t machine_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

bool machine_has_huge_pages(void)
{
	void *memory = memory_alloc(PROBE_BYTES, -1);
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long kilobytes = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "AnonHugePages: %lu", &kilobytes) == 1)
			break;
	if (file != NULL)
		fclose(file);
	memory_free(memory, PROBE_BYTES);
	return kilobytes > 0;
}

// Without EAL nobody has asked the processor: measure.
uint64_t machine_tsc_hz(void)
{
	const struct timespec pause = { 0, 50000000 };
	struct timespec before, after;
	uint64_t start, cycles, ns;

	clock_gettime(CLOCK_MONOTONIC_RAW, &before);
	start = rte_rdtsc();
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC_RAW, &after);
	cycles = rte_rdtsc() - start;
	ns = (after.tv_sec - before.tv_sec) * UINT64_C(1000000000) + after.tv_nsec - before.tv_nsec;
	return cycles * 1000000000.0 / ns;
}
