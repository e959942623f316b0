// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	NAME = 12
};

static struct findings findings;

// The name that is asked for; "" when the message is no query.
static const char *name_in(const uint8_t *data, size_t length, uint16_t to)
{
	static char text[256];
	uint8_t *copy = malloc(length + (length == 0)); // where sanitizers see its end
	const struct sample sample = {
		.data = copy,
		.length = length,
		.destination_port = to,
		.protocol = IPPROTO_UDP,
	};
	const struct value *value;
	enum match match;

	memcpy(copy, data, length);
	findings_clear(&findings);
	match = detector_dns.match(&sample, &findings);
	value = findings_get(&findings, BUFFER_DNS_QUERY);
	assert_int_equal(match == MATCH_YES, value != NULL);
	text[0] = '\0';
	if (value != NULL) {
		memcpy(text, value->data, value->length);
		text[value->length] = '\0';
	}
	free(copy);
	return text;
}

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
			       "\x02Ui\x05SKYPE\x03"
			       "com\x00\x00\x01\x00\x01";

static void the_name_is_read_in_lower_case(void **)
{
	for (size_t length = 0; length < sizeof(query); length++)
		assert_string_equal(name_in(query, length, 53),
				length == sizeof(query) - 1 ? "ui.skype.com" : "");
	assert_string_equal(name_in(query, sizeof(query) - 1, 5353), "");
}

static void what_is_no_query_has_no_name(void **)
{
	static const struct {
		uint8_t at, value;
		bool is_query;
	} rows[] = {
		{ 2, 0x81, false }, // an answer
		{ 2, 0x29, false }, // an update
		{ 3, 0x20, true }, // authentic data
		{ 3, 0x10, true }, // checking disabled
		{ 3, 0x03, false }, // an answer's code
		{ 5, 2, false }, // two questions
		{ 7, 1, false }, // answered
		{ NAME, 0, false }, // the root
		{ NAME, 0xc0, false }, // compressed
		{ NAME, 64, false }, // no label is as long
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t other[sizeof(query)];

		memcpy(other, query, sizeof(query));
		other[rows[i].at] = rows[i].value;
		assert_string_equal(name_in(other, sizeof(query) - 1, 53),
				rows[i].is_query ? "ui.skype.com" : "");
	}
}

static void a_name_has_an_end(void **)
{
	uint8_t endless[512];

	memcpy(endless, query, NAME);
	memset(endless + NAME, 1, sizeof(endless) - NAME);
	assert_string_equal(name_in(endless, sizeof(endless), 53), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_read_in_lower_case),
		cmocka_unit_test(what_is_no_query_has_no_name),
		cmocka_unit_test(a_name_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
