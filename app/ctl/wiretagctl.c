// SPDX-License-Identifier: BSD-3-Clause
// wiretagctl: asks a running wiretag over its control socket.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EXIT_DONE = 0,
	EXIT_INPUT = 1, // what was asked, or the configuration, is at fault
	EXIT_USAGE = 2,
	EXIT_HOST = 3, // nobody answers
};

enum {
	COLUMNS_MAX = 12,
	CELL_BYTES = 64,
	TEXT_MAX = 60, // characters of a text in a table
};

enum kind {
	KIND_END,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_BYTES,
	KIND_YES, // or no
	KIND_SHARE, // of another number, in percent
	KIND_REST, // text, the last column, whole
};

struct column {
	const char *title, *key;
	enum kind kind;
	const char *of;
};

struct command {
	const char *name, *argument, *help;
	const char *list; // where the rows are in the answer; NULL: it is the list
	void (*print)(const json_t *message); // NULL: a table of the columns
	struct column columns[COLUMNS_MAX];
};

static void print_status(const json_t *message);
static void print_host(const json_t *message);
static void print_reload(const json_t *message);

static const struct command commands[] = {
	{ "status", "", "whether it runs well, and the totals", .print = print_status },
	{ "ports", "", "ports as their devices count",
			.columns = { { "PORT", "name", KIND_TEXT }, { "PAIR", "pair", KIND_TEXT },
					{ "SIDE", "side", KIND_TEXT }, { "UP", "up", KIND_YES },
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
	{ "host", "IP", "all that is known of a host, with the evidence", .print = print_host },
	{ "flows", "", "the flow table of each worker",
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
			.print = print_reload },
};

enum {
	COMMANDS = sizeof(commands) / sizeof(commands[0])
};

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

// 1234567 as 1,234,567.
static void format_number(char cell[CELL_BYTES], json_int_t number)
{
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, number), out = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
			cell[out++] = ',';
		cell[out++] = digits[i];
	}
	cell[out] = '\0';
}

static void format_bytes(char cell[CELL_BYTES], json_int_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double number = bytes;
	unsigned unit = 0;

	for (; number >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		number /= 1000;
	snprintf(cell, CELL_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

static void format_cell(char cell[CELL_BYTES], const struct column *column, const json_t *row)
{
	const json_t *value = json_object_get(row, column->key);
	json_int_t of;

	switch (column->kind) {
	case KIND_NUMBER:
		format_number(cell, json_integer_value(value));
		break;
	case KIND_BYTES:
		format_bytes(cell, json_integer_value(value));
		break;
	case KIND_YES:
		snprintf(cell, CELL_BYTES, "%s",
				json_is_true(value) || json_integer_value(value) != 0 ? "yes" :
											"no");
		break;
	case KIND_SHARE:
		of = number_of(row, column->of);
		snprintf(cell, CELL_BYTES, "%.1f %%",
				of == 0 ? 0.0 : 100.0 * json_integer_value(value) / of);
		break;
	default:
		snprintf(cell, CELL_BYTES, "%.*s", TEXT_MAX, string_of(row, column->key));
	}
}

static bool is_left(enum kind kind)
{
	return kind == KIND_TEXT || kind == KIND_YES || kind == KIND_REST;
}

static void print_cell(const struct column *column, const char *text, int width)
{
	if (column->kind == KIND_REST)
		fputs(text, stdout);
	else
		printf("%*s", is_left(column->kind) ? -width : width, text);
	putchar(column[1].kind == KIND_END ? '\n' : ' ');
	if (column[1].kind != KIND_END)
		putchar(' ');
}

static void print_table(const struct column *columns, const json_t *rows)
{
	int widths[COLUMNS_MAX] = { 0 };
	char cell[CELL_BYTES];
	const json_t *row;
	size_t index;

	for (int i = 0; columns[i].kind != KIND_END; i++) {
		widths[i] = strlen(columns[i].title);
		json_array_foreach(rows, index, row)
		{
			format_cell(cell, &columns[i], row);
			if ((int)strlen(cell) > widths[i])
				widths[i] = strlen(cell);
		}
	}
	for (int i = 0; columns[i].kind != KIND_END; i++)
		print_cell(&columns[i], columns[i].title, widths[i]);
	json_array_foreach(rows, index, row)
	{
		for (int i = 0; columns[i].kind != KIND_END; i++) {
			format_cell(cell, &columns[i], row);
			print_cell(&columns[i],
					columns[i].kind == KIND_REST ?
							string_of(row, columns[i].key) :
							cell,
					widths[i]);
		}
	}
}

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

static void print_status(const json_t *message)
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

static void print_host(const json_t *message)
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
		if (number_of(app, "port") != 0)
			printf("port %" JSON_INTEGER_FORMAT "\n", number_of(app, "port"));
		if (json_is_true(json_object_get(app, "super_node")))
			puts("a super node");
		if (json_array_size(json_object_get(app, "steps")) > 0)
			print_table(steps, json_object_get(app, "steps"));
		print_table(evidence, json_object_get(app, "evidence"));
	}
}

static void print_reload(const json_t *message)
{
	const json_t *rules = json_object_get(message, "rules");

	if (rules != NULL)
		printf("%" JSON_INTEGER_FORMAT " rules in force\n", json_integer_value(rules));
}

static const char *default_socket(void)
{
	static char path[108];
	const char *given = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");

	if (given != NULL && given[0] != '\0') {
		snprintf(path, sizeof(path), "%.*s/control.sock", (int)strcspn(given, ":"), given);
		return path;
	}
	snprintf(path, sizeof(path), "/run/wiretag/control.sock");
	if (access(path, F_OK) != 0 && geteuid() != 0 && user != NULL)
		snprintf(path, sizeof(path), "%s/wiretag/control.sock", user);
	return path;
}

// A stream to the socket; NULL after a message.
static FILE *dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "wiretagctl: %s: the path is too long\n", path);
		return NULL;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fdopen(fd, "r");
	fprintf(stderr, "wiretagctl: %s: %s; %s\n", path, strerror(errno),
			errno == EACCES ? "may this user? Try sudo, or join its group" :
					  "does wiretag run? -s names another socket");
	return NULL;
}

// The answer to a request, which is released; NULL after a message.
static json_t *ask(FILE *stream, json_t *request)
{
	json_error_t error;
	json_t *answer = NULL;

	// Only answers are read through the stream.
	if (json_dumpfd(request, fileno(stream), JSON_COMPACT) == 0 &&
			write(fileno(stream), "\n", 1) == 1)
		answer = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
	json_decref(request);
	if (answer == NULL)
		fprintf(stderr, "wiretagctl: no answer\n");
	return answer;
}

static void print_refusal(const json_t *answer)
{
	const json_t *message = json_object_get(answer, "message"), *line;
	size_t index;

	if (json_is_string(message))
		fprintf(stderr, "wiretagctl: %s\n", json_string_value(message));
	json_array_foreach(message, index, line) fprintf(stderr, "%s\n", json_string_value(line));
}

struct request {
	const struct command *command;
	const char *ip; // NULL: none
	bool is_waiting, is_json;
};

static json_t *request_page(const struct request *r, json_int_t first)
{
	json_t *arguments = json_pack("{s:I}", "first", first);

	if (r->ip != NULL)
		json_object_set_new(arguments, "ip", json_string(r->ip));
	if (r->is_waiting)
		json_object_set_new(arguments, "wait", json_true());
	return json_pack("{s:s, s:o}", "command", r->command->name, "arguments", arguments);
}

// The message of all pages, and the exit status; NULL after a message.
static json_t *fetch(FILE *stream, const struct request *r, int *status)
{
	const char *list = r->command->list;
	json_t *whole = list == NULL ? NULL : json_array();
	json_int_t first = 0;

	for (;;) {
		json_t *answer = ask(stream, request_page(r, first));
		json_t *message = json_object_get(answer, "message");

		*status = answer == NULL ? EXIT_HOST : EXIT_INPUT;
		if (strcmp(string_of(answer, "return"), "OK") != 0) {
			print_refusal(answer);
			json_decref(answer);
			json_decref(whole);
			return NULL;
		}
		*status = EXIT_DONE;
		if (list == NULL) {
			whole = json_incref(message);
			json_decref(answer);
			return whole;
		}
		json_array_extend(whole, json_object_get(message, list));
		first = number_of(message, "next");
		json_decref(answer);
		if (first == 0)
			return whole;
	}
}

static int run(const char *path, const struct request *r)
{
	FILE *stream = dial(path);
	json_t *message;
	int status;

	if (stream == NULL)
		return EXIT_HOST;
	signal(SIGPIPE, SIG_IGN);
	message = fetch(stream, r, &status);
	fclose(stream);
	if (message == NULL)
		return status;
	if (r->is_json) {
		json_dumpf(message, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (r->command->print != NULL) {
		r->command->print(message);
	} else {
		print_table(r->command->columns, message);
	}
	json_decref(message);
	return fflush(stdout) == 0 ? status : EXIT_HOST;
}

static void print_usage(FILE *stream)
{
	fputs("usage: wiretagctl [-s SOCKET] [--json] COMMAND\n\n", stream);
	for (int i = 0; i < COMMANDS; i++) {
		int width = fprintf(stream, "  %s %s", commands[i].name, commands[i].argument);

		fprintf(stream, "%*s%s\n", 20 - width, "", commands[i].help);
	}
	fprintf(stream,
			"\n  -s SOCKET         the control socket (%s)\n"
			"  --json            the answer as JSON\n"
			"\nexit status: 0 done, 1 refused, 2 usage, 3 nobody answers\n",
			default_socket());
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

// The command and its own argument; false when they make no sense.
static bool take_command(int argc, char **argv, struct request *r)
{
	bool has_ip;

	if (argc == 0)
		return false;
	r->command = find_command(argv[0]);
	if (r->command == NULL) {
		fprintf(stderr, "wiretagctl: there is no command '%s'\n", argv[0]);
		return false;
	}
	has_ip = strcmp(r->command->name, "host") == 0;
	if (has_ip && argc > 1)
		r->ip = argv[1];
	return argc == 1 + has_ip && (!r->is_waiting || strcmp(r->command->name, "reload") == 0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' }, { "wait", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *path = default_socket();
	struct request r = { 0 };

	for (int option; (option = getopt_long(argc, argv, "s:h", options, NULL)) != -1;) {
		if (option == 's')
			path = optarg;
		else if (option == 'j')
			r.is_json = true;
		else if (option == 'w')
			r.is_waiting = true;
		else {
			print_usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? EXIT_DONE : EXIT_USAGE;
		}
	}
	if (!take_command(argc - optind, argv + optind, &r)) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(path, &r);
}
