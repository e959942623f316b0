// SPDX-License-Identifier: BSD-3-Clause
// Ports that are made up stand in for DPDK's.
#include "wire.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	PORTS = 2,
	TICK_MS = 100,
	READERS = 1,
};

static struct fake {
	bool has_link, is_down; // the cable's; set down
	int refuses; // what set_link_down returns
	unsigned resets;
	int reset_fails; // so many times
	rte_eth_dev_cb_fn event;
	void *argument;
} fakes[PORTS];

int rte_eth_link_get_nowait(uint16_t port, struct rte_eth_link *link)
{
	*link = (struct rte_eth_link){ .link_status = fakes[port].has_link &&
				!fakes[port].is_down };
	return 0;
}

int rte_eth_dev_set_link_up(uint16_t port)
{
	fakes[port].is_down = false;
	return 0;
}

int rte_eth_dev_set_link_down(uint16_t port)
{
	if (fakes[port].refuses == 0)
		fakes[port].is_down = true;
	return fakes[port].refuses;
}

int rte_eth_dev_callback_register(
		uint16_t port, enum rte_eth_event_type event, rte_eth_dev_cb_fn function, void *arg)
{
	assert_int_equal(event, RTE_ETH_EVENT_INTR_RESET);
	fakes[port].event = function;
	fakes[port].argument = arg;
	return 0;
}

int rte_eth_dev_callback_unregister(
		uint16_t port, enum rte_eth_event_type, rte_eth_dev_cb_fn function, void *arg)
{
	assert_ptr_equal(fakes[port].event, function);
	assert_ptr_equal(fakes[port].argument, arg);
	fakes[port].event = NULL;
	return 0;
}

int port_reset(struct port *port, const struct port *peer, const struct port_pools *,
		const struct port_config *)
{
	struct fake *fake = &fakes[port->id];

	assert_int_equal(peer->id, 1 - port->id);
	if (fake->reset_fails > 0) {
		fake->reset_fails--;
		errno = EIO;
		return -EIO;
	}
	fake->resets++;
	fake->is_down = false;
	return 0;
}

struct bench {
	struct options options;
	struct shared shared;
	struct port ports[PORTS];
	struct wire *wire;
	uint64_t now_ms;
};

static int setup(void **state)
{
	static struct port_pools pools;
	static struct port_config config;
	struct bench *b = calloc(1, sizeof(*b));

	*state = b;
	for (unsigned i = 0; i < PORTS; i++) {
		fakes[i] = (struct fake){ .has_link = true, .is_down = true };
		b->ports[i] = (struct port){ .name = i == 0 ? "in" : "out", .id = i };
	}
	b->options.pair_count = 1;
	b->options.link_propagation = 1;
	b->options.pairs[0] = (struct pair_options){ "wire", 0, 1 };
	b->shared.direction_count = 2;
	b->shared.readers = aligned_alloc(64, rte_rcu_qsbr_get_memsize(READERS));
	rte_rcu_qsbr_init(b->shared.readers, READERS);
	rte_rcu_qsbr_thread_register(b->shared.readers, 0);
	rte_rcu_qsbr_thread_online(b->shared.readers, 0);
	b->wire = wire_open(
			&(struct wire_config){ &b->options, &b->shared, b->ports, &pools, &config },
			b->now_ms);
	return b->wire == NULL;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	wire_close(b->wire);
	for (unsigned i = 0; i < PORTS; i++)
		assert_true(!fakes[i].is_down && fakes[i].event == NULL);
	free(b->shared.readers);
	free(b);
	return 0;
}

static void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t end = b->now_ms + ms; b->now_ms < end;)
		wire_run(b->wire, b->now_ms += TICK_MS);
}

static bool is_halted(const struct bench *b)
{
	assert_int_equal(b->shared.directions[0].is_halted, b->shared.directions[1].is_halted);
	return b->shared.directions[0].is_halted;
}

static struct snapshot gathered(const struct bench *b)
{
	static struct snapshot snapshot;

	wire_gather(b->wire, &snapshot);
	return snapshot;
}

static void takes_the_other_port_down(void **state)
{
	struct bench *b = *state;

	pass(b, 1000);
	assert_false(fakes[0].is_down || fakes[1].is_down);
	fakes[0].has_link = false;
	pass(b, 300);
	assert_true(fakes[1].is_down);
	pass(b, 2000);
	assert_int_equal(gathered(b).ports[1].held, 1);
	assert_int_equal(gathered(b).ports[0].held, 0);
	assert_int_equal(gathered(b).ports[0].link_changes, 1);
	assert_int_equal(gathered(b).ports[1].link_changes, 1);
	fakes[0].has_link = true;
	pass(b, 300);
	assert_false(fakes[1].is_down);
	pass(b, 300);
	assert_int_equal(gathered(b).ports[1].link_changes, 2);
	assert_int_equal(gathered(b).ports[1].held, 0);
	// teardown() sees that whatever is held at the end is let up.
	fakes[0].has_link = false;
	pass(b, 2000);
	assert_true(fakes[1].is_down);
}

static void lets_links_be_when_told_so(void **state)
{
	struct bench *b = *state;

	b->options.link_propagation = 0;
	fakes[0].has_link = false;
	pass(b, 60000);
	assert_false(fakes[1].is_down);
	assert_int_equal(gathered(b).ports[0].link_changes, 1);
}

static void lives_with_drivers_that_cannot(void **state)
{
	struct bench *b = *state;

	fakes[1].refuses = -ENOTSUP;
	fakes[0].has_link = false;
	pass(b, 2000);
	assert_int_equal(gathered(b).ports[1].held, 0);
	fakes[1].refuses = 0;
	pass(b, 60000);
	assert_false(fakes[1].is_down);
}

static void resets_a_port_that_no_worker_touches(void **state)
{
	struct bench *b = *state;

	fakes[1].event(1, RTE_ETH_EVENT_INTR_RESET, fakes[1].argument, NULL);
	pass(b, 1000);
	assert_true(is_halted(b));
	assert_int_equal(fakes[1].resets, 0);
	rte_rcu_qsbr_quiescent(b->shared.readers, 0);
	pass(b, TICK_MS);
	assert_int_equal(fakes[1].resets, 1);
	assert_int_equal(fakes[0].resets, 0);
	assert_false(is_halted(b));
	pass(b, 60000);
	assert_int_equal(fakes[1].resets, 1);
}

static void tries_again_when_a_reset_fails(void **state)
{
	struct bench *b = *state;

	fakes[0].reset_fails = 2;
	fakes[0].event(0, RTE_ETH_EVENT_INTR_RESET, fakes[0].argument, NULL);
	pass(b, TICK_MS);
	rte_rcu_qsbr_quiescent(b->shared.readers, 0);
	pass(b, 1500);
	assert_true(is_halted(b));
	assert_int_equal(fakes[0].reset_fails, 0);
	pass(b, 1000);
	assert_int_equal(fakes[0].resets, 1);
	assert_false(is_halted(b));
}

static void forgets_what_it_held_before_a_reset(void **state)
{
	struct bench *b = *state;

	fakes[0].has_link = false;
	pass(b, 2000);
	assert_true(fakes[1].is_down);
	fakes[0].event(0, RTE_ETH_EVENT_INTR_RESET, fakes[0].argument, NULL);
	pass(b, TICK_MS);
	rte_rcu_qsbr_quiescent(b->shared.readers, 0);
	pass(b, TICK_MS);
	assert_false(fakes[1].is_down || is_halted(b));
	// It still has no link, and that is believed in time.
	pass(b, 15000);
	assert_true(fakes[1].is_down);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_the_other_port_down),
		TEST(lets_links_be_when_told_so),
		TEST(lives_with_drivers_that_cannot),
		TEST(resets_a_port_that_no_worker_touches),
		TEST(tries_again_when_a_reset_fails),
		TEST(forgets_what_it_held_before_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
