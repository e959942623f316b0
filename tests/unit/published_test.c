// SPDX-License-Identifier: BSD-3-Clause
#include "host/published.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t address[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 };

static void assert_same(const struct verdict *one, const struct verdict *two)
{
	assert_int_equal(one->app, two->app);
	assert_int_equal(one->confidence, two->confidence);
	assert_int_equal(one->role, two->role);
	assert_int_equal(one->signals, two->signals);
}

static void tells_what_was_set(void **)
{
	const struct verdict verdict = { 7, 3, 5, 0x80000001 }, other = { 8, 1, 2, 3 };
	struct published *table = published_create(16);
	struct published_key keys[] = { published_host(address), published_port(address, 0),
		published_port(address, 1), published_flow(1) };
	struct verdict found;
	uint32_t generation;

	assert_int_equal(published_generation(table), 0);
	assert_int_equal(published_get(table, &keys[0], &found), PUBLISHED_NONE);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(published_get(table, &keys[i], &found), PUBLISHED_NONE);
		published_set(table, &keys[i], &verdict);
		assert_int_equal(published_get(table, &keys[i], &found), PUBLISHED_FOUND);
		assert_same(&found, &verdict);
	}
	generation = published_generation(table);
	published_set(table, &keys[0], &verdict); // no news
	assert_int_equal(published_generation(table), generation);
	published_set(table, &keys[0], &other);
	assert_int_not_equal(published_generation(table), generation);
	published_get(table, &keys[0], &found);
	assert_same(&found, &other);
	generation = published_generation(table);
	published_remove(table, &keys[0]);
	assert_int_not_equal(published_generation(table), generation);
	assert_int_equal(published_get(table, &keys[0], &found), PUBLISHED_NONE);
	assert_int_equal(published_get(table, &keys[1], &found), PUBLISHED_FOUND);
	published_set(table, &keys[0], &verdict);
	assert_int_equal(published_get(table, &keys[0], &found), PUBLISHED_FOUND);
	published_free(table);
}

static void the_generation_never_looks_like_none(void **)
{
	struct published *table = published_create(16);
	struct published_key key = published_host(address);

	for (int i = 0; i < 1 << 17; i++) {
		published_set(table, &key, &(struct verdict){ 1, 1, 1, i });
		assert_int_not_equal((uint16_t)published_generation(table), 0);
	}
	published_free(table);
}

static void a_full_bucket_gives_up_its_oldest(void **)
{
	struct published *table = published_create(1);
	struct published_key keys[4];
	struct verdict found;

	for (int i = 0; i < 4; i++)
		keys[i] = published_flow(i);
	for (int i = 0; i < 3; i++)
		published_set(table, &keys[i], &(struct verdict){ 1, 1, 1, i });
	published_set(table, &keys[0], &(struct verdict){ 1, 1, 1, 0 }); // young again
	published_set(table, &keys[3], &(struct verdict){ 1, 1, 1, 3 });
	assert_int_equal(published_get(table, &keys[0], &found), PUBLISHED_FOUND);
	assert_int_equal(published_get(table, &keys[1], &found), PUBLISHED_NONE);
	assert_int_equal(published_get(table, &keys[2], &found), PUBLISHED_FOUND);
	assert_int_equal(published_get(table, &keys[3], &found), PUBLISHED_FOUND);
	published_free(table);
}

static void a_port_gives_way_to_ports_alone(void **)
{
	struct published *table = published_create(1);
	struct published_key port = published_port(address, 1), host = published_host(address);
	const struct verdict verdict = { 1, 1, 1, 1 };
	struct verdict found;

	for (int i = 0; i < 3; i++) {
		struct published_key key = published_flow(i);

		published_set(table, &key, &verdict);
	}
	published_set(table, &host, &verdict); // worth less than three flows
	assert_int_equal(published_get(table, &host, &found), PUBLISHED_NONE);
	published_set(table, &port, &verdict);
	for (int i = 0; i < 100; i++) {
		struct published_key key = published_flow(i);

		published_set(table, &key, &verdict);
	}
	assert_int_equal(published_get(table, &port, &found), PUBLISHED_FOUND);
	published_free(table);
}

enum {
	KEYS = 16,
	ROUNDS = 20000
};

struct reading {
	struct published *table;
	atomic_bool stop;
	uint64_t found, torn;
};

// What is written under key i always says so itself.
static void *read_all(void *context)
{
	struct reading *reading = context;
	uint64_t found = 0, torn = 0;

	while (!atomic_load(&reading->stop)) {
		for (int i = 0; i < KEYS; i++) {
			struct published_key key = published_flow(i);
			struct verdict verdict;

			if (published_get(reading->table, &key, &verdict) != PUBLISHED_FOUND)
				continue;
			found++;
			torn += verdict.signals % KEYS != (unsigned)i || verdict.app != i + 1;
		}
	}
	reading->found = found;
	reading->torn = torn;
	return NULL;
}

static void readers_see_entries_whole_while_they_are_written(void **)
{
	struct reading readings[2] = { { .table = published_create(4) } };
	pthread_t threads[2];

	readings[1].table = readings[0].table;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readings[i]), 0);
	for (unsigned i = 0; i < ROUNDS * KEYS; i++) {
		struct published_key key = published_flow(i * 7 % KEYS);
		unsigned which = i * 7 % KEYS;

		published_set(readings[0].table, &key,
				&(struct verdict){ which + 1, 3, 3, which + KEYS * (i % 1000) });
		if (i % 5 == 0)
			published_remove(readings[0].table, &key);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store(&readings[i].stop, true);
		pthread_join(threads[i], NULL);
		assert_int_equal(readings[i].torn, 0);
	}
	published_free(readings[0].table);
}

static void refuses_what_cannot_be(void **)
{
	assert_null(published_create(0));
	assert_int_equal(errno, EINVAL);
	published_free(NULL);
}

// 192.0.2.`last`.
static void address_of(uint8_t last, uint8_t bytes[16])
{
	const uint8_t base[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2 };

	memcpy(bytes, base, sizeof(base));
	bytes[15] = last;
}

static void addresses_are_known_for_ten_minutes_at_least(void **)
{
	const struct verdict verdict = { .app = 1, .confidence = 1 };
	const uint64_t minute = 60 * UINT64_C(1000000000), start = 26000000 * minute;
	struct published *table = published_create(1024);
	unsigned false_ones = 0;
	uint8_t hosts[3][16];

	for (uint8_t i = 0; i < 3; i++)
		address_of(i, hosts[i]);
	published_expire(table, start);
	assert_false(published_may_know(table, hosts[0]));
	for (uint8_t i = 0; i < 3; i++) {
		struct published_key keys[] = {
			published_host(hosts[0]),
			published_port(hosts[1], 40000),
			published_node(hosts[2], hosts[0], 40000),
		};

		published_set(table, &keys[i], &verdict);
	}
	for (unsigned i = 3; i < 256; i++) {
		uint8_t other[16];

		address_of(i, other);
		false_ones += published_may_know(table, other);
	}
	assert_true(false_ones < 3);
	for (unsigned i = 0; i <= 10; i++) {
		published_expire(table, start + i * minute);
		for (unsigned j = 0; j < 3; j++)
			assert_true(published_may_know(table, hosts[j]));
	}
	published_expire(table, start + 11 * minute);
	published_expire(table, start + 22 * minute);
	for (unsigned j = 0; j < 3; j++)
		assert_false(published_may_know(table, hosts[j]));
	published_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_was_set),
		cmocka_unit_test(the_generation_never_looks_like_none),
		cmocka_unit_test(a_full_bucket_gives_up_its_oldest),
		cmocka_unit_test(a_port_gives_way_to_ports_alone),
		cmocka_unit_test(readers_see_entries_whole_while_they_are_written),
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(addresses_are_known_for_ten_minutes_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
