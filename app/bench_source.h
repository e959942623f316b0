// SPDX-License-Identifier: BSD-3-Clause
// Packets without a NIC: buffers from a stack, as a mempool's cache hands them out, each filled with
// the next frame of some traffic; and a sink that puts them back.
//
// Needs neither EAL nor root. What one costs, receive and transmit included, is the floor that every
// other figure is compared with.
#pragma once

#include "packet.h"

#include <rte_mbuf_core.h>

#include <stdbool.h>
#include <stddef.h>

enum source_kind {
	SOURCE_DATAGRAMS, // 64-byte UDP frames of both directions
	SOURCE_SYNS, // 64-byte TCP handshakes; the flows opened first are datagrams
	SOURCE_REQUESTS, // 64-byte TCP frames, a share of them with an HTTP request
	SOURCE_CAPTURE, // frames of a file, again and again
};

struct traffic {
	enum source_kind kind;
	uint32_t flows; // opened before anything is measured
	uint32_t newest; // of them that packets are drawn from; 0: all
	double zipf; // exponent below 1; 0: uniform
	uint32_t opens; // one packet of so many opens a flow of its own; 0: none does
	unsigned requests_percent; // packets that carry a request
	bool is_cut; // each packet carries a piece of one; all packets do
	bool is_swapped; // of the pieces each two neighbours
	bool renews; // a capture gets new addresses with each pass
};

enum {
	SOURCE_SERVER_PORT = 40000, // of the datagrams
	SOURCE_HTTP_BYTES = 400, // of a request
	SOURCE_PIECES = 8, // of one that is cut
};

struct source;

// `capture` is the path of a file, for SOURCE_CAPTURE alone. NULL with errno, and then for a file
// after a message. Free with source_free().
struct source *source_create(const struct traffic *traffic, const char *capture);
void source_free(struct source *source);

// Fills a whole burst of buffers.
void source_fill(struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS]);
// The same, of one packet in each direction for every flow in turn, so that all are open. Returns
// how many it filled, 0 after the last.
unsigned source_open(struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS]);
// Forgets how far source_open() was; then it begins anew.
void source_reopen(struct source *source);
// Handshakes that end and begin anew the flows of the requests in the next `packets`: a reset and a
// SYN each. As source_open(). A request that is half sent goes no further.
unsigned source_renew(
		struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS], uint32_t packets);
// Puts buffers back, as a driver does that has sent them.
void source_sink(struct source *source, struct rte_mbuf *const *mbufs, unsigned count);

// `count` numbers below `flows`, uniform or by Zipf's law with exponent `zipf`; the same each time.
void source_draw(uint32_t *numbers, size_t count, uint32_t flows, double zipf);
