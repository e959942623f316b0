// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct findings findings;
static uint32_t signals; // of the flow so far

static enum match look(const uint8_t *data, size_t length)
{
	uint8_t *copy = malloc(length + 1);
	const struct sample sample = { .data = memcpy(copy, data, length),
		.length = length,
		.protocol = IPPROTO_TCP,
		.is_first = true,
		.signals = signals };
	enum match match;

	findings_clear(&findings);
	match = detector_skype_tcp.match(&sample, &findings);
	free(copy);
	return match;
}

static void assert_fact(
		unsigned index, enum signal signal, enum confidence confidence, enum role role)
{
	assert_in_range(index, 0, findings.fact_count - 1);
	assert_int_equal(findings.facts[index].signal, signal);
	assert_int_equal(findings.facts[index].app, APP_SKYPE);
	assert_int_equal(findings.facts[index].confidence, confidence);
	assert_int_equal(findings.facts[index].role, role);
}

static int forget(void **)
{
	signals = 0;
	return 0;
}

// 48 bytes of any value, then padding by the generator.
static void make_key_exchange(uint8_t data[64])
{
	for (unsigned i = 0; i < 48; i++)
		data[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 48; i < 64; i++)
		data[i] = i == 48 ? 0x5a : (uint8_t)(205 * data[i - 1] + 113);
}

static void a_padded_key_exchange_is_certain_from_its_fifth_byte_on(void **)
{
	uint8_t data[64];

	make_key_exchange(data);
	for (size_t length = 0; length < 53; length++) {
		assert_int_equal(look(data, length), MATCH_MORE);
		assert_int_equal(findings.fact_count, length == 51 || length == 52);
		if (findings.fact_count > 0) // skype_no_unknown.pcap 1326 has no more
			assert_fact(0, SIGNAL_SKYPE_KEY_EXCHANGE, CONFIDENCE_WEAK, FLOW_ROLE_P2P);
		assert_int_equal(findings.wanted, length + 1);
	}
	for (size_t length = 53; length <= 64; length++) {
		assert_int_equal(look(data, length), MATCH_YES);
		assert_fact(0, SIGNAL_SKYPE_KEY_EXCHANGE, CONFIDENCE_CERTAIN, FLOW_ROLE_P2P);
		assert_int_equal(findings.facts[0].text_length, 32);
		assert_memory_equal(findings.facts[0].text, "01080f16", 8);
	}
	data[50]++;
	assert_int_equal(look(data, sizeof(data)), MATCH_NO);
}

static void a_greeting_is_strong_and_certain_when_it_was_answered(void **)
{
	static const uint8_t greeting[] = { 0x16, 3, 1, 0, 0 }, answer[] = { 0x17, 3, 1, 0, 0 };

	look(answer, sizeof(answer));
	assert_int_equal(findings.fact_count, 0);
	assert_int_equal(look(greeting, sizeof(greeting)), MATCH_MORE);
	assert_fact(0, SIGNAL_SKYPE_LOGIN, CONFIDENCE_STRONG, FLOW_ROLE_LOGIN);
	look((const uint8_t *)"\x16\x03\x01\0\0\x03\0\x80", 8); // a scanner
	assert_int_equal(findings.fact_count, 0);
	signals = 1u << SIGNAL_SKYPE_LOGIN;
	look(answer, sizeof(answer));
	assert_fact(0, SIGNAL_SKYPE_LOGIN, CONFIDENCE_CERTAIN, FLOW_ROLE_LOGIN);
}

static void a_login_request_is_certain(void **)
{
	static const uint8_t request[] = { 0x16, 3, 1, 0, 0, 0x16, 3, 1, 0, 0xcd, 0x41, 3, 0, 9,
		0x80, 0x40, 4, 8, 0xc0, 1 };

	for (size_t length = 5; length <= sizeof(request); length++) {
		assert_int_equal(look(request, length), MATCH_MORE);
		assert_int_equal(findings.fact_count, length == sizeof(request) ? 2 : 1);
	}
	assert_fact(0, SIGNAL_SKYPE_LOGIN_REQUEST, CONFIDENCE_CERTAIN, FLOW_ROLE_LOGIN);
}

static void later_messages_and_others_say_nothing(void **)
{
	uint8_t data[256] = { 0 };
	struct sample sample = { .data = data, .length = 64, .protocol = IPPROTO_TCP };

	make_key_exchange(data);
	findings_clear(&findings);
	assert_int_equal(detector_skype_tcp.match(&sample, &findings), MATCH_NO);
	for (unsigned byte = 0; byte < 256; byte++) {
		memset(data, (int)byte, sizeof(data));
		for (size_t length = 0; length <= sizeof(data); length++) {
			enum match match = look(data, length);

			if (length < 53)
				assert_int_equal(match, MATCH_MORE);
			if (length >= 128)
				assert_int_not_equal(match, MATCH_MORE);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_padded_key_exchange_is_certain_from_its_fifth_byte_on),
		TEST(a_greeting_is_strong_and_certain_when_it_was_answered),
		TEST(a_login_request_is_certain),
		TEST(later_messages_and_others_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
