// SPDX-License-Identifier: BSD-3-Clause
#include "history.h"

static const uint64_t EARLY_NS = 500000000;

// A counter that ran backwards, as after a reading that failed, counts as one that stood still.
static uint64_t rate(uint64_t now, uint64_t last, uint64_t elapsed_ns)
{
	return now <= last ? 0 :
			     (uint64_t)((unsigned __int128)(now - last) * 1000000000 / elapsed_ns);
}

static void sum_groups(const struct counters *counters, unsigned direction, uint64_t *packets,
		uint64_t *dropped, uint64_t *uninspected)
{
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		uint64_t count = counters->packets[direction][i];

		*packets += count;
		if (reason_group(i) == REASON_GROUP_DROPPED)
			*dropped += count;
		else if (reason_group(i) == REASON_GROUP_UNINSPECTED)
			*uninspected += count;
	}
}

// Totals in the place of rates.
static void sum(const struct counters *counters, struct history_point *totals)
{
	*totals = (struct history_point){ 0 };
	for (unsigned i = 0; i < DIRECTIONS_MAX; i++) {
		sum_groups(counters, i, &totals->packets[i % 2], &totals->dropped,
				&totals->uninspected);
		totals->bytes[i % 2] += counters->received_bytes[i];
	}
}

static uint64_t busy_permille(const struct counters *now, const struct counters *last)
{
	uint64_t cycles = now->cycles > last->cycles ? now->cycles - last->cycles : 0;
	uint64_t busy = now->busy_cycles > last->busy_cycles ?
			now->busy_cycles - last->busy_cycles :
			0;

	if (busy > cycles)
		busy = cycles;
	return cycles == 0 ? 0 : (uint64_t)((unsigned __int128)busy * 1000 / cycles);
}

static struct history_point *next_point(struct history *history)
{
	if (history->count > 0)
		history->newest = (history->newest + 1) % HISTORY_POINTS;
	if (history->count < HISTORY_POINTS)
		history->count++;
	return &history->points[history->newest];
}

void history_add(struct history *history, uint64_t now_ns, const struct counters *total)
{
	uint64_t elapsed_ns = now_ns - history->last_ns;
	struct history_point now, last, *point;

	if (history->last_ns == 0 || now_ns < history->last_ns) {
		history->last_ns = now_ns;
		history->last = *total;
		return;
	}
	if (elapsed_ns < EARLY_NS)
		return;
	sum(total, &now);
	sum(&history->last, &last);
	point = next_point(history);
	*point = (struct history_point){
		.time_s = now_ns / 1000000000,
		.dropped = rate(now.dropped, last.dropped, elapsed_ns),
		.uninspected = rate(now.uninspected, last.uninspected, elapsed_ns),
		.flows = total->flows,
		.busy_permille = busy_permille(total, &history->last),
	};
	for (unsigned i = 0; i < 2; i++) {
		point->packets[i] = rate(now.packets[i], last.packets[i], elapsed_ns);
		point->bytes[i] = rate(now.bytes[i], last.bytes[i], elapsed_ns);
	}
	history->last_ns = now_ns;
	history->last = *total;
}

const struct history_point *history_at(const struct history *history, unsigned i)
{
	return &history->points[(history->newest + HISTORY_POINTS + 1 - history->count + i) %
			HISTORY_POINTS];
}
