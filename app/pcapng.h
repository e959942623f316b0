// SPDX-License-Identifier: BSD-3-Clause
// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), written one after the other into memory.
//
// Every function returns how many bytes it wrote, a multiple of 4, and 0, writing nothing, when that
// is more than `room`. Byte order is the machine's own, which the format allows.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	PCAPNG_TEXT_MAX = 255, // bytes of a text; the rest is left out
};

struct pcapng_packet {
	uint32_t interface; // in the order of pcapng_interface()
	uint64_t time_ns; // since the epoch
	uint32_t length, wire_length; // of `data`, of the frame
	const uint8_t *data;
	const char *comment;
};

size_t pcapng_section(uint8_t *out, size_t room, const char *program);
// An Ethernet port, times in nanoseconds. `snap_bytes`: the most that is kept of a frame.
size_t pcapng_interface(uint8_t *out, size_t room, const char *name, uint32_t snap_bytes);
size_t pcapng_packet(uint8_t *out, size_t room, const struct pcapng_packet *packet);
// The last word about an interface: `lost` packets were asked for, and are not here.
size_t pcapng_statistics(
		uint8_t *out, size_t room, uint32_t interface, uint64_t time_ns, uint64_t lost);
