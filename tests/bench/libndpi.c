// SPDX-License-Identifier: BSD-3-Clause
// How fast libndpi is without a file: libndpi CAPTURE all|http-skype
//
// Reads the capture into memory, then gives it to the library ten times, with new IPv4 addresses
// in each pass, and prints thousands of packets for each second of CPU time. Flows live in a table with open
// addressing; each is inspected until the library names it, or for as many packets as nDPI's own
// reader takes, and then its state is freed. Nothing is reported for a flow, which is to the
// library's favour.
#include <arpa/inet.h>
#include <ndpi_api.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PASSES = 10,
	SLOTS = 1 << 20, // a power of two, far more than there are flows
	TCP_PACKETS = 80, // inspected at most; ndpiReader's defaults
	UDP_PACKETS = 24,
	FRAMES_MAX = 4000000,
};

struct frame {
	uint8_t *bytes;
	uint32_t length;
	uint64_t time_ms;
};

struct key {
	uint8_t low[16], high[16];
	uint16_t low_port, high_port;
	uint8_t protocol, version, unused[2];
};

struct slot {
	struct key key;
	bool is_used, is_decided;
	uint16_t packets;
	struct ndpi_flow_struct *flow;
};

// Of one packet.
struct view {
	const uint8_t *ip;
	unsigned length;
	struct key key;
};

static struct frame *frames;
static size_t frame_count;
static struct slot *slots;
static uint64_t flows, decided, calls;

static void load(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const uint8_t *bytes;

	frames = malloc(FRAMES_MAX * sizeof(*frames));
	if (capture == NULL || frames == NULL) {
		fprintf(stderr, "libndpi: %s\n", error);
		exit(1);
	}
	while (pcap_next_ex(capture, &header, &bytes) == 1 && frame_count < FRAMES_MAX) {
		struct frame *frame = &frames[frame_count++];

		frame->bytes = malloc(header->caplen);
		if (frame->bytes == NULL)
			exit(3);
		memcpy(frame->bytes, bytes, header->caplen);
		frame->length = header->caplen;
		frame->time_ms = header->ts.tv_sec * 1000ull + header->ts.tv_usec / 1000;
	}
	pcap_close(capture);
}

static void set_ends(struct key *key, const uint8_t *from, const uint8_t *to, unsigned bytes,
		const uint8_t *ports)
{
	uint16_t from_port = 0, to_port = 0;
	int order = memcmp(from, to, bytes);

	if (ports != NULL) {
		from_port = ports[0] << 8 | ports[1];
		to_port = ports[2] << 8 | ports[3];
	}
	if (order > 0 || (order == 0 && from_port > to_port)) {
		const uint8_t *end = from;
		uint16_t port = from_port;

		from = to;
		to = end;
		from_port = to_port;
		to_port = port;
	}
	memcpy(key->low, from, bytes);
	memcpy(key->high, to, bytes);
	key->low_port = from_port;
	key->high_port = to_port;
}

static bool has_ports(unsigned protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static bool look_at_ip4(struct view *view)
{
	unsigned header = (view->ip[0] & 15) * 4;
	bool is_fragment;

	if (view->length < 20 || header < 20 || header + 4 > view->length)
		return false;
	is_fragment = (view->ip[6] & 0x3f) != 0 || view->ip[7] != 0;
	view->key.version = 4;
	view->key.protocol = view->ip[9];
	set_ends(&view->key, view->ip + 12, view->ip + 16, 4,
			has_ports(view->ip[9]) && !is_fragment ? view->ip + header : NULL);
	return true;
}

static bool look_at_ip6(struct view *view)
{
	if (view->length < 44)
		return false;
	view->key.version = 6;
	view->key.protocol = view->ip[6];
	set_ends(&view->key, view->ip + 8, view->ip + 24, 16,
			has_ports(view->ip[6]) ? view->ip + 40 : NULL);
	return true;
}

static bool look_at(const struct frame *frame, struct view *view)
{
	unsigned at = 12;

	memset(view, 0, sizeof(*view));
	while (at + 6 < frame->length && frame->bytes[at] == 0x81 && frame->bytes[at + 1] == 0)
		at += 4;
	at += 2;
	if (at + 20 > frame->length)
		return false;
	view->ip = frame->bytes + at;
	view->length = frame->length - at;
	switch (frame->bytes[at - 2] << 8 | frame->bytes[at - 1]) {
	case 0x0800:
		return look_at_ip4(view);
	case 0x86dd:
		return look_at_ip6(view);
	default:
		return false;
	}
}

static struct slot *find(const struct key *key)
{
	uint64_t words[sizeof(*key) / 8], hash = 0;

	memcpy(words, key, sizeof(words));
	for (unsigned i = 0; i < sizeof(words) / 8; i++)
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15;
	for (size_t at = hash >> 40;; at++) {
		struct slot *slot = &slots[at & (SLOTS - 1)];

		if (slot->is_used && memcmp(&slot->key, key, sizeof(*key)) != 0)
			continue;
		flows += !slot->is_used;
		if (!slot->is_used)
			slot->key = *key;
		slot->is_used = true;
		return slot;
	}
}

static void finish(struct slot *slot)
{
	ndpi_free_flow(slot->flow);
	slot->flow = NULL;
	slot->is_decided = true;
	decided++;
}

static void inspect(struct ndpi_detection_module_struct *ndpi, struct slot *slot,
		const struct view *view, uint64_t time_ms)
{
	unsigned most = view->key.protocol == IPPROTO_TCP ? TCP_PACKETS : UDP_PACKETS;
	ndpi_protocol found;
	uint8_t guessed;

	if (slot->flow == NULL)
		slot->flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
	if (slot->flow == NULL)
		exit(3);
	if (slot->packets == 0)
		memset(slot->flow, 0, SIZEOF_FLOW_STRUCT);
	calls++;
	found = ndpi_detection_process_packet(ndpi, slot->flow, view->ip, view->length, time_ms);
	if (found.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
			found.master_protocol != NDPI_PROTOCOL_UNKNOWN) {
		finish(slot);
	} else if (++slot->packets >= most) {
		ndpi_detection_giveup(ndpi, slot->flow, 1, &guessed);
		finish(slot);
	}
}

static void renew(struct frame *frame, uint32_t bits)
{
	uint32_t addresses[2];

	if (frame->length < 34 || frame->bytes[12] != 0x08 || frame->bytes[13] != 0x00)
		return;
	memcpy(addresses, frame->bytes + 26, sizeof(addresses));
	addresses[0] ^= bits;
	addresses[1] ^= bits;
	memcpy(frame->bytes + 26, addresses, sizeof(addresses));
}

static void pass(struct ndpi_detection_module_struct *ndpi, uint32_t bits, uint64_t later_ms)
{
	struct view view;

	for (size_t i = 0; i < frame_count; i++) {
		struct slot *slot;

		renew(&frames[i], bits);
		if (!look_at(&frames[i], &view))
			continue;
		slot = find(&view.key);
		if (!slot->is_decided)
			inspect(ndpi, slot, &view, frames[i].time_ms + later_ms);
	}
}

static struct ndpi_detection_module_struct *start(bool is_restricted)
{
	struct ndpi_detection_module_struct *ndpi = ndpi_init_detection_module(ndpi_no_prefs);
	NDPI_PROTOCOL_BITMASK wanted;

	if (ndpi == NULL)
		exit(3);
	NDPI_BITMASK_RESET(wanted);
	if (is_restricted) {
		NDPI_BITMASK_ADD(wanted, NDPI_PROTOCOL_HTTP);
		NDPI_BITMASK_ADD(wanted, NDPI_PROTOCOL_SKYPE_TEAMS);
		NDPI_BITMASK_ADD(wanted, NDPI_PROTOCOL_SKYPE_CALL);
	} else {
		NDPI_BITMASK_SET_ALL(wanted);
	}
	ndpi_set_protocol_detection_bitmask2(ndpi, &wanted);
	ndpi_finalize_initialization(ndpi);
	return ndpi;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct ndpi_detection_module_struct *ndpi;
	double began, took;

	if (argc != 3)
		return 2;
	load(argv[1]);
	slots = malloc(SLOTS * sizeof(*slots));
	if (slots == NULL)
		return 3;
	memset(slots, 0, SLOTS * sizeof(*slots)); // not while it is measured
	ndpi = start(strcmp(argv[2], "http-skype") == 0);
	began = seconds();
	for (uint32_t i = 0; i < PASSES; i++) // the difference to the pass before
		pass(ndpi, i * 0x9e3779b1 ^ (i - (i > 0)) * 0x9e3779b1, i * 3600000ull);
	took = seconds() - began;
	printf("%.0f\n", PASSES * frame_count / took / 1000);
	fprintf(stderr, "%lu flows, %lu decided, %lu packets inspected\n", (unsigned long)flows,
			(unsigned long)decided, (unsigned long)calls);
	return 0;
}
