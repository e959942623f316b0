// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include "decode/decode.h"
#include "fail.h"
#include "options_files.h"
#include "options_ports.h"
#include "options_table.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_BYTES = 64, // a dotted key, longer than any in the table
};

static void *field(struct options *options, const struct option *option)
{
	return (char *)options + option->offset;
}

static bool is_word(const struct option *option, const struct yaml_node *node)
{
	return option->word != NULL && yaml_kind(node) == YAML_SCALAR &&
			strcmp(yaml_text(node), option->word) == 0;
}

static void parse_number(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	unsigned long number = OPTIONS_AUTO;

	if (is_word(option, node) ||
			yaml_number(complaints, node, option->low, option->high, &number))
		*(uint32_t *)field(options, option) = number;
}

// Milliseconds of "250ms", "30s", "5m", "1h" or "30"; ULONG_MAX when it is none of these.
static unsigned long duration_ms(const char *text)
{
	static const struct {
		const char *unit;
		unsigned long ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	unsigned long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return ULONG_MAX;
	number = strtoul(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0 && number < UINT32_MAX)
			return number * units[i].ms;
	}
	return ULONG_MAX;
}

static void parse_duration(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	unsigned long ms;

	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return;
	ms = duration_ms(yaml_text(node));
	if (ms >= option->low && ms <= option->high)
		*(uint32_t *)field(options, option) = ms;
	else
		yaml_complain(complaints, node,
				"a time from %lus to %luh with ms, s, m or h, not '%s'",
				option->low / 1000, option->high / 3600000, yaml_text(node));
}

static void parse_word(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return;
	for (unsigned i = 0; option->words[i] != NULL; i++) {
		if (strcmp(option->words[i], yaml_text(node)) == 0) {
			*(uint32_t *)field(options, option) = i;
			return;
		}
	}
	yaml_complain_word(complaints, node, option->key, option->words);
}

// Of a node that names tunnels, the bits of those that it leaves out.
static void parse_tunnels(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	const char *names[DECODE_TUNNELS_MAX + 1] = { NULL };
	uint32_t off = 0;

	for (unsigned i = 0; (names[i] = decode_tunnel_name(i)) != NULL; i++)
		off |= decode_tunnel(names[i]);
	if (is_word(option, node)) {
		*(uint32_t *)field(options, option) = 0;
		return;
	}
	if (yaml_kind(node) == YAML_SCALAR) {
		if (strcmp(yaml_text(node), "none") != 0)
			yaml_complain(complaints, node, "a list of tunnels, all or none, not '%s'",
					yaml_text(node));
	} else if (!yaml_expect(complaints, node, YAML_LIST)) {
		return;
	}
	for (unsigned i = 0; i < yaml_count(node); i++) {
		const struct yaml_node *item = yaml_item(node, i);

		if (decode_tunnel(yaml_text(item)) == 0)
			yaml_complain_word(complaints, item, "tunnel", names);
		off &= ~decode_tunnel(yaml_text(item));
	}
	*(uint32_t *)field(options, option) = off;
}

static void parse_text(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	const char **text = field(options, option);

	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return;
	if (yaml_text(node)[0] == '\0')
		yaml_complain(complaints, node, "%s must not be empty", option->key);
	else
		*text = is_word(option, node) ? NULL : yaml_text(node);
}

static void parse_prefix(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	parse_text(options, option, node, complaints);
	if (strchr(yaml_text(node), '/') != NULL)
		yaml_complain(complaints, node, "a file prefix has no /, not '%s'",
				yaml_text(node));
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port <= 65535;
}

// "127.0.0.1:9932", "[::1]:9932" or "unix:/run/wiretag/metrics.sock".
static bool is_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[64], address[16];
	size_t length;

	if (strncmp(text, "unix:", 5) == 0)
		return text[5] != '\0';
	if (colon == NULL || !is_port(colon + 1) || colon - text >= (int)sizeof(host))
		return false;
	length = colon - text;
	if (text[0] != '[') {
		snprintf(host, sizeof(host), "%.*s", (int)length, text);
		return inet_pton(AF_INET, host, address) == 1;
	}
	if (length < 3 || text[length - 1] != ']')
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)length - 2, text + 1);
	return inet_pton(AF_INET6, host, address) == 1;
}

static void parse_listen(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	if (is_word(option, node) || yaml_kind(node) != YAML_SCALAR || is_listen(yaml_text(node)))
		parse_text(options, option, node, complaints);
	else
		yaml_complain(complaints, node,
				"an address is 127.0.0.1:9932, [::1]:9932, unix:/path or off, "
				"not '%s'",
				yaml_text(node));
}

static void parse_node(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	if (yaml_expect(complaints, node, option->kind))
		*(const struct yaml_node **)field(options, option) = node;
}

static bool has_cpu(const struct options *options, unsigned long cpu)
{
	for (unsigned i = 0; i < options->cpu_count; i++) {
		if (options->cpus[i] == cpu)
			return true;
	}
	return false;
}

static void parse_cpus(struct options *options, const struct option *option,
		const struct yaml_node *node, struct complaints *complaints)
{
	unsigned long cpu;

	options->cpu_count = 0;
	if (is_word(option, node) || !yaml_expect(complaints, node, YAML_LIST))
		return;
	if (yaml_count(node) > OPTIONS_WORKERS_MAX)
		yaml_complain(complaints, node, "more than %d CPUs", OPTIONS_WORKERS_MAX);
	for (unsigned i = 0; i < yaml_count(node) && i < OPTIONS_WORKERS_MAX; i++) {
		const struct yaml_node *item = yaml_item(node, i);

		if (!yaml_number(complaints, item, option->low, option->high, &cpu))
			continue;
		if (has_cpu(options, cpu))
			yaml_complain(complaints, item, "CPU %lu is there twice", cpu);
		else
			options->cpus[options->cpu_count++] = cpu;
	}
}

static const char *const memory_words[] = { "auto", "hugepages", "none", NULL };
static const char *const spread_words[] = { "ports", "addresses", NULL };
static const char *const mode_words[] = { "inline", "tap", "monitor", NULL };
static const char *const fail_words[] = { "open", "closed", NULL };
static const char *const overload_words[] = { "off", "auto", "shed", NULL };
static const char *const switch_words[] = { "off", "on", NULL };
static const char *const level_words[] = { "emergency", "alert", "critical", "error", "warning",
	"notice", "info", "debug", NULL };

#define FIELD(name) offsetof(struct options, name)
#define SECONDS(n) ((n)*1000UL)
#define HOURS(n) SECONDS((n)*3600UL)

static const struct option table[] = {
	{ "include", parse_node, FIELD(includes), .kind = YAML_LIST, .fallback = "[]",
			.range = "list of files and patterns", .is_runtime = true,
			.names_files = true,
			.help = "further files with keys; what is read last counts" },
	{ "ports", parse_node, FIELD(ports_map), .kind = YAML_MAP, .fallback = "{}",
			.range = "name: device",
			.help = "a name for each port, and its device: a PCI address, a virtual device or mac:" },
	{ "pairs", parse_node, FIELD(pairs_list), .kind = YAML_LIST, .fallback = "[]",
			.range = "list of {name, inside, outside}",
			.help = "which two ports are one wire; each port is in exactly one pair" },
	{ "workers", parse_number, FIELD(workers), 1, OPTIONS_WORKERS_MAX, .word = "auto",
			.fallback = "auto",
			.help = "threads that forward; each takes one CPU and one queue of every port" },
	{ "spread", parse_word, FIELD(spread), .words = spread_words, .fallback = "ports",
			.help = "over workers by addresses and ports, or by addresses alone: then fragments meet the rest of their flow" },
	{ "lcores.workers", parse_cpus, FIELD(cpus), 0, 1023, .word = "auto", .fallback = "auto",
			.range = "auto or list of CPUs",
			.help = "the CPUs of the workers, in order" },
	{ "lcores.manager", parse_number, FIELD(manager_cpu), 0, 1023, .word = "auto",
			.fallback = "auto",
			.help = "the CPU of everything else, which mostly sleeps" },
	{ "mode", parse_word, FIELD(mode), .words = mode_words, .fallback = "inline",
			.is_runtime = true,
			.help = "inline: do what policy says; tap: forward everything untouched and count what would have been done; monitor: count and forward nothing" },
	{ "fail.malformed", parse_word, FIELD(fail.malformed), .words = fail_words,
			.fallback = "open", .is_runtime = true,
			.help = "packets whose headers are cut short or contradict each other; closed: dropped" },
	{ "fail.no_flow", parse_word, FIELD(fail.no_flow), .words = fail_words, .fallback = "open",
			.is_runtime = true,
			.help = "packets of flows that the table has no room for" },
	{ "fail.depth", parse_word, FIELD(fail.depth), .words = fail_words, .fallback = "open",
			.is_runtime = true,
			.help = "packets with more nested headers than are followed" },
	{ "overload", parse_word, FIELD(overload), .words = overload_words, .fallback = "auto",
			.is_runtime = true,
			.help = "look at less when too much comes: shed; auto: but not from files" },
	{ "mtu", parse_number, FIELD(mtu), 64, 9600, .fallback = "1500",
			.help = "largest IP packet in bytes; VLAN tags come on top" },
	{ "link_propagation", parse_word, FIELD(link_propagation), .words = switch_words,
			.fallback = "on",
			.help = "while one port of a pair has no link, the other is held down too" },
	{ "flows.capacity", parse_number, FIELD(flows_capacity), 8, 1 << 27, .fallback = "1048576",
			.help = "flows that one worker can follow at the same time, about 96 bytes each" },
	{ "flows.timeouts.half_open", parse_duration, FIELD(timeouts.half_open_ms), SECONDS(1),
			HOURS(4), .fallback = "30s", .help = "TCP without an answer" },
	{ "flows.timeouts.established", parse_duration, FIELD(timeouts.established_ms), SECONDS(1),
			HOURS(4), .fallback = "10m",
			.help = "TCP with packets in both directions" },
	{ "flows.timeouts.closed", parse_duration, FIELD(timeouts.closed_ms), SECONDS(1), HOURS(4),
			.fallback = "10s", .help = "TCP after both ends closed, or a reset" },
	{ "flows.timeouts.datagram", parse_duration, FIELD(timeouts.datagram_ms), SECONDS(1),
			HOURS(4), .fallback = "200s",
			.help = "all but TCP, with packets in one direction" },
	{ "flows.timeouts.dialogue", parse_duration, FIELD(timeouts.dialogue_ms), SECONDS(1),
			HOURS(4), .fallback = "200s",
			.help = "all but TCP, with packets in both directions" },
	{ "hosts.capacity", parse_number, FIELD(hosts_capacity), 1, 1 << 20, .fallback = "16384",
			.help = "hosts that can be known at the same time" },
	{ "hosts.expiry", parse_duration, FIELD(hosts_expiry_ms), SECONDS(1), HOURS(720),
			.fallback = "10m", .help = "a host without new evidence is forgotten" },
	{ "hosts.backbone", parse_word, FIELD(hosts_backbone), .words = switch_words,
			.fallback = "off",
			.help = "a host is certain only after two certain facts, for large links" },
	{ "inspect.packets", parse_number, FIELD(inspect_packets), 1, 65535, .fallback = "8",
			.help = "packets with payload that are inspected, each direction of a flow" },
	{ "inspect.bytes", parse_number, FIELD(inspect_bytes), 1, 65535, .fallback = "8192",
			.help = "bytes of payload that are inspected, each direction of a flow" },
	{ "inspect.stream_bytes", parse_number, FIELD(inspect_stream_bytes), 1, 16384,
			.fallback = "16384",
			.help = "bytes of TCP that are inspected, each direction; bodies are not counted" },
	{ "inspect.quic_packets", parse_number, FIELD(inspect_quic_packets), 0, 1000000,
			.fallback = "8000",
			.help = "first packets of QUIC connections that one worker decrypts each second, 5 to 10 us each" },
	{ "decode.tunnels", parse_tunnels, FIELD(tunnels_off), .word = "all", .fallback = "all",
			.range = "list of tunnels, all or none",
			.help = "what is looked into: mpls pppoe ip-in-ip gre vxlan geneve gtp-u teredo" },
	{ "fragments.capacity", parse_number, FIELD(fragments_capacity), 1, 1 << 20,
			.fallback = "512",
			.help = "fragmented packets that one worker can put together at the same time, 18 KiB each" },
	{ "streams.capacity", parse_number, FIELD(streams_capacity), 1, 1 << 24,
			.fallback = "16384",
			.help = "TCP connections whose bytes one worker can read at the same time, 136 bytes each" },
	{ "streams.small_buffers", parse_number, FIELD(streams_small_buffers), 0, 1 << 24,
			.fallback = "4096",
			.help = "of one worker, for messages that come in parts, about 2 KiB each" },
	{ "streams.large_buffers", parse_number, FIELD(streams_large_buffers), 0, 1 << 24,
			.fallback = "256",
			.help = "of one worker, for longer ones, about 36 KiB each" },
	{ "metrics.listen", parse_listen, FIELD(metrics_listen), .word = "off",
			.fallback = "127.0.0.1:9932", .range = "address:port, unix:PATH or off",
			.help = "where Prometheus may ask for the metrics" },
	{ "metrics.web_config", parse_node, FIELD(metrics_web), .kind = YAML_SCALAR, .word = "off",
			.fallback = "off", .names_files = true, .range = "FILE or off",
			.help = "TLS and passwords for it, as Prometheus's exporters have them" },
	{ "metrics.xstats", parse_word, FIELD(metrics_xstats), .words = switch_words,
			.fallback = "off",
			.help = "show what the devices count besides, by their own names, some hundreds a port" },
	{ "telemetry", parse_word, FIELD(telemetry), .words = switch_words, .fallback = "on",
			.help = "the same numbers for dpdk-telemetry.py" },
	{ "control.socket", parse_text, FIELD(control_socket), .word = "off",
			.fallback = OPTIONS_SOCKET_AUTO, .range = "PATH, auto or off",
			.help = "where wiretagctl asks; auto: control.sock in the runtime directory" },
	{ "events.file", parse_text, FIELD(events_file), .word = "off", .fallback = "off",
			.range = "PATH, - or off",
			.help = "what happens, as JSON lines with Suricata's names; - is standard output" },
	{ "events.unix", parse_text, FIELD(events_unix), .word = "off", .fallback = "off",
			.range = "PATH or off",
			.help = "the same to the unix stream socket that a reader listens at" },
	{ "events.stats_interval", parse_duration, FIELD(events_stats_ms), SECONDS(1), HOURS(24),
			.fallback = "60s", .help = "time between two stats records" },
	{ "hooks.ready", parse_text, FIELD(hooks[HOOK_READY]), .word = "off", .fallback = "off",
			.range = "COMMAND or off",
			.help = "run when every port has link and every worker polls, as for a bypass switch" },
	{ "hooks.degraded", parse_text, FIELD(hooks[HOOK_DEGRADED]), .word = "off",
			.fallback = "off", .range = "COMMAND or off",
			.help = "run when that is no longer so" },
	{ "hooks.stopping", parse_text, FIELD(hooks[HOOK_STOPPING]), .word = "off",
			.fallback = "off", .range = "COMMAND or off",
			.help = "run before the end, while packets are still forwarded" },
	{ "hooks.timeout", parse_duration, FIELD(hooks_timeout_ms), SECONDS(1), HOURS(1),
			.fallback = "5s", .help = "what runs for longer is killed" },
	{ "dpdk.memory", parse_word, FIELD(memory), .words = memory_words, .fallback = "auto",
			.help = "take huge pages, do without them, or see whether enough are free" },
	{ "dpdk.mbufs", parse_number, FIELD(mbufs), 1024, 1 << 24, .word = "auto",
			.fallback = "auto",
			.help = "packet buffers on each NUMA node that has ports" },
	{ "dpdk.file_prefix", parse_prefix, FIELD(file_prefix), .fallback = "wiretag",
			.range = "a name",
			.help = "keeps DPDK programs on one host apart; names the telemetry socket" },
	{ "dpdk.log_level", parse_word, FIELD(log_level), .words = level_words, .fallback = "error",
			.help = "how much DPDK itself may say" },
	{ "dpdk.eal_params", parse_node, FIELD(eal_params), .kind = YAML_MAP, .fallback = "{}",
			.range = "parameter: value",
			.help = "further parameters of DPDK, without dashes" },
	{ "rule_files", parse_node, FIELD(rule_files), .kind = YAML_LIST, .fallback = "[]",
			.range = "list of files, directories and patterns", .is_runtime = true,
			.names_files = true, .help = "rules to load, relative to this file" },
	{ "rules", parse_node, FIELD(rules), .kind = YAML_LIST, .fallback = "[]",
			.range = "list of rules", .is_runtime = true, .help = "further rules" },
	{ "policy", parse_node, FIELD(policy), .kind = YAML_MAP, .fallback = "{default: forward}",
			.range = "application: action", .is_runtime = true,
			.help = "what happens to the packets of an application" },
};

enum {
	OPTION_COUNT = sizeof(table) / sizeof(table[0])
};
static_assert(OPTION_COUNT <= (int)OPTIONS_KEYS_MAX, "every key has a place for its value");

static const struct option *find_option(const char *key)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(table[i].key, key) == 0)
			return &table[i];
	}
	return NULL;
}

// Whether some key of the table goes on behind `prefix`, which is "" or ends in a dot.
static bool is_prefix(const char *prefix)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (strncmp(table[i].key, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

// A complaint that names the keys which may follow `prefix`.
static void complain_key(
		struct complaints *complaints, const struct yaml_node *key, const char *prefix)
{
	char words[OPTION_COUNT][KEY_BYTES];
	const char *list[OPTION_COUNT + 1] = { NULL };
	size_t skip = strlen(prefix);
	unsigned count = 0;

	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const char *word = table[i].key + skip;

		if (strncmp(table[i].key, prefix, skip) != 0)
			continue;
		snprintf(words[count], KEY_BYTES, "%.*s", (int)strcspn(word, "."), word);
		// Keys of one map stand together in the table.
		if (count > 0 && strcmp(words[count - 1], words[count]) == 0)
			continue;
		list[count] = words[count];
		count++;
	}
	yaml_complain_word(complaints, key, "key", list);
}

// Parses what is in a map whose keys follow `prefix`. As deep as the table's keys are dotted.
static void read_map(struct options *options, const struct yaml_node *map, const char *prefix,
		struct complaints *complaints)
{
	char key[KEY_BYTES], below[KEY_BYTES + 1];

	if (!yaml_expect(complaints, map, YAML_MAP))
		return;
	for (unsigned i = 0; i < yaml_count(map); i++) {
		const struct yaml_node *name = yaml_key(map, i), *value = yaml_value(map, i);
		const struct option *option;
		int length = snprintf(key, KEY_BYTES, "%s%s", prefix, yaml_text(name));

		option = length < KEY_BYTES ? find_option(key) : NULL;
		if (option != NULL) {
			options->values[option - table] = value;
			option->parse(options, option, value, complaints);
			continue;
		}
		snprintf(below, sizeof(below), "%s.", key);
		if (length < KEY_BYTES && is_prefix(below))
			read_map(options, value, below, complaints);
		else
			complain_key(complaints, name, prefix);
	}
}

// All defaults as one file, so that they are read by what reads users' files.
static struct yaml_file *open_defaults(struct complaints *complaints)
{
	struct yaml_file *file = NULL;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return NULL;
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		fprintf(stream, "%s: %s\n", table[i].key, table[i].fallback);
	if (fclose(stream) == 0)
		file = yaml_parse(text, length, "defaults", complaints);
	free(text);
	return file;
}

// What including a file goes on with.
struct including {
	struct options *options;
	struct complaints *complaints;
};

static void include(void *context, const char *path, const struct yaml_node *node)
{
	struct including *including = context;
	struct options *options = including->options;
	const struct yaml_node *includes = options->includes;
	struct yaml_file *file;

	if (options->included_count == OPTIONS_INCLUDES_MAX) {
		yaml_complain(including->complaints, node, "more than %d files",
				OPTIONS_INCLUDES_MAX);
		return;
	}
	file = yaml_open(path, including->complaints);
	if (file == NULL)
		return;
	options->included[options->included_count++] = file;
	read_map(options, yaml_root(file), "", including->complaints);
	if (options->includes != includes)
		yaml_complain(including->complaints, options->includes,
				"an included file includes no others");
	options->includes = includes;
}

// Defaults, then the file, then what it includes: of a key that is there again, the last counts.
static void read_all(struct options *options, struct complaints *complaints)
{
	struct including including = { options, complaints };

	read_map(options, yaml_root(options->defaults), "", complaints);
	read_map(options, yaml_root(options->file), "", complaints);
	if (options->is_file)
		files_each(options->includes, complaints, include, &including);
	options_resolve_ports(options, complaints);
	options_check_eal_params(options, complaints);
	if (options->cpu_count > 0 && options->workers != OPTIONS_AUTO &&
			options->workers != options->cpu_count)
		complain(complaints, "%s: workers is %u, but lcores.workers lists %u CPUs",
				options->path, options->workers, options->cpu_count);
}

static struct options *options_read(struct yaml_file *file, const char *path, bool is_file,
		struct complaints *complaints)
{
	struct options *options = calloc(1, sizeof(*options));

	if (file == NULL || options == NULL)
		goto err_options;
	options->defaults = open_defaults(complaints);
	if (options->defaults == NULL)
		goto err_options;
	options->file = file;
	options->path = path;
	options->is_file = is_file;
	read_all(options, complaints);
	return options;

err_options:
	free(options);
	yaml_close(file);
	return fail_null(EINVAL);
}

struct options *options_load(const char *path, struct complaints *complaints)
{
	return options_read(yaml_open(path, complaints), path, true, complaints);
}

struct options *options_parse(
		const char *text, size_t length, const char *name, struct complaints *complaints)
{
	return options_read(yaml_parse(text, length, name, complaints), name, false, complaints);
}

void options_free(struct options *options)
{
	if (options == NULL)
		return;
	for (unsigned i = 0; i < options->included_count; i++)
		yaml_close(options->included[i]);
	yaml_close(options->defaults);
	yaml_close(options->file);
	free(options);
}

void options_need_restart(const struct options *in_force, const struct options *wanted,
		struct complaints *complaints)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const struct yaml_node *value = wanted->values[i];

		if (table[i].is_runtime || yaml_equal(in_force->values[i], value))
			continue;
		if (value == yaml_get(yaml_root(wanted->defaults), table[i].key))
			complain(complaints, "%s: %s needs a restart: it is no longer given",
					wanted->path, table[i].key);
		else
			yaml_complain(complaints, value, "%s needs a restart", table[i].key);
	}
}

void option_print_range(const struct option *option, FILE *stream)
{
	if (option->range != NULL)
		fprintf(stream, "%s", option->range);
	else if (option->words != NULL)
		for (unsigned i = 0; option->words[i] != NULL; i++)
			fprintf(stream, "%s%s", i == 0 ? "" : ", ", option->words[i]);
	else if (option->parse == parse_duration)
		fprintf(stream, "%lus to %luh", option->low / 1000, option->high / 3600000);
	else
		fprintf(stream, "%s%s%lu to %lu", option->word == NULL ? "" : option->word,
				option->word == NULL ? "" : " or ", option->low, option->high);
}

const struct option *options_table(unsigned *count)
{
	*count = OPTION_COUNT;
	return table;
}
