// SPDX-License-Identifier: BSD-3-Clause
// TLS hellos (RFC 8446, RFC 5246), recognised on any port by what they look like.
//
// tls.sni  the server name that a client asks for (RFC 6066 3), in lower case, without final dot. No
//          value when it holds what no name does.
//
// A hello may be cut into any number of records (RFC 8446 5.1), and is read byte by byte across
// them.
#include "detect/tls.h"

#include <netinet/in.h>
#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER_BYTES = 5,
	RECORD_MAX = 1 << 14, // RFC 8446 5.1
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	VERSION_MAJOR = 3,
	RANDOM_BYTES = 32,
	EXTENSION_SERVER_NAME = 0,
	SERVER_NAME_HEADER_BYTES = 9, // type, length, the list's length, a name's type and length
	NAME_HOST = 0,
	NAME_MAX = 255,
};

// The handshake's bytes, without the headers of records.
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	size_t record; // bytes left of it
	size_t message; // bytes left of the hello
	enum buffer buffer; // where the name goes
	bool is_answer; // who sent it is no client
	enum match match; // YES while nothing is missing or wrong
};

static void open_record(struct reader *reader)
{
	const uint8_t *header = reader->at;

	if (reader->end - header < RECORD_HEADER_BYTES) {
		reader->match = MATCH_MORE;
		// Enough to see that it is something else.
		if (reader->end > header && header[0] != RECORD_HANDSHAKE)
			reader->match = MATCH_NO;
		if (reader->end - header > 1 && header[1] != VERSION_MAJOR)
			reader->match = MATCH_NO;
		return;
	}
	reader->record = (size_t)header[3] << 8 | header[4];
	reader->at += RECORD_HEADER_BYTES;
	// No record of a handshake is empty (RFC 8446 5.1).
	if (header[0] != RECORD_HANDSHAKE || header[1] != VERSION_MAJOR || reader->record == 0 ||
			reader->record > RECORD_MAX)
		reader->match = MATCH_NO;
}

// How many bytes of the hello follow in one piece; 0 once the match is no YES any more.
static size_t piece(struct reader *reader)
{
	size_t bytes = reader->end - reader->at;

	if (reader->message == 0)
		reader->match = MATCH_NO;
	if (reader->match == MATCH_YES && reader->record == 0) {
		open_record(reader);
		bytes = reader->end - reader->at;
	}
	if (reader->match == MATCH_YES && bytes == 0)
		reader->match = MATCH_MORE;
	if (reader->match != MATCH_YES)
		return 0;
	if (bytes > reader->record)
		bytes = reader->record;
	return bytes < reader->message ? bytes : reader->message;
}

static void advance(struct reader *reader, size_t bytes)
{
	reader->at += bytes;
	reader->record -= bytes;
	reader->message -= bytes;
}

// The next byte; 0 once the match is no YES any more.
static uint8_t take(struct reader *reader)
{
	if (piece(reader) == 0)
		return 0;
	advance(reader, 1);
	return reader->at[-1];
}

static size_t take_number(struct reader *reader, unsigned bytes)
{
	size_t number = 0;

	for (; bytes > 0; bytes--)
		number = number << 8 | take(reader);
	return number;
}

static void skip(struct reader *reader, size_t count)
{
	if (count > reader->message)
		reader->match = MATCH_NO;
	while (count > 0 && reader->match == MATCH_YES) {
		size_t bytes = piece(reader);

		bytes = bytes < count ? bytes : count;
		advance(reader, bytes);
		count -= bytes;
	}
}

static bool is_name_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
			byte == '-' || byte == '_';
}

static bool ends_with(const uint8_t *name, size_t length, const char *end)
{
	size_t count = strlen(end);

	return length >= count && memcmp(name + length - count, end, count) == 0 &&
			(length == count || name[length - count - 1] == '.');
}

// Skype's own servers; Teams and web pages ask for them, too.
static void judge_name(struct findings *findings, const uint8_t *name, size_t length)
{
	struct fact *fact;

	if (!ends_with(name, length, "skype.com") && !ends_with(name, length, "skypeassets.com"))
		return;
	fact = findings_add_fact(findings);
	if (fact == NULL)
		return;
	fact->signal = SIGNAL_SKYPE_NAME;
	fact->app = APP_SKYPE;
	fact->confidence = CONFIDENCE_WEAK;
	fact->text_length = findings_printable(fact->text, sizeof(fact->text), name, length);
}

static void read_name(struct reader *reader, struct findings *findings)
{
	uint8_t *name = findings->store + findings->stored;
	size_t length;
	bool is_name = true;

	take_number(reader, 2); // of the list, which holds one name
	if (take(reader) != NAME_HOST)
		return;
	length = take_number(reader, 2);
	if (length > NAME_MAX || length == 0 || length > STORE_BYTES - (size_t)findings->stored)
		return;
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = take(reader);

		name[i] = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
		is_name &= is_name_byte(name[i]);
	}
	if (reader->match != MATCH_YES || !is_name)
		return;
	findings->stored += length;
	length -= name[length - 1] == '.';
	findings_add(findings, reader->buffer, name, length);
	judge_name(findings, name, length);
}

static void read_extensions(struct reader *reader, struct findings *findings)
{
	size_t left = take_number(reader, 2);

	while (reader->match == MATCH_YES && left >= 4) {
		size_t type = take_number(reader, 2);
		size_t length = take_number(reader, 2);

		if (type == EXTENSION_SERVER_NAME && length >= 5) {
			read_name(reader, findings);
			return;
		}
		skip(reader, length);
		left -= left < 4 + length ? left : 4 + length;
	}
}

// RFC 8446 4.1.2.
static void read_client_hello(struct reader *reader, struct findings *findings)
{
	if (take(reader) != VERSION_MAJOR && reader->match == MATCH_YES)
		reader->match = MATCH_NO;
	skip(reader, 1 + RANDOM_BYTES);
	skip(reader, take(reader));
	skip(reader, take_number(reader, 2));
	skip(reader, take(reader));
	if (reader->match == MATCH_YES && reader->message > 0)
		read_extensions(reader, findings);
}

// The type of the message, its length and what it holds.
static void read_hello(struct reader *reader, struct findings *findings)
{
	uint8_t type;

	reader->message = 4;
	type = take(reader);
	if (reader->match == MATCH_YES && type != SERVER_HELLO &&
			(type != CLIENT_HELLO || reader->is_answer))
		reader->match = MATCH_NO;
	reader->message = 3;
	reader->message = take_number(reader, 3);
	if (reader->match == MATCH_YES && type == CLIENT_HELLO)
		read_client_hello(reader, findings);
}

enum match tls_read_hello(
		const uint8_t *data, size_t length, enum buffer buffer, struct findings *findings)
{
	struct reader reader = {
		.at = data,
		.end = data + length,
		.record = SIZE_MAX,
		.buffer = buffer,
		.match = MATCH_YES,
	};

	read_hello(&reader, findings);
	return reader.match;
}

static size_t number_at(const uint8_t *data)
{
	return (size_t)(data[0] << 8 | data[1]);
}

bool tls_find_name(
		const uint8_t *data, size_t length, enum buffer buffer, struct findings *findings)
{
	for (size_t i = 0; i + SERVER_NAME_HEADER_BYTES < length; i++) {
		const uint8_t *extension = data + i;
		size_t all = number_at(extension + 2), list = number_at(extension + 4);
		size_t name = number_at(extension + 7);
		struct reader reader = {
			.at = extension + 4,
			.end = data + length,
			.record = SIZE_MAX,
			.message = all,
			.buffer = buffer,
			.match = MATCH_YES,
		};
		unsigned before = findings->value_count;

		if (number_at(extension) != EXTENSION_SERVER_NAME || all != list + 2 ||
				list != name + 3 || extension[6] != NAME_HOST || name == 0)
			continue;
		read_name(&reader, findings);
		if (findings->value_count > before)
			return true;
	}
	return false;
}

static enum match tls_match(const struct sample *sample, struct findings *findings)
{
	struct reader reader = {
		.at = sample->data,
		.end = sample->data + sample->length,
		.buffer = BUFFER_TLS_SNI,
		// RFC 8446 4.1.2: the client says hello first. It need not have opened the connection:
		// an FTP server opens those for data (RFC 4217 7).
		.is_answer = !sample->is_from_initiator && sample->app_proto == DETECTOR_tls + 1,
		.match = MATCH_YES,
	};

	// Most of what is no hello begins so, and needs no reader.
	if (!sample->is_first || (sample->length > 0 && sample->data[0] != RECORD_HANDSHAKE))
		return MATCH_NO;
	read_hello(&reader, findings);
	if (reader.match == MATCH_MORE && !sample->is_last)
		findings_want(findings, sample->length + (reader.record > 0 ? reader.record : 1));
	return reader.match;
}

const struct detector detector_tls = {
	.name = "tls",
	.app_proto = "tls",
	.protocol = IPPROTO_TCP,
	.match = tls_match,
};
