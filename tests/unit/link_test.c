// SPDX-License-Identifier: BSD-3-Clause
#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	TICK_MS = 100
};

// A pair whose cables are as `cable` says. A port that is held shows no link, and after its release
// it shows some more seconds of it.
struct bench {
	struct link_pair pair;
	uint64_t now_ms;
	bool cable[2];
	uint64_t dark_until_ms[2]; // while a link comes up
	unsigned holds, releases;
};

static bool shows(const struct bench *b, unsigned side)
{
	return b->cable[side] && b->pair.held != (int)side && b->now_ms >= b->dark_until_ms[side];
}

// Lets time pass in the manager's ticks.
static void pass(struct bench *b, uint64_t ms)
{
	for (uint64_t end = b->now_ms + ms; b->now_ms < end;) {
		unsigned side;

		b->now_ms += TICK_MS;
		link_see(&b->pair, 0, shows(b, 0), b->now_ms);
		link_see(&b->pair, 1, shows(b, 1), b->now_ms);
		switch (link_decide(&b->pair, b->now_ms, &side)) {
		case LINK_HOLD:
			assert_int_equal(b->pair.held, side);
			b->holds++;
			break;
		case LINK_RELEASE:
			assert_int_equal(b->pair.held, -1);
			b->dark_until_ms[side] = b->now_ms + LINK_ECHO_MS / 2;
			b->releases++;
			break;
		case LINK_KEEP:
			break;
		}
	}
}

static struct bench started(bool is_up, bool is_other_up)
{
	struct bench b = { .now_ms = 5000, .cable = { is_up, is_other_up } };

	link_start(&b.pair, is_up, is_other_up, b.now_ms);
	return b;
}

static void follows_a_cut_and_its_end(void **)
{
	for (unsigned side = 0; side < 2; side++) {
		struct bench b = started(true, true);

		pass(&b, 5000);
		assert_int_equal(b.holds, 0);
		b.cable[side] = false;
		pass(&b, 3 * TICK_MS);
		assert_int_equal(b.pair.held, 1 - side);
		pass(&b, 60000);
		assert_int_equal(b.holds, 1);
		b.cable[side] = true;
		pass(&b, 3 * TICK_MS);
		assert_int_equal(b.pair.held, -1);
		// That the other one needs a while is no cut.
		pass(&b, 60000);
		assert_int_equal(b.holds, 1);
		assert_int_equal(b.releases, 1);
	}
}

static void ignores_what_is_short(void **)
{
	struct bench b = started(true, true);

	for (int i = 0; i < 50; i++) {
		b.cable[0] = i % 2 == 0;
		pass(&b, TICK_MS);
	}
	assert_int_equal(b.holds, 0);
	assert_true(b.pair.sides[0].changes >= 49);
	assert_int_equal(b.pair.sides[1].changes, 0);
}

// However fast a cable flaps, the neighbour sees no more than a change a second.
static void turns_seldom(void **)
{
	struct bench b = started(true, true);

	for (int i = 0; i < 50; i++) {
		b.cable[0] = !b.cable[0];
		pass(&b, 2 * TICK_MS);
	}
	assert_in_range(b.holds + b.releases, 1, 11);
}

static void sees_a_cut_of_the_side_it_held(void **)
{
	struct bench b = started(true, true);

	b.cable[0] = false;
	pass(&b, 2000);
	assert_int_equal(b.pair.held, 1);
	// Both are cut; nobody can know of the second as long as it is held.
	b.cable[1] = false;
	pass(&b, 2000);
	b.cable[0] = true;
	pass(&b, 500);
	assert_int_equal(b.pair.held, -1);
	pass(&b, LINK_ECHO_MS - 1000);
	assert_int_equal(b.pair.held, -1);
	pass(&b, 2000);
	assert_int_equal(b.pair.held, 0);
	b.cable[1] = true;
	pass(&b, 500);
	assert_int_equal(b.pair.held, -1);
}

// A link that has come up is believed at once when it is lost.
static void knows_when_a_link_has_come_up(void **)
{
	struct bench b = started(false, true);

	pass(&b, 1000);
	b.cable[0] = true;
	pass(&b, LINK_STEADY_MS + 2 * TICK_MS);
	b.cable[0] = false;
	pass(&b, 3 * TICK_MS);
	assert_int_equal(b.pair.held, 1);
}

static void waits_for_slow_links_at_the_start(void **)
{
	struct bench b = started(false, true);

	pass(&b, LINK_ECHO_MS - TICK_MS);
	assert_int_equal(b.holds, 0);
	pass(&b, 2 * TICK_MS);
	assert_int_equal(b.pair.held, 1);

	b = started(false, false);
	b.cable[0] = b.cable[1] = true;
	pass(&b, 60000);
	assert_int_equal(b.holds, 0);
}

static void holds_nothing_while_both_are_cut(void **)
{
	struct bench b = started(false, false);

	pass(&b, 60000);
	assert_int_equal(b.holds, 0);
	// What comes first is held until the other is there.
	b.cable[1] = true;
	pass(&b, 1000);
	assert_int_equal(b.pair.held, 1);
	b.cable[0] = true;
	pass(&b, 1000);
	assert_int_equal(b.pair.held, -1);
}

static void asks_a_driver_once(void **)
{
	struct bench b = started(true, true);

	b.cable[0] = false;
	pass(&b, 1000);
	link_refused(&b.pair, 1);
	assert_int_equal(b.pair.held, -1);
	pass(&b, 60000);
	assert_int_equal(b.holds, 1);
	// The other way is open.
	b.cable[0] = true;
	b.cable[1] = false;
	pass(&b, 1000);
	assert_int_equal(b.pair.held, 0);
}

static void counts_on_after_another_start(void **)
{
	struct bench b = started(true, true);

	b.cable[0] = false;
	pass(&b, 1000);
	link_start(&b.pair, false, true, b.now_ms);
	assert_int_equal(b.pair.held, -1);
	assert_int_equal(b.pair.sides[0].changes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_a_cut_and_its_end),
		cmocka_unit_test(ignores_what_is_short),
		cmocka_unit_test(turns_seldom),
		cmocka_unit_test(sees_a_cut_of_the_side_it_held),
		cmocka_unit_test(knows_when_a_link_has_come_up),
		cmocka_unit_test(waits_for_slow_links_at_the_start),
		cmocka_unit_test(holds_nothing_while_both_are_cut),
		cmocka_unit_test(asks_a_driver_once),
		cmocka_unit_test(counts_on_after_another_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
