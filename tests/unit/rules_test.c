// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"
#include "scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// Compiling 10,000 patterns takes seconds, and ten times that under a sanitizer.
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define IS_SLOW 1
#endif
#endif

enum {
	MATCHES_MAX = 4,
#ifdef IS_SLOW
	MANY = 1000,
#else
	MANY = 10000,
#endif
};

static void add(struct rules *rules, const char *text, const char *name,
		struct complaints *complaints)
{
	struct yaml_file *file = yaml_parse(text, strlen(text), name, complaints);

	if (file != NULL && yaml_get(yaml_root(file), "rules") != NULL)
		rules_add(rules, yaml_get(yaml_root(file), "rules"), complaints);
	yaml_close(file);
}

// Compiled rules of a text without a fault.
static struct rules *load(const char *text)
{
	struct complaints complaints = { 0 };
	struct rules *rules = rules_create();

	add(rules, text, "f", &complaints);
	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(rules_compile(rules), 0);
	return rules;
}

static void expect_lines(struct complaints *complaints, const char *const *lines)
{
	unsigned count = 0;

	for (; lines[count] != NULL; count++) {
		assert_in_range(count + 1, 1, complaints->count);
		assert_string_equal(complaints->lines[count], lines[count]);
	}
	assert_int_equal(complaints->count, count);
	complaints_fini(complaints);
}

// What is matched: up to four values, and the flow's ends.
struct seen {
	struct {
		enum buffer buffer;
		const char *text;
	} values[4];
	const char *source, *destination;
	uint16_t port;
	uint8_t protocol;
};

static bool parse_address(const char *text, uint8_t address[16])
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	if (inet_pton(AF_INET, text, address + 12) == 1)
		return true;
	assert_int_equal(inet_pton(AF_INET6, text, address), 1);
	return false;
}

static unsigned match(const struct rules *rules, const struct seen *seen, uint32_t *matches,
		uint64_t *scanned)
{
	struct scan_scratch *scratch = rules_scratch_create(rules);
	struct findings *findings = calloc(1, sizeof(*findings));
	uint8_t source[16], destination[16];
	struct rule_context context = {
		.source = source,
		.destination = destination,
		.destination_port = seen->port,
		.protocol = seen->protocol != 0 ? seen->protocol : IPPROTO_TCP,
	};
	unsigned count;

	assert_non_null(scratch);
	assert_non_null(findings);
	context.is_ip4 = parse_address(seen->source != NULL ? seen->source : "192.0.2.1", source);
	parse_address(seen->destination != NULL ? seen->destination : "192.0.2.2", destination);
	for (unsigned i = 0; i < 4 && seen->values[i].text != NULL; i++)
		findings->values[findings->value_count++] = (struct value){
			.data = (const uint8_t *)seen->values[i].text,
			.length = strlen(seen->values[i].text),
			.buffer = seen->values[i].buffer,
		};
	count = rules_match(rules, scratch, findings, &context, matches, MATCHES_MAX, scanned);
	free(findings);
	scan_scratch_free(scratch);
	return count;
}

// Ids of the rules that match, as "1001 2".
static const char *ids(const struct rules *rules, const struct seen *seen)
{
	static char text[128];
	uint32_t matches[MATCHES_MAX];
	uint64_t scanned = 0;
	unsigned count = match(rules, seen, matches, &scanned);

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
				i == 0 ? "" : " ", rules_at(rules, matches[i])->id);
	return text;
}

static const char sample[] =
		"rules:\n"
		"  - id: 1001\n"
		"    app: skype\n"
		"    confidence: certain\n"
		"    role: version-check\n"
		"    match: {http.host: 'ui\\.skype\\.com'}\n"
		"    note: |\n"
		"      every client asks\n"
		"  - {id: 7, app: updater, src: [192.0.2.0/24, '2001:db8::/32'], port: 80-81, "
		"proto: tcp, match: {http.method: [GET, HEAD], http.header: 'x-up: .*'}}\n";

static void a_rule_has_what_was_written(void **)
{
	struct rules *rules = load(sample);
	const struct rule *rule = rules_at(rules, 0);

	assert_int_equal(rules_count(rules), 2);
	assert_int_equal(rule->id, 1001);
	assert_int_equal(rule->app, APP_SKYPE);
	assert_int_equal(rule->confidence, CONFIDENCE_CERTAIN);
	assert_int_equal(rule->role, FLOW_ROLE_VERSION_CHECK);
	assert_int_equal(rule->condition_count, 1);
	assert_int_equal(rule->signals, 1u << SIGNAL_HTTP_HOST);
	assert_string_equal(rule->note, "every client asks");
	assert_string_equal(rule->place, "f:2");
	rule = rules_at(rules, 1);
	assert_int_equal(rule->id, 7);
	assert_string_equal(application_name(rule->app), "updater");
	assert_int_equal(rule->confidence, CONFIDENCE_STRONG);
	assert_int_equal(rule->role, FLOW_ROLE_NONE);
	assert_int_equal(rule->condition_count, 5);
	assert_int_equal(rule->signals, 1u << SIGNAL_HTTP_METHOD | 1u << SIGNAL_HTTP_HEADER);
	assert_string_equal(rule->note, "");
	assert_string_equal(rule->place, "f:9");
	assert_true(rules_database_bytes(rules) > 0);
	rules_free(rules);
}

static void only_the_whole_host_matches(void **)
{
	static const struct {
		const char *host;
		const char *ids;
	} cases[] = {
		{ "ui.skype.com", "1001" },
		{ "UI.Skype.com", "1001" },
		{ "www.skype.com", "" },
		{ "ui.skype.com.evil.example", "" },
		{ "xui.skype.com", "" },
		{ "ui.skype.com.", "" },
		{ "ui.skype.com:80", "" },
		{ "ui.skype.com\n", "" },
		{ "uiXskype.com", "" },
		{ "ui.skype.co", "" },
		{ "", "" },
	};
	struct rules *rules = load(sample);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = { .values = { { BUFFER_HTTP_HOST, cases[i].host } } };

		assert_string_equal(ids(rules, &seen), cases[i].ids);
		// The same text anywhere else is no host.
		seen.values[0].buffer = BUFFER_HTTP_HEADER;
		assert_string_equal(ids(rules, &seen), "");
		seen.values[0].buffer = BUFFER_PAYLOAD;
		assert_string_equal(ids(rules, &seen), "");
	}
	rules_free(rules);
}

static void all_conditions_must_hold(void **)
{
	static const struct {
		struct seen seen;
		const char *ids;
	} cases[] = {
#define UP { BUFFER_HTTP_HEADER, "x-up: 1" }
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, .port = 80 }, "7" },
		{ { { { BUFFER_HTTP_METHOD, "HEAD" }, UP }, .port = 81 }, "7" },
		{ { { UP, { BUFFER_HTTP_METHOD, "GET" } }, .port = 80 }, "7" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, { BUFFER_HTTP_HEADER, "a: b" }, UP, UP },
				  .port = 80 },
				"7" },
		{ { { { BUFFER_HTTP_METHOD, "get" }, UP }, .port = 80 }, "" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, .port = 82 }, "" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, .port = 79 }, "" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, .port = 80, .protocol = IPPROTO_UDP },
				"" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, { BUFFER_HTTP_HEADER, "x-down: 1" } },
				  .port = 80 },
				"" },
		{ { { { BUFFER_HTTP_METHOD, "GET" } }, .port = 80 }, "" },
		{ { { UP }, .port = 80 }, "" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, "192.0.3.1", .port = 80 }, "" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, "2001:db8::1", "::1", .port = 80 },
				"7" },
		{ { { { BUFFER_HTTP_METHOD, "GET" }, UP }, "2001:db9::1", "::1", .port = 80 }, "" },
#undef UP
	};
	struct rules *rules = load(sample);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(ids(rules, &cases[i].seen), cases[i].ids) != 0)
			fail_msg("case %zu: '%s'", i, ids(rules, &cases[i].seen));
	}
	rules_free(rules);
}

static void addresses_and_ports_alone(void **)
{
	static const struct {
		struct seen seen;
		const char *ids;
	} cases[] = {
		{ { .source = "10.1.2.3", .port = 1 }, "1" },
		{ { .source = "10.255.255.255", .port = 1 }, "1" },
		{ { .source = "11.0.0.0", .port = 1 }, "" },
		{ { .source = "10.0.0.0", .port = 5000 }, "2 1" },
		{ { .source = "10.0.0.0", .port = 5000, .protocol = IPPROTO_UDP }, "1" },
		{ { .port = 6881 }, "" },
		{ { .destination = "198.51.100.7" }, "3" },
		{ { .destination = "198.51.100.8" }, "" },
		{ { .destination = "198.51.100.9" }, "3" },
		{ { .destination = "203.0.113.200" }, "3" },
		{ { .source = "::1", .destination = "2001:db8::9" }, "3 4" },
		{ { .source = "::1", .destination = "2001:db8::a" }, "4" },
		{ { .source = "::1", .destination = "::ffff:198.51.100.7" }, "4" },
	};
	struct rules *rules =
			load("rules:\n"
			     "- {id: 1, app: a, src: [10.0.0.0/24, 10.0.0.0/8, "
			     "10.0.0.0/16]}\n"
			     "- {id: 2, app: b, port: [4999-5001, 80, 5000-5010], proto: tcp}\n"
			     "- {id: 3, app: c, confidence: certain, dst: [203.0.113.128/25, "
			     "198.51.100.9, 198.51.100.7, '2001:db8::9']}\n"
			     "- {id: 4, app: d, confidence: weak, dst: '::/0'}\n");

	assert_int_equal(rules_at(rules, 0)->signals, 1u << SIGNAL_ADDRESS);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(ids(rules, &cases[i].seen), cases[i].ids) != 0)
			fail_msg("case %zu: '%s'", i, ids(rules, &cases[i].seen));
	rules_free(rules);
}

static void payload_is_searched_and_anchored_by_hand(void **)
{
	struct rules *rules = load("rules:\n"
				   "- {id: 1, app: a, match: {payload: 'BitTorrent'}}\n"
				   "- {id: 2, app: a, match: {payload: '^\\x13BitTorrent'}}\n");

	assert_string_equal(
			ids(rules, &(struct seen){ { { BUFFER_PAYLOAD, "xBitTorrents" } } }), "1");
	assert_string_equal(ids(rules,
					    &(struct seen){ { { BUFFER_PAYLOAD,
							    "\x13"
							    "BitTorrent" } } }),
			"1 2");
	assert_string_equal(ids(rules, &(struct seen){ { { BUFFER_PAYLOAD, "bittorrent" } } }), "");
	assert_true(rules_reach(rules, BUFFER_PAYLOAD) == SIZE_MAX);
	assert_true(rules_reach(rules, BUFFER_HTTP_HOST) == 0);
	rules_free(rules);
}

static void the_longest_pattern_says_how_far_rules_look(void **)
{
	struct rules *rules = load("rules:\n"
				   "- {id: 1, app: a, match: {payload: ['^\\x13Bit', '^SSH-']}}\n"
				   "- {id: 2, app: a, match: {payload: '^d1:[ar]d2:id20:'}}\n"
				   "- {id: 3, app: a, match: {http.uri: '/'}}\n");

	assert_int_equal(rules_reach(rules, BUFFER_PAYLOAD), 13);
	assert_true(rules_reach(rules, BUFFER_HTTP_URI) == SIZE_MAX);
	rules_free(rules);
}

static void the_best_come_first_and_no_more_than_asked(void **)
{
	struct rules *rules = load(
			"rules:\n"
			"- {id: 9, app: a, confidence: weak, match: {http.host: a}}\n"
			"- {id: 8, app: a, match: {http.host: a}}\n"
			"- {id: 7, app: a, match: {http.host: 'a+'}}\n"
			"- {id: 6, app: a, match: {http.host: ['.', a, 'a|b'], http.method: G}}\n"
			"- {id: 5, app: a, confidence: certain, match: {http.uri: '/.*'}}\n"
			"- {id: 4, app: a, confidence: weak, proto: tcp}\n");
	struct seen seen = { { { BUFFER_HTTP_HOST, "a" }, { BUFFER_HTTP_METHOD, "G" } } };
	uint64_t scanned = 10;
	uint32_t matches[MATCHES_MAX];

	assert_string_equal(ids(rules, &seen), "6 7 8 4");
	seen.values[2].buffer = BUFFER_HTTP_URI;
	seen.values[2].text = "/x";
	assert_string_equal(ids(rules, &seen), "5 6 7 8");
	seen.values[3].buffer = BUFFER_HTTP_USER_AGENT; // no rule looks there: not scanned
	seen.values[3].text = "x";
	assert_int_equal(match(rules, &seen, matches, &scanned), 4);
	assert_int_equal(scanned, 10 + 1 + 1 + 2);
	rules_free(rules);
}

static void a_rule_is_found_once(void **)
{
	struct rules *rules =
			load("rules: [{id: 1, app: a, match: {http.host: [a, '.', 'a*']}}]\n");

	assert_string_equal(ids(rules,
					    &(struct seen){ { { BUFFER_HTTP_HOST, "a" },
							    { BUFFER_HTTP_HOST, "a" } } }),
			"1");
	rules_free(rules);
}

// More of them than different patterns of one buffer are seen in one sample.
static void equal_patterns_are_one(void **)
{
	struct seen seen = { { { BUFFER_HTTP_HOST, "a" } } };
	struct rules *rules;
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	fprintf(stream, "rules:\n");
	for (unsigned i = 1; i <= 300; i++)
		fprintf(stream, "- {id: %u, app: a, port: %u, match: {http.host: a}}\n", i, i);
	fclose(stream);
	rules = load(text);
	free(text);
	for (seen.port = 1; seen.port <= 300; seen.port++)
		assert_int_equal(strtoul(ids(rules, &seen), NULL, 10), seen.port);
	assert_string_equal(ids(rules, &seen), "");
	rules_free(rules);
}

static void no_rules_match_nothing(void **)
{
	struct rules *rules = load("rules: []\n");

	assert_int_equal(rules_count(rules), 0);
	assert_string_equal(ids(rules, &(struct seen){ { { BUFFER_PAYLOAD, "a" } } }), "");
	assert_int_equal(rules_database_bytes(rules), 0);
	rules_free(rules);
	rules_free(NULL);
}

static void everything_that_is_wrong_is_said(void **)
{
	static const char text[] =
			"rules:\n"
			"- {id: 0, app: a, match: {http.host: a}}\n"
			"- id: 1\n"
			"  app: Skype\n"
			"  confidence: sure\n"
			"  role: p3p\n"
			"  match: {http.hots: a, http.uri: 'a(', http.host: [b, '[', ''], "
			"payload: []}\n"
			"  src: [10.0.0.0/33, 10.0.0.1/8, x, '::1/129', 1.2.3.4.5]\n"
			"  dst: 10.0.0.0/\n"
			"  port: [0, 65536, 2-1, 1-, http]\n"
			"  proto: icmp\n"
			"  note: [x]\n"
			"  prot: tcp\n"
			"- {id: 2, app: unknown, match: {}}\n"
			"- {id: 1, app: [b], match: [a]}\n"
			"- {}\n"
			"- text\n"
			"- {id: 3, app: right, match: {http.host: '(?:a)'}}\n"
			"- {id: 4, app: default, port: {80: 81}}\n";
	struct complaints complaints = { 0 };
	struct rules *rules = rules_create();

	add(rules, text, "f", &complaints);
	add(rules, "rules: [{id: 3, app: a, proto: tcp}]", "g", &complaints);
	add(rules, "rules: {}", "h", &complaints);
	expect_lines(&complaints,
			(const char *const[]){ "f:2:8: '0' is no number from 1 to 4294967295",
					"f:4:8: 'Skype' is no application's name: 1 to 31 of a-z "
					"0-9 . _ -",
					"f:5:15: 'sure' is no confidence; did you mean 'weak'? "
					"There are: weak, strong, certain",
					"f:6:9: 'p3p' is no role; did you mean 'p2p'? There are: "
					"version-check, login, p2p, call, file-transfer, service",
					"f:7:11: 'http.hots' is no buffer; did you mean "
					"'http.host'? There are: http.method, http.uri, http.host, "
					"http.user_agent, http.header, tls.sni, quic.sni, dns.query, payload",
					"f:7:35: the pattern does not compile: Missing close "
					"parenthesis for group started at index 1.",
					"f:7:56: the pattern does not compile: Unterminated "
					"character class starting at index 0.",
					"f:7:61: an empty pattern; for an empty value write '^$'",
					"f:7:75: an empty list matches nothing",
					"f:8:9: '10.0.0.0/33' is no address or prefix, such as "
					"192.0.2.0/24 or 2001:db8::1",
					"f:8:22: '10.0.0.1/8' has bits set beyond its prefix",
					"f:8:34: 'x' is no address or prefix, such as "
					"192.0.2.0/24 or 2001:db8::1",
					"f:8:37: '::1/129' is no address or prefix, such as "
					"192.0.2.0/24 or 2001:db8::1",
					"f:8:48: '1.2.3.4.5' is no address or prefix, such as "
					"192.0.2.0/24 or 2001:db8::1",
					"f:9:8: '10.0.0.0/' is no address or prefix, such as "
					"192.0.2.0/24 or 2001:db8::1",
					"f:10:10: '0' is no port, such as 80, or range of ports, "
					"such as 6881-6889",
					"f:10:13: '65536' is no port, such as 80, or range of "
					"ports, such as 6881-6889",
					"f:10:20: '2-1' is no port, such as 80, or range of ports, "
					"such as 6881-6889",
					"f:10:25: '1-' is no port, such as 80, or range of ports, "
					"such as 6881-6889",
					"f:10:29: 'http' is no port, such as 80, or range of "
					"ports, such as 6881-6889",
					"f:11:10: 'icmp' is no protocol of a rule; did you mean "
					"'tcp'? There are: tcp, udp",
					"f:12:9: this must be a single value, not a list",
					"f:13:3: 'prot' is no key of a rule; did you mean 'proto'? "
					"There are: id, app, confidence, role, match, src, dst, "
					"port, proto, note",
					"f:14:16: no application can be called 'unknown': it means "
					"what no rule names",
					"f:14:32: an empty match matches nothing",
					"f:15:16: this must be a single value, not a list",
					"f:15:28: this must be a map (key: value), not a list",
					"f:15:8: rule id 1 is already at f:3:7",
					"f:16:3: a rule needs an id", "f:16:3: a rule needs an app",
					"f:16:3: a rule needs a condition: match, src, dst, port "
					"or proto",
					"f:17:3: this must be a map (key: value), not a single "
					"value",
					"f:19:16: no application can be called 'default': it means "
					"what no rule names",
					"f:19:31: this must be a single value, not a map (key: "
					"value)",
					"g:1:14: rule id 3 is already at f:18:8",
					"h:1:8: this must be a list, not a map (key: value)",
					NULL });
	assert_int_equal(rules_compile(rules), 0);
	assert_int_equal(rules_count(rules), 1);
	assert_int_equal(rules_at(rules, 0)->id, 3);
	rules_free(rules);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static void reads_a_folder_in_alphabetical_order(void **)
{
	static const char *const names[] = { "b.yaml", "a.yaml", "c.yaml", "c.yml", ".d.yaml" };
	char folder[] = "/tmp/rules_test.XXXXXX", path[256];
	char lines[3][512];
	struct complaints complaints = { 0 };
	struct rules *rules = rules_create();

	assert_non_null(mkdtemp(folder));
	rules_add_path(rules, folder, &complaints);
	snprintf(lines[0], 512, "%s: no file in it is called *.yaml", folder);
	expect_lines(&complaints, (const char *const[]){ lines[0], NULL });
	write_file(folder, "b.yaml", "rules: [{id: 1, app: b, proto: tcp}]\n");
	write_file(folder, "a.yaml", "rules: [{id: 1, app: a, proto: tcp}]\n");
	write_file(folder, "c.yaml", "rule: []\n");
	write_file(folder, "c.yml", "rules: [nothing]\n");
	write_file(folder, ".d.yaml", "rules: [nothing]\n");
	rules_add_path(rules, folder, &complaints);
	snprintf(path, sizeof(path), "%s/none.yaml", folder);
	rules_add_path(rules, path, &complaints);
	snprintf(lines[0], 512, "%s/b.yaml:1:14: rule id 1 is already at %s/a.yaml:1:14", folder,
			folder);
	snprintf(lines[1], 512,
			"%s/c.yaml:1:1: 'rule' is no key of a file of rules; did you mean "
			"'rules'? There are: rules",
			folder);
	snprintf(lines[2], 512,
			"%s: cannot be read: No such file or directory (look at the path and its "
			"permissions)",
			path);
	expect_lines(&complaints, (const char *const[]){ lines[0], lines[1], lines[2], NULL });
	assert_int_equal(rules_count(rules), 1);
	assert_string_equal(application_name(rules_at(rules, 0)->app), "a");
	rules_free(rules);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void every_prefix_is_safe(void **)
{
	for (size_t length = 0; length <= strlen(sample); length++) {
		struct complaints complaints = { 0 };
		struct rules *rules = rules_create();
		char text[sizeof(sample)] = "";

		memcpy(text, sample, length);
		add(rules, text, "f", &complaints);
		assert_int_equal(rules_compile(rules), 0);
		ids(rules, &(struct seen){ { { BUFFER_HTTP_HOST, "ui.skype.com" } } });
		rules_free(rules);
		complaints_fini(&complaints);
	}
}

// `count` rules, many of which have a method in common, and ui.skype.com.
static struct rules *load_many(unsigned count)
{
	struct rules *rules;
	size_t size;
	char *text;
	FILE *stream = open_memstream(&text, &size);

	fprintf(stream,
			"rules:\n- {id: 100000, app: skype, match: {http.host: "
			"'ui\\.skype\\.com', http.method: GET}}\n");
	for (unsigned i = 1; i <= count; i++)
		fprintf(stream, "- {id: %u, app: a, match: {http.host: 'h%u\\.example'%s}}\n", i, i,
				i % 10 == 1 ? ", http.method: GET" : "");
	fclose(stream);
	rules = load(text);
	free(text);
	return rules;
}

static void many_rules(void **)
{
	struct seen seen = { { { BUFFER_HTTP_METHOD, "GET" }, { BUFFER_HTTP_HOST, NULL } } };
	struct rules *rules = load_many(MANY);
	char host[32];

	assert_int_equal(rules_count(rules), MANY + 1);
	seen.values[1].text = "ui.skype.com";
	assert_string_equal(ids(rules, &seen), "100000");
	seen.values[1].text = host;
	for (unsigned i = 1; i <= MANY; i += MANY / 3) {
		char id[16];

		snprintf(host, sizeof(host), "h%u.example", i);
		snprintf(id, sizeof(id), "%u", i);
		assert_string_equal(ids(rules, &seen), id);
	}
	seen.values[1].text = "h10001.example";
	assert_string_equal(ids(rules, &seen), "");
	rules_free(rules);
}

// The rules that come with the program, on what they are meant for and on what looks like it.
static void the_rules_we_ship(void **)
{
	static const struct {
		struct seen seen;
		const char *ids;
	} cases[] = {
		{ { { { BUFFER_HTTP_HOST, "ui.skype.com" } } }, "1001" },
		{ { { { BUFFER_HTTP_HOST, "skype.com" } } }, "" },
		{ { { { BUFFER_DNS_QUERY, "ui.skype.com" } } }, "1002 1003" },
		{ { { { BUFFER_DNS_QUERY, "dsn4.d.skype.net" } } }, "1002 1003" },
		{ { { { BUFFER_DNS_QUERY, "335.0.7.7.3.rst5.r.skype.net" } } }, "1002 1003" },
		{ { { { BUFFER_DNS_QUERY, "apps.skype.com" } } }, "1003" },
		{ { { { BUFFER_DNS_QUERY, "notskype.com" } } }, "" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Skype(TM) Beta 0.97" } } }, "1004" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Skype\x99 4.2" } } }, "1004" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Skype\xe2\x84\xa2 5.0" } } }, "1004" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Skype/7.16.0.102" } } }, "1004" },
		{ { { { BUFFER_HTTP_USER_AGENT, "SkypeUriPreview Preview/0.5" } } }, "" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Mozilla/5.0 Skype/7.16" } } }, "" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Debian APT-HTTP/1.3 (2.6.1)" } } }, "2001" },
		{ { { { BUFFER_HTTP_USER_AGENT, "Mozilla/5.0 (not libdnf (x))" } } }, "" },
		{ { { { BUFFER_HTTP_HOST, "download.windowsupdate.com" } } }, "2002" },
		{ { { { BUFFER_HTTP_HOST, "windowsupdate.com" } } }, "2002" },
		{ { { { BUFFER_HTTP_HOST, "xwindowsupdate.com" } } }, "" },
		{ { { { BUFFER_HTTP_HOST, "captive.apple.com" },
				  { BUFFER_HTTP_URI, "/hotspot-detect.html" } } },
				"2003" },
		{ { { { BUFFER_HTTP_HOST, "captive.apple.com" }, { BUFFER_HTTP_URI, "/" } } }, "" },
		{ { { { BUFFER_PAYLOAD,
				  "\x13"
				  "BitTorrent protocol12345678" } } },
				"2004" },
		{ { { { BUFFER_PAYLOAD,
				  "GET /?q=\x13"
				  "BitTorrent protocol" } } },
				"" },
		{ { { { BUFFER_PAYLOAD, "d1:ad2:id20:abc" } }, .protocol = IPPROTO_UDP }, "2005" },
		{ { { { BUFFER_PAYLOAD, "d1:ad2:id20:abc" } } }, "" },
		{ { { { BUFFER_PAYLOAD, "SSH-2.0-OpenSSH_9.2\r\n" } } }, "2006" },
		{ { { { BUFFER_PAYLOAD, "xSSH-2.0-OpenSSH_9.2\r\n" } } }, "" },
	};
	const char *source = getenv("WIRETAG_SOURCE");
	struct complaints complaints = { 0 };
	struct rules *rules;
	char path[1024];

	if (source == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/config/rules", source);
	rules = rules_create();
	rules_add_path(rules, path, &complaints);
	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(rules_compile(rules), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(ids(rules, &cases[i].seen), cases[i].ids) != 0)
			fail_msg("case %zu: '%s'", i, ids(rules, &cases[i].seen));
	for (unsigned i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		assert_true(strlen(rule->note) > 0);
		assert_int_equal(rule->app == APP_SKYPE, rule->id / 1000 == 1);
	}
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_what_was_written),
		cmocka_unit_test(only_the_whole_host_matches),
		cmocka_unit_test(all_conditions_must_hold),
		cmocka_unit_test(addresses_and_ports_alone),
		cmocka_unit_test(payload_is_searched_and_anchored_by_hand),
		cmocka_unit_test(the_longest_pattern_says_how_far_rules_look),
		cmocka_unit_test(the_best_come_first_and_no_more_than_asked),
		cmocka_unit_test(a_rule_is_found_once),
		cmocka_unit_test(equal_patterns_are_one),
		cmocka_unit_test(no_rules_match_nothing),
		cmocka_unit_test(everything_that_is_wrong_is_said),
		cmocka_unit_test(reads_a_folder_in_alphabetical_order),
		cmocka_unit_test(every_prefix_is_safe),
		cmocka_unit_test(many_rules),
		cmocka_unit_test(the_rules_we_ship),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
