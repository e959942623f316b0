// SPDX-License-Identifier: BSD-3-Clause
// Fragments of any place, length and order, against a reassembler that is too simple to be wrong:
// an array with a mark for each byte that came.
//
// A record of the input is datagram and kind, place in blocks, length in bytes or blocks.
#include "counters.h"
#include "decode/cursor.h"
#include "decode/decode.h"
#include "fragment.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	RECORD_BYTES = 3,
	RECORDS_MAX = 64,
	DATAGRAMS = 4,
	IS_LONG = 4, // bits of a record's first byte, above the datagram's number
	IS_IP6 = 8,
	IS_MORE = 16,
	IS_SAME_BURST = 32,
	IS_FAR = 64,
	BURST_MAX = 3, // fewer payloads than a set has places
	LENGTH_MAX = 255 * 8,
	PLAIN_BYTES = 65536 + 8 + LENGTH_MAX,
	KEPT_BYTES = 16384,
	TCP_BYTES = 20,
};

struct plain {
	uint8_t bytes[PLAIN_BYTES];
	bool came[PLAIN_BYTES / 8]; // by blocks
	uint32_t reach;
};

static struct plain plains[2][DATAGRAMS];
static uint8_t frames[BURST_MAX][48 + LENGTH_MAX];

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void put16(uint8_t *at, unsigned number)
{
	at[0] = number >> 8;
	at[1] = number & 0xff;
}

// Which datagram, where and what.
struct record {
	struct plain *plain;
	unsigned offset, length;
	uint8_t id;
	bool is_ip6, is_more;
};

static uint8_t *put_header(uint8_t *frame, const struct record *record)
{
	memset(frame, 0, 48);
	if (record->is_ip6) {
		frame[0] = 0x60;
		put16(frame + 4, record->length + 8);
		frame[6] = IPPROTO_FRAGMENT;
		frame[40] = IPPROTO_TCP;
		put16(frame + 42, record->offset | record->is_more);
		frame[47] = record->id;
		return frame + 48;
	}
	frame[0] = 0x45;
	put16(frame + 2, record->length + 20);
	frame[5] = record->id;
	put16(frame + 6, record->offset / 8 | record->is_more << 13);
	frame[9] = IPPROTO_TCP;
	return frame + 20;
}

// Bytes that differ from record to record, but for a TCP header.
static void put_data(uint8_t *at, const struct record *record, unsigned number)
{
	for (unsigned i = 0; i < record->length; i++) {
		unsigned place = record->offset + i;

		at[i] = place == 12 ? 0x50 : place < TCP_BYTES ? place : number * 7 + place;
	}
}

// Only the last may end within a block: other odd bytes are lost, with IPv6 all of them.
static void keep(const struct record *record, const uint8_t *data)
{
	struct plain *plain = record->plain;
	unsigned length = record->is_more ? record->length & ~7u : record->length;

	if (record->is_ip6 && length != record->length)
		return;
	for (unsigned i = 0; i < length; i += 8) {
		unsigned place = record->offset + i;

		if (plain->came[place / 8])
			continue;
		plain->came[place / 8] = true;
		memcpy(plain->bytes + place, data + i, length - i < 8 ? length - i : 8);
	}
	if (record->offset + length > plain->reach)
		plain->reach = record->offset + length;
}

static void check_whole(const struct plain *plain, const struct packet *packet)
{
	uint32_t kept = plain->reach < KEPT_BYTES ? plain->reach : KEPT_BYTES;

	for (uint32_t i = 0; i < plain->reach; i += 8)
		check(plain->came[i / 8]);
	if (plain->reach < TCP_BYTES) {
		check(packet->protocol == PROTOCOL_NONE && packet->payload == NULL);
		return;
	}
	check(packet->payload != NULL && packet->payload_length == kept - TCP_BYTES);
	check(memcmp(packet_transport(packet), plain->bytes, kept) == 0);
}

static void run(struct fragments *fragments, const struct record *records, struct burst *burst)
{
	decode_burst(burst, 0);
	fragment_burst(fragments, burst, 0);
	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];

		if ((packet->flags & PACKET_FRAGMENT) == 0)
			continue;
		keep(&records[i], packet->data + packet->fragment);
		if ((packet->flags & PACKET_REASSEMBLED) == 0 && packet->reason != REASON_MALFORMED)
			continue;
		check_whole(records[i].plain, packet);
		memset(records[i].plain, 0, sizeof(*records[i].plain));
	}
	burst->count = 0;
}

static struct record read_record(const uint8_t *data)
{
	struct record record = { .id = data[0] % DATAGRAMS,
		.is_ip6 = (data[0] & IS_IP6) != 0,
		.is_more = (data[0] & IS_MORE) != 0,
		.offset = data[1] * ((data[0] & IS_FAR) != 0 ? 256 : 8),
		.length = data[2] * ((data[0] & IS_LONG) != 0 ? 8 : 1) };

	record.plain = &plains[record.is_ip6][record.id];
	return record;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct counters counters;
	static struct fragments *fragments;
	static struct burst burst;
	static uint64_t round; // each in its own time, so that nothing is left of the one before
	const struct fragments_config config = {
		.datagrams = 1024, .node = -1, .counters = &counters
	};
	struct record records[BURST_MAX];

	if (fragments == NULL)
		fragments = fragments_create(&config);
	check(fragments != NULL);
	memset(plains, 0, sizeof(plains));
	counters = (struct counters){ 0 };
	burst.link = LINK_RAW;
	round++;
	for (unsigned number = 0; number < RECORDS_MAX && size >= RECORD_BYTES; number++) {
		struct record *record = &records[burst.count];
		uint8_t *frame = frames[burst.count], *at;

		*record = read_record(data);
		at = put_header(frame, record);
		put_data(at, record, number);
		burst.packets[burst.count++] = (struct packet){ .data = frame,
			.time_ns = round * 31000000000,
			.length = at + record->length - frame,
			.wire_length = at + record->length - frame };
		if ((data[0] & IS_SAME_BURST) == 0 || burst.count == BURST_MAX)
			run(fragments, records, &burst);
		data += RECORD_BYTES;
		size -= RECORD_BYTES;
	}
	run(fragments, records, &burst);
	check(counters.fragments_evicted == 0 && counters.fragments_refused == 0);
	return 0;
}
