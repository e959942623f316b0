// SPDX-License-Identifier: BSD-3-Clause
// Puts captures together for peers.sh: trace ONCE TEN CAPTURE...
//
// ONCE gets every whole Ethernet frame of at most 1518 bytes, which is what `wiretag bench --capture`
// takes of a file; TEN gets all of them ten times over, with new IPv4 addresses and later times in
// each copy, for programs that can only read a file. What is no capture is left out.
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COPIES = 10,
	FRAME_MAX = 1518,
	FRAMES_MAX = 4000000,
};

struct frame {
	struct pcap_pkthdr header;
	uint8_t *bytes;
};

static struct frame *frames;
static size_t count;

static void add(const struct pcap_pkthdr *header, const uint8_t *bytes)
{
	struct frame *frame = &frames[count];

	if (header->caplen != header->len || header->len == 0 || header->len > FRAME_MAX ||
			count == FRAMES_MAX)
		return;
	frame->bytes = malloc(header->len);
	if (frame->bytes == NULL)
		exit(3);
	memcpy(frame->bytes, bytes, header->len);
	frame->header = *header;
	// One file after the other, a microsecond from frame to frame: some captures have no times.
	frame->header.ts.tv_sec = 1700000000 + count / 1000000;
	frame->header.ts.tv_usec = count % 1000000;
	count++;
}

static void read_all(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const uint8_t *bytes;

	if (capture == NULL)
		return;
	while (pcap_datalink(capture) == DLT_EN10MB && pcap_next_ex(capture, &header, &bytes) == 1)
		add(header, bytes);
	pcap_close(capture);
}

static void renew(uint8_t *frame, unsigned length, uint32_t bits)
{
	if (length < 34 || frame[12] != 0x08 || frame[13] != 0x00)
		return;
	for (int i = 0; i < 4; i++) {
		frame[26 + i] ^= bits >> 8 * i;
		frame[30 + i] ^= bits >> 8 * i;
	}
}

static void write_all(const char *path, unsigned copies)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = pcap_dump_open(dead, path);
	uint8_t copy[FRAME_MAX];

	if (out == NULL) {
		fprintf(stderr, "trace: %s\n", pcap_geterr(dead));
		exit(1);
	}
	for (unsigned pass = 0; pass < copies; pass++) {
		for (size_t i = 0; i < count; i++) {
			struct pcap_pkthdr header = frames[i].header;

			memcpy(copy, frames[i].bytes, header.len);
			renew(copy, header.len, pass * 0x9e3779b1);
			header.ts.tv_sec += pass * (1 + count / 1000000);
			pcap_dump((uint8_t *)out, &header, copy);
		}
	}
	pcap_dump_close(out);
	pcap_close(dead);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	frames = malloc(FRAMES_MAX * sizeof(*frames));
	if (frames == NULL)
		return 3;
	for (int i = 3; i < argc; i++)
		read_all(argv[i]);
	if (count == 0) {
		fputs("trace: no whole Ethernet frame in these files\n", stderr);
		return 1;
	}
	write_all(argv[1], 1);
	write_all(argv[2], COPIES);
	printf("%zu\n", count);
	return 0;
}
