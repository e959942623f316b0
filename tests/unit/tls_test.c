// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	HELLO_MAX = 4096,
};

static struct findings findings;

static enum match look_behind(
		const uint8_t *data, size_t length, uint8_t app_proto, bool is_from_initiator)
{
	uint8_t *copy = malloc(length + 1);
	const struct sample sample = { .data = memcpy(copy, data, length),
		.length = length,
		.protocol = IPPROTO_TCP,
		.is_first = true,
		.is_from_initiator = is_from_initiator,
		.app_proto = app_proto };
	enum match match;

	findings_clear(&findings);
	match = detector_tls.match(&sample, &findings);
	free(copy);
	return match;
}

static enum match look(const uint8_t *data, size_t length)
{
	return look_behind(data, length, 0, true);
}

// A ClientHello for `name` in records of at most `record` bytes; `sessions` makes it longer.
static size_t make_hello(uint8_t *to, const char *name, size_t record, uint8_t sessions)
{
	uint8_t hello[HELLO_MAX] = { 1, 0, 0, 0, 3, 3 };
	size_t size = 6 + 32, names = strlen(name), written = 0, extensions;
	static const uint8_t ciphers[] = { 0, 4, 0x13, 1, 0x13, 2, 1, 0 };
	static const uint8_t other[] = { 0, 0x17, 0, 0, 0, 0x2b, 0, 3, 2, 3, 4 };

	hello[size++] = sessions;
	size += sessions;
	memcpy(hello + size, ciphers, sizeof(ciphers));
	size += sizeof(ciphers);
	extensions = sizeof(other) + 9 + names;
	hello[size++] = (uint8_t)(extensions >> 8);
	hello[size++] = (uint8_t)extensions;
	memcpy(hello + size, other, sizeof(other));
	size += sizeof(other);
	for (unsigned i = 0; i < 3; i++) { // extension, its length, the list's length, type, name's
		const size_t numbers[] = { 0, names + 5, names + 3 };

		hello[size++] = (uint8_t)(numbers[i] >> 8);
		hello[size++] = (uint8_t)numbers[i];
	}
	hello[size++] = 0;
	hello[size++] = (uint8_t)(names >> 8);
	hello[size++] = (uint8_t)names;
	memcpy(hello + size, name, names);
	size += names;
	hello[2] = (uint8_t)((size - 4) >> 8);
	hello[3] = (uint8_t)(size - 4);
	for (size_t at = 0; at < size; at += record) {
		size_t part = size - at < record ? size - at : record;
		const uint8_t header[] = { 22, 3, 1, (uint8_t)(part >> 8), (uint8_t)part };

		memcpy(to + written, header, sizeof(header));
		memcpy(to + written + sizeof(header), hello + at, part);
		written += sizeof(header) + part;
	}
	return written;
}

static void assert_name(const char *name)
{
	const struct value *value = findings_get(&findings, BUFFER_TLS_SNI);

	assert_non_null(value);
	assert_int_equal(value->length, strlen(name));
}

static void the_name_is_found_in_any_records(void **)
{
	static const size_t records[] = { 1, 2, 7, 100, 4000 };
	uint8_t data[8 * HELLO_MAX];

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		size_t length = make_hello(data, "WWW.example.", records[i], 32);

		for (size_t cut = 0; cut < length; cut++) {
			assert_int_equal(look(data, cut), MATCH_MORE);
			assert_null(findings_get(&findings, BUFFER_TLS_SNI));
			assert_in_range(findings.wanted, cut + 1, length);
		}
		assert_int_equal(look(data, length), MATCH_YES);
		assert_name("www.example");
		assert_memory_equal(
				findings_get(&findings, BUFFER_TLS_SNI)->data, "www.example", 11);
		assert_int_equal(findings.fact_count, 0);
	}
}

static void skypes_names_are_weak_facts(void **)
{
	static const struct {
		const char *name;
		bool is_skype;
	} names[] = {
		{ "skype.com", true },
		{ "ui.Skype.com.", true },
		{ "a.b.skypeassets.com", true },
		{ "notskype.com", false },
		{ "skype.com.example", false },
		{ "skype.co", false },
	};
	uint8_t data[8 * HELLO_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		look(data, make_hello(data, names[i].name, 4000, 0));
		assert_int_equal(findings.fact_count, names[i].is_skype);
		if (!names[i].is_skype)
			continue;
		assert_int_equal(findings.facts[0].signal, SIGNAL_SKYPE_NAME);
		assert_int_equal(findings.facts[0].confidence, CONFIDENCE_WEAK);
	}
}

static void what_is_no_name_is_no_value(void **)
{
	static const char *const names[] = { "", "a b", "a\r\nb", "\xc3\xa9" };
	uint8_t data[8 * HELLO_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		look(data, make_hello(data, names[i], 4000, 0));
		assert_null(findings_get(&findings, BUFFER_TLS_SNI));
	}
}

static void others_are_refused(void **)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum match match;
	} others[] = {
		{ "\x17", 1, MATCH_NO },
		{ "\x16\x02", 2, MATCH_NO },
		{ "\x16\x03\x01\x00\x00", 5, MATCH_NO }, // Skype's login servers
		{ "\x16\x03\x01\x40\x01", 5, MATCH_NO },
		{ "\x16\x03\x01\x00\x05\x03", 6, MATCH_NO },
		{ "\x16\x03\x01\x00\x05\x02\x00\x00\x46", 9, MATCH_YES }, // a server's
		{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x02", 10, MATCH_NO },
		{ "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10, MATCH_NO },
		{ "GET / HTTP/1.1\r\n", 16, MATCH_NO },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(look((const uint8_t *)others[i].bytes, others[i].length),
				others[i].match);
}

static void who_answers_a_hello_is_no_client(void **)
{
	uint8_t data[HELLO_MAX];
	const size_t length = make_hello(data, "www.example", 4000, 32);

	assert_int_equal(look_behind(data, length, DETECTOR_tls + 1, false), MATCH_NO);
	assert_null(findings_get(&findings, BUFFER_TLS_SNI));
	assert_int_equal(look_behind(data, length, DETECTOR_tls + 1, true), MATCH_YES);
	assert_int_equal(look_behind(data, length, 0, false), MATCH_YES);
	assert_name("www.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_found_in_any_records),
		cmocka_unit_test(skypes_names_are_weak_facts),
		cmocka_unit_test(what_is_no_name_is_no_value),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(who_answers_a_hello_is_no_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
