// SPDX-License-Identifier: BSD-3-Clause
// Flows that take over what the manager publishes while they last.
#include "host/published.h"
#include "path_world.h"

static const unsigned OUT[4] = { 1, 35990, 2, 4000 }, IN[4] = { 2, 4000, 1, 35990 };
// Of Skype's form: a number, type 2, and 19 bytes; of none: byte 2 is no type of Skype's.
static const char FORMED[] = "\x12\x34\x02"
			     "nineteen bytes more";
static const char OTHER[] = "\x12\x34\x71"
			    "nineteen bytes more";

static struct published *published; // the manager's; a path only reads it

static int create_published(void **state)
{
	struct fixture *f;

	create(state);
	f = *state;
	published = published_create(64);
	assert_non_null(published);
	f->path.published = published;
	return 0;
}

static int destroy_published(void **state)
{
	published_free(published);
	return destroy(state);
}

static void address_of(unsigned host, uint8_t address[16])
{
	const uint8_t ip4[16] = { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)host };

	memcpy(address, ip4, sizeof(ip4));
}

static void publish_port(unsigned host, uint16_t port)
{
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_PORT };
	struct published_key key;
	uint8_t address[16];

	address_of(host, address);
	key = published_port(address, port);
	published_set(published, &key, &verdict);
}

static uint8_t app_of_next(struct fixture *f, const unsigned ends[4], const char *payload)
{
	const struct packet *packet = add(f, UDP, ends, payload);

	run(f);
	return packet->app;
}

// The manager proves the port while the flow goes on: its next packet has the verdict.
static void a_flow_is_labelled_when_its_port_is_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(app_of_next(f, OUT, FORMED), APP_UNKNOWN);
	assert_int_equal(app_of_next(f, IN, FORMED), APP_UNKNOWN);
	publish_port(1, 35990);
	assert_int_equal(app_of_next(f, IN, FORMED), APP_SKYPE);
	assert_int_equal(app_of_next(f, OUT, FORMED), APP_SKYPE);
}

// Also one that began long before, when nothing of it is inspected any more.
static void a_flow_past_inspection_is_labelled_too(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(app_of_next(f, i % 2 == 0 ? OUT : IN, FORMED), APP_UNKNOWN);
	publish_port(1, 35990);
	assert_int_equal(app_of_next(f, OUT, FORMED), APP_SKYPE);
}

// Something else uses the port again: no datagram of Skype's form, no verdict.
static void what_uses_the_port_again_is_not_swallowed(void **state)
{
	const unsigned other[4] = { 1, 35990, 3, 4001 };
	struct fixture *f = *state;

	publish_port(1, 35990);
	assert_int_equal(app_of_next(f, OUT, OTHER), APP_UNKNOWN);
	publish_port(9, 9000); // news, and everyone asks again
	assert_int_equal(app_of_next(f, OUT, FORMED), APP_UNKNOWN); // too late
	assert_int_equal(app_of_next(f, other, FORMED), APP_SKYPE);
}

// What looked like Skype's at first gives back what it took over for its port alone.
static void a_borrowed_verdict_is_given_back(void **state)
{
	struct fixture *f = *state;

	publish_port(1, 35990);
	assert_int_equal(app_of_next(f, OUT, FORMED), APP_SKYPE);
	assert_int_equal(app_of_next(f, IN, OTHER), APP_UNKNOWN);
	publish_port(9, 9000); // news, and everyone asks again
	assert_int_equal(app_of_next(f, OUT, FORMED), APP_UNKNOWN);
}

static void another_port_of_the_host_is_not_labelled(void **state)
{
	const unsigned next[4] = { 1, 35991, 2, 4000 }, peer[4] = { 3, 35990, 2, 4000 };
	struct fixture *f = *state;

	publish_port(1, 35990);
	assert_int_equal(app_of_next(f, next, FORMED), APP_UNKNOWN);
	assert_int_equal(app_of_next(f, peer, FORMED), APP_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create_published, destroy_published)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_is_labelled_when_its_port_is_known),
		TEST(a_flow_past_inspection_is_labelled_too),
		TEST(what_uses_the_port_again_is_not_swallowed),
		TEST(a_borrowed_verdict_is_given_back),
		TEST(another_port_of_the_host_is_not_labelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
