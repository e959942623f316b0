// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct findings findings;

// The port to be mapped; 0 when the message asks for none.
static uint16_t port_in(const uint8_t *data, size_t length, uint8_t protocol, uint16_t to)
{
	uint8_t *copy = malloc(length + (length == 0)); // where sanitizers see its end
	const struct sample sample = {
		.data = copy,
		.length = length,
		.full_length = length,
		.destination_port = to,
		.protocol = protocol,
		.is_ip4 = true,
		.is_first = true,
	};
	uint16_t port = 0;

	memcpy(copy, data, length);
	findings_clear(&findings);
	detector_natmap.match(&sample, &findings);
	free(copy);
	if (findings.fact_count > 0) {
		assert_int_equal(findings.facts[0].signal, SIGNAL_SKYPE_PORT_MAP);
		assert_int_equal(findings.facts[0].confidence, CONFIDENCE_NONE);
		assert_true(findings.facts[0].is_observation);
		port = findings.facts[0].observation.port;
	}
	return port;
}

// skype_no_unknown.pcap 1025.
static const uint8_t nat_pmp[12] = { 0, 1, 0, 0, 0x32, 0xdd, 0x32, 0xdd, 0, 0, 0x0e, 0x10 };

static void nat_pmp_names_the_port(void **)
{
	uint8_t other[13] = { 0 };

	for (size_t length = 0; length <= sizeof(nat_pmp); length++)
		assert_int_equal(port_in(nat_pmp, length, IPPROTO_UDP, 5351),
				length == sizeof(nat_pmp) ? 13021 : 0);
	assert_int_equal(port_in(nat_pmp, sizeof(nat_pmp), IPPROTO_UDP, 5350), 0);
	memcpy(other, nat_pmp, sizeof(nat_pmp));
	assert_int_equal(port_in(other, sizeof(other), IPPROTO_UDP, 5351), 0);
	other[1] = 2; // TCP
	assert_int_equal(port_in(other, sizeof(nat_pmp), IPPROTO_UDP, 5351), 0);
	other[1] = 1;
	memset(other + 8, 0, 4); // takes it back
	assert_int_equal(port_in(other, sizeof(nat_pmp), IPPROTO_UDP, 5351), 0);
}

static void pcp_names_the_port(void **)
{
	uint8_t request[60] = {
		[0] = 2, [1] = 1, [6] = 0x0e, [36] = IPPROTO_UDP, [40] = 0x32, [41] = 0xdd
	};

	for (size_t length = 0; length <= sizeof(request); length++)
		assert_int_equal(port_in(request, length, IPPROTO_UDP, 5351),
				length == sizeof(request) ? 13021 : 0);
	request[36] = IPPROTO_TCP;
	assert_int_equal(port_in(request, sizeof(request), IPPROTO_UDP, 5351), 0);
	request[36] = IPPROTO_UDP;
	request[1] = 0x81; // an answer
	assert_int_equal(port_in(request, sizeof(request), IPPROTO_UDP, 5351), 0);
}

#define SOAP(port, protocol)                                                                       \
	"POST /ctl/IPConn HTTP/1.1\r\nSOAPAction: \"urn:schemas-upnp-org:service:"                 \
	"WANIPConnection:1#AddPortMapping\"\r\n\r\n<u:AddPortMapping><NewRemoteHost/>"             \
	"<NewProtocol>" protocol "</NewProtocol><NewInternalPort>" port                            \
	"</NewInternalPort></u:AddPortMapping>"

static void upnp_names_the_port(void **)
{
	static const struct {
		const char *text;
		uint16_t port;
	} rows[] = {
		{ SOAP("13021", "UDP"), 13021 },
		{ SOAP("13021", "TCP"), 0 },
		{ SOAP("130211", "UDP"), 0 },
		{ SOAP("65536", "UDP"), 0 },
		{ SOAP("x", "UDP"), 0 },
		{ "POST / HTTP/1.1\r\n\r\nAddPortMapping", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(port_in((const uint8_t *)rows[i].text, strlen(rows[i].text),
						 IPPROTO_TCP, 80),
				rows[i].port);
	for (size_t length = 0; length < strlen(rows[0].text); length++)
		port_in((const uint8_t *)rows[0].text, length, IPPROTO_TCP, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat_pmp_names_the_port),
		cmocka_unit_test(pcp_names_the_port),
		cmocka_unit_test(upnp_names_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
