// SPDX-License-Identifier: BSD-3-Clause
// HTTP/1.x heads (RFC 9110, RFC 9112), recognised on any port by what they look like.
//
// http.method      the method, as sent
// http.uri         the request target as sent, without scheme and authority if it has them
// http.host        whom the request is for: the target's authority if it has one (RFC 9112 3.2.2),
//                  else the Host field; in lower case, without user information, port and final
//                  dot; IPv6 literals with their brackets. No value when it is not a valid host, or
//                  when Host fields disagree: RFC 9112 3.2 calls for 400 then, and to guess would
//                  let one request be two things.
// http.user_agent  the first User-Agent field's value
// http.header      each field line as `name: value`, name in lower case, folds joined by one blank
//
// A sample begins where a message may begin, and only heads are looked at, so nothing in a body or a
// trailer can look like a request. A head counts when it is complete, for a field may contradict
// one before it; only when no more of it will come do the lines count that are complete.
#include "detect/detect.h"
#include "detect/http_framing.h"
#include "detect/http_text.h"

#include <netinet/in.h>
#include <string.h>

enum {
	METHOD_MAX = 24, // the longest registered one has 17 letters
	HOST_MAX = 256, // DNS allows 253; kept free in the store, so that fields cannot crowd it out
	HEADERS_MAX = 64,
};

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

// A field line and the lines that continue it, without the last line's end.
struct field {
	struct slice name;
	struct slice value; // may hold folds
	bool is_folded;
	bool is_clean; // nothing in its line forbids it to be a value
};

enum host_state {
	HOST_ABSENT,
	HOST_KNOWN,
	HOST_REFUSED
};

struct request {
	struct findings *findings;
	struct slice method;
	struct slice target;
	uint8_t version; // the digit behind the point
	unsigned header_count;
	struct http_framing framing;
	enum host_state host_state;
	bool host_is_final; // the target said it: Host fields do not count
	bool has_user_agent;
	size_t host_length;
	uint8_t *host; // [HOST_MAX]
};

static inline enum match take(struct cursor *cursor, const char *text)
{
	const size_t length = strlen(text), left = cursor->end - cursor->at;

	if (left < length)
		return memcmp(cursor->at, text, left) == 0 ? MATCH_MORE : MATCH_NO;
	if (memcmp(cursor->at, text, length) != 0)
		return MATCH_NO;
	cursor->at += length;
	return MATCH_YES;
}

static enum match take_digit(struct cursor *cursor)
{
	if (cursor->at == cursor->end)
		return MATCH_MORE;
	return http_is(*cursor->at++, HTTP_DIGIT) ? MATCH_YES : MATCH_NO;
}

// CRLF, or LF alone (RFC 9112 2.2).
static enum match take_line_end(struct cursor *cursor)
{
	if (cursor->at < cursor->end && *cursor->at == '\r')
		cursor->at++;
	return take(cursor, "\n");
}

// Servers ignore empty lines in front of a request line (RFC 9112 2.2).
static enum match skip_empty_lines(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == '\r' || *cursor->at == '\n')) {
		enum match match = take_line_end(cursor);

		if (match != MATCH_YES)
			return match;
	}
	return cursor->at < cursor->end ? MATCH_YES : MATCH_MORE;
}

// "HTTP/1.1 200": the phrase may be missing (RFC 9112 4).
static enum match status_line(struct cursor cursor)
{
	enum match match = take(&cursor, "HTTP/1.");

	if (match == MATCH_YES)
		match = take_digit(&cursor);
	if (match == MATCH_YES)
		match = take(&cursor, " ");
	for (int i = 0; i < 3 && match == MATCH_YES; i++)
		match = take_digit(&cursor);
	if (match != MATCH_YES)
		return match;
	if (cursor.at == cursor.end)
		return MATCH_MORE;
	return *cursor.at == ' ' || *cursor.at == '\r' || *cursor.at == '\n' ? MATCH_YES : MATCH_NO;
}

static enum match take_method(struct cursor *cursor, struct slice *method)
{
	*method = (struct slice){ cursor->at, cursor->end - cursor->at };
	method->length = http_span(*method, HTTP_TOKEN);
	cursor->at += method->length;
	if (method->length == 0 || method->length > METHOD_MAX)
		return MATCH_NO;
	return take(cursor, " ");
}

static enum match take_target(struct cursor *cursor, struct slice *target)
{
	*target = (struct slice){ cursor->at, cursor->end - cursor->at };
	target->length = http_target_span(*target);
	cursor->at += target->length;
	if (target->length == 0 && cursor->at < cursor->end)
		return MATCH_NO;
	return take(cursor, " ");
}

static enum match request_line(struct cursor *cursor, struct request *request)
{
	enum match match = take_method(cursor, &request->method);

	if (match == MATCH_YES)
		match = take_target(cursor, &request->target);
	if (match == MATCH_YES)
		match = take(cursor, "HTTP/1.");
	if (match == MATCH_YES)
		match = take_digit(cursor);
	if (match == MATCH_YES) {
		request->version = cursor->at[-1];
		match = take_line_end(cursor);
	}
	return match;
}

// The bytes of a host at the start of `text`: a name, an IPv4 address or a literal in brackets.
static size_t host_span(struct slice text)
{
	size_t i = 1;

	if (text.length == 0 || text.data[0] != '[')
		return http_span(text, HTTP_HOST);
	while (i < text.length && (http_is(text.data[i], HTTP_HOST) || text.data[i] == ':'))
		i++;
	return i > 1 && i < text.length && text.data[i] == ']' ? i + 1 : 0;
}

// Nothing, or a colon and digits, of which there may be none (RFC 3986 3.2.3).
static bool is_port(struct slice text)
{
	if (text.length > 0 && text.data[0] != ':')
		return false;
	for (size_t i = 1; i < text.length; i++)
		if (!http_is(text.data[i], HTTP_DIGIT))
			return false;
	return true;
}

// Writes the host of `host[:port]`; returns its length, 0 when there is no valid one.
static size_t host_normalize(struct slice authority, uint8_t host[HOST_MAX])
{
	size_t length = host_span(authority);

	if (!is_port((struct slice){ authority.data + length, authority.length - length }))
		return 0;
	if (length > 0 && authority.data[length - 1] == '.')
		length--;
	if (length > HOST_MAX)
		return 0;
	http_copy_lower(host, authority.data, length);
	return length;
}

// Two Host fields that say the same are harmless; else neither counts.
static void request_host(struct request *request, struct slice authority)
{
	uint8_t other[HOST_MAX];
	size_t length;

	if (request->host_state == HOST_ABSENT) {
		request->host_length = host_normalize(authority, request->host);
		request->host_state = request->host_length > 0 ? HOST_KNOWN : HOST_REFUSED;
		return;
	}
	length = host_normalize(authority, other);
	if (length != request->host_length || memcmp(other, request->host, length) != 0)
		request->host_state = HOST_REFUSED;
}

// RFC 3986 3.2.1; anything else in it, such as a second '@' or a backslash, makes readers disagree
// on where the host starts, so then the authority is left as it is, which is no valid host.
static struct slice without_user(struct slice authority)
{
	size_t i = 0;

	while (i < authority.length &&
			(http_is(authority.data[i], HTTP_HOST) || authority.data[i] == ':'))
		i++;
	if (i < authority.length && authority.data[i] == '@')
		return (struct slice){ authority.data + i + 1, authority.length - i - 1 };
	return authority;
}

// Length of "scheme://" at the start of the target (RFC 3986 3.1), 0 if it has none.
static size_t scheme_span(struct slice target)
{
	size_t i = 0;

	if (target.length == 0 || !http_is(target.data[0], HTTP_LETTER))
		return 0;
	while (i < target.length && http_is(target.data[i], HTTP_SCHEME))
		i++;
	if (target.length - i < 3 || memcmp(target.data + i, "://", 3) != 0)
		return 0;
	return i + 3;
}

static bool is_connect(const struct request *request)
{
	return request->method.length == 7 && memcmp(request->method.data, "CONNECT", 7) == 0;
}

// The four forms of RFC 9112 3.2.
static void request_target(struct request *request)
{
	struct slice target = request->target;
	struct slice uri = target;
	size_t start = scheme_span(target);
	size_t end = start;

	if (is_connect(request)) {
		request->host_is_final = true;
		request_host(request, target);
	} else if (start > 0) {
		while (end < target.length && strchr("/?#", target.data[end]) == NULL)
			end++;
		request->host_is_final = true;
		request_host(request,
				without_user((struct slice){ target.data + start, end - start }));
		// An empty path is "/" (RFC 9112 3.2.1): the last one of "://" is at hand.
		uri = (struct slice){ target.data + end, target.length - end };
		if (uri.length == 0)
			uri = (struct slice){ target.data + start - 1, 1 };
	}
	findings_add(request->findings, BUFFER_HTTP_METHOD, request->method.data,
			request->method.length);
	findings_add(request->findings, BUFFER_HTTP_URI, uri.data, uri.length);
}

// The LF that ends the line at the cursor, or NULL. Clears `is_clean` when the line holds what no
// value may.
static const uint8_t *find_line_end(const struct cursor *cursor, bool *is_clean)
{
	const uint8_t *at = http_find_end(cursor->at, cursor->end);

	if (cursor->end - at >= 2 && at[0] == '\r' && at[1] == '\n')
		return at + 1;
	if (at == cursor->end || *at == '\n')
		return at < cursor->end ? at : NULL;
	*is_clean = false;
	return memchr(at, '\n', cursor->end - at);
}

static bool is_line_end(const struct cursor *cursor)
{
	const uint8_t *at = cursor->at;

	if (cursor->end - at >= 2 && at[0] == '\r')
		at++;
	return at < cursor->end && *at == '\n';
}

// The next field with all its lines: YES; NO at the end of the head; MORE when the sample ends
// before it is known that no line continues it.
static enum match take_field(struct cursor *cursor, struct slice *lines, struct field *field)
{
	const uint8_t *line_end;
	const uint8_t *start = cursor->at;

	if (is_line_end(cursor))
		return MATCH_NO;
	field->is_folded = false;
	field->is_clean = true;
	for (;;) {
		line_end = find_line_end(cursor, &field->is_clean);
		if (line_end == NULL || line_end + 1 == cursor->end)
			return MATCH_MORE;
		cursor->at = line_end + 1;
		if (!http_is_blank(*cursor->at))
			break;
		field->is_folded = true;
	}
	if (line_end > start && line_end[-1] == '\r')
		line_end--;
	*lines = (struct slice){ start, line_end - start };
	return MATCH_YES;
}

// Splits at the colon. False for what is no field: blanks before the colon, which servers must
// refuse because others may read another name (RFC 9112 5.1), a name that is no token, a line that
// continues nothing.
static bool split_field(struct slice lines, struct field *field)
{
	size_t i = http_span(lines, HTTP_TOKEN);

	if (i == 0 || i == lines.length || lines.data[i] != ':')
		return false;
	field->name = (struct slice){ lines.data, i };
	field->value = http_trim((struct slice){ lines.data + i + 1, lines.length - i - 1 });
	return true;
}

// Writes the lines of a folded value, joined by one blank (RFC 9112 5.2), which is never longer;
// false when it is no valid value.
static bool unfold(struct slice value, struct slice *unfolded, uint8_t *to)
{
	struct slice rest = value;

	unfolded->data = to;
	unfolded->length = 0;
	while (rest.length > 0) {
		const uint8_t *line_end = memchr(rest.data, '\n', rest.length);
		size_t taken = line_end != NULL ? (size_t)(line_end - rest.data) + 1 : rest.length;
		struct slice line = { rest.data, line_end != NULL ? taken - 1 : taken };

		if (line_end != NULL && line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
		line = http_trim(line);
		if (!http_is_value(line))
			return false;
		if (unfolded->length > 0 && line.length > 0)
			to[unfolded->length++] = ' ';
		memcpy(to + unfolded->length, line.data, line.length);
		unfolded->length += line.length;
		rest.data += taken;
		rest.length -= taken;
	}
	return true;
}

// True when the line in the sample is what http.header promises already.
static bool is_plain(const struct field *field)
{
	for (size_t i = 0; i < field->name.length; i++)
		if (http_lower(field->name.data[i]) != field->name.data[i])
			return false;
	return !field->is_folded && field->name.data[field->name.length + 1] == ' ' &&
			field->value.data == field->name.data + field->name.length + 2;
}

// Writes the field to the store as http.header promises it; false when it has no room or is no
// valid value. Where nobody looks at http.header the room is taken and no more, so that the rules
// do not change what is read.
static bool rewrite(struct findings *findings, const struct field *field, struct slice *line,
		struct slice *value)
{
	size_t room = STORE_BYTES - HOST_MAX - findings->stored;
	uint8_t *to = findings->store + findings->stored;
	size_t name = field->name.length;

	if (name + 2 + field->value.length > room) {
		findings->left_out++;
		return false;
	}
	if (findings->skips_headers && !field->is_folded) {
		findings->stored += name + 2 + field->value.length;
		return true;
	}
	http_copy_lower(to, field->name.data, name);
	to[name] = ':';
	to[name + 1] = ' ';
	value->data = to + name + 2;
	if (!field->is_folded)
		memcpy(to + name + 2, field->value.data, field->value.length);
	else if (!unfold(field->value, value, to + name + 2))
		return false;
	*line = (struct slice){ to, name + 2 + value->length };
	findings->stored += line->length;
	return true;
}

static void add_header(struct request *request, struct slice line)
{
	struct findings *findings = request->findings;

	if (request->header_count++ >= HEADERS_MAX)
		findings->left_out++;
	else if (!findings->skips_headers)
		findings_add(findings, BUFFER_HTTP_HEADER, line.data, line.length);
}

// Whether a name of so many bytes is one of those below, or of http_framing.h.
static bool may_matter(size_t name_length)
{
	const uint32_t lengths = 1u << 4 | 1u << 7 | 1u << 10 | 1u << 14 | 1u << 17;

	return name_length < 32 && (lengths >> name_length & 1) != 0;
}

static void request_field(struct request *request, const struct field *field)
{
	struct findings *findings = request->findings;
	struct slice value = field->value;
	struct slice line = { field->name.data, value.data + value.length - field->name.data };

	if (!field->is_folded && !field->is_clean && !http_is_value(value)) {
		request->framing.is_faulty = true;
		return;
	}
	if (is_plain(field) || rewrite(findings, field, &line, &value)) {
		add_header(request, line);
	} else if (field->is_folded) {
		request->framing.is_faulty = true;
		return;
	}
	if (!may_matter(field->name.length))
		return;
	http_framing_field(&request->framing, field->name.data, field->name.length, value.data,
			value.length);
	if (http_is_text(field->name, "host") && !request->host_is_final)
		request_host(request, value);
	if (http_is_text(field->name, "user-agent") && !request->has_user_agent &&
			value.length > 0) {
		request->has_user_agent = true;
		findings_add(findings, BUFFER_HTTP_USER_AGENT, value.data, value.length);
	}
}

static enum match request_fields(struct request *request, struct cursor *cursor)
{
	enum match match;
	struct slice lines;
	struct field field;

	while ((match = take_field(cursor, &lines, &field)) == MATCH_YES) {
		if (split_field(lines, &field))
			request_field(request, &field);
		else
			request->framing.is_faulty = true; // servers answer 400 (RFC 9112 2.2, 5.1)
	}
	return match;
}

static void request_host_value(const struct request *request)
{
	struct findings *findings = request->findings;
	uint8_t *host = findings->store + findings->stored;

	if (request->host_state != HOST_KNOWN)
		return;
	memcpy(host, request->host, request->host_length);
	findings->stored += request->host_length;
	findings_add(findings, BUFFER_HTTP_HOST, host, request->host_length);
}

static enum match request_head(
		struct cursor *cursor, const struct sample *sample, struct findings *findings)
{
	uint8_t host[HOST_MAX];
	struct request request = { .findings = findings, .host = host };
	enum match match = request_line(cursor, &request);
	const uint8_t value_count = findings->value_count;
	const uint16_t left_out = findings->left_out;

	if (match != MATCH_YES)
		return match;
	request_target(&request);
	if (request_fields(&request, cursor) == MATCH_MORE) {
		findings->wants_more = true;
		if (!sample->is_last) {
			findings->value_count = value_count;
			findings->left_out = left_out;
			findings->stored = 0;
			return MATCH_MORE;
		}
		request.framing.is_faulty = true;
		cursor->at = cursor->end;
	} else {
		take_line_end(cursor);
	}
	request_host_value(&request);
	findings->head_length = cursor->at - sample->data;
	findings->body_length = request.framing.has_length ? request.framing.length : 0;
	findings->framing = http_framing_end(
			&request.framing, request.version == '0', is_connect(&request));
	return MATCH_YES;
}

static enum match http_match(const struct sample *sample, struct findings *findings)
{
	struct cursor cursor = { sample->data, sample->data + sample->length };
	enum match match;

	match = skip_empty_lines(&cursor);
	if (match == MATCH_YES) {
		match = status_line(cursor);
		if (match == MATCH_NO)
			match = request_head(&cursor, sample, findings);
	}
	findings->wants_head_end |= match == MATCH_MORE;
	return match;
}

const struct detector detector_http = {
	.name = "http",
	.app_proto = "http",
	.protocol = IPPROTO_TCP,
	.match = http_match,
};
