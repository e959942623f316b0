// SPDX-License-Identifier: BSD-3-Clause
#include "../../app/options.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct options *parse(const char *text, struct complaints *complaints)
{
	return options_parse(text, strlen(text), "f", complaints);
}

// The complaints about `text`, one a line, as `lines`.
static void complains(const char *text, const char *lines)
{
	struct complaints complaints = { 0 };
	struct options *options = parse(text, &complaints);
	char *seen = NULL;
	size_t size;
	FILE *stream = open_memstream(&seen, &size);

	complaints_print(&complaints, stream);
	fclose(stream);
	assert_string_equal(seen, lines);
	free(seen);
	options_free(options);
	complaints_fini(&complaints);
}

static void has_defaults(void **)
{
	struct complaints complaints = { 0 };
	struct options *options = parse("", &complaints);

	assert_non_null(options);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(options->workers, OPTIONS_AUTO);
	assert_int_equal(options->manager_cpu, OPTIONS_AUTO);
	assert_int_equal(options->mbufs, OPTIONS_AUTO);
	assert_int_equal(options->mode, MODE_INLINE);
	assert_int_equal(options->mtu, 1500);
	assert_int_equal(options->flows_capacity, 1 << 20);
	assert_int_equal(options->timeouts.half_open_ms, 30000);
	assert_int_equal(options->timeouts.established_ms, 600000);
	assert_int_equal(options->hosts_expiry_ms, 600000);
	assert_string_equal(options->metrics_listen, "127.0.0.1:9932");
	assert_null(options->events_file);
	assert_int_equal(options->telemetry, 1);
	assert_int_equal(options->memory, MEMORY_AUTO);
	assert_int_equal(yaml_count(options->policy), 1);
	options_need_pairs(options, &complaints);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(
			complaints.lines[0], "f: no pairs: there is nothing to forward between");
	options_free(options);
	complaints_fini(&complaints);
}

static void takes_values(void **)
{
	struct complaints complaints = { 0 };
	struct options *options = parse("ports:\n"
					"  b: 0000:3b:00.1,llq=1\n"
					"  a: net_pcap0,rx_pcap=x.pcap\n"
					"  c: mac:aa:bb:cc:dd:ee:FF\n"
					"  d: net_null0\n"
					"pairs:\n"
					"  - {name: p0, inside: a, outside: b}\n"
					"  - {name: p1, inside: c, outside: d}\n"
					"lcores: {manager: 0, workers: [4, 2]}\n"
					"flows: {timeouts: {closed: 1500ms, dialogue: 4h}}\n"
					"metrics: {listen: 'unix:/run/m'}\n"
					"events: {file: '-'}\n"
					"dpdk: {log_level: debug, eal_params: {iova-mode: va}}\n",
			&complaints);

	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(options->port_count, 4);
	assert_string_equal(options->ports[0].name, "b");
	assert_int_equal(options->ports[0].kind, PORT_PCI);
	assert_int_equal(options->ports[1].kind, PORT_VDEV);
	assert_int_equal(options->ports[2].kind, PORT_MAC);
	assert_int_equal(options->pair_count, 2);
	assert_int_equal(options->pairs[0].inside, 1);
	assert_int_equal(options->pairs[0].outside, 0);
	assert_int_equal(options->manager_cpu, 0);
	assert_int_equal(options->cpu_count, 2);
	assert_int_equal(options->cpus[0], 4);
	assert_int_equal(options->timeouts.closed_ms, 1500);
	assert_int_equal(options->timeouts.dialogue_ms, 4 * 3600 * 1000);
	assert_string_equal(options->metrics_listen, "unix:/run/m");
	assert_string_equal(options->events_file, "-");
	assert_int_equal(options->log_level, 7);
	options_free(options);
	complaints_fini(&complaints);
}

static void complains_about_keys(void **)
{
	complains("mtuu: 1\nflows: {timeout: 1}\nlcores: 3\n",
			"f:1:1: 'mtuu' is no key; did you mean 'mtu'? There are: include, ports, pairs, workers, spread, lcores, mode, fail, overload, mtu, link_propagation, flows, hosts, inspect, decode, fragments, streams, metrics, telemetry, control, events, hooks, dpdk, rule_files, rules, policy\n"
			"f:2:9: 'timeout' is no key; did you mean 'timeouts'? There are: capacity, timeouts\n"
			"f:3:9: this must be a map (key: value), not a single value\n");
}

static uint32_t tunnels_off(const char *text)
{
	struct complaints complaints = { 0 };
	struct options *options = parse(text, &complaints);
	uint32_t off = options->tunnels_off;

	assert_int_equal(complaints.count, 0);
	options_free(options);
	complaints_fini(&complaints);
	return off;
}

static void tunnels_are_chosen(void **)
{
	uint32_t all = tunnels_off("decode: {tunnels: none}\n");

	assert_int_equal(__builtin_popcount(all), 8);
	assert_int_equal(tunnels_off("decode: {tunnels: []}\n"), all);
	assert_int_equal(tunnels_off("decode: {tunnels: all}\n"), 0);
	assert_int_equal(tunnels_off("decode: {tunnels: [gre, vxlan]}\n"),
			all & ~decode_tunnel("gre") & ~decode_tunnel("vxlan"));
	complains("decode: {tunnels: [gtpu]}\n",
			"f:1:20: 'gtpu' is no tunnel; did you mean 'gtp-u'? There are: mpls, pppoe, ip-in-ip, gre, vxlan, geneve, gtp-u, teredo\n");
	complains("decode: {tunnels: some}\n",
			"f:1:19: a list of tunnels, all or none, not 'some'\n");
}

static void complains_about_values(void **)
{
	complains("mtu: 63\n"
		  "workers: many\n"
		  "flows: {timeouts: {closed: 5h, datagram: 3x, half_open: -1}}\n"
		  "telemetry: maybe\n"
		  "metrics: {listen: 'localhost:1'}\n"
		  "events: {file: ''}\n"
		  "dpdk: {file_prefix: a/b, eal_params: {l: 1, proc-type: x, -n: 4}}\n"
		  "lcores: {workers: [1, 1, x]}\n",
			"f:1:6: '63' is no number from 64 to 9600\n"
			"f:2:10: 'many' is no number from 1 to 64\n"
			"f:3:28: a time from 1s to 4h with ms, s, m or h, not '5h'\n"
			"f:3:42: a time from 1s to 4h with ms, s, m or h, not '3x'\n"
			"f:3:57: a time from 1s to 4h with ms, s, m or h, not '-1'\n"
			"f:4:12: 'maybe' is no telemetry; did you mean 'off'? There are: off, on\n"
			"f:5:19: an address is 127.0.0.1:9932, [::1]:9932, unix:/path or off, not 'localhost:1'\n"
			"f:6:16: events.file must not be empty\n"
			"f:7:21: a file prefix has no /, not 'a/b'\n"
			"f:8:23: CPU 1 is there twice\n"
			"f:8:26: 'x' is no number from 0 to 1023\n"
			"f:7:39: 'l' is made from lcores\n"
			"f:7:45: 'proc-type' is not for wiretag\n"
			"f:7:59: a parameter is written without dashes before it, not '-n'\n");
}

static void complains_about_ports(void **)
{
	complains("ports:\n"
		  "  A: net_null0\n"
		  "  b: eth0\n"
		  "  c: net_null1\n"
		  "  d: net_null1,copy=1\n"
		  "  e: net_null2\n"
		  "pairs:\n"
		  "  - {name: p, inside: c, outside: c}\n"
		  "  - {name: p, inside: x, outside: b}\n"
		  "  - {title: q, inside: [a]}\n",
			"f:2:3: a name is 1 to 31 characters of a-z, 0-9, _ and -, not 'A'\n"
			"f:3:6: a device is a PCI address (0000:3b:00.0), a virtual device (net_af_packet0,iface=veth0) or mac:aa:bb:cc:dd:ee:ff, not 'eth0'\n"
			"f:5:6: port 'c' already has this device\n"
			"f:8:35: port 'c' is already in a pair\n"
			"f:9:23: there is no port 'x' in ports\n"
			"f:10:6: 'title' is no key of a pair; did you mean 'name'? There are: name, inside, outside\n"
			"f:10:5: a pair needs 'name'\n"
			"f:10:24: this must be a single value, not a list\n"
			"f:10:5: a pair needs 'outside': the name of a port\n"
			"f:6:6: port 'e' is in no pair\n");
	complains("workers: 3\nlcores: {workers: [1, 2]}\n",
			"f: workers is 3, but lcores.workers lists 2 CPUs\n");
}

// A file of the source tree; static.
static const char *source(const char *name)
{
	static char path[PATH_MAX];

	assert_non_null(getenv("WIRETAG_SOURCE"));
	snprintf(path, sizeof(path), "%s/%s", getenv("WIRETAG_SOURCE"), name);
	return path;
}

static char *read_sample(size_t *length)
{
	FILE *file = fopen(source("config/wiretag.yaml"), "re");
	char *text = malloc(1 << 16);

	assert_non_null(file);
	assert_non_null(text);
	*length = fread(text, 1, (1 << 16) - 1, file);
	text[*length] = '\0';
	fclose(file);
	return text;
}

static const struct yaml_node *find(const struct yaml_node *map, const char *key)
{
	char word[KEY_BYTES];
	size_t length;

	for (; map != NULL; key += length + 1) {
		length = strcspn(key, ".");
		snprintf(word, sizeof(word), "%.*s", (int)length, key);
		map = yaml_get(map, word);
		if (key[length] == '\0')
			break;
	}
	return map;
}

// config/wiretag.yaml has every key, with its default unless there can be none.
static void sample_shows_every_default(void **)
{
	struct complaints complaints = { 0 };
	struct options *options = options_load(source("config/wiretag.yaml"), &complaints);

	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const struct yaml_node *node = find(yaml_root(options->file), table[i].key);
		const struct yaml_node *fallback =
				yaml_get(yaml_root(options->defaults), table[i].key);
		bool has_none = strcmp(table[i].key, "ports") == 0 ||
				strcmp(table[i].key, "pairs") == 0 ||
				strcmp(table[i].key, "rule_files") == 0;

		if (node == NULL)
			fail_msg("%s is not in the sample", table[i].key);
		assert_int_equal(yaml_kind(node), yaml_kind(fallback));
		assert_string_equal(yaml_text(node), yaml_text(fallback));
		if (!has_none)
			assert_int_equal(yaml_count(node), yaml_count(fallback));
	}
	options_free(options);
	complaints_fini(&complaints);
}

// All files that are shipped are right, with the rules that they load.
static void samples_are_right(void **)
{
	static const char *const names[] = {
		"config/wiretag.yaml",
		"config/examples/one-pair.yaml",
		"config/examples/two-pairs.yaml",
		"config/examples/numa.yaml",
		"config/examples/no-nic-pcap.yaml",
		"config/examples/no-nic-af_packet.yaml",
		"config/examples/no-nic-vhost.yaml",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct complaints complaints = { 0 };
		struct options *options = options_load(source(names[i]), &complaints);
		struct policy *policy = options_policy(options, 1, NULL, &complaints);

		options_need_pairs(options, &complaints);
		complaints_print(&complaints, stderr);
		assert_int_equal(complaints.count, 0);
		assert_true(rules_count(policy->rules) > 0);
		policy_free(policy);
		options_free(options);
		complaints_fini(&complaints);
	}
}

// What a reload from `before` to `after` says.
static void needs_restart(const char *before, const char *after, const char *lines)
{
	struct complaints complaints = { 0 };
	struct options *in_force = parse(before, &complaints), *wanted = parse(after, &complaints);
	char *seen = NULL;
	size_t size;
	FILE *stream = open_memstream(&seen, &size);

	assert_int_equal(complaints.count, 0);
	options_need_restart(in_force, wanted, &complaints);
	complaints_print(&complaints, stream);
	fclose(stream);
	assert_string_equal(seen, lines);
	free(seen);
	options_free(in_force);
	options_free(wanted);
	complaints_fini(&complaints);
}

static void reload_takes_rules_only(void **)
{
	static const char ports[] = "ports: {a: net_null0, b: net_null1}\n"
				    "pairs: [{name: p, inside: a, outside: b}]\n";
	static const char turned[] = "pairs:\n- {outside: b, inside: a, name: p}\n"
				     "ports: {b: net_null1, a: net_null0}\n";
	static const char other[] = "ports: {a: net_null0, b: net_null2}\n"
				    "pairs: [{name: p, inside: b, outside: a}]\n";

	needs_restart("", "", "");
	needs_restart("", "policy: {default: drop}\nrule_files: [x]\n", "");
	needs_restart("rules: [1]\n", "", "");
	needs_restart("", "mode: tap\n", "");
	needs_restart("", "mtu: 1500\n", "");
	needs_restart("", "mtu: 1501\n", "f:1:6: mtu needs a restart\n");
	needs_restart("mtu: 1501\n", "", "f: mtu needs a restart: it is no longer given\n");
	needs_restart(ports, turned, "");
	needs_restart(ports, other,
			"f:1:8: ports needs a restart\n"
			"f:2:8: pairs needs a restart\n");
	needs_restart("lcores: {workers: [1, 2]}\n",
			"lcores: {workers: [2, 1]}\nevents:\n  file: x\n",
			"f:1:19: lcores.workers needs a restart\n"
			"f:3:9: events.file needs a restart\n");
}

static void survives_every_prefix(void **)
{
	size_t length;
	char *text = read_sample(&length);

	for (size_t i = 0; i <= length; i++) {
		struct complaints complaints = { 0 };
		char *prefix = malloc(i + 1);

		memcpy(prefix, text, i);
		options_free(options_parse(prefix, i, "f", &complaints));
		complaints_fini(&complaints);
		free(prefix);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_defaults),
		cmocka_unit_test(takes_values),
		cmocka_unit_test(complains_about_keys),
		cmocka_unit_test(tunnels_are_chosen),
		cmocka_unit_test(complains_about_values),
		cmocka_unit_test(complains_about_ports),
		cmocka_unit_test(sample_shows_every_default),
		cmocka_unit_test(samples_are_right),
		cmocka_unit_test(reload_takes_rules_only),
		cmocka_unit_test(survives_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
