// SPDX-License-Identifier: BSD-3-Clause
#include "bench_source.h"

#include "bench_capture.h"
#include "checksum.h"
#include "fail.h"
#include "memory.h"

#include <rte_mbuf.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFERS = 256, // as many as a mempool keeps in its cache by default
	BUFFER_BYTES = sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM + 2048,
	NUMBERS = 1 << 22, // drawn beforehand, a power of two
	FROM_SERVER = 1u << 31, // of a number: which end sends
	FRAME_BYTES = 64 - 4, // without the checksum that a NIC cuts off
	HTTP_TEMPLATES = 64,
	ETHERNET_BYTES = 14,
	IP4_BYTES = 20,
	TCP_BYTES = 20,
	HEADERS_BYTES = ETHERNET_BYTES + IP4_BYTES + TCP_BYTES,
	REQUEST_BYTES = HEADERS_BYTES + SOURCE_HTTP_BYTES,
	PIECE_BYTES = SOURCE_HTTP_BYTES / SOURCE_PIECES,
	HTTP_PORT = 80,
	STEP_PRIME = 1000003, // walks through all flows, far from one to the next
};
static_assert(PIECE_BYTES % 2 == 0 && PIECE_BYTES * SOURCE_PIECES == SOURCE_HTTP_BYTES,
		"whole words for the checksum");

// Segments without payload.
enum segment_kind {
	SEGMENT_SYN,
	SEGMENT_SYN_ACK,
	SEGMENT_ACK,
	SEGMENT_RST,
	SEGMENT_COUNT,
};

// For the checksums, without addresses and ports.
struct sums {
	uint32_t ip, tcp;
};

struct request {
	uint8_t frame[REQUEST_BYTES];
	struct sums sums;
	struct sums piece_sums[SOURCE_PIECES];
};

struct segment {
	uint8_t frame[64];
	struct sums sums;
};

struct source {
	struct traffic traffic;
	struct rte_mbuf *stack[BUFFERS];
	unsigned free; // buffers on the stack
	char *buffers;
	uint32_t *numbers; // flow numbers, some with FROM_SERVER
	uint32_t at; // in `numbers`
	uint32_t opened; // flows opened by the traffic itself so far
	uint32_t since_opened; // packets since the last of them
	uint64_t to_open; // packets that source_open() has filled
	uint64_t to_renew; // the same of source_renew()
	uint64_t request; // number of the next one
	unsigned piece; // how many of the requests at hand are sent
	unsigned request_share; // adds up percents
	struct bench_capture *capture;
	uint8_t datagram[64];
	struct segment segments[SEGMENT_COUNT];
	struct request requests[HTTP_TEMPLATES];
};

// splitmix64, Steele et al. 2014.
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

// Gray et al., Quickly Generating Billion-Record Synthetic Databases, 1994. Neighbours in rank are
// no neighbours in number.
static void draw_zipf(uint32_t *numbers, size_t count, uint32_t flows, double theta)
{
	const double n = flows;
	double zeta = 0, two = 1 + pow(0.5, theta), eta;
	uint64_t seed = 1;

	for (uint32_t i = 1; i <= flows; i++)
		zeta += pow(i, -theta);
	eta = (1 - pow(2 / n, 1 - theta)) / (1 - two / zeta);
	for (size_t i = 0; i < count; i++) {
		double u = (double)(random_next(&seed) >> 11) * 0x1p-53;
		double rank = n * pow(eta * u - eta + 1, 1 / (1 - theta));

		if (u * zeta < 1)
			rank = 0;
		else if (u * zeta < two)
			rank = 1;
		numbers[i] = (uint64_t)rank * STEP_PRIME % flows;
	}
}

void source_draw(uint32_t *numbers, size_t count, uint32_t flows, double zipf)
{
	uint64_t seed = 1;

	if (zipf > 0) {
		draw_zipf(numbers, count, flows, zipf);
		return;
	}
	for (size_t i = 0; i < count; i++)
		numbers[i] = (random_next(&seed) >> 32) * flows >> 32;
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

// Headers of an IPv4 packet in an Ethernet frame; addresses and ports come later, and the checksum
// is that of no packet: nobody checks it, and what updates it does so all the same.
static void put_headers(uint8_t *frame, unsigned protocol, unsigned ip_bytes)
{
	uint8_t *ip = frame + ETHERNET_BYTES;

	memset(frame, 0, ETHERNET_BYTES + ip_bytes);
	memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", ETHERNET_BYTES);
	ip[0] = 0x45;
	put16(ip + 2, ip_bytes);
	ip[8] = 64;
	ip[9] = protocol;
	put16(ip + 10, 0x1234);
	if (protocol == IPPROTO_UDP)
		put16(ip + IP4_BYTES + 4, ip_bytes - IP4_BYTES);
}

// A client's numbers begin with 0, and so do a server's.
static void put_tcp(uint8_t *frame, unsigned ip_bytes, uint8_t flags)
{
	uint8_t *tcp = frame + ETHERNET_BYTES + IP4_BYTES;

	put_headers(frame, IPPROTO_TCP, ip_bytes);
	tcp[7] = (flags & TH_SYN) == 0;
	tcp[11] = (flags & TH_ACK) != 0;
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 0x2000);
}

// RFC 791 3.1, and RFC 9293 3.1 over all that is there and the pseudo header but for the addresses.
static struct sums sums_of(uint8_t *frame, unsigned tcp_bytes)
{
	uint8_t *ip = frame + ETHERNET_BYTES;

	memset(ip + 10, 0, 2);
	return (struct sums){
		.ip = checksum_words(ip, IP4_BYTES),
		.tcp = htons(IPPROTO_TCP) + htons(tcp_bytes) +
				checksum_words(ip + IP4_BYTES, tcp_bytes),
	};
}

static void put_segments(struct source *source)
{
	static const uint8_t flags[SEGMENT_COUNT] = { TH_SYN, TH_SYN | TH_ACK, TH_ACK, TH_RST };

	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		struct segment *segment = &source->segments[i];

		put_tcp(segment->frame, IP4_BYTES + TCP_BYTES, flags[i]);
		segment->sums = sums_of(segment->frame, TCP_BYTES);
	}
}

static void put_piece(uint8_t *frame, const struct request *request, unsigned piece)
{
	uint8_t *ip = frame + ETHERNET_BYTES;

	memcpy(frame, request->frame, HEADERS_BYTES);
	memcpy(frame + HEADERS_BYTES, request->frame + HEADERS_BYTES + piece * PIECE_BYTES,
			PIECE_BYTES);
	put16(ip + 2, IP4_BYTES + TCP_BYTES + PIECE_BYTES);
	put16(ip + IP4_BYTES + 6, 1 + piece * PIECE_BYTES); // behind the SYN
}

static void sum_pieces(struct request *request)
{
	uint8_t frame[HEADERS_BYTES + PIECE_BYTES];

	for (unsigned i = 0; i < SOURCE_PIECES; i++) {
		put_piece(frame, request, i);
		request->piece_sums[i] = sums_of(frame, TCP_BYTES + PIECE_BYTES);
	}
}

// Half of them are for hosts that the host rules of bench_policy.c name.
static void put_requests(struct source *source)
{
	for (unsigned i = 0; i < HTTP_TEMPLATES; i++) {
		struct request *request = &source->requests[i];
		char *text = (char *)request->frame + REQUEST_BYTES - SOURCE_HTTP_BYTES;
		int length;

		put_tcp(request->frame, REQUEST_BYTES - ETHERNET_BYTES, TH_ACK | TH_PUSH);
		length = snprintf(text, SOURCE_HTTP_BYTES,
				"GET /path/%u/index.html HTTP/1.1\r\nHost: %s%u.bench.example\r\n"
				"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:102.0)\r\n"
				"Accept: text/html,application/xhtml+xml\r\n"
				"Accept-Language: en-US,en;q=0.5\r\nX-Filler: ",
				i, i % 2 == 0 ? "host" : "other", i / 2 % 10);
		memset(text + length, 'x', SOURCE_HTTP_BYTES - length);
		memcpy(text + SOURCE_HTTP_BYTES - 4, "\r\n\r\n", 4);
		request->sums = sums_of(request->frame, TCP_BYTES + SOURCE_HTTP_BYTES);
		sum_pieces(request);
	}
}

static void prepare_templates(struct source *source)
{
	put_headers(source->datagram, IPPROTO_UDP, FRAME_BYTES - ETHERNET_BYTES);
	put_segments(source);
	put_requests(source);
}

static int prepare_buffers(struct source *source)
{
	source->buffers = memory_alloc((size_t)BUFFERS * BUFFER_BYTES, -1);
	if (source->buffers == NULL)
		return fail(ENOMEM);
	for (unsigned i = 0; i < BUFFERS; i++) {
		struct rte_mbuf *mbuf = (struct rte_mbuf *)(source->buffers + i * BUFFER_BYTES);

		mbuf->buf_addr = (char *)(mbuf + 1);
		mbuf->buf_len = BUFFER_BYTES - sizeof(*mbuf);
		rte_mbuf_refcnt_set(mbuf, 1);
		mbuf->nb_segs = 1;
		source->stack[source->free++] = mbuf;
	}
	return 0;
}

static int prepare_numbers(struct source *source)
{
	const struct traffic *traffic = &source->traffic;
	uint64_t seed = 2;

	source->numbers = memory_alloc(NUMBERS * sizeof(*source->numbers), -1);
	if (source->numbers == NULL)
		return fail(ENOMEM);
	source_draw(source->numbers, NUMBERS,
			traffic->newest != 0 ? traffic->newest : traffic->flows, traffic->zipf);
	for (unsigned i = 0; i < NUMBERS; i++)
		source->numbers[i] |= (random_next(&seed) & 1) != 0 ? FROM_SERVER : 0;
	return 0;
}

struct source *source_create(const struct traffic *traffic, const char *capture)
{
	struct source *source = memory_alloc(sizeof(*source), -1);
	int error;

	if (source == NULL)
		return NULL;
	source->traffic = *traffic;
	prepare_templates(source);
	if (traffic->kind == SOURCE_CAPTURE) {
		source->capture = bench_capture_load(capture);
		if (source->capture == NULL)
			goto err;
	} else if (prepare_numbers(source) < 0) {
		goto err;
	}
	if (prepare_buffers(source) == 0)
		return source;

err:
	error = errno;
	source_free(source);
	return fail_null(error);
}

void source_free(struct source *source)
{
	if (source == NULL)
		return;
	memory_free(source->numbers, NUMBERS * sizeof(*source->numbers));
	memory_free(source->buffers, (size_t)BUFFERS * BUFFER_BYTES);
	bench_capture_free(source->capture);
	memory_free(source, sizeof(*source));
}

static struct rte_mbuf *take(struct source *source, unsigned length)
{
	struct rte_mbuf *mbuf = source->stack[--source->free];

	rte_pktmbuf_reset(mbuf);
	mbuf->data_len = length;
	mbuf->pkt_len = length;
	return mbuf;
}

void source_sink(struct source *source, struct rte_mbuf *const *mbufs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_prefree_seg(mbufs[i]);

		if (mbuf != NULL)
			source->stack[source->free++] = mbuf;
	}
}

static inline uint16_t client_port(uint32_t number)
{
	return htons(1024 + (number >> 24));
}

// The ends of a flow from its number, without a look at memory. A client's address is always the
// lower one. Returns the sum of the addresses: reading them back at once would stall.
static inline uint64_t put_ends(
		uint8_t *ip, uint32_t number, bool from_server, uint16_t server_port)
{
	uint32_t client = htonl(10u << 24 | (number & 0xffffff));
	uint32_t server = htonl(172u << 24 | (16u << 16 | (number * 2654435761u >> 12)));
	uint16_t other = client_port(number);
	uint16_t port = htons(server_port);

	memcpy(ip + 12, from_server ? &server : &client, 4);
	memcpy(ip + 16, from_server ? &client : &server, 4);
	memcpy(ip + 20, from_server ? &port : &other, 2);
	memcpy(ip + 22, from_server ? &other : &port, 2);
	return (uint64_t)client + server;
}

static inline struct rte_mbuf *datagram(struct source *source, uint32_t number)
{
	struct rte_mbuf *mbuf = take(source, FRAME_BYTES);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	memcpy(frame, source->datagram, 64);
	put_ends(frame + ETHERNET_BYTES, number & ~FROM_SERVER, (number & FROM_SERVER) != 0,
			SOURCE_SERVER_PORT);
	return mbuf;
}

static inline void put_checksum(uint8_t *at, uint64_t sum)
{
	const uint16_t checksum = ~(sum % 0xffff);

	memcpy(at, &checksum, sizeof(checksum));
}

// With the right checksums: what has a wrong one is not read.
static inline void put_tcp_ends(
		uint8_t *frame, uint32_t number, bool from_server, const struct sums *sums)
{
	uint8_t *ip = frame + ETHERNET_BYTES;
	uint64_t addresses = put_ends(ip, number, from_server, HTTP_PORT);

	put_checksum(ip + 10, sums->ip + addresses);
	put_checksum(ip + IP4_BYTES + 16,
			sums->tcp + addresses + client_port(number) + htons(HTTP_PORT));
}

static inline struct rte_mbuf *segment(
		struct source *source, uint32_t number, enum segment_kind kind)
{
	struct rte_mbuf *mbuf = take(source, FRAME_BYTES);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	memcpy(frame, source->segments[kind].frame, 64);
	put_tcp_ends(frame, number & ~FROM_SERVER, (number & FROM_SERVER) != 0,
			&source->segments[kind].sums);
	return mbuf;
}

static uint32_t request_number(const struct source *source, uint64_t request)
{
	return request * STEP_PRIME % source->traffic.flows;
}

static struct rte_mbuf *next_request(struct source *source)
{
	const struct request *request = &source->requests[source->request % HTTP_TEMPLATES];
	struct rte_mbuf *mbuf = take(source, REQUEST_BYTES);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	memcpy(frame, request->frame, REQUEST_BYTES);
	put_tcp_ends(frame, request_number(source, source->request), false, &request->sums);
	source->request++;
	return mbuf;
}

static struct rte_mbuf *request_piece(struct source *source, uint64_t number, unsigned piece)
{
	const struct request *request = &source->requests[number % HTTP_TEMPLATES];
	struct rte_mbuf *mbuf = take(source, HEADERS_BYTES + PIECE_BYTES);
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	put_piece(frame, request, piece);
	put_tcp_ends(frame, request_number(source, number), false, &request->piece_sums[piece]);
	return mbuf;
}

static void end_requests(struct source *source)
{
	source->piece = 0;
	source->request += BURST_PACKETS;
}

// The same piece of each of so many requests: connections take turns.
static void fill_pieces(struct source *source, struct rte_mbuf **mbufs)
{
	const unsigned piece = source->piece ^ source->traffic.is_swapped;

	for (unsigned i = 0; i < BURST_PACKETS; i++)
		mbufs[i] = request_piece(source, source->request + i, piece);
	if (++source->piece == SOURCE_PIECES)
		end_requests(source);
}

static inline uint32_t next_number(struct source *source)
{
	return source->numbers[source->at++ % NUMBERS];
}

// Whether the next packet opens a flow; `number` is that, or else one of the newest.
static inline bool next_opens(struct source *source, uint32_t *number)
{
	const struct traffic *traffic = &source->traffic;
	uint32_t oldest = source->opened;

	if (++source->since_opened >= traffic->opens) {
		source->since_opened = 0;
		*number = (traffic->flows + source->opened++) & ~FROM_SERVER;
		return true;
	}
	oldest += traffic->newest != 0 ? traffic->flows - traffic->newest : 0;
	*number = next_number(source);
	*number = (*number & FROM_SERVER) | ((oldest + (*number & ~FROM_SERVER)) & ~FROM_SERVER);
	return false;
}

static void fill_datagrams(struct source *source, struct rte_mbuf **mbufs)
{
	uint32_t number;

	if (source->traffic.opens == 0) {
		for (unsigned i = 0; i < BURST_PACKETS; i++)
			mbufs[i] = datagram(source, next_number(source));
		return;
	}
	for (unsigned i = 0; i < BURST_PACKETS; i++) {
		next_opens(source, &number);
		mbufs[i] = datagram(source, number);
	}
}

static void fill_syns(struct source *source, struct rte_mbuf **mbufs)
{
	uint32_t number;

	for (unsigned i = 0; i < BURST_PACKETS; i++)
		mbufs[i] = next_opens(source, &number) ? segment(source, number, SEGMENT_SYN) :
							 datagram(source, number);
}

static void fill_requests(struct source *source, struct rte_mbuf **mbufs)
{
	if (source->traffic.is_cut) {
		fill_pieces(source, mbufs);
		return;
	}
	for (unsigned i = 0; i < BURST_PACKETS; i++) {
		source->request_share += source->traffic.requests_percent;
		if (source->request_share >= 100) {
			source->request_share -= 100;
			mbufs[i] = next_request(source);
		} else {
			mbufs[i] = segment(source, next_number(source), SEGMENT_ACK);
		}
	}
}

static void fill_capture(struct source *source, struct rte_mbuf **mbufs)
{
	struct bench_capture *capture = source->capture;

	for (unsigned i = 0; i < BURST_PACKETS; i++) {
		const struct bench_frame *frame =
				bench_capture_next(capture, source->traffic.renews);

		mbufs[i] = take(source, frame->length);
		mbufs[i]->buf_addr = capture->bytes + frame->offset - mbufs[i]->data_off;
	}
}

void source_fill(struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS])
{
	static void (*const fills[])(struct source *, struct rte_mbuf **) = {
		[SOURCE_DATAGRAMS] = fill_datagrams,
		[SOURCE_SYNS] = fill_syns,
		[SOURCE_REQUESTS] = fill_requests,
		[SOURCE_CAPTURE] = fill_capture,
	};

	fills[source->traffic.kind](source, mbufs);
}

unsigned source_open(struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS])
{
	const struct traffic *traffic = &source->traffic;
	const bool is_capture = traffic->kind == SOURCE_CAPTURE;
	const uint64_t packets = is_capture ? source->capture->count : 2 * (uint64_t)traffic->flows;
	unsigned count = 0;

	if (source->to_open >= packets)
		return 0;
	if (is_capture) {
		fill_capture(source, mbufs);
		source->to_open += BURST_PACKETS;
		return BURST_PACKETS;
	}
	for (; count < BURST_PACKETS && source->to_open < packets; source->to_open++) {
		uint32_t number = source->to_open / 2;
		bool is_answer = source->to_open % 2 != 0;

		number |= is_answer ? FROM_SERVER : 0;
		mbufs[count++] = traffic->kind == SOURCE_REQUESTS ?
				segment(source, number, is_answer ? SEGMENT_SYN_ACK : SEGMENT_SYN) :
				datagram(source, number);
	}
	return count;
}

void source_reopen(struct source *source)
{
	source->to_open = 0;
}

// Of what is cut more than enough: packets are sent in whole bursts, and twice.
static uint64_t requests_in(const struct source *source, uint32_t packets)
{
	const struct traffic *traffic = &source->traffic;

	if (traffic->is_cut)
		return (packets / (SOURCE_PIECES * BURST_PACKETS) + 2) * BURST_PACKETS;
	return (uint64_t)packets * traffic->requests_percent / 100 + 1;
}

unsigned source_renew(
		struct source *source, struct rte_mbuf *mbufs[BURST_PACKETS], uint32_t packets)
{
	const uint64_t handshakes = 2 * requests_in(source, packets);
	unsigned count = 0;

	if (source->piece != 0)
		end_requests(source);
	for (; count < BURST_PACKETS && source->to_renew < handshakes; source->to_renew++)
		mbufs[count++] = segment(source,
				request_number(source, source->request + source->to_renew / 2),
				source->to_renew % 2 == 0 ? SEGMENT_RST : SEGMENT_SYN);
	if (count == 0)
		source->to_renew = 0;
	return count;
}
