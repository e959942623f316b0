// SPDX-License-Identifier: BSD-3-Clause
#include "show.h"

#include "table.h"

#include <stdio.h>

static void print_lines(const char *title, const json_t *lines)
{
	const json_t *line;
	size_t index;

	json_array_foreach(lines, index, line)
			printf("%-10s %s\n", index == 0 ? title : "", json_string_value(line));
}

static void print_count(const char *title, json_int_t number)
{
	char cell[CELL_BYTES];

	format_number(cell, number);
	printf("%-10s %s\n", title, cell);
}

void print_status(const json_t *message)
{
	const json_t *reload = json_object_get(message, "reload");
	char cell[CELL_BYTES];

	printf("wiretag %s (%s), up since %s\n", string_of(message, "version"),
			string_of(message, "dpdk"), string_of(message, "started"));
	printf("%-10s %s\n", "ready",
			json_is_true(json_object_get(message, "ready")) ? "yes" : "no");
	print_lines("because", json_object_get(message, "reasons"));
	printf("%-10s %s, in force since %s\n", "config", string_of(message, "config"),
			string_of(reload, "in_force_since"));
	print_lines("refused", json_object_get(reload, "complaints"));
	printf("%-10s %s\n", "mode", string_of(message, "mode"));
	print_count("pairs", number_of(message, "pairs"));
	print_count("workers", number_of(message, "workers"));
	print_count("rules", number_of(message, "rules"));
	print_count("hosts", number_of(message, "hosts"));
	print_count("flows", number_of(message, "flows"));
	print_count("received", number_of(message, "received_packets"));
	print_count("dropped", number_of(message, "dropped_packets"));
	format_bytes(cell, number_of(message, "received_bytes"));
	printf("%-10s %s\n", "bytes", cell);
}

void print_host(const json_t *message)
{
	static const struct column steps[] = { { "  SINCE", "timestamp", KIND_TEXT },
		{ "STEP", "step", KIND_REST }, { NULL, NULL, KIND_END } };
	static const struct column evidence[] = { { "  SINCE", "timestamp", KIND_TEXT },
		{ "SIGNAL", "signal", KIND_TEXT }, { "COUNT", "count", KIND_NUMBER },
		{ "EXAMPLE", "example", KIND_REST }, { NULL, NULL, KIND_END } };
	const json_t *event;
	size_t index;

	json_array_foreach(message, index, event)
	{
		const json_t *app = json_object_get(event, "wiretag");

		printf("%s runs %s: %s\n", string_of(app, "ip"), string_of(app, "app"),
				string_of(app, "confidence"));
		if (string_of(app, "version")[0] != '\0')
			printf("version %s\n", string_of(app, "version"));
		if (string_of(app, "platform")[0] != '\0')
			printf("platform %s\n", string_of(app, "platform"));
		if (string_of(app, "uhash")[0] != '\0')
			printf("user hash %s\n", string_of(app, "uhash"));
		if (string_of(app, "first_start")[0] != '\0')
			printf("first start %s\n", string_of(app, "first_start"));
		if (number_of(app, "port") != 0)
			printf("port %" JSON_INTEGER_FORMAT "\n", number_of(app, "port"));
		if (json_is_true(json_object_get(app, "super_node")))
			puts("a super node");
		if (json_array_size(json_object_get(app, "steps")) > 0)
			print_table(steps, json_object_get(app, "steps"));
		print_table(evidence, json_object_get(app, "evidence"));
	}
}

void print_reopen(const json_t *)
{
	puts("Events go on in a new file.");
}

void print_reload(const json_t *message)
{
	const json_t *rules = json_object_get(message, "rules");

	if (rules != NULL)
		printf("%" JSON_INTEGER_FORMAT " rules in force\n", json_integer_value(rules));
}
