// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct findings findings;

static const struct fact *fact_of(
		const uint8_t *data, size_t length, size_t full_length, uint16_t port, bool is_ip4)
{
	uint8_t *copy = malloc(length + (length == 0)); // where sanitizers see its end
	const struct sample sample = {
		.data = copy,
		.length = length,
		.full_length = full_length,
		.source_port = 40000,
		.destination_port = port,
		.protocol = IPPROTO_UDP,
		.is_ip4 = is_ip4,
	};
	enum match match;

	memcpy(copy, data, length);
	findings_clear(&findings);
	match = detector_skype_udp.match(&sample, &findings);
	free(copy);
	assert_int_equal(match, findings.fact_count > 0 ? MATCH_MORE : MATCH_NO);
	return findings.fact_count > 0 ? &findings.facts[0] : NULL;
}

// SkypeIRC.cap 176, but for the initialisation vector and the text.
static const uint8_t probe[18] = { 0x15, 0xe8, 0x02, 1, 2, 3, 4, 0x7c, 0xe1, 0xba, 0x8f, 5, 6, 7, 8,
	9, 10, 11 };

static void a_probe_is_certain_on_any_port(void **)
{
	for (size_t length = 0; length <= sizeof(probe); length++) {
		const struct fact *fact = fact_of(probe, length, sizeof(probe), 53, true);

		assert_int_equal(fact != NULL, length == sizeof(probe));
	}
	assert_int_equal(findings.facts[0].signal, SIGNAL_SKYPE_PROBE);
	assert_int_equal(findings.facts[0].confidence, CONFIDENCE_CERTAIN);
	assert_null(fact_of(probe, sizeof(probe), sizeof(probe), 40001, false));
}

static void the_form_alone_is_observed_without_confidence(void **)
{
	static const uint16_t foreign[] = { 53, 123, 161, 500, 1900, 3478, 4500, 5353 };
	uint8_t other[40] = { 0x15, 0xe9, 0x02, 1, 2, 3, 4, 0x7c, 0xe1, 0xba, 0x8f };
	const struct fact *fact = fact_of(other, sizeof(other), sizeof(other), 40001, true);

	assert_non_null(fact);
	assert_int_equal(fact->signal, SIGNAL_SKYPE_DATAGRAM);
	assert_int_equal(fact->confidence, CONFIDENCE_NONE);
	assert_true(fact->is_observation);
	assert_int_equal(fact->observation.length, sizeof(other));
	assert_memory_equal(fact->observation.bytes, other, OBSERVATION_BYTES);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_null(fact_of(other, sizeof(other), sizeof(other), foreign[i], true));
	assert_non_null(fact_of(other, OBSERVATION_BYTES, sizeof(other), 40001, true));
	assert_null(fact_of(other, OBSERVATION_BYTES - 1, sizeof(other), 40001, true));
	assert_null(fact_of(other, sizeof(other), 0, 40001, true)); // nobody knows how long it was
	other[2] = 0x01;
	assert_null(fact_of(other, sizeof(other), sizeof(other), 40001, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_is_certain_on_any_port),
		cmocka_unit_test(the_form_alone_is_observed_without_confidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
