// SPDX-License-Identifier: BSD-3-Clause
#include "community_id.h"
#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool parse(uint8_t address[16], const char *text)
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	if (inet_pton(AF_INET, text, address + 12) == 1)
		return true;
	assert_int_equal(inet_pton(AF_INET6, text, address), 1);
	return false;
}

// As published with the specification and its implementations.
static const struct {
	const char *source, *destination;
	uint16_t source_port, destination_port;
	uint8_t protocol;
	const char *expected;
} vectors[] = {
	{ "128.232.110.120", "66.35.250.204", 34855, 80, IPPROTO_TCP,
			"1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ "192.168.1.52", "8.8.8.8", 54585, 53, IPPROTO_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ "192.168.170.8", "192.168.170.56", 7, 7, IPPROTO_SCTP, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
	{ "192.168.0.89", "192.168.0.1", 8, 0, IPPROTO_ICMP, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136, IPPROTO_ICMPV6,
			"1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
			IPPROTO_TCP, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
};

// Of ICMP messages that nothing answers, with their code for the other port.
static const struct {
	const char *source, *destination;
	uint8_t type, code, protocol;
	const char *expected;
} one_way[] = {
	{ "192.168.0.89", "192.168.0.1", 20, 0, IPPROTO_ICMP, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=" },
	{ "192.168.0.89", "192.168.0.1", 20, 1, IPPROTO_ICMP, "1:tz/fHIDUHs19NkixVVoOZywde+I=" },
	{ "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
			IPPROTO_ICMPV6, "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=" },
	{ "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0,
			IPPROTO_ICMPV6, "1:/OGBt9BN1ofenrmSPWYicpij2Vc=" },
};

static void published_vectors_one_way(void **)
{
	char text[COMMUNITY_ID_BYTES];
	uint8_t a[16], b[16];

	for (size_t i = 0; i < sizeof(one_way) / sizeof(one_way[0]); i++) {
		bool is_ip4 = parse(a, one_way[i].source);

		parse(b, one_way[i].destination);
		community_id(text, a, b, one_way[i].type, PACKET_ICMP_CODE | one_way[i].code,
				one_way[i].protocol, is_ip4);
		assert_string_equal(text, one_way[i].expected);
	}
}

static void published_vectors_either_way(void **)
{
	char text[COMMUNITY_ID_BYTES];
	uint8_t a[16], b[16];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		bool is_ip4 = parse(a, vectors[i].source);

		parse(b, vectors[i].destination);
		community_id(text, a, b, vectors[i].source_port, vectors[i].destination_port,
				vectors[i].protocol, is_ip4);
		assert_string_equal(text, vectors[i].expected);
		community_id(text, b, a, vectors[i].destination_port, vectors[i].source_port,
				vectors[i].protocol, is_ip4);
		assert_string_equal(text, vectors[i].expected);
	}
}

static void ports_tell_two_flows_of_one_host_apart(void **)
{
	char there[COMMUNITY_ID_BYTES], back[COMMUNITY_ID_BYTES], other[COMMUNITY_ID_BYTES];
	uint8_t a[16];

	parse(a, "127.0.0.1");
	community_id(there, a, a, 1000, 256, IPPROTO_TCP, true);
	community_id(back, a, a, 256, 1000, IPPROTO_TCP, true);
	community_id(other, a, a, 1001, 256, IPPROTO_TCP, true);
	assert_string_equal(there, back);
	assert_string_not_equal(there, other);
}

static void other_protocols_have_no_ports(void **)
{
	char text[COMMUNITY_ID_BYTES], other[COMMUNITY_ID_BYTES];
	uint8_t a[16], b[16];

	parse(a, "10.0.0.1");
	parse(b, "10.0.0.2");
	community_id(text, a, b, 0, 0, IPPROTO_GRE, true);
	community_id(other, b, a, 7, 8, IPPROTO_GRE, true);
	assert_string_equal(text, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_either_way),
		cmocka_unit_test(published_vectors_one_way),
		cmocka_unit_test(ports_tell_two_flows_of_one_host_apart),
		cmocka_unit_test(other_protocols_have_no_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
