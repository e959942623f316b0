// SPDX-License-Identifier: BSD-3-Clause
// A Skype client's version check: it asks its maker's server over HTTP which version is the newest.
//
// GET /ui/<platform>/<version>/<language>/<question>[?ver=<version>&uhash=<user>], Host
// ui.skype.com: in absolute form by a Linux client of 2006 (seen), in origin form by Windows
// clients (Baset and Schulzrinne 2004). Judges what the HTTP detector in front of it found.
#include "detect/detect.h"

#include <netinet/in.h>
#include <string.h>

// What is left to read of a target.
struct text {
	const uint8_t *at;
	size_t length;
};

struct check {
	struct text path; // without the query
	struct text version;
	struct text user; // hash of the name
	unsigned platform;
	bool is_first_start;
};

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_version_byte(uint8_t byte)
{
	return is_digit(byte) || byte == '.';
}

static bool is_user_byte(uint8_t byte)
{
	return is_digit(byte) || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static bool is_language_byte(uint8_t byte)
{
	return ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '-' || byte == '_';
}

static bool is_text(struct text text, const char *expected)
{
	return text.length == strlen(expected) && memcmp(text.at, expected, text.length) == 0;
}

static bool take(struct text *rest, const char *expected)
{
	size_t length = strlen(expected);

	if (rest->length < length || memcmp(rest->at, expected, length) != 0)
		return false;
	rest->at += length;
	rest->length -= length;
	return true;
}

// The longest run of such bytes, which is taken; of no length when it is longer than `most`.
static struct text take_run(struct text *rest, bool (*is_part)(uint8_t), size_t most)
{
	struct text run = { rest->at, 0 };

	while (run.length < rest->length && is_part(run.at[run.length]))
		run.length++;
	if (run.length > most)
		run.length = 0;
	rest->at += run.length;
	rest->length -= run.length;
	return run;
}

// The value behind a name such as "ver=" in a query, if it is `most` such bytes or less.
static struct text query_value(
		struct text query, const char *name, bool (*is_part)(uint8_t), size_t most)
{
	while (query.length > 0) {
		const uint8_t *end = memchr(query.at, '&', query.length);
		size_t taken = end != NULL ? (size_t)(end - query.at) : query.length;
		struct text pair = { query.at, taken };

		if (take(&pair, name)) {
			struct text value = take_run(&pair, is_part, most);

			return pair.length == 0 ? value : (struct text){ 0 };
		}
		taken += end != NULL;
		query.at += taken;
		query.length -= taken;
	}
	return (struct text){ 0 };
}

static bool is_question(struct text word)
{
	return is_text(word, "getlatestversion") || is_text(word, "getnewestversion") ||
			is_text(word, "installed");
}

static bool parse_path(struct text rest, struct check *check)
{
	struct text platform;

	check->path = rest;
	if (!take(&rest, "/ui/"))
		return false;
	platform = take_run(&rest, is_digit, 2);
	if (platform.length == 0 || !take(&rest, "/"))
		return false;
	for (size_t i = 0; i < platform.length; i++)
		check->platform = 10 * check->platform + (platform.at[i] - '0');
	check->version = take_run(&rest, is_version_byte, FACT_VERSION_BYTES);
	if (check->version.length == 0 || !take(&rest, "/") ||
			take_run(&rest, is_language_byte, 8).length == 0 || !take(&rest, "/") ||
			!is_question(rest))
		return false;
	check->is_first_start = is_text(rest, "installed");
	return true;
}

static bool parse_target(struct text target, struct check *check)
{
	const uint8_t *mark = memchr(target.at, '?', target.length);
	size_t path = mark != NULL ? (size_t)(mark - target.at) : target.length;
	struct text query, version;

	if (!parse_path((struct text){ target.at, path }, check))
		return false;
	if (mark == NULL)
		return true;
	query = (struct text){ mark + 1, target.length - path - 1 };
	version = query_value(query, "ver=", is_version_byte, FACT_VERSION_BYTES);
	// The path's may be another spelling: 97 for 0.97.0.6.
	if (version.length > 0)
		check->version = version;
	check->user = query_value(query, "uhash=", is_user_byte, CLIENT_USER_BYTES - 1);
	return true;
}

static struct text get(const struct findings *findings, enum buffer buffer)
{
	const struct value *value = findings_get(findings, buffer);

	return value != NULL ? (struct text){ value->data, value->length } : (struct text){ 0 };
}

static struct client_facts client_of(const struct check *check)
{
	struct client_facts client = {
		.platform = check->platform + 1,
		.is_first_start = check->is_first_start,
	};

	findings_printable(
			client.user, sizeof(client.user) - 1, check->user.at, check->user.length);
	return client;
}

// "GET " and the path: the query is told apart from it.
static void add_fact(struct findings *findings, const struct check *check)
{
	static const char method[] = { 'G', 'E', 'T', ' ' };
	struct fact *fact = findings_add_fact(findings);

	if (fact == NULL)
		return;
	fact->signal = SIGNAL_SKYPE_VERSION_CHECK;
	fact->app = APP_SKYPE;
	fact->confidence = CONFIDENCE_CERTAIN;
	fact->role = FLOW_ROLE_VERSION_CHECK;
	fact->version_length = findings_printable(fact->version, sizeof(fact->version),
			check->version.at, check->version.length);
	fact->has_client = true;
	fact->client = client_of(check);
	memcpy(fact->text, method, sizeof(method));
	fact->text_length = sizeof(method) +
			findings_printable(fact->text + sizeof(method),
					sizeof(fact->text) - sizeof(method), check->path.at,
					check->path.length);
}

static enum match skype_http_match(const struct sample *, struct findings *findings)
{
	struct text target = get(findings, BUFFER_HTTP_URI);
	struct check check = { 0 };

	if (target.length < 4 || memcmp(target.at, "/ui/", 4) != 0 ||
			!is_text(get(findings, BUFFER_HTTP_METHOD), "GET") ||
			!is_text(get(findings, BUFFER_HTTP_HOST), "ui.skype.com") ||
			!parse_target(target, &check))
		return MATCH_NO;
	add_fact(findings, &check);
	return MATCH_YES;
}

const struct detector detector_skype_http = {
	.name = "skype_http",
	.protocol = IPPROTO_TCP,
	.match = skype_http_match,
};
