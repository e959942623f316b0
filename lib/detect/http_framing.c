// SPDX-License-Identifier: BSD-3-Clause
#include "detect/http_framing.h"

#include "detect/http_text.h"

#include <string.h>

enum {
	EMPTY_LINES_MAX = 256, // bytes of them in front of a request that are looked through
	LENGTH_MAX = INT32_MAX - (1 << 20), // sequence numbers tell no more apart
};

// The next element of a list (RFC 9110 5.6.1), trimmed; false at its end.
static bool next_element(struct slice *list, struct slice *element)
{
	const uint8_t *comma;
	size_t taken;

	if (list->length == 0)
		return false;
	comma = memchr(list->data, ',', list->length);
	taken = comma != NULL ? (size_t)(comma - list->data) : list->length;
	*element = (struct slice){ list->data, taken };
	taken += comma != NULL;
	list->data += taken;
	list->length -= taken;
	*element = http_trim(*element);
	return true;
}

// RFC 9110 8.6: digits; the same number again is one number.
static void read_length(struct http_framing *framing, struct slice text)
{
	uint64_t length = 0;

	framing->is_faulty |= text.length == 0;
	for (size_t i = 0; i < text.length && !framing->is_faulty; i++) {
		framing->is_faulty = !http_is(text.data[i], HTTP_DIGIT);
		length = length * 10 + (text.data[i] - '0');
		framing->is_faulty |= length > LENGTH_MAX;
	}
	framing->is_faulty |= framing->has_length && framing->length != length;
	framing->has_length = true;
	framing->length = length;
}

// RFC 9112 6.1: chunked comes once and last. Other codings in front of it do not move the end.
static void read_coding(struct http_framing *framing, struct slice text)
{
	framing->is_faulty |= framing->is_chunked || text.length == 0;
	framing->is_chunked = http_is_text(text, "chunked");
	framing->has_coding = true;
}

static void read_option(struct http_framing *framing, struct slice text)
{
	framing->is_last |= http_is_text(text, "close");
	framing->is_kept |= http_is_text(text, "keep-alive");
}

void http_framing_field(struct http_framing *framing, const uint8_t *name, size_t name_length,
		const uint8_t *value, size_t value_length)
{
	void (*read)(struct http_framing *, struct slice) = NULL;
	struct slice list = { value, value_length }, element;
	const struct slice text = { name, name_length };

	if (http_is_text(text, "content-length"))
		read = read_length;
	else if (http_is_text(text, "transfer-encoding"))
		read = read_coding;
	else if (http_is_text(text, "connection"))
		read = read_option;
	else
		framing->is_upgrade |= http_is_text(text, "upgrade");
	if (read == NULL)
		return;
	framing->is_faulty |= list.length == 0 && read != read_option;
	while (next_element(&list, &element))
		read(framing, element);
}

// RFC 9112 6.3. With both fields the coding counts, as in Apache; nginx and others answer 400, and
// then it does not matter. A connection that does not persist (9.3) holds no further request. What a CONNECT
// with a length or a coding has behind it the standard leaves open (RFC 9110 9.3.6).
enum framing http_framing_end(
		const struct http_framing *framing, bool is_version_1_0, bool is_connect)
{
	unsigned how = FRAMING_LENGTH;

	if (framing->is_faulty || framing->is_last)
		return FRAMING_LEAVE;
	if (is_version_1_0 && (framing->has_coding || !framing->is_kept))
		return FRAMING_LEAVE;
	if (framing->has_coding)
		how = framing->is_chunked ? FRAMING_CHUNKED : FRAMING_LEAVE;
	if (is_connect)
		return framing->has_coding || framing->length > 0 ? FRAMING_LEAVE :
								    how | FRAMING_TUNNEL;
	return framing->is_upgrade && how != FRAMING_LEAVE ? how | FRAMING_UPGRADE : how;
}

// Bytes of a line and its end, CRLF or LF (RFC 9112 2.2); MORE when it has none yet.
static enum match take_line(struct slice text, struct slice *line, size_t *taken)
{
	const size_t most = text.length < HTTP_LINE_MAX ? text.length : HTTP_LINE_MAX;
	const uint8_t *end = most > 0 ? memchr(text.data, '\n', most) : NULL;

	if (end == NULL)
		return text.length < HTTP_LINE_MAX ? MATCH_MORE : MATCH_NO;
	*line = (struct slice){ text.data, end - text.data };
	*taken = line->length + 1;
	if (line->length > 0 && line->data[line->length - 1] == '\r')
		line->length--;
	return memchr(line->data, '\r', line->length) == NULL ? MATCH_YES : MATCH_NO;
}

static int hex_digit(uint8_t byte)
{
	if (http_is(byte, HTTP_DIGIT))
		return byte - '0';
	return http_lower(byte) >= 'a' && http_lower(byte) <= 'f' ? http_lower(byte) - 'a' + 10 :
								    -1;
}

// Extensions are passed over (RFC 9112 7.1.1).
static enum match read_size(struct slice line, uint32_t *size)
{
	size_t i = 0;

	*size = 0;
	for (; i < line.length && hex_digit(line.data[i]) >= 0; i++) {
		*size = *size << 4 | (uint32_t)hex_digit(line.data[i]);
		if (*size > HTTP_CHUNK_MAX)
			return MATCH_NO;
	}
	if (i == 0)
		return MATCH_NO;
	while (i < line.length && http_is_blank(line.data[i]))
		i++;
	return i == line.length || line.data[i] == ';' ? MATCH_YES : MATCH_NO;
}

enum match http_chunk_line(
		const uint8_t *data, size_t length, bool is_first, size_t *start, uint32_t *size)
{
	struct slice rest = { data, length };
	struct slice line;
	enum match match;

	*start = 0;
	if (!is_first) {
		match = take_line(rest, &line, start);
		if (match != MATCH_YES)
			// Nothing but the line's end may be there.
			return match == MATCH_MORE && (length == 0 || (length == 1 && *data == '\r')) ?
					MATCH_MORE :
					MATCH_NO;
		if (line.length > 0)
			return MATCH_NO;
		rest.data += *start;
		rest.length -= *start;
	}
	match = take_line(rest, &line, &length);
	if (match != MATCH_YES)
		return match;
	*start += length;
	return read_size(line, size);
}

enum match http_trailer_line(const uint8_t *data, size_t length, size_t *start, bool *is_end)
{
	struct slice line;
	enum match match = take_line((struct slice){ data, length }, &line, start);

	*is_end = match == MATCH_YES && line.length == 0;
	return match;
}

// RFC 9112 4: the phrase may be missing, and the blank in front of it often is.
static bool read_status(struct slice line, unsigned *status)
{
	static const char start[] = "HTTP/1.x ";
	const size_t digits = sizeof(start) - 1;

	if (line.length < digits + 3 || memcmp(line.data, start, digits - 2) != 0 ||
			!http_is(line.data[digits - 2], HTTP_DIGIT) ||
			line.data[digits - 1] != ' ' ||
			(line.length > digits + 3 && line.data[digits + 3] != ' '))
		return false;
	*status = 0;
	for (size_t i = digits; i < digits + 3; i++) {
		if (!http_is(line.data[i], HTTP_DIGIT))
			return false;
		*status = *status * 10 + (line.data[i] - '0');
	}
	return *status >= 100 && *status < 600;
}

enum match http_answer(const uint8_t *data, size_t length, bool *is_inside, size_t *start,
		unsigned *status)
{
	struct slice line;
	enum match match;
	size_t taken;

	*start = 0;
	while ((match = take_line((struct slice){ data + *start, length - *start }, &line,
				&taken)) == MATCH_YES) {
		if (!*is_inside && !read_status(line, status))
			return MATCH_NO;
		if (!*is_inside && (*status >= 200 || *status == 101))
			return MATCH_YES;
		*is_inside = line.length > 0;
		*start += taken;
	}
	return match;
}

bool http_has_head_end(const uint8_t *data, size_t length, size_t from)
{
	size_t first = 0;

	while (first < length && first < EMPTY_LINES_MAX &&
			(data[first] == '\r' || data[first] == '\n'))
		first++;
	if (from < first)
		from = first;
	while (from < length) {
		const uint8_t *end = memchr(data + from, '\n', length - from);

		if (end == NULL)
			return false;
		from = end + 1 - data;
		if (from < length && data[from] == '\r')
			from++;
		if (from < length && data[from] == '\n')
			return true;
		from = end + 1 - data;
	}
	return false;
}
