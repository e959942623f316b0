// SPDX-License-Identifier: BSD-3-Clause
#include "pcapng.h"

#include <assert.h>
#include <string.h>

// Section numbers are those of draft-ietf-opsawg-pcapng-02.
enum {
	BLOCK_SECTION = 0x0a0d0d0a, // 4.1
	BLOCK_INTERFACE = 1, // 4.2
	BLOCK_STATISTICS = 5, // 4.6
	BLOCK_PACKET = 6, // 4.3
	OPTION_END = 0, // 3.5
	OPTION_COMMENT = 1,
	OPTION_INTERFACE_NAME = 2,
	OPTION_PROGRAM = 4,
	OPTION_DROPPED = 5,
	OPTION_TIME_UNIT = 9,
	NANOSECONDS = 9, // powers of ten
	LINK_TYPE_ETHERNET = 1,
	BYTE_ORDER = 0x1a2b3c4d,
	VERSION = 1, // 1.0: minor in the upper half
};

// Where a block is written. Once it does not fit, nothing more is.
struct block {
	uint8_t *out;
	size_t length, room;
	int is_full;
};

// Pads with zeros to whole words.
static void put(struct block *block, const void *data, size_t bytes)
{
	size_t padded = (bytes + 3) & ~(size_t)3;

	if (block->is_full || block->room - block->length < padded) {
		block->is_full = 1;
		return;
	}
	if (bytes > 0)
		memcpy(block->out + block->length, data, bytes);
	memset(block->out + block->length + bytes, 0, padded - bytes);
	block->length += padded;
}

static void put_word(struct block *block, uint32_t word)
{
	put(block, &word, sizeof(word));
}

// 3.5: the code, the length without padding, the value.
static void put_option(struct block *block, uint16_t code, const void *value, size_t bytes)
{
	const uint16_t head[2] = { code, bytes };

	put(block, head, sizeof(head));
	put(block, value, bytes);
}

static void put_text(struct block *block, uint16_t code, const char *text)
{
	put_option(block, code, text, strnlen(text, PCAPNG_TEXT_MAX));
}

// 4.3: the upper half comes first, whatever the byte order.
static void put_time(struct block *block, uint64_t time_ns)
{
	put_word(block, time_ns >> 32);
	put_word(block, (uint32_t)time_ns);
}

// 3.1: type and length in front, the length again behind.
static struct block begin(uint8_t *out, size_t room, uint32_t type)
{
	struct block block = { .out = out, .room = room };

	put_word(&block, type);
	put_word(&block, 0);
	return block;
}

static size_t end(struct block *block)
{
	uint32_t length;

	put_word(block, OPTION_END);
	put_word(block, 0); // room for the length
	if (block->is_full)
		return 0;
	length = block->length;
	memcpy(block->out + 4, &length, sizeof(length));
	memcpy(block->out + block->length - 4, &length, sizeof(length));
	return block->length;
}

size_t pcapng_section(uint8_t *out, size_t room, const char *program)
{
	struct block block = begin(out, room, BLOCK_SECTION);

	put_word(&block, BYTE_ORDER);
	put_word(&block, VERSION);
	put_word(&block, UINT32_MAX); // how long the section is, nobody knows
	put_word(&block, UINT32_MAX);
	put_text(&block, OPTION_PROGRAM, program);
	return end(&block);
}

size_t pcapng_interface(uint8_t *out, size_t room, const char *name, uint32_t snap_bytes)
{
	static const uint8_t unit = NANOSECONDS;
	struct block block = begin(out, room, BLOCK_INTERFACE);

	put_word(&block, LINK_TYPE_ETHERNET); // the other half is reserved
	put_word(&block, snap_bytes);
	put_text(&block, OPTION_INTERFACE_NAME, name);
	put_option(&block, OPTION_TIME_UNIT, &unit, sizeof(unit));
	return end(&block);
}

size_t pcapng_packet(uint8_t *out, size_t room, const struct pcapng_packet *packet)
{
	struct block block = begin(out, room, BLOCK_PACKET);

	put_word(&block, packet->interface);
	put_time(&block, packet->time_ns);
	put_word(&block, packet->length);
	put_word(&block, packet->wire_length);
	put(&block, packet->data, packet->length);
	put_text(&block, OPTION_COMMENT, packet->comment);
	return end(&block);
}

size_t pcapng_statistics(
		uint8_t *out, size_t room, uint32_t interface, uint64_t time_ns, uint64_t lost)
{
	struct block block = begin(out, room, BLOCK_STATISTICS);

	put_word(&block, interface);
	put_time(&block, time_ns);
	put_option(&block, OPTION_DROPPED, &lost, sizeof(lost));
	return end(&block);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
		"the halves of link type and version are written in this order");
