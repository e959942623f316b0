// SPDX-License-Identifier: BSD-3-Clause
// wiretagctl: asks a running wiretag over its control socket.
#include "dial.h"
#include "request.h"
#include "save.h"
#include "show.h"
#include "table.h"
#include "top.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	GIVEN_MAX = 32, // options on a command line
	HELP_COLUMN = 20,
	LIMIT_USUAL = 1000,
};

struct command {
	const char *name, *argument, *help;
	const char *options; // letters of those that it takes besides --json
	const char *value; // what its own argument is called; NULL: it has none
	int (*run)(const struct request *request); // NULL: asks once and shows the answer
	bool has_limit; // of LIMIT_USUAL rows, unless another is given
	const char *list; // where the rows are in the answer; NULL: it is the list
	void (*print)(const json_t *message); // NULL: a table of the columns
	struct column columns[COLUMNS_MAX];
};

static const struct command commands[] = {
	{ "status", "", "whether it runs well, and the totals", .print = print_status },
	{ "ports", "", "ports as their devices count",
			.columns = { { "PORT", "name", KIND_TEXT }, { "PAIR", "pair", KIND_TEXT },
					{ "SIDE", "side", KIND_TEXT }, { "UP", "up", KIND_YES },
					{ "HELD", "held", KIND_YES },
					{ "CHANGES", "link_changes", KIND_NUMBER },
					{ "RX PACKETS", "rx_packets", KIND_NUMBER },
					{ "RX", "rx_bytes", KIND_BYTES },
					{ "MISSED", "rx_missed", KIND_NUMBER },
					{ "TX PACKETS", "tx_packets", KIND_NUMBER },
					{ "TX", "tx_bytes", KIND_BYTES },
					{ "DEVICE", "device", KIND_REST } } },
	{ "pairs", "", "the books of each pair, by direction",
			.columns = { { "PAIR", "pair", KIND_TEXT }, { "FROM", "from", KIND_TEXT },
					{ "TO", "to", KIND_TEXT },
					{ "RECEIVED", "received", KIND_NUMBER },
					{ "BYTES", "bytes", KIND_BYTES },
					{ "FORWARDED", "forwarded", KIND_NUMBER },
					{ "DROPPED", "dropped", KIND_NUMBER },
					{ "INSPECTED", "inspected", KIND_NUMBER },
					{ "PAST", "past", KIND_NUMBER },
					{ "UNINSPECTED", "uninspected", KIND_NUMBER } } },
	{ "workers", "", "workers and how busy they have been",
			.columns = { { "LCORE", "lcore", KIND_NUMBER },
					{ "NUMA", "numa", KIND_NUMBER },
					{ "STATE", "state", KIND_TEXT },
					{ "STALLS", "stalls", KIND_NUMBER },
					{ "BUSY", "busy_cycles", KIND_SHARE, "cycles" },
					{ "PACKETS", "packets", KIND_NUMBER },
					{ "FLOWS", "flows", KIND_NUMBER },
					{ "POLLED MS AGO", "polled_ms_ago", KIND_NUMBER },
					{ "EVIDENCE LOST", "evidence_lost", KIND_NUMBER } } },
	{ "apps", "", "applications and what happens to their packets",
			.columns = { { "APPLICATION", "app", KIND_TEXT },
					{ "FLOWS", "flows", KIND_NUMBER },
					{ "PACKETS", "packets", KIND_NUMBER },
					{ "BYTES", "bytes", KIND_BYTES },
					{ "POLICY", "action", KIND_REST } } },
	{ "hosts", "", "hosts and what they run", .list = "hosts",
			.columns = { { "HOST", "ip", KIND_TEXT },
					{ "APPLICATION", "app", KIND_TEXT },
					{ "CONFIDENCE", "confidence", KIND_TEXT },
					{ "PORT", "port", KIND_NUMBER },
					{ "VERSION", "version", KIND_TEXT },
					{ "SUPER NODE", "super_node", KIND_YES },
					{ "EVIDENCE", "evidence", KIND_NUMBER },
					{ "LAST", "last", KIND_REST } } },
	{ "host", "IP", "all that is known of a host, with the evidence", .value = "ip",
			.print = print_host },
	{ "flows", "[--host IP] [--app NAME] [--limit N]",
			"live flows, as workers have them; 1000 unless more are asked for",
			.options = "HAL", .list = "flows", .has_limit = true,
			.columns = { { "FLOW", "flow_id", KIND_ID },
					{ "PROTO", "proto", KIND_TEXT },
					{ "FROM", "src_ip", KIND_TEXT },
					{ "PORT", "src_port", KIND_ID },
					{ "TO", "dest_ip", KIND_TEXT },
					{ "PORT", "dest_port", KIND_ID },
					{ "APPLICATION", "wiretag.app", KIND_TEXT },
					{ "CONFIDENCE", "wiretag.confidence", KIND_TEXT },
					{ "SENT", "flow.bytes_toserver", KIND_BYTES },
					{ "RECEIVED", "flow.bytes_toclient", KIND_BYTES },
					{ "SINCE", "flow.start", KIND_REST } } },
	{ "tables", "", "the flow table of each worker",
			.columns = { { "LCORE", "lcore", KIND_NUMBER },
					{ "FLOWS", "flows", KIND_NUMBER },
					{ "FULL", "flows", KIND_SHARE, "capacity" },
					{ "CREATED", "created", KIND_NUMBER },
					{ "TIMEOUT", "timeout", KIND_NUMBER },
					{ "CLOSED", "closed", KIND_NUMBER },
					{ "REUSED", "reused", KIND_NUMBER },
					{ "EVICTED", "evicted", KIND_NUMBER },
					{ "REFUSED", "refused", KIND_NUMBER } } },
	{ "rules", "", "rules, best first, and how often they matched", .list = "rules",
			.columns = { { "ID", "id", KIND_NUMBER },
					{ "APPLICATION", "app", KIND_TEXT },
					{ "CONFIDENCE", "confidence", KIND_TEXT },
					{ "POLICY", "action", KIND_TEXT },
					{ "MATCHES", "matches", KIND_NUMBER },
					{ "PLACE", "place", KIND_TEXT },
					{ "NOTE", "note", KIND_REST } } },
	{ "drops", "", "packets that were dropped or not inspected, by reason",
			.columns = { { "REASON", "reason", KIND_TEXT },
					{ "DROPPED", "dropped", KIND_YES },
					{ "PACKETS", "packets", KIND_NUMBER },
					{ "WHY", "help", KIND_REST } } },
	{ "reload", "[--wait]",
			"take over rules and policy; --wait: until all workers follow, or say what is wrong",
			.options = "w", .print = print_reload },
	{ "reopen", "", "open the file of events anew, after it was renamed",
			.print = print_reopen },
	{ "capture", "[--host IP] [--flow ID] [--app NAME] [--packets N] [--seconds S] FILE",
			"write packets to FILE (-: standard output), as pcapng, until Ctrl-C or a limit",
			.options = "HFAPS", .value = "file", .run = save_run },
	{ "top", "[-b] [-n N]",
			"watch it live; -b: a line each second, for logs; -n: N times, then end",
			.options = "bn", .run = top_run },
};

enum {
	COMMANDS = sizeof(commands) / sizeof(commands[0])
};

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static json_t *request_page(const struct request *r, const char *name, json_int_t first)
{
	json_t *arguments = json_copy(r->arguments);

	json_object_set_new(arguments, "first", json_integer(first));
	return json_pack("{s:s, s:o}", "command", name, "arguments", arguments);
}

// To `limit` elements, if there is a limit.
static void cut(json_t *list, json_int_t limit)
{
	while (limit > 0 && (json_int_t)json_array_size(list) > limit)
		json_array_remove(list, json_array_size(list) - 1);
}

// The message of all pages, and the exit status; NULL after a message.
static json_t *fetch(
		FILE *stream, const struct request *r, const struct command *command, int *status)
{
	const json_int_t limit = command->has_limit && r->limit == 0 ? LIMIT_USUAL : r->limit;
	json_t *whole = json_array();
	json_int_t first = 0;

	do {
		json_t *message =
				ask_message(stream, request_page(r, command->name, first), status);

		if (message == NULL || command->list == NULL) {
			json_decref(whole);
			return message;
		}
		json_array_extend(whole, json_object_get(message, command->list));
		first = number_of(message, "next");
		json_decref(message);
	} while (first != 0 && (limit == 0 || (json_int_t)json_array_size(whole) < limit));
	cut(whole, limit);
	return whole;
}

static int run(const struct request *r, const struct command *command)
{
	FILE *stream = dial(r->socket);
	json_t *message;
	int status;

	if (stream == NULL) {
		dial_complain(r->socket);
		return EXIT_HOST;
	}
	message = fetch(stream, r, command, &status);
	fclose(stream);
	if (message == NULL)
		return status;
	if (r->is_json) {
		json_dumpf(message, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (command->print != NULL) {
		command->print(message);
	} else {
		print_table(command->columns, message);
	}
	json_decref(message);
	return fflush(stdout) == 0 ? status : EXIT_HOST;
}

static void print_usage(FILE *stream)
{
	fputs("usage: wiretagctl [-s SOCKET] [--json] COMMAND\n\n", stream);
	for (int i = 0; i < COMMANDS; i++) {
		int width = fprintf(stream, "  %s %s", commands[i].name, commands[i].argument);

		if (width < HELP_COLUMN)
			fprintf(stream, "%*s%s\n", HELP_COLUMN - width, "", commands[i].help);
		else
			fprintf(stream, "\n%*s%s\n", HELP_COLUMN, "", commands[i].help);
	}
	fprintf(stream,
			"\n  -s SOCKET         the control socket (%s)\n"
			"  --json            the answer as JSON\n"
			"\nexit status: 0 done, 1 refused, 2 usage, 3 nobody answers\n",
			default_socket());
}

// A number above 0; else 0.
static json_int_t parse_count(const char *text)
{
	char *end;
	long long number = strtoll(text, &end, 10);

	return *end != '\0' || number <= 0 ? 0 : number;
}

static bool set_count(json_t *arguments, const char *name, const char *value)
{
	json_int_t count = parse_count(value);

	return count > 0 && json_object_set_new(arguments, name, json_integer(count)) == 0;
}

// What an option says; false when that makes no sense.
static bool take_option(struct request *r, int option, const char *value)
{
	switch (option) {
	case 's':
		r->socket = value;
		return true;
	case 'j':
		r->is_json = true;
		return true;
	case 'w':
		return json_object_set_new(r->arguments, "wait", json_true()) == 0;
	case 'b':
		r->is_batch = true;
		return true;
	case 'n':
		r->count = parse_count(value);
		return r->count > 0;
	case 'H':
		return json_object_set_new(r->arguments, "ip", json_string(value)) == 0;
	case 'A':
		return json_object_set_new(r->arguments, "app", json_string(value)) == 0;
	case 'F':
		return set_count(r->arguments, "flow", value);
	case 'L':
		r->limit = parse_count(value);
		return r->limit > 0;
	case 'P':
		return set_count(r->arguments, "packets", value);
	case 'S':
		return set_count(r->arguments, "seconds", value);
	default:
		return false;
	}
}

// The command and its own argument, NULL when they make no sense with the options in `given`.
static const struct command *take_command(
		int argc, char **argv, struct request *r, const char *given)
{
	const struct command *command = argc > 0 ? find_command(argv[0]) : NULL;
	if (argc > 0 && command == NULL)
		fprintf(stderr, "wiretagctl: there is no command '%s'\n", argv[0]);
	if (command == NULL)
		return NULL;
	if (argc != 1 + (command->value != NULL))
		return NULL;
	if (argc > 1)
		json_object_set_new(r->arguments, command->value, json_string(argv[1]));
	for (; *given != '\0'; given++) {
		if (command->options == NULL || strchr(command->options, *given) == NULL)
			return NULL;
	}
	return command;
}

// NULL after what is wrong, or what was asked for, is shown, with the exit status.
static const struct command *parse(int argc, char **argv, struct request *r, int *status)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' }, { "wait", no_argument, NULL, 'w' },
		{ "batch", no_argument, NULL, 'b' }, { "host", required_argument, NULL, 'H' },
		{ "app", required_argument, NULL, 'A' }, { "flow", required_argument, NULL, 'F' },
		{ "packets", required_argument, NULL, 'P' },
		{ "limit", required_argument, NULL, 'L' },
		{ "seconds", required_argument, NULL, 'S' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	const struct command *command;
	char given[GIVEN_MAX] = "";
	bool is_good = true;

	*status = EXIT_USAGE;
	for (int option; is_good &&
			(option = getopt_long(argc, argv, "s:bn:h", options, NULL)) != -1;) {
		if (option == 'h') {
			print_usage(stdout);
			*status = EXIT_DONE;
			return NULL;
		}
		is_good = take_option(r, option, optarg) && strlen(given) + 1 < sizeof(given);
		if (is_good && option != 's' && option != 'j')
			given[strlen(given)] = option;
	}
	command = is_good ? take_command(argc - optind, argv + optind, r, given) : NULL;
	if (command == NULL)
		print_usage(stderr);
	return command;
}

int main(int argc, char **argv)
{
	struct request r = { .socket = default_socket(), .arguments = json_object() };
	const struct command *command;
	int status;

	signal(SIGPIPE, SIG_IGN);
	command = parse(argc, argv, &r, &status);
	if (command != NULL)
		status = command->run != NULL ? command->run(&r) : run(&r, command);
	json_decref(r.arguments);
	return status;
}
