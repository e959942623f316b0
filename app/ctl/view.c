// SPDX-License-Identifier: BSD-3-Clause
#include "view.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ITEMS_MAX = 64, // of one section
	BAR_COLUMNS = 20,
};

// Two summaries and the time between them.
struct pace {
	const json_t *before, *now;
	double seconds; // 0: there is nothing to compare with
};

// One row: its item, and the same one a moment before, NULL when it is new.
struct item {
	const json_t *now, *before;
	double weight; // the heaviest first
};

struct section {
	const char *key, *id; // the array in a summary; what tells its elements apart
	const char *title;
	double (*weigh)(const struct pace *pace, const struct item *item); // NULL: as they come
	void (*write)(char line[VIEW_LINE_BYTES], const struct pace *pace, const struct item *item);
};

static struct pace pace_of(const json_t *before, const json_t *now)
{
	struct pace pace = { before, now, 0 };

	if (before != NULL)
		pace.seconds = (number_of(now, "time_ns") - number_of(before, "time_ns")) / 1e9;
	return pace;
}

// What a number grew by, never less than nothing.
static double growth(const struct item *item, const char *key)
{
	json_int_t grown = number_of(item->now, key) - number_of(item->before, key);

	return item->before == NULL || grown < 0 ? 0 : grown;
}

static double rate(const struct pace *pace, const struct item *item, const char *key)
{
	return pace->seconds > 0 ? growth(item, key) / pace->seconds : 0;
}

static double share(const struct item *item, const char *part, const char *whole)
{
	double of = growth(item, whole);

	return of > 0 ? 100 * growth(item, part) / of : 0;
}

static void write_pair(char line[VIEW_LINE_BYTES], const struct pace *pace, const struct item *item)
{
	char packets[CELL_BYTES], bits[CELL_BYTES], dropped[CELL_BYTES], wire[CELL_BYTES];
	char uninspected[CELL_BYTES];

	snprintf(wire, sizeof(wire), "%.20s > %.20s", string_of(item->now, "from"),
			string_of(item->now, "to"));
	format_rate(packets, rate(pace, item, "received"), "");
	format_rate(bits, 8 * rate(pace, item, "bytes"), "");
	format_rate(dropped, rate(pace, item, "dropped"), "");
	format_rate(uninspected, rate(pace, item, "uninspected"), "");
	snprintf(line, VIEW_LINE_BYTES, "%-12.12s %-23.23s %10s %10s %10s %10s",
			string_of(item->now, "pair"), wire, packets, bits, dropped, uninspected);
}

static double weigh_drop(const struct pace *pace, const struct item *item)
{
	double total = number_of(item->now, "packets");

	// A rate before any total, and what is lost before what is only not looked at.
	if (total == 0)
		return -1;
	return 1e18 * rate(pace, item, "packets") + total +
			(json_is_true(value_of(item->now, "dropped")) ? 1e30 : 0);
}

static void write_drop(char line[VIEW_LINE_BYTES], const struct pace *pace, const struct item *item)
{
	char packets[CELL_BYTES], total[CELL_BYTES];

	format_rate(packets, rate(pace, item, "packets"), "");
	format_number(total, number_of(item->now, "packets"));
	snprintf(line, VIEW_LINE_BYTES, "%-12.12s %-7s %10s %16s  %s",
			string_of(item->now, "reason"),
			json_is_true(value_of(item->now, "dropped")) ? "DROPPED" : "passed",
			packets, total, string_of(item->now, "help"));
}

static void write_worker(
		char line[VIEW_LINE_BYTES], const struct pace *pace, const struct item *item)
{
	double busy = share(item, "busy_cycles", "cycles");
	json_int_t capacity = number_of(item->now, "flow_capacity");
	char bar[BAR_COLUMNS + 1], packets[CELL_BYTES], flows[CELL_BYTES];
	int filled = busy * BAR_COLUMNS / 100 + 0.5;

	for (int i = 0; i < BAR_COLUMNS; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_COLUMNS] = '\0';
	// In the place of the bar, what is not as it should be.
	if (strcmp(string_of(item->now, "state"), "polls") != 0)
		snprintf(bar, sizeof(bar), "%-*.*s", BAR_COLUMNS, BAR_COLUMNS,
				string_of(item->now, "state"));
	format_rate(packets, rate(pace, item, "packets"), "");
	format_number(flows, number_of(item->now, "flows"));
	snprintf(line, VIEW_LINE_BYTES,
			"%-6" JSON_INTEGER_FORMAT " %4" JSON_INTEGER_FORMAT
			" %s %5.1f %% %10s %12s %5.1f %%",
			number_of(item->now, "lcore"), number_of(item->now, "numa"), bar, busy,
			packets, flows,
			capacity > 0 ? 100.0 * number_of(item->now, "flows") / capacity : 0);
}

static double weigh_app(const struct pace *pace, const struct item *item)
{
	return 1e18 * rate(pace, item, "bytes") + number_of(item->now, "bytes");
}

static void write_app(char line[VIEW_LINE_BYTES], const struct pace *pace, const struct item *item)
{
	char packets[CELL_BYTES], bits[CELL_BYTES], flows[CELL_BYTES], bytes[CELL_BYTES];

	format_rate(packets, rate(pace, item, "packets"), "");
	format_rate(bits, 8 * rate(pace, item, "bytes"), "");
	format_number(flows, number_of(item->now, "flows"));
	format_bytes(bytes, number_of(item->now, "bytes"));
	snprintf(line, VIEW_LINE_BYTES, "%-20.20s %10s %10s %12s %10s  %s",
			string_of(item->now, "app"), packets, bits, flows, bytes,
			string_of(item->now, "action"));
}

static void write_host(char line[VIEW_LINE_BYTES], const struct pace *, const struct item *item)
{
	const char *last = strchr(string_of(item->now, "last"), 'T');
	char port[CELL_BYTES] = "";

	if (number_of(item->now, "port") != 0)
		snprintf(port, sizeof(port), "%" JSON_INTEGER_FORMAT, number_of(item->now, "port"));
	snprintf(line, VIEW_LINE_BYTES, "%-17.39s %-11.11s %-8.8s %-11.11s %5s %-13.13s %.8s",
			string_of(item->now, "ip"), string_of(item->now, "app"),
			string_of(item->now, "confidence"), string_of(item->now, "version"), port,
			string_of(item->now, "step"), last == NULL ? "" : last + 1);
}

static void write_call(char line[VIEW_LINE_BYTES], const struct pace *, const struct item *item)
{
	const char *since = strchr(string_of(item->now, "since"), 'T');
	const char *last = strchr(string_of(item->now, "last"), 'T');

	snprintf(line, VIEW_LINE_BYTES, "%-17.39s %-11.11s %-13.13s %-10.8s %-10.8s",
			string_of(item->now, "ip"), string_of(item->now, "app"),
			string_of(item->now, "step"), since == NULL ? "" : since + 1,
			last == NULL ? "" : last + 1);
}

static const struct section sections[] = {
	{ "pairs", "from",
			"PAIR         FROM > TO                PACKETS/S      BIT/S  DROPPED/S UNINSP'D/S",
			NULL, write_pair },
	{ "workers", "lcore",
			"WORKER NUMA BUSY                          PACKETS/S        FLOWS   TABLE",
			NULL, write_worker },
	{ "drops", "reason", "DROPPED OR NOT INSPECTED      A SECOND            TOTAL  WHY",
			weigh_drop, write_drop },
	{ "apps", "app",
			"APPLICATION           PACKETS/S      BIT/S        FLOWS      BYTES  POLICY",
			weigh_app, write_app },
	{ "calls", "ip", "CALLS NOW         APPLICATION STEP          SINCE      LAST", NULL,
			write_call },
	{ "hosts", "ip",
			"HOST              APPLICATION CONFID.  VERSION      PORT STEP          LAST",
			NULL, write_host },
};

enum {
	SECTIONS = sizeof(sections) / sizeof(sections[0])
};

static const json_t *find_before(
		const struct pace *pace, const struct section *s, const json_t *row)
{
	const json_t *id = value_of(row, s->id), *other;
	size_t index;

	json_array_foreach(json_object_get(pace->before, s->key), index, other)
	{
		if (json_equal(value_of(other, s->id), id))
			return other;
	}
	return NULL;
}

static int by_weight(const void *a, const void *b)
{
	const struct item *first = a, *second = b;

	return (second->weight > first->weight) - (second->weight < first->weight);
}

// The rows of a section that are worth a line, the heaviest first.
static int collect(const struct pace *pace, const struct section *s, struct item items[ITEMS_MAX])
{
	const json_t *row;
	size_t index;
	int count = 0;

	json_array_foreach(json_object_get(pace->now, s->key), index, row)
	{
		struct item item = { row, find_before(pace, s, row), 0 };

		if (s->weigh != NULL)
			item.weight = s->weigh(pace, &item);
		if (item.weight >= 0 && count < ITEMS_MAX)
			items[count++] = item;
	}
	if (s->weigh != NULL)
		qsort(items, count, sizeof(items[0]), by_weight);
	return count;
}

static char *add_line(struct view *view, bool is_title)
{
	struct view_line *line = &view->lines[view->count++];

	line->is_title = is_title;
	line->text[0] = '\0';
	return line->text;
}

static struct item totals(const struct pace *pace)
{
	return (struct item){ json_object_get(pace->now, "status"),
		json_object_get(pace->before, "status"), 0 };
}

static void add_head(struct view *view, const struct pace *pace)
{
	const struct item status = totals(pace);
	bool is_ready = json_is_true(value_of(status.now, "ready"));
	const json_t *reasons = value_of(status.now, "reasons");
	const char *reason = json_string_value(json_array_get(reasons, 0));
	char packets[CELL_BYTES], bits[CELL_BYTES], flows[CELL_BYTES], hosts[CELL_BYTES];
	time_t seconds = number_of(pace->now, "time_ns") / 1000000000;
	char clock[CELL_BYTES] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(add_line(view, false), VIEW_LINE_BYTES, "%s  wiretag %s  %s  %s%.200s", clock,
			string_of(status.now, "version"), string_of(status.now, "mode"),
			is_ready ? "ready" : "NOT READY: ",
			is_ready || reason == NULL ? "" : reason);
	format_rate(packets, rate(pace, &status, "received_packets"), "pkt/s");
	format_rate(bits, 8 * rate(pace, &status, "received_bytes"), "bit/s");
	format_number(flows, number_of(status.now, "flows"));
	format_number(hosts, number_of(status.now, "hosts"));
	snprintf(add_line(view, false), VIEW_LINE_BYTES,
			"%s, %s, %s flows, %s hosts, %" JSON_INTEGER_FORMAT " rules", packets, bits,
			flows, hosts, number_of(status.now, "rules"));
}

// Deals out the rows that are left, one to each section in turn.
static void share_rows(const int wanted[SECTIONS], int rows, int given[SECTIONS])
{
	bool is_dealt = true;

	while (rows > 0 && is_dealt) {
		is_dealt = false;
		for (int i = 0; i < SECTIONS && rows > 0; i++) {
			if (given[i] < wanted[i]) {
				given[i]++;
				rows--;
				is_dealt = true;
			}
		}
	}
}

void view_fill(struct view *view, const json_t *before, const json_t *now, int rows)
{
	static struct item items[SECTIONS][ITEMS_MAX];
	const struct pace pace = pace_of(before, now);
	int wanted[SECTIONS], given[SECTIONS] = { 0 };

	view->count = 0;
	if (rows > VIEW_ROWS_MAX)
		rows = VIEW_ROWS_MAX;
	if (rows < 2)
		return;
	add_head(view, &pace);
	for (int i = 0; i < SECTIONS; i++)
		wanted[i] = collect(&pace, &sections[i], items[i]);
	// A title is worth its line only with something below it.
	for (int i = 0; i < SECTIONS; i++)
		wanted[i] += wanted[i] > 0;
	share_rows(wanted, rows - view->count, given);
	for (int i = 0; i < SECTIONS; i++) {
		if (given[i] < 2)
			continue;
		snprintf(add_line(view, true), VIEW_LINE_BYTES, "%s", sections[i].title);
		for (int row = 0; row < given[i] - 1; row++)
			sections[i].write(add_line(view, false), &pace, &items[i][row]);
	}
}

// Of all workers together, in percent.
static double busy_share(const struct pace *pace)
{
	static struct item items[ITEMS_MAX];
	const struct section workers = { .key = "workers", .id = "lcore" };
	int count = collect(pace, &workers, items);
	double busy = 0, cycles = 0;

	for (int i = 0; i < count; i++) {
		busy += growth(&items[i], "busy_cycles");
		cycles += growth(&items[i], "cycles");
	}
	return cycles > 0 ? 100 * busy / cycles : 0;
}

void view_log(char line[VIEW_LINE_BYTES], const json_t *before, const json_t *now)
{
	const struct pace pace = pace_of(before, now);
	const struct item status = totals(&pace);
	time_t seconds = number_of(now, "time_ns") / 1000000000;
	char packets[CELL_BYTES], bits[CELL_BYTES], clock[CELL_BYTES] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(clock, sizeof(clock), "%Y-%m-%dT%H:%M:%SZ", &tm);
	format_rate(packets, rate(&pace, &status, "received_packets"), "pkt/s");
	format_rate(bits, 8 * rate(&pace, &status, "received_bytes"), "bit/s");
	snprintf(line, VIEW_LINE_BYTES,
			"%s %s received %s %s dropped %.0f/s busy %.1f %% flows "
			"%" JSON_INTEGER_FORMAT " hosts %" JSON_INTEGER_FORMAT,
			clock, json_is_true(value_of(status.now, "ready")) ? "ready" : "NOT-READY",
			packets, bits, rate(&pace, &status, "dropped_packets"), busy_share(&pace),
			number_of(status.now, "flows"), number_of(status.now, "hosts"));
}
