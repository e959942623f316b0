// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"
#include "detect/http_framing.h"
#include "detect/http_text.h"

#include <ctype.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct findings findings;
static bool is_growing;
static uint8_t *copy; // of the sample, of exactly its size, so that the sanitizer sees overreads

// Nothing but http.header is another when nobody looks at that.
static void assert_same_without_headers(const struct sample *sample, enum match expected)
{
	static struct findings without = { .skips_headers = true };
	unsigned at = 0;

	findings_clear(&without);
	assert_int_equal(detector_http.match(sample, &without), expected);
	assert_int_equal(without.framing, findings.framing);
	assert_int_equal(without.wants_more, findings.wants_more);
	assert_int_equal(without.wants_head_end, findings.wants_head_end);
	assert_int_equal(without.stored, findings.stored);
	assert_int_equal(without.left_out, findings.left_out);
	if (findings.framing != FRAMING_NONE) {
		assert_int_equal(without.head_length, findings.head_length);
		assert_int_equal(without.body_length, findings.body_length);
	}
	for (unsigned i = 0; i < findings.value_count; i++) {
		const struct value *value = &findings.values[i];

		if (value->buffer == BUFFER_HTTP_HEADER)
			continue;
		assert_int_equal(without.values[at].buffer, value->buffer);
		assert_int_equal(without.values[at].length, value->length);
		assert_memory_equal(without.values[at++].data, value->data, value->length);
	}
	assert_int_equal(without.value_count, at);
}

static enum match look(const void *data, size_t length, bool is_first)
{
	struct sample sample = { .length = length,
		.protocol = IPPROTO_TCP,
		.is_first = is_first,
		.is_last = !is_growing };
	enum match match;

	free(copy);
	copy = malloc(length > 0 ? length : 1);
	assert_non_null(copy);
	memcpy(copy, data, length);
	sample.data = copy;
	findings_clear(&findings);
	match = detector_http.match(&sample, &findings);
	assert_same_without_headers(&sample, match);
	return match;
}

static enum match look_at(const char *text)
{
	return look(text, strlen(text), true);
}

// The n-th value of a buffer as a string; NULL when there are fewer.
static const char *value(enum buffer buffer, unsigned n)
{
	static char text[4096];

	for (unsigned i = 0; i < findings.value_count; i++) {
		const struct value *found = &findings.values[i];

		if (found->buffer != buffer || n-- > 0)
			continue;
		memcpy(text, found->data, found->length);
		text[found->length] = '\0';
		return text;
	}
	return NULL;
}

static void assert_value(enum buffer buffer, unsigned n, const char *expected)
{
	const char *found = value(buffer, n);

	if (expected == NULL) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, expected);
}

struct request {
	const char *text;
	const char *method, *uri, *host;
};

#define WINDOWS_2004                                                                               \
	"GET /ui/0/97/en/getlatestversion?ver=0.97.0.6 HTTP/1.1\r\n"                               \
	"User-Agent: Skype(TM) Beta 0.97\r\n"                                                      \
	"Host: ui.skype.com\r\n"                                                                   \
	"Cache-Control: no-cache\r\n\r\n"
#define LINUX_2006                                                                                 \
	"GET http://ui.skype.com/ui/2/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash="            \
	"0123456789abcdef0123456789abcdef HTTP/1.1\r\n"                                            \
	"connection: Keep-Alive\r\n"                                                               \
	"host: ui.skype.com\r\n\r\n"

static const struct request requests[] = {
	{ WINDOWS_2004, "GET", "/ui/0/97/en/getlatestversion?ver=0.97.0.6", "ui.skype.com" },
	{ LINUX_2006, "GET",
			"/ui/2/1.2.0.18/en/getlatestversion?ver=1.2.0.18&uhash="
			"0123456789abcdef0123456789abcdef",
			"ui.skype.com" },
	// RFC 9112 2.2: empty lines in front, LF alone.
	{ "\r\n\n\r\nGET / HTTP/1.1\nHost: a.example\n\n", "GET", "/", "a.example" },
	{ "HEAD / HTTP/1.0\r\n\r\n", "HEAD", "/", NULL },
	{ "GET /\xc3\xa9 HTTP/1.1\r\nhost:a\r\n\r\n", "GET", "/\xc3\xa9", "a" },
	// RFC 9112 3.2: the four forms of a target.
	{ "GET http://a.example HTTP/1.1\r\nHost: b.example\r\n\r\n", "GET", "/", "a.example" },
	{ "GET HTTPS://A.Example?q=http://c/ HTTP/1.1\r\n\r\n", "GET", "?q=http://c/",
			"a.example" },
	{ "GET ws+x://u:p@a.example:8080/p HTTP/1.1\r\n\r\n", "GET", "/p", "a.example" },
	{ "GET http://a.example@b.example/ HTTP/1.1\r\n\r\n", "GET", "/", "b.example" },
	{ "GET http://a@b@c/ HTTP/1.1\r\nHost: d\r\n\r\n", "GET", "/", NULL },
	{ "GET http://b\\@a/ HTTP/1.1\r\nHost: d\r\n\r\n", "GET", "/", NULL },
	{ "GET http:///p HTTP/1.1\r\nHost: d\r\n\r\n", "GET", "/p", NULL },
	{ "CONNECT A.example:443 HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT", "A.example:443",
			"a.example" },
	{ "CONNECT /p HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT", "/p", NULL },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*", "a" },
	{ "GET //b.example/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "//b.example/", "a" },
	{ "GET /http://b.example/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/http://b.example/", "a" },
	// What a Host field may look like.
	{ "GET / HTTP/1.1\r\nHOST:\t UI.Skype.COM.:80 \t\r\n\r\n", "GET", "/", "ui.skype.com" },
	{ "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n", "GET", "/", "[2001:db8::1]" },
	{ "GET / HTTP/1.1\r\nHost: 192.0.2.1:\r\n\r\n", "GET", "/", "192.0.2.1" },
	{ "GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: []\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a::1\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: .\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a..\r\n\r\n", "GET", "/", "a." },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "GET", "/", NULL },
	// RFC 9112 5.1: blanks before the colon; a name that is none.
	{ "GET / HTTP/1.1\r\nHost : ui.skype.com\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\n Host: ui.skype.com\r\nA: b\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nX-Host: ui.skype.com\r\nHosts: b\r\nHos: c\r\n\r\n", "GET", "/",
			NULL },
	{ "GET / HTTP/1.1\r\nHost\r\nHost: a\r\n\r\n", "GET", "/", "a" },
	// RFC 9112 5.2: folds.
	{ "GET / HTTP/1.1\r\nHost:\r\n \t ui.skype.com\r\n\r\n", "GET", "/", "ui.skype.com" },
	{ "GET / HTTP/1.1\nHost: a.example\n \n\t\r\n\n", "GET", "/", "a.example" },
	{ "GET / HTTP/1.1\r\nHost: ui.\r\n skype.com\r\n\r\n", "GET", "/", NULL },
	{ "GET / HTTP/1.1\r\nA: b\r\n Host: ui.skype.com\r\n\r\n", "GET", "/", NULL },
	// RFC 9112 3.2: more than one.
	{ "GET / HTTP/1.1\r\nHost: A\r\nHost: a:80\r\n\r\n", "GET", "/", "a" },
	// Not the head's Host field.
	{ "GET / HTTP/1.1\r\nHost: a\r\nReferer: http://ui.skype.com/\r\n\r\n", "GET", "/", "a" },
	{ "POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nHost: ui.skype.com\r\n\r\n", "POST", "/",
			NULL },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
	  "Host: ui.skype.com\r\n\r\nGET http://ui.skype.com/ HTTP/1.1\r\n\r\n",
			"POST", "/", "a" },
};

static void requests_give_their_values(void **)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		const struct request *request = &requests[i];

		print_message("%s\n", request->text);
		assert_int_equal(look_at(request->text), MATCH_YES);
		assert_false(findings.wants_more);
		assert_value(BUFFER_HTTP_METHOD, 0, request->method);
		assert_value(BUFFER_HTTP_URI, 0, request->uri);
		assert_value(BUFFER_HTTP_HOST, 0, request->host);
		assert_value(BUFFER_HTTP_METHOD, 1, NULL);
		assert_value(BUFFER_HTTP_URI, 1, NULL);
		assert_value(BUFFER_HTTP_HOST, 1, NULL);
	}
}

static void two_hosts_are_none(void **)
{
	assert_int_equal(look_at("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nHost: a\r\n\r\n"),
			MATCH_YES);
	assert_value(BUFFER_HTTP_HOST, 0, NULL);
	assert_int_equal(look_at("GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n"), MATCH_YES);
	assert_value(BUFFER_HTTP_HOST, 0, NULL);
	assert_int_equal(look_at("GET / HTTP/1.1\r\nHost: u@a\r\nHost: a\r\n\r\n"), MATCH_YES);
	assert_value(BUFFER_HTTP_HOST, 0, NULL);
	// Until the second is seen, the first counts.
	assert_int_equal(look_at("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n"), MATCH_YES);
	assert_value(BUFFER_HTTP_HOST, 0, "a");
	assert_true(findings.wants_more);
}

// Values appear when their line is complete and are the same from then on.
static void every_prefix_agrees(void **)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		const char *text = requests[i].text;
		size_t length = strlen(text);
		bool has_line = false, has_host = false;

		for (size_t part = 0; part < length; part++) {
			enum match match = look(text, part, true);

			assert_int_not_equal(match, MATCH_NO);
			assert_true(match == MATCH_YES || !has_line);
			assert_true(match == MATCH_YES || findings.value_count == 0);
			has_line = match == MATCH_YES;
			if (has_line) {
				assert_value(BUFFER_HTTP_METHOD, 0, requests[i].method);
				assert_value(BUFFER_HTTP_URI, 0, requests[i].uri);
			}
			if (value(BUFFER_HTTP_HOST, 0) != NULL || has_host)
				assert_value(BUFFER_HTTP_HOST, 0, requests[i].host);
			has_host = value(BUFFER_HTTP_HOST, 0) != NULL;
		}
	}
}

// The byte behind the line tells that no fold follows.
static void a_host_counts_from_its_complete_line_on(void **)
{
	static const char text[] = WINDOWS_2004;
	size_t complete = strstr(text, "Cache") - text + 1;

	for (size_t part = 0; part < sizeof(text); part++) {
		look(text, part, true);
		assert_value(BUFFER_HTTP_HOST, 0, part >= complete ? "ui.skype.com" : NULL);
	}
	look(LINUX_2006, strchr(LINUX_2006, '\n') - LINUX_2006, true);
	assert_value(BUFFER_HTTP_HOST, 0, NULL);
	look(LINUX_2006, strchr(LINUX_2006, '\n') - LINUX_2006 + 1, true);
	assert_value(BUFFER_HTTP_HOST, 0, "ui.skype.com");
	assert_true(findings.wants_more);
}

static void fields_are_rewritten(void **)
{
	assert_int_equal(look_at("GET / HTTP/1.1\r\n"
				 "User-Agent:Skype\x99 4.2\r\n"
				 "plain: as it is\r\n"
				 "EMPTY:\r\n"
				 "bad name: x\r\n"
				 "Nul: x\ry\r\n"
				 "Folded:  one\t\r\n\r\n"),
			MATCH_YES);
	assert_value(BUFFER_HTTP_USER_AGENT, 0, "Skype\x99 4.2");
	assert_value(BUFFER_HTTP_HEADER, 0, "user-agent: Skype\x99 4.2");
	assert_value(BUFFER_HTTP_HEADER, 1, "plain: as it is");
	assert_value(BUFFER_HTTP_HEADER, 2, "empty: ");
	assert_value(BUFFER_HTTP_HEADER, 3, "folded: one");
	assert_value(BUFFER_HTTP_HEADER, 4, NULL);

	assert_int_equal(look_at("GET / HTTP/1.1\r\n"
				 "user-agent: one\r\n  two \n\t\r\n three\r\n"
				 "User-Agent: second\r\n\r\n"),
			MATCH_YES);
	assert_value(BUFFER_HTTP_USER_AGENT, 0, "one two three");
	assert_value(BUFFER_HTTP_USER_AGENT, 1, NULL);
	assert_value(BUFFER_HTTP_HEADER, 0, "user-agent: one two three");
	assert_value(BUFFER_HTTP_HEADER, 1, "user-agent: second");
}

static void invalid_values_are_left_out(void **)
{
	static const char text[] = "GET / HTTP/1.1\r\n"
				   "plain: a\rb\r\n"
				   "Rewritten: a\rb\r\n"
				   "folded: a\r\n b\rc\r\n"
				   "nul: a\0b\r\n"
				   "user-agent: a\0b\r\n"
				   "last: 1\r\n\r\n";

	assert_int_equal(look(text, sizeof(text) - 1, true), MATCH_YES);
	assert_value(BUFFER_HTTP_HEADER, 0, "last: 1");
	assert_value(BUFFER_HTTP_HEADER, 1, NULL);
	assert_value(BUFFER_HTTP_USER_AGENT, 0, NULL);
}

// A plain field needs no room in the store.
static void only_64_fields_are_kept(void **)
{
	char text[4096] = "GET / HTTP/1.1\r\n";
	size_t length = strlen(text);

	for (int i = 0; i < 70; i++)
		length += snprintf(text + length, sizeof(text) - length, "a: %d\r\n", i);
	snprintf(text + length, sizeof(text) - length, "User-Agent: b\r\nHost: c\r\n\r\n");
	assert_int_equal(look_at(text), MATCH_YES);
	assert_value(BUFFER_HTTP_HEADER, 63, "a: 63");
	assert_value(BUFFER_HTTP_HEADER, 64, NULL);
	assert_int_equal(findings.left_out, 8);
	assert_value(BUFFER_HTTP_USER_AGENT, 0, "b");
	assert_value(BUFFER_HTTP_HOST, 0, "c");
	assert_true(findings.value_count < VALUES_MAX);
}

// A field that is too long for the store does not cost the host or the user agent.
static void long_fields_crowd_nothing_out(void **)
{
	char text[8192] = "GET / HTTP/1.1\r\n";
	size_t length = strlen(text);

	for (int i = 0; i < 4; i++) {
		length += snprintf(text + length, sizeof(text) - length, "Cookie: ");
		memset(text + length, 'x', 1500);
		length += 1500;
		length += snprintf(text + length, sizeof(text) - length, "\r\n");
	}
	for (int i = 0; i < 40; i++)
		length += snprintf(text + length, sizeof(text) - length, "Filler: abcd\r\n");
	snprintf(text + length, sizeof(text) - length,
			"User-Agent: b\r\nHost: UI.skype.com\r\n\r\n");
	assert_int_equal(look_at(text), MATCH_YES);
	assert_true(findings.left_out > 3);
	assert_value(BUFFER_HTTP_USER_AGENT, 0, "b");
	assert_value(BUFFER_HTTP_HOST, 0, "ui.skype.com");
}

static void a_host_has_at_most_256_bytes(void **)
{
	char text[512];
	char host[258];

	for (size_t length = 250; length < sizeof(host); length++) {
		memset(host, 'h', sizeof(host));
		host[length] = '\0';
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
		assert_int_equal(look_at(text), MATCH_YES);
		assert_value(BUFFER_HTTP_HOST, 0, length <= 256 ? host : NULL);
	}
}

static void responses_have_no_values(void **)
{
	static const char *const responses[] = {
		"HTTP/1.1 200 OK\r\nHost: ui.skype.com\r\n\r\n",
		"HTTP/1.0 404 \r\n\r\n",
		"HTTP/1.1 200\r\n\r\n",
		"HTTP/1.1 200\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(responses); i++) {
		size_t length = strlen(responses[i]);

		for (size_t part = 0; part <= length; part++) {
			enum match match = look(responses[i], part, true);

			assert_int_equal(match,
					part > strlen("HTTP/1.1 200") ? MATCH_YES : MATCH_MORE);
			assert_int_equal(findings.value_count, 0);
			assert_false(findings.wants_more);
		}
	}
}

// The last byte of each shows that it is no HTTP/1.x message.
static void the_rest_is_refused_at_once(void **)
{
	static const char *const others[] = {
		"\x16", // TLS
		" ", "\rG", "G\x01", "GET  ", "GET\t", "GET\r", "GET /\t",
		"GET /\r", // HTTP/0.9
		"GET / h", "GET / HTTP/2", "GET / HTTP/1.x", "GET / HTTP/1.1 ", "GET / HTTP/1.10",
		"GET / HTTP/1.1\rX", "GET /\x7f", "ABCDEFGHIJKLMNOPQRSTUVWXY",
		"PRI * HTTP/2", // RFC 9113 3.4
		"SSH-2.0-OpenSSH_9.2p1\r", "EHLO mail.example\r", "OPTIONS rtsp://a/ R",
		"INVITE sip:a S", "HTTP/2", "HTTP/1.1 20O", "HTTP/1.1  ", "HTTP/1.1 2000",
		"ICY 200 O",
		"(", // what follows does not matter
	};

	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		size_t length = strlen(others[i]);

		print_message("%s\n", others[i]);
		assert_int_equal(look(others[i], length, true), MATCH_NO);
		assert_int_equal(findings.value_count, 0);
		assert_int_equal(look(others[i], length - 1, true), MATCH_MORE);
	}
}

static void a_later_message_is_read_the_same(void **)
{
	assert_int_equal(look(LINUX_2006, strlen(LINUX_2006), false), MATCH_YES);
	assert_value(BUFFER_HTTP_HOST, 0, "ui.skype.com");
}

// A Host field further on may contradict the first.
static void a_head_counts_when_it_is_complete(void **)
{
	static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n";

	is_growing = true;
	for (size_t length = 0; length < strlen(text); length++) {
		assert_int_equal(look(text, length, true), MATCH_MORE);
		assert_int_equal(findings.value_count, 0);
		assert_int_equal(findings.stored, 0);
		assert_int_equal(findings.framing, FRAMING_NONE);
		assert_true(findings.wants_head_end);
	}
	assert_int_equal(look(text, strlen(text), true), MATCH_YES);
	is_growing = false;
	assert_value(BUFFER_HTTP_HOST, 0, "a");
	assert_int_equal(findings.framing, FRAMING_LENGTH);
	assert_int_equal(findings.head_length, strlen(text));
	assert_int_equal(findings.body_length, 7);
}

static void requests_say_how_they_go_on(void **)
{
	static const struct {
		const char *fields;
		enum framing framing;
		uint32_t body;
	} cases[] = {
		{ "", FRAMING_LENGTH, 0 },
		{ "Content-Length: 5\r\n", FRAMING_LENGTH, 5 },
		{ "content-length:5, 5\r\nContent-Length: 5\r\n", FRAMING_LENGTH, 5 },
		{ "Content-Length: 5\r\nContent-Length: 6\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length: +5\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length: 0x5\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length:\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length: -1\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length: 99999999999999999999\r\n", FRAMING_LEAVE, 0 },
		{ "Content-Length : 5\r\n", FRAMING_LEAVE, 0 },
		{ "Transfer-Encoding: Chunked\r\n", FRAMING_CHUNKED, 0 },
		{ "Transfer-Encoding: gzip, chunked\r\n", FRAMING_CHUNKED, 0 },
		{ "Transfer-Encoding:\r\n chunked\r\n", FRAMING_CHUNKED, 0 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", FRAMING_CHUNKED, 5 },
		{ "Transfer-Encoding: chunked, chunked\r\n", FRAMING_LEAVE, 0 },
		{ "Transfer-Encoding: chunked, gzip\r\n", FRAMING_LEAVE, 0 },
		{ "Transfer-Encoding: xchunked\r\n", FRAMING_LEAVE, 0 },
		{ "Transfer-Encoding: \vchunked\r\n", FRAMING_LEAVE, 0 },
		{ "Connection: close\r\n", FRAMING_LEAVE, 0 },
		{ "Connection: foo, Upgrade\r\nUpgrade: websocket\r\n",
				FRAMING_LENGTH | FRAMING_UPGRADE, 0 },
		{ "Upgrade: h2c\r\nContent-Length: 5\r\n", FRAMING_LENGTH | FRAMING_UPGRADE, 5 },
		{ "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n",
				FRAMING_CHUNKED | FRAMING_UPGRADE, 0 },
		{ "Upgrade: h2c\r\nConnection: close\r\n", FRAMING_LEAVE, 0 },
		{ "Upgrade: h2c\r\nTransfer-Encoding: gzip\r\n", FRAMING_LEAVE, 0 },
		{ "Connection: keep-alive\r\n", FRAMING_LENGTH, 0 },
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n%s\r\n", cases[i].fields);
		print_message("%s", text);
		assert_int_equal(look_at(text), MATCH_YES);
		assert_int_equal(findings.framing, cases[i].framing);
		if ((cases[i].framing & FRAMING_PLACES) == FRAMING_LENGTH)
			assert_int_equal(findings.body_length, cases[i].body);
	}
	look_at("POST / HTTP/1.0\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_LEAVE);
	look_at("POST / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_LENGTH);
	look_at("CONNECT a:1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_LENGTH | FRAMING_TUNNEL);
	look_at("CONNECT a:1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_LEAVE);
	look_at("CONNECT a:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_LEAVE);
	look_at("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_int_equal(findings.framing, FRAMING_NONE);
}

// Cut at every place, as a side shows it that waits for the rest.
static unsigned answer_to(const char *text, size_t cut)
{
	size_t at = 0, start, lengths[] = { cut, strlen(text) };
	enum match match = MATCH_MORE;
	bool is_inside = false;
	unsigned status = 0;

	for (size_t i = 0; i < 2 && match == MATCH_MORE; i++, at += start) {
		match = http_answer((const uint8_t *)text + at, lengths[i] - at, &is_inside, &start,
				&status);
		assert_true(at + start <= lengths[i]);
	}
	return match == MATCH_YES ? status : match == MATCH_NO ? 0 : 1;
}

static void the_final_answer_has_a_status(void **)
{
	static const struct {
		const char *text;
		unsigned status; // 0: no answer, 1: not known yet
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n", 200 },
		{ "HTTP/1.0 407 Who?\n", 407 },
		{ "HTTP/1.1 200\r\n", 200 },
		{ "HTTP/1.1 200 \r\n", 200 },
		{ "HTTP/1.1 101 Switching Protocols\r\n", 101 },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Now\r\n", 101 },
		{ "HTTP/1.1 103 Hints\r\nLink: HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200 OK\r\n", 200 },
		{ "HTTP/1.1 102 .\n\nHTTP/1.1 102 .\n\nHTTP/1.1 599 .\n", 599 },
		{ "HTTP/1.1 100 Continue\r\n\r\n", 1 },
		{ "HTTP/1.1 200 OK", 1 },
		{ "", 1 },
		{ "HTTP/1.1 2000 OK\r\n", 0 },
		{ "HTTP/1.1 20 OK\r\n", 0 },
		{ "HTTP/1.1 2x0 OK\r\n", 0 },
		{ "HTTP/1.1 099 OK\r\n", 0 },
		{ "HTTP/1.1 600 OK\r\n", 0 },
		{ "HTTP/1.1  200 OK\r\n", 0 },
		{ "HTTP/1.x 200 OK\r\n", 0 },
		{ "HTTP/2.0 200 OK\r\n", 0 },
		{ "HTTP/1.1 100 Continue\r\n\r\nSSH-2.0-x\r\n", 0 },
		{ "SSH-2.0-x\r\nHTTP/1.1 200 OK\r\n", 0 },
		{ "\r\nHTTP/1.1 200 OK\r\n", 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		for (size_t at = 0; at <= strlen(cases[i].text); at++)
			assert_int_equal(answer_to(cases[i].text, at), cases[i].status);
}

static void chunks_are_lines_with_sizes(void **)
{
	static const struct {
		const char *text;
		bool is_first;
		enum match match;
		size_t start;
		uint32_t size;
	} cases[] = {
		{ "5\r\n", true, MATCH_YES, 3, 5 },
		{ "\r\n1aF ;x=\"y\"\r\nabc", false, MATCH_YES, 14, 0x1af },
		{ "\n0\n", false, MATCH_YES, 3, 0 },
		{ "", false, MATCH_MORE, 0, 0 },
		{ "\r", false, MATCH_MORE, 0, 0 },
		{ "\r\n5", false, MATCH_MORE, 0, 0 },
		{ "x", false, MATCH_NO, 0, 0 },
		{ "x\r\n5\r\n", false, MATCH_NO, 0, 0 },
		{ "\r\n", true, MATCH_NO, 0, 0 },
		{ "g\r\n", true, MATCH_NO, 0, 0 },
		{ "5 x\r\n", true, MATCH_NO, 0, 0 },
		{ "5\r;\r\n", true, MATCH_NO, 0, 0 },
		{ "fffffffff\r\n", true, MATCH_NO, 0, 0 },
	};
	size_t start;
	uint32_t size;
	bool is_end;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		print_message("%s\n", cases[i].text);
		assert_int_equal(http_chunk_line((const uint8_t *)cases[i].text,
						 strlen(cases[i].text), cases[i].is_first, &start,
						 &size),
				cases[i].match);
		if (cases[i].match != MATCH_YES)
			continue;
		assert_int_equal(start, cases[i].start);
		assert_int_equal(size, cases[i].size);
	}
	assert_int_equal(http_trailer_line((const uint8_t *)"a: b\r\n\r\n", 8, &start, &is_end),
			MATCH_YES);
	assert_int_equal(start, 6);
	assert_false(is_end);
	assert_int_equal(http_trailer_line((const uint8_t *)"\r\n", 2, &start, &is_end), MATCH_YES);
	assert_true(is_end);
	assert_int_equal(http_trailer_line((const uint8_t *)"\r", 1, &start, &is_end), MATCH_MORE);
}

static void every_byte_of_a_method_is_a_token(void **)
{
	for (int byte = 0; byte < 256; byte++) {
		uint8_t text[] = "G? / HTTP/1.1\r\n";
		bool is_token = byte < 0x80 && byte != 0 &&
				(isalnum(byte) || strchr("!#$%&'*+-.^_`|~", byte) != NULL);

		text[1] = byte;
		// A blank ends the method, and then the target may not be missing.
		assert_int_equal(look(text, 2, true),
				is_token || byte == ' ' ? MATCH_MORE : MATCH_NO);
		assert_int_equal(look(text, sizeof(text) - 1, true),
				is_token ? MATCH_YES : MATCH_NO);
	}
}

// What stands between the letters of a name, of a host and of a scheme.
static void every_byte_has_its_class(void **)
{
	for (int byte = 1; byte < 256; byte++) {
		bool is_name = byte < 0x80 && isalnum(byte);

		assert_int_equal(http_is(byte, HTTP_DIGIT), byte >= '0' && byte <= '9');
		assert_int_equal(http_is(byte, HTTP_LETTER), byte < 0x80 && isalpha(byte));
		assert_int_equal(http_is(byte, HTTP_TOKEN),
				is_name || strchr("!#$%&'*+-.^_`|~", byte) != NULL);
		assert_int_equal(http_is(byte, HTTP_HOST),
				is_name || strchr("-._~%!$&'()*+,;=", byte) != NULL);
		assert_int_equal(
				http_is(byte, HTTP_SCHEME), is_name || strchr("+-.", byte) != NULL);
		assert_int_equal(http_is(byte, HTTP_TARGET), byte > ' ' && byte != 0x7f);
		assert_int_equal(http_lower(byte), byte < 0x80 ? tolower(byte) : byte);
	}
	assert_int_equal(http_classes[0], 0);
}

static void many_bytes_at_once_are_like_one_by_one(void **)
{
	uint8_t bytes[64], lower[64];

	for (int byte = 0; byte < 256; byte++) {
		for (size_t length = 1; length < sizeof(bytes); length++) {
			size_t at = (byte * 7 + length * 5) % length;
			struct slice slice = { bytes, length };

			memset(bytes, 'Z', sizeof(bytes));
			bytes[at] = byte;
			assert_int_equal(http_is_value(slice), byte != 0 && byte != '\r');
			assert_int_equal(http_is_value_plain(slice), byte != 0 && byte != '\r');
			memset(lower, '?', sizeof(lower));
			http_copy_lower(lower, bytes, length);
			for (size_t i = 0; i < length; i++)
				assert_int_equal(lower[i], i == at ? http_lower(byte) : 'z');
			assert_int_equal(lower[length], '?');
		}
	}
}

static void ends_as_one_by_one(struct slice text)
{
	assert_int_equal(http_span(text, HTTP_TOKEN), http_span_plain(text, 0, HTTP_TOKEN));
	assert_int_equal(http_span(text, HTTP_HOST), http_span_plain(text, 0, HTTP_HOST));
	assert_int_equal(http_target_span(text), http_span_plain(text, 0, HTTP_TARGET));
	assert_ptr_equal(http_find_end(text.data, text.data + text.length),
			http_find_end_plain(text.data, text.data + text.length));
}

// A span is found at whatever place it ends, with whatever byte, and however long the text is.
static void spans_end_as_one_by_one(void **)
{
	static const char fillers[] = "aZ0-./_";
	uint8_t bytes[70];

	for (int byte = 0; byte < 256; byte++) {
		for (size_t length = 0; length <= sizeof(bytes); length++) {
			size_t at = length > 0 ? (byte * 7 + length * 5) % length : 0;

			memset(bytes, fillers[(byte + length) % (sizeof(fillers) - 1)],
					sizeof(bytes));
			ends_as_one_by_one((struct slice){ bytes, length });
			bytes[at] = byte;
			ends_as_one_by_one((struct slice){ bytes, length });
			bytes[length / 2 + at / 2] = byte;
			ends_as_one_by_one((struct slice){ bytes, length });
		}
	}
}

static void texts_are_the_same_in_any_case(void **)
{
	static const char *const texts[] = { "host", "close", "upgrade", "connection",
		"content-length", "transfer-encoding" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const size_t length = strlen(texts[i]);
		uint8_t bytes[32];

		memcpy(bytes, texts[i], length + 1);
		assert_false(http_is_text((struct slice){ bytes, length - 1 }, texts[i]));
		assert_false(http_is_text((struct slice){ bytes, length + 1 }, texts[i]));
		for (size_t at = 0; at < length; at++) {
			for (int byte = 0; byte < 256; byte++) {
				bytes[at] = byte;
				assert_int_equal(http_is_text((struct slice){ bytes, length },
								 texts[i]),
						http_lower(byte) == (uint8_t)texts[i][at]);
			}
			bytes[at] = texts[i][at];
		}
	}
}

static int release(void **)
{
	free(copy);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_give_their_values),
		cmocka_unit_test(two_hosts_are_none),
		cmocka_unit_test(every_prefix_agrees),
		cmocka_unit_test(a_host_counts_from_its_complete_line_on),
		cmocka_unit_test(fields_are_rewritten),
		cmocka_unit_test(invalid_values_are_left_out),
		cmocka_unit_test(only_64_fields_are_kept),
		cmocka_unit_test(long_fields_crowd_nothing_out),
		cmocka_unit_test(a_host_has_at_most_256_bytes),
		cmocka_unit_test(responses_have_no_values),
		cmocka_unit_test(the_rest_is_refused_at_once),
		cmocka_unit_test(a_later_message_is_read_the_same),
		cmocka_unit_test(a_head_counts_when_it_is_complete),
		cmocka_unit_test(requests_say_how_they_go_on),
		cmocka_unit_test(the_final_answer_has_a_status),
		cmocka_unit_test(chunks_are_lines_with_sizes),
		cmocka_unit_test(every_byte_of_a_method_is_a_token),
		cmocka_unit_test(every_byte_has_its_class),
		cmocka_unit_test(many_bytes_at_once_are_like_one_by_one),
		cmocka_unit_test(spans_end_as_one_by_one),
		cmocka_unit_test(texts_are_the_same_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
