// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct findings findings;

static void look(const char *text, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);
	struct sample sample = {
		.data = copy,
		.length = length,
		.protocol = IPPROTO_TCP,
		.is_first = true,
	};

	assert_non_null(copy);
	memcpy(copy, text, length);
	detect(&sample, &findings);
	free(copy);
}

static void assert_client(unsigned platform, bool is_first_start, const char *user)
{
	const struct fact *fact = &findings.facts[0];

	assert_true(fact->has_client);
	assert_int_equal(fact->client.platform, platform + 1);
	assert_int_equal(fact->client.is_first_start, is_first_start);
	assert_string_equal(fact->client.user, user);
}

static void assert_fact(const char *version, const char *text)
{
	const struct fact *fact = &findings.facts[0];

	assert_int_equal(findings.fact_count, 1);
	assert_int_equal(fact->signal, SIGNAL_SKYPE_VERSION_CHECK);
	assert_int_equal(fact->app, APP_SKYPE);
	assert_int_equal(fact->confidence, CONFIDENCE_CERTAIN);
	assert_int_equal(fact->role, FLOW_ROLE_VERSION_CHECK);
	assert_int_equal(fact->version_length, strlen(version));
	assert_memory_equal(fact->version, version, strlen(version));
	assert_int_equal(fact->text_length, strlen(text));
	assert_memory_equal(fact->text, text, strlen(text));
}

static const struct {
	const char *request;
	const char *version;
	const char *text;
} checks[] = {
	{ "GET http://ui.skype.com/ui/2/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash="
	  "0123456789abcdef0123456789abcdef HTTP/1.1\r\nconnection: Keep-Alive\r\n"
	  "host: ui.skype.com\r\n\r\n",
			"1.2.0.18", "GET /ui/2/1.2.0.18/en/getlatestversion" },
	{ "GET /ui/0/97/en/getlatestversion?ver=0.97.0.6 HTTP/1.1\r\n"
	  "User-Agent: Skype(TM) Beta 0.97\r\nHost: ui.skype.com\r\n"
	  "Cache-Control: no-cache\r\n\r\n",
			"0.97.0.6", "GET /ui/0/97/en/getlatestversion" },
	{ "GET /ui/0/97/en/installed HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n", "97",
			"GET /ui/0/97/en/installed" },
	{ "GET /ui/0/3.8.0.154/pt-br/getnewestversion?uhash=1&ver=3.8.0.154 HTTP/1.1\r\n"
	  "Host: UI.SKYPE.COM:80\r\n\r\n",
			"3.8.0.154", "GET /ui/0/3.8.0.154/pt-br/getnewestversi" },
	// A version that is none, is empty or does not fit: the path's.
	{ "GET /ui/0/4.2/en/installed?ver=%3C HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n", "4.2",
			"GET /ui/0/4.2/en/installed" },
	{ "GET /ui/0/4.2/en/installed?ver=4.2.1x HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n", "4.2",
			"GET /ui/0/4.2/en/installed" },
	{ "GET /ui/0/4.2/en/installed?ver=&x HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n", "4.2",
			"GET /ui/0/4.2/en/installed" },
	{ "GET /ui/0/4.2/en/installed?ver=11111111111111111 HTTP/1.1\r\nHost: ui.skype.com"
	  "\r\n\r\n",
			"4.2", "GET /ui/0/4.2/en/installed" },
	{ "GET /ui/0/4.2/en/installed?xver=1.0&&ver=4.2.0.1 HTTP/1.1\r\nHost: ui.skype.com"
	  "\r\n\r\n",
			"4.2.0.1", "GET /ui/0/4.2/en/installed" },
};

static void a_version_check_is_a_fact(void **)
{
	for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
		look(checks[i].request, strlen(checks[i].request));
		assert_fact(checks[i].version, checks[i].text);
		assert_string_equal(detect_app_proto_name(findings.app_proto), "http");
	}
}

// Platform, first start and user: the vectors of both sources, and hashes that are none.
static void the_client_tells_of_itself(void **)
{
	static const struct {
		const char *target, *user;
		unsigned platform;
		bool is_first_start;
	} clients[] = {
		{ "2/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash="
		  "0123456789abcdef0123456789ABCDEF",
				"0123456789abcdef0123456789ABCDEF", 2, false },
		{ "0/3.8.0.154/en/getlatestversion?ver=3.8.0.154&uhash="
		  "10123456789abcdef0123456789abcdef",
				"10123456789abcdef0123456789abcdef", 0, false },
		{ "0/97/en/installed", "", 0, true },
		{ "99/97/en/installed?uhash=5", "5", 99, true },
		{ "00/97/en/getnewestversion?uhash=", "", 0, false },
		{ "1/97/en/getnewestversion?uhash=x", "", 1, false },
		{ "3/97/en/getnewestversion?uhash=0123456789abcdef0123456789abcdef01", "", 3,
				false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
		char text[256];

		look(text,
				snprintf(text, sizeof(text),
						"GET /ui/%s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
						clients[i].target));
		assert_int_equal(findings.fact_count, 1);
		assert_client(clients[i].platform, clients[i].is_first_start, clients[i].user);
	}
}

// The fact comes with the host, not before, and stays.
static void every_prefix_agrees(void **)
{
	for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
		size_t length = strlen(checks[i].request);

		for (size_t part = 0; part <= length; part++) {
			look(checks[i].request, part);
			if (findings_get(&findings, BUFFER_HTTP_HOST) != NULL)
				assert_fact(checks[i].version, checks[i].text);
			else
				assert_int_equal(findings.fact_count, 0);
		}
	}
}

static void near_misses_are_none(void **)
{
	static const char path[] = "/ui/2/1.2.0.18/en/getlatestversion";
	static const char *const formats[] = {
		"GET %s HTTP/1.1\r\nHost: www.skype.com\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: ui.skype.com.evil.example\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: xui.skype.com\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: evil.example\r\nReferer: http://ui.skype.com/\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: evil.example\r\n\r\nHost: ui.skype.com\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost : ui.skype.com\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: ui.skype.com\r\nHost: evil.example\r\n\r\n",
		"GET %s HTTP/1.1\r\nHost: ui.\r\n skype.com\r\n\r\n",
		"GET %s HTTP/1.1\r\n\r\n",
		"POST %s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
		"GET http://evil.example%s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
		"GET http://ui.skype.com@evil.example%s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
		"GET x%s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
		"HTTP/1.1 200 OK\r\nHost: ui.skype.com\r\nLocation: %s\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		char text[512];

		look(text, snprintf(text, sizeof(text), formats[i], path));
		assert_int_equal(findings.fact_count, 0);
	}
}

static void other_paths_are_none(void **)
{
	static const char *const paths[] = {
		"/",
		"/ui/",
		"/ui/2/1.2.0.18/en/",
		"/ui/2/1.2.0.18/en/getlatestversions",
		"/ui/2/1.2.0.18/en/getlatestversion/",
		"/ui/2/1.2.0.18/getlatestversion",
		"/ui/2/1.2.0.18/e9/getlatestversion",
		"/ui/2/1.2.0.18/abcdefghi/installed",
		"/ui/2//en/getlatestversion",
		"/ui//1.2.0.18/en/getlatestversion",
		"/ui/200/1.2.0.18/en/getlatestversion",
		"/ui/2/1.2.0.18-x/en/getlatestversion",
		"/ui/2/11111111111111111/en/installed",
		"/UI/2/1.2.0.18/en/getlatestversion",
		"/x?/ui/2/1.2.0.18/en/getlatestversion",
		"/x/ui/2/1.2.0.18/en/getlatestversion",
	};

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		char text[512];

		look(text,
				snprintf(text, sizeof(text),
						"GET %s HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
						paths[i]));
		assert_int_equal(findings.fact_count, 0);
		assert_int_not_equal(findings.app_proto, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_check_is_a_fact),
		cmocka_unit_test(the_client_tells_of_itself),
		cmocka_unit_test(every_prefix_agrees),
		cmocka_unit_test(near_misses_are_none),
		cmocka_unit_test(other_paths_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
