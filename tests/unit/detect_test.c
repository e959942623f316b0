// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static struct sample sample_of(const char *text, uint8_t protocol)
{
	return (struct sample){
		.data = (const uint8_t *)text,
		.length = strlen(text),
		.protocol = protocol,
		.is_first = true,
		.is_last = true,
	};
}

static void payload_comes_first(void **)
{
	struct findings findings = { 0 };
	struct sample sample = sample_of(request, IPPROTO_TCP);

	memset(&findings, 0xff, sizeof(findings));
	findings.off = 0;
	findings.skips_headers = false;
	detect(&sample, &findings);
	assert_int_equal(findings.values[0].buffer, BUFFER_PAYLOAD);
	assert_ptr_equal(findings.values[0].data, sample.data);
	assert_int_equal(findings.values[0].length, sample.length);
	assert_int_equal(findings.app_proto, DETECTOR_http + 1);
	assert_false(findings.wants_more);
	assert_int_equal(findings.left_out, 0);
	assert_ptr_equal(findings_get(&findings, BUFFER_PAYLOAD), &findings.values[0]);
	assert_null(findings_get(&findings, BUFFER_HTTP_USER_AGENT));
}

static void detectors_see_their_protocol(void **)
{
	struct findings findings = { 0 };
	struct sample sample = sample_of(request, IPPROTO_UDP);

	detect(&sample, &findings);
	assert_int_equal(findings.value_count, 1);
	assert_int_equal(findings.app_proto, 0);
}

static void says_whether_more_may_help(void **)
{
	static const struct {
		const char *text;
		bool wants_more;
		bool is_http;
	} samples[] = {
		{ "", true, false },
		{ "GET", true, false },
		{ "GET / HTTP/1.1\r\n", true, true },
		{ "GET / HTTP/1.1\r\n\r\n", false, true },
		{ "HTTP/1.1 200 OK\r\n", false, true },
		{ "\x16\x03\x01", true, false },
		{ "\x17\x03\x01", false, false },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct sample sample = sample_of(samples[i].text, IPPROTO_TCP);
		struct findings findings = { 0 };

		detect(&sample, &findings);
		assert_int_equal(findings.wants_more, samples[i].wants_more);
		assert_int_equal(findings.app_proto != 0, samples[i].is_http);
	}
}

static void app_protos_have_names(void **)
{
	assert_null(detect_app_proto_name(0));
	assert_string_equal(detect_app_proto_name(DETECTOR_http + 1), "http");
	assert_null(detect_app_proto_name(DETECTOR_skype_http + 1));
	assert_null(detect_app_proto_name(DETECTOR_COUNT + 1));
	assert_null(detect_app_proto_name(255));
}

static void findings_are_bounded(void **)
{
	static const uint8_t byte;
	struct findings findings = { 0 };

	findings_clear(&findings);
	assert_false(findings_add(&findings, BUFFER_PAYLOAD, &byte, UINT16_MAX + 1));
	for (int i = 0; i < VALUES_MAX; i++)
		assert_true(findings_add(&findings, BUFFER_PAYLOAD, &byte, 1));
	assert_false(findings_add(&findings, BUFFER_PAYLOAD, &byte, 1));
	assert_int_equal(findings.value_count, VALUES_MAX);
	for (int i = 0; i < FACTS_MAX; i++)
		assert_non_null(findings_add_fact(&findings));
	assert_null(findings_add_fact(&findings));
	assert_int_equal(findings.fact_count, FACTS_MAX);
	assert_int_equal(findings.left_out, 3);
}

static void text_becomes_printable(void **)
{
	char text[8];
	uint8_t all[256];

	assert_int_equal(findings_printable(text, sizeof(text), (const uint8_t *)"a\x99\n", 3), 3);
	assert_memory_equal(text, "a..", 3);
	assert_int_equal(
			findings_printable(text, sizeof(text), (const uint8_t *)"123456789", 9), 8);
	assert_memory_equal(text, "12345678", 8);
	assert_int_equal(findings_printable(text, 0, all, 1), 0);
	for (int i = 0; i < 256; i++) {
		all[i] = i;
		findings_printable(text, 1, &all[i], 1);
		assert_int_equal(text[0], i < 0x20 || i > 0x7e ? '.' : i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_comes_first),
		cmocka_unit_test(detectors_see_their_protocol),
		cmocka_unit_test(says_whether_more_may_help),
		cmocka_unit_test(app_protos_have_names),
		cmocka_unit_test(findings_are_bounded),
		cmocka_unit_test(text_becomes_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
