// SPDX-License-Identifier: BSD-3-Clause
#include "host/host.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	APP_OTHER = 2,
	SECOND = 1000000000
};

static const uint64_t START_NS = 1156534266 * (uint64_t)SECOND;

struct ended {
	unsigned count;
	uint8_t last; // the last byte of the address
	uint8_t apps;
};

static void count_ended(void *context, const struct host *host)
{
	struct ended *ended = context;

	ended->count++;
	ended->last = host->address[15];
	ended->apps = host->app_count;
}

static struct host_table *create(uint32_t capacity, struct ended *ended)
{
	struct host_table *table = host_table_create(&(struct host_config){
			.capacity = capacity,
			.expiry_s = 600,
			.ended = ended == NULL ? NULL : count_ended,
			.context = ended,
	});

	assert_non_null(table);
	return table;
}

// Of a host whose address ends in `host`, `seconds` after the start.
static struct evidence evidence_of(uint8_t host, double seconds, enum confidence confidence)
{
	return (struct evidence){
		.time_ns = START_NS + (uint64_t)(seconds * SECOND),
		.number = 1,
		.flow_id = 7,
		.host = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = host },
		.is_ip4 = 1,
		.signal = SIGNAL_HTTP_HOST,
		.app = APP_SKYPE,
		.confidence = confidence,
	};
}

static const struct host *find(const struct host_table *table, uint8_t host)
{
	struct evidence evidence = evidence_of(host, 0, CONFIDENCE_WEAK);

	return host_find(table, evidence.host, true);
}

static void refuses_what_cannot_be(void **)
{
	assert_null(host_table_create(&(struct host_config){ .expiry_s = 1 }));
	assert_int_equal(errno, EINVAL);
	assert_null(host_table_create(&(struct host_config){ .capacity = 1 }));
	assert_int_equal(errno, EINVAL);
	host_table_free(NULL);
}

struct observed {
	double seconds;
	enum signal signal;
	enum confidence confidence;
};

static void confidence_follows_the_evidence(void **)
{
	static const struct {
		enum confidence expected;
		struct observed observed[4];
	} rows[] = {
		{ CONFIDENCE_WEAK,
				{ { 0, 1, CONFIDENCE_WEAK }, { 1, 2, CONFIDENCE_WEAK },
						{ 2, 3, CONFIDENCE_WEAK } } },
		{ CONFIDENCE_WEAK, { { 0, 1, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_WEAK, { { 0, 1, CONFIDENCE_STRONG }, { 1, 1, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_WEAK, { { 0, 1, CONFIDENCE_STRONG }, { 1, 2, CONFIDENCE_WEAK } } },
		{ CONFIDENCE_WEAK,
				{ { 0, 1, CONFIDENCE_STRONG }, { 60.1, 2, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_STRONG,
				{ { 0, 1, CONFIDENCE_STRONG }, { 60, 2, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_STRONG,
				{ { 60, 1, CONFIDENCE_STRONG }, { 0, 2, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_STRONG,
				{ { 0, 1, CONFIDENCE_STRONG }, { 50, 1, CONFIDENCE_STRONG },
						{ 100, 2, CONFIDENCE_STRONG } } },
		{ CONFIDENCE_STRONG,
				{ { 0, 1, CONFIDENCE_STRONG }, { 1, 2, CONFIDENCE_STRONG },
						{ 500, 1, CONFIDENCE_WEAK } } },
		{ CONFIDENCE_CERTAIN, { { 0, 1, CONFIDENCE_CERTAIN } } },
		{ CONFIDENCE_CERTAIN, { { 0, 1, CONFIDENCE_CERTAIN }, { 1, 2, CONFIDENCE_WEAK } } },
		{ CONFIDENCE_CERTAIN, { { 0, 1, CONFIDENCE_WEAK }, { 1, 1, CONFIDENCE_CERTAIN } } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct host_table *table = create(8, NULL);

		for (int j = 0; j < 4 && rows[i].observed[j].confidence != CONFIDENCE_NONE; j++) {
			const struct observed *observed = &rows[i].observed[j];
			struct evidence evidence =
					evidence_of(1, observed->seconds, observed->confidence);

			evidence.signal = observed->signal;
			host_learn(table, &evidence);
		}
		print_message("row %zu\n", i);
		assert_int_equal(find(table, 1)->apps[0].confidence, rows[i].expected);
		host_table_free(table);
	}
}

static void describe_client(
		struct host_table *table, unsigned second, const struct client_facts *client)
{
	const struct evidence of = evidence_of(1, second, CONFIDENCE_CERTAIN);

	host_describe(table, of.host, of.is_ip4, of.app,
			&(struct host_traits){ .client = client, .client_ns = of.time_ns });
}

// The newest counts, in whatever order they come; a question without a user takes none away.
static void a_client_tells_of_itself(void **)
{
	const struct client_facts second = { .platform = 2 + 1, .user = "0a" },
				  other = { .platform = 1 + 1 },
				  first = {
					  .platform = 0 + 1, .is_first_start = true, .user = "0b"
				  };
	struct host_table *table = create(8, NULL);
	struct evidence evidence = evidence_of(1, 100, CONFIDENCE_CERTAIN);
	char platform[HOST_PLATFORM_BYTES];
	const struct host_app *app;

	describe_client(table, 100, &second); // nobody is known yet
	assert_null(find(table, 1));
	host_learn(table, &evidence);
	app = &find(table, 1)->apps[0];
	host_platform(app, platform);
	assert_string_equal(platform, "");
	describe_client(table, 100, &second);
	describe_client(table, 50, &first);
	describe_client(table, 70, &first);
	host_platform(app, platform);
	assert_string_equal(platform, "Linux");
	assert_string_equal(app->client.user, "0a");
	assert_int_equal(app->first_start_ns, evidence_of(1, 50, CONFIDENCE_WEAK).time_ns);
	describe_client(table, 101, &other);
	host_platform(app, platform);
	assert_string_equal(platform, "number 1");
	assert_string_equal(app->client.user, "0a");
	describe_client(table, 102, &first);
	host_platform(app, platform);
	assert_string_equal(platform, "Windows");
	assert_string_equal(app->client.user, "0b");
	host_table_free(table);
}

// Times of a capture may start at 0.
static void weak_evidence_is_no_strong_one_at_the_epoch(void **)
{
	struct host_table *table = create(8, NULL);
	struct evidence evidence = evidence_of(1, 0, CONFIDENCE_WEAK);

	evidence.time_ns = 1;
	host_learn(table, &evidence);
	evidence.signal = SIGNAL_PAYLOAD;
	evidence.confidence = CONFIDENCE_STRONG;
	host_learn(table, &evidence);
	assert_int_equal(find(table, 1)->apps[0].confidence, CONFIDENCE_WEAK);
	host_table_free(table);
}

static void the_ledger_keeps_count_and_the_first_example(void **)
{
	struct host_table *table = create(8, NULL);
	struct evidence evidence = evidence_of(1, 10, CONFIDENCE_WEAK);
	const struct host_app *app;

	host_learn(table, &evidence);
	evidence = evidence_of(1, 20, CONFIDENCE_CERTAIN);
	host_learn(table, &evidence);
	evidence = evidence_of(1, 5, CONFIDENCE_STRONG); // late, but first
	memcpy(evidence.text, "first", 5);
	host_learn(table, &evidence);
	evidence.signal = SIGNAL_PAYLOAD;
	host_learn(table, &evidence);

	assert_int_equal(find(table, 1)->app_count, 1);
	assert_true(find(table, 1)->last_ns == START_NS + 20ull * SECOND);
	app = &find(table, 1)->apps[0];
	assert_int_equal(app->ledger_count, 2);
	assert_int_equal(app->evidence_total, 4);
	assert_int_equal(app->ledger[0].count, 3);
	assert_true(app->ledger[0].last_ns == START_NS + 20ull * SECOND);
	assert_true(app->ledger[0].first.time_ns == START_NS + 5ull * SECOND);
	assert_memory_equal(app->ledger[0].first.text, "first", 5);
	assert_int_equal(app->ledger[1].count, 1);
	assert_true(app->first_ns == START_NS + 5ull * SECOND);
	assert_true(app->last_ns == START_NS + 20ull * SECOND);
	assert_int_equal(host_stats(table)->evidence, 4);
	assert_int_equal(host_stats(table)->learned, 1);
	host_table_free(table);
}

static void learn_version(struct host_table *table, double seconds, const char *version)
{
	struct evidence evidence = evidence_of(1, seconds, CONFIDENCE_CERTAIN);

	evidence.version_length = strlen(version);
	memcpy(evidence.version, version, strlen(version));
	host_learn(table, &evidence);
}

static void the_newest_version_counts(void **)
{
	struct host_table *table = create(8, NULL);

	learn_version(table, 0, "");
	assert_string_equal(find(table, 1)->apps[0].version, "");
	learn_version(table, 2, "1.2.0.18");
	learn_version(table, 1, "0.97");
	learn_version(table, 3, "");
	assert_string_equal(find(table, 1)->apps[0].version, "1.2.0.18");
	learn_version(table, 4, "1234567890123456");
	assert_string_equal(find(table, 1)->apps[0].version, "1234567890123456");
	host_table_free(table);
}

static void learn_check(struct host_table *table, double seconds, uint64_t flow_id)
{
	struct evidence evidence = evidence_of(1, seconds, CONFIDENCE_CERTAIN);

	evidence.role = FLOW_ROLE_VERSION_CHECK;
	evidence.flow_id = flow_id;
	evidence.number = flow_id;
	host_learn(table, &evidence);
}

static void each_version_check_is_a_start(void **)
{
	struct host_table *table = create(8, NULL);
	struct evidence evidence = evidence_of(1, 0, CONFIDENCE_CERTAIN);
	const struct host_app *app;

	host_learn(table, &evidence); // no role
	learn_check(table, 300, 2);
	learn_check(table, 60, 1); // late
	learn_check(table, 301, 2); // the same flow again
	app = &find(table, 1)->apps[0];
	assert_int_equal(app->step_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(app->steps[i].step, STEP_STARTUP);
		assert_int_equal(app->steps[i].flow_id, i + 1);
		assert_int_equal(app->steps[i].number, i + 1);
	}
	assert_true(app->steps[0].time_ns == START_NS + 60ull * SECOND);
	assert_true(app->steps[1].time_ns == START_NS + 300ull * SECOND);
	host_table_free(table);
}

static void the_first_and_the_newest_steps_are_kept(void **)
{
	struct host_table *table = create(8, NULL);
	const struct host_app *app;

	for (int i = 1; i <= 40; i++)
		learn_check(table, 100 * i, i);
	app = &find(table, 1)->apps[0];
	assert_int_equal(app->step_count, HOST_STEPS_MAX);
	assert_int_equal(app->steps[0].flow_id, 1);
	for (int i = 1; i < HOST_STEPS_MAX; i++)
		assert_int_equal(app->steps[i].flow_id, 40 - HOST_STEPS_MAX + i + 1);
	learn_check(table, 0.5, 100); // older than the first
	app = &find(table, 1)->apps[0];
	assert_int_equal(app->step_count, HOST_STEPS_MAX);
	assert_int_equal(app->steps[0].flow_id, 100);
	assert_int_equal(app->steps[1].flow_id, 40 - HOST_STEPS_MAX + 2);
	host_table_free(table);
}

static void steps_have_names(void **)
{
	for (int step = 0; step < STEP_COUNT; step++)
		assert_non_null(step_name(step));
	assert_string_equal(step_name(STEP_STARTUP), "startup");
	assert_string_equal(step_name(STEP_NETWORK_SETUP), "network-setup");
}

static void learn_app(
		struct host_table *table, double seconds, uint8_t app, enum confidence confidence)
{
	struct evidence evidence = evidence_of(1, seconds, confidence);

	evidence.app = app;
	host_learn(table, &evidence);
}

static bool has_app(const struct host_table *table, uint8_t app)
{
	const struct host *host = find(table, 1);

	for (int i = 0; i < host->app_count; i++)
		if (host->apps[i].app == app)
			return true;
	return false;
}

static void the_weakest_application_gives_way(void **)
{
	struct host_table *table = create(8, NULL);

	learn_app(table, 1, 10, CONFIDENCE_CERTAIN);
	learn_app(table, 2, 11, CONFIDENCE_WEAK);
	learn_app(table, 3, 12, CONFIDENCE_CERTAIN);
	learn_app(table, 4, 13, CONFIDENCE_CERTAIN);
	learn_app(table, 5, 14, CONFIDENCE_WEAK);
	assert_int_equal(find(table, 1)->app_count, HOST_APPS_MAX);
	assert_false(has_app(table, 11));
	assert_true(has_app(table, 14));
	learn_app(table, 6, 15, CONFIDENCE_CERTAIN);
	assert_false(has_app(table, 14));
	assert_int_equal(host_stats(table)->refused, 0);
	// All are certain: weaker evidence of a fifth is refused, certain takes the oldest's place.
	learn_app(table, 7, 16, CONFIDENCE_STRONG);
	assert_false(has_app(table, 16));
	assert_int_equal(host_stats(table)->refused, 1);
	learn_app(table, 8, 17, CONFIDENCE_CERTAIN);
	assert_true(has_app(table, 17));
	assert_false(has_app(table, 10));
	assert_int_equal(find(table, 1)->app_count, HOST_APPS_MAX);
	host_table_free(table);
}

static void addresses_of_both_versions_are_different_hosts(void **)
{
	struct host_table *table = create(8, NULL);
	struct evidence evidence = evidence_of(1, 0, CONFIDENCE_CERTAIN);
	const struct host *host;

	host_learn(table, &evidence);
	assert_null(host_find(table, evidence.host, false));
	evidence.is_ip4 = 0;
	host_learn(table, &evidence);
	assert_int_equal(host_count(table), 2);
	host = host_find(table, evidence.host, false);
	assert_false(host->is_ip4);
	assert_ptr_not_equal(host, find(table, 1));
	assert_null(find(table, 2));
	host_table_free(table);
}

// "cab" and the like: the last bytes of the addresses in order of first evidence.
static void assert_hosts(const struct host_table *table, const char *expected)
{
	const struct host *host = NULL;

	assert_int_equal(host_count(table), strlen(expected));
	for (; *expected != '\0'; expected++) {
		host = host_next(table, host);
		assert_non_null(host);
		assert_int_equal(host->address[15], *expected);
	}
	assert_null(host_next(table, host));
}

static void learn(
		struct host_table *table, uint8_t host, double seconds, enum confidence confidence)
{
	struct evidence evidence = evidence_of(host, seconds, confidence);

	host_learn(table, &evidence);
}

static void hosts_come_in_order_of_first_evidence(void **)
{
	struct host_table *table = create(8, NULL);

	assert_hosts(table, "");
	learn(table, 'c', 1, CONFIDENCE_WEAK);
	learn(table, 'a', 2, CONFIDENCE_CERTAIN);
	learn(table, 'b', 3, CONFIDENCE_WEAK);
	learn(table, 'c', 4, CONFIDENCE_CERTAIN);
	assert_hosts(table, "cab");
	host_table_free(table);
}

static void a_full_table_gives_up_the_weakest_then_oldest(void **)
{
	struct ended ended = { 0 };
	struct host_table *table = create(3, &ended);

	learn(table, 'a', 1, CONFIDENCE_CERTAIN);
	learn(table, 'b', 2, CONFIDENCE_WEAK);
	learn(table, 'c', 3, CONFIDENCE_WEAK);
	learn(table, 'b', 4, CONFIDENCE_WEAK);
	learn(table, 'd', 5, CONFIDENCE_CERTAIN); // instead of c
	assert_hosts(table, "abd");
	assert_int_equal(ended.last, 'c');
	learn(table, 'e', 6, CONFIDENCE_CERTAIN); // instead of b
	assert_hosts(table, "ade");
	// All are certain: the one whose last certain or strong evidence is oldest.
	learn(table, 'a', 7, CONFIDENCE_CERTAIN);
	learn(table, 'd', 8, CONFIDENCE_WEAK);
	learn(table, 'f', 9, CONFIDENCE_WEAK);
	assert_hosts(table, "aef");
	learn(table, 'g', 10, CONFIDENCE_WEAK); // costs no second one that is sure
	assert_hosts(table, "aeg");
	assert_int_equal(host_stats(table)->evicted, 4);
	assert_int_equal(ended.count, 4);
	assert_null(find(table, 'c'));
	host_table_free(table);
	assert_int_equal(ended.count, 4);
}

static void hosts_expire(void **)
{
	struct ended ended = { 0 };
	struct host_table *table = create(8, &ended);

	learn(table, 'a', 0, CONFIDENCE_CERTAIN);
	learn(table, 'b', 0, CONFIDENCE_WEAK);
	learn(table, 'c', 0, CONFIDENCE_CERTAIN);
	learn(table, 'c', 300, CONFIDENCE_STRONG); // renews
	learn(table, 'a', 300, CONFIDENCE_WEAK); // does not
	host_expire(table, 0);
	host_expire(table, START_NS + 600ull * SECOND);
	assert_hosts(table, "abc");
	host_expire(table, START_NS + 600ull * SECOND + 1);
	assert_hosts(table, "c");
	learn(table, 'b', 700, CONFIDENCE_WEAK);
	learn(table, 'b', 1000, CONFIDENCE_WEAK); // nothing surer is known of it: renews
	host_expire(table, START_NS + 1400ull * SECOND);
	assert_hosts(table, "b");
	assert_int_equal(host_stats(table)->expired, 3);
	assert_int_equal(ended.count, 3);
	host_end_all(table);
	assert_hosts(table, "");
	assert_int_equal(ended.count, 4);
	assert_int_equal(ended.apps, 1);
	host_table_free(table);
}

// Whatever strangers claim, what is kept stays bounded and what is certain stays.
static void a_flood_of_spoofed_hosts_is_bounded(void **)
{
	enum {
		CAPACITY = 1024
	};
	struct ended ended = { 0 };
	struct host_table *table = create(CAPACITY, &ended);
	struct evidence evidence = evidence_of(1, 0, CONFIDENCE_CERTAIN);
	size_t before = mallinfo2().uordblks;

	host_learn(table, &evidence);
	for (uint32_t i = 0; i < 200000; i++) {
		evidence = evidence_of(0, i * 1e-5, CONFIDENCE_WEAK);
		memcpy(evidence.host, &i, sizeof(i));
		host_learn(table, &evidence);
	}
	assert_int_equal(host_count(table), CAPACITY);
	assert_int_equal(ended.count, 200001 - CAPACITY);
	assert_int_equal(host_stats(table)->evicted, 200001 - CAPACITY);
	assert_non_null(find(table, 1));
	assert_true(mallinfo2().uordblks - before <= (size_t)CAPACITY * HOST_BYTES);
	host_table_free(table);
}

// Hosts that show much give way before the table has given out all its places.
static void much_evidence_of_each_is_bounded(void **)
{
	enum {
		CAPACITY = 4096,
		HOSTS = 800,
		EACH = HOST_APPS_MAX * 32,
	};
	struct host_table *table = create(CAPACITY, NULL);
	size_t before = mallinfo2().uordblks;

	for (uint32_t i = 0; i < HOSTS * EACH; i++) {
		struct evidence evidence = evidence_of(0, i * 1e-3, CONFIDENCE_CERTAIN);
		uint32_t host = i / EACH;

		memcpy(evidence.host, &host, sizeof(host));
		evidence.app = 1 + i % HOST_APPS_MAX;
		evidence.signal = i / HOST_APPS_MAX % SIGNAL_COUNT;
		evidence.role = FLOW_ROLE_VERSION_CHECK;
		evidence.flow_id = i;
		host_learn(table, &evidence);
	}
	assert_true(host_stats(table)->evicted > 0);
	assert_true(host_count(table) > HOSTS / 4);
	// With what the allocator needs.
	assert_true(mallinfo2().uordblks - before <= (size_t)CAPACITY * HOST_BYTES * 5 / 4);
	host_table_free(table);
}

// Large links: accidents of one in 2^32 happen there.
static void a_backbone_asks_for_two_certain_packets(void **)
{
	struct host_table *table = host_table_create(&(struct host_config){
			.capacity = 8, .expiry_s = 600, .is_backbone = true });
	struct evidence evidence = evidence_of(1, 0, CONFIDENCE_CERTAIN);

	host_learn(table, &evidence);
	host_learn(table, &evidence); // the same packet twice
	assert_int_not_equal(find(table, 1)->apps[0].confidence, CONFIDENCE_CERTAIN);
	evidence = evidence_of(1, 1, CONFIDENCE_CERTAIN);
	host_learn(table, &evidence);
	assert_int_equal(find(table, 1)->apps[0].confidence, CONFIDENCE_CERTAIN);

	evidence = evidence_of(2, 0, CONFIDENCE_STRONG);
	host_learn(table, &evidence);
	evidence = evidence_of(2, 59, CONFIDENCE_CERTAIN);
	evidence.signal = SIGNAL_SKYPE_PROBE;
	host_learn(table, &evidence);
	assert_int_equal(find(table, 2)->apps[0].confidence, CONFIDENCE_CERTAIN);
	host_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_cannot_be),
		cmocka_unit_test(confidence_follows_the_evidence),
		cmocka_unit_test(a_backbone_asks_for_two_certain_packets),
		cmocka_unit_test(a_client_tells_of_itself),
		cmocka_unit_test(weak_evidence_is_no_strong_one_at_the_epoch),
		cmocka_unit_test(the_ledger_keeps_count_and_the_first_example),
		cmocka_unit_test(the_newest_version_counts),
		cmocka_unit_test(each_version_check_is_a_start),
		cmocka_unit_test(the_first_and_the_newest_steps_are_kept),
		cmocka_unit_test(steps_have_names),
		cmocka_unit_test(the_weakest_application_gives_way),
		cmocka_unit_test(addresses_of_both_versions_are_different_hosts),
		cmocka_unit_test(hosts_come_in_order_of_first_evidence),
		cmocka_unit_test(a_full_table_gives_up_the_weakest_then_oldest),
		cmocka_unit_test(hosts_expire),
		cmocka_unit_test(a_flood_of_spoofed_hosts_is_bounded),
		cmocka_unit_test(much_evidence_of_each_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
