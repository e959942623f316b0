// SPDX-License-Identifier: BSD-3-Clause
#include "fragment.h"

#include "checksum.h"
#include "counters.h"
#include "decode/cursor.h"
#include "decode/decode.h"
#include "fail.h"
#include "memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/random.h>

enum {
	WAYS = 4, // places where a datagram may be
	SECRET_WORDS = 6,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	FRAGMENT_HEADER_BYTES = 8,
	BLOCK_BYTES = 8, // RFC 791 3.2: offsets count them
	DATA_MAX = 65536,
	KEPT_BYTES = 16384,
	BLOCK_WORDS = DATA_MAX / BLOCK_BYTES / 64,
	NESTED_MAX = 4, // fragments of packets that were in fragments
};

// RFC 791 3.2 has 15 s and more, RFC 8200 4.5 has 60 s, Linux has 30 s.
static const uint64_t timeout_ns = 30 * UINT64_C(1000000000);

// What RFC 791 3.2 and RFC 8200 4.5 say that a datagram's fragments have in common, and where they
// are: tag and addresses of the outermost packet, and how deep inside it.
struct identity {
	uint8_t addresses[32]; // source, destination
	uint32_t outside;
	uint32_t id;
	uint16_t vlan;
	uint16_t depth;
	uint16_t protocol; // 0 for IPv6
	uint16_t version;
};
static_assert(sizeof(struct identity) == SECRET_WORDS * sizeof(uint64_t), "hashed as words");

enum state {
	STATE_FREE,
	STATE_COLLECTING,
	STATE_SPOILT, // the receiver will not put it together
	STATE_DONE, // free as soon as the burst is over that its payload belongs to
};

struct datagram {
	struct identity identity;
	uint64_t started_ns;
	uint64_t burst; // in which it became STATE_DONE
	struct flow_key key; // of its flow
	uint32_t around_tunnel, around_vlans; // of a key, for decode_ip()
	uint32_t reach; // bytes up to the highest that came
	uint32_t blocks; // that came
	uint8_t state; // enum state
	uint8_t protocol; // of the data
	uint8_t from_second; // PACKET_FROM_SECOND of its packets
	bool has_key;
	bool has_end; // `reach` is its length
	bool is_doubtful; // fragments overlap
	uint64_t seen[BLOCK_WORDS]; // a bit each block
	uint64_t edges[BLOCK_WORDS +
			1]; // likewise: a fragment begins there, or ended in front of it
	uint8_t bytes[IP6_BYTES + KEPT_BYTES]; // an IP header ends where the data begins
};

struct fragments {
	struct fragments_config config;
	uint32_t sets;
	uint32_t tunnels_off; // of the burst at hand
	uint64_t burst; // counts
	uint64_t secret[SECRET_WORDS];
	size_t bytes; // of the whole allocation
	struct datagram datagrams[];
};

// One fragment.
struct piece {
	struct identity identity;
	const uint8_t *data;
	uint32_t offset, length; // bytes; length 0 when some were not captured
	uint8_t protocol;
	bool is_last;
};

struct fragments *fragments_create(const struct fragments_config *config)
{
	uint32_t sets = (config->datagrams + WAYS - 1) / WAYS;
	size_t bytes = sizeof(struct fragments) + (size_t)sets * WAYS * sizeof(struct datagram);
	struct fragments *fragments;

	if (config->datagrams == 0 || config->datagrams > 1 << 20)
		return fail_null(EINVAL);
	fragments = memory_alloc(bytes, config->node);
	if (fragments == NULL)
		return NULL;
	fragments->config = *config;
	fragments->sets = sets;
	fragments->bytes = bytes;
	if (getrandom(fragments->secret, sizeof(fragments->secret), 0) !=
			sizeof(fragments->secret)) {
		memory_free(fragments, bytes);
		return fail_null(EINVAL);
	}
	return fragments;
}

void fragments_free(struct fragments *fragments)
{
	if (fragments != NULL)
		memory_free(fragments, fragments->bytes);
}

size_t fragments_bytes(const struct fragments *fragments)
{
	return fragments->bytes;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct datagram *set_of(struct fragments *fragments, const struct identity *identity)
{
	const uint64_t *secret = fragments->secret;
	uint64_t words[SECRET_WORDS], hash = 0;

	memcpy(words, identity, sizeof(words));
	for (int i = 0; i < SECRET_WORDS; i += 2)
		hash = fold(words[i] + secret[i] + hash, words[i + 1] + secret[i + 1]);
	return &fragments->datagrams[((hash >> 32) * fragments->sets >> 32) * WAYS];
}

// Of the packet around all others. A frame without tags has no outermost tag; what tags are inside
// is not looked at.
static void read_outside(struct identity *identity, const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->network;
	unsigned bytes = packet->version == 4 ? 8 : 32;
	const uint8_t *addresses = ip + (packet->version == 4 ? 12 : 8);
	unsigned type = packet->network >= 18 ? read_be16(packet->data + 12) : 0;

	for (unsigned i = 0; i < bytes; i += 4)
		identity->outside = identity->outside * 31 + read_be32(addresses + i);
	if (type == 0x8100 || type == 0x88a8 || type == 0x9100)
		identity->vlan = read_be16(packet->data + 14) & 0xfff;
	identity->depth = packet->inner_ip - packet->network;
	identity->version = packet->data[packet->inner_ip] >> 4;
}

static void read_ip4(struct piece *piece, const uint8_t *ip)
{
	unsigned header = (ip[0] & 0xf) * 4;
	unsigned total = read_be16(ip + 2);
	unsigned flags = read_be16(ip + 6);

	memcpy(piece->identity.addresses, ip + 12, 8);
	piece->identity.id = read_be16(ip + 4);
	piece->identity.protocol = piece->protocol = ip[9];
	piece->offset = (flags & 0x1fff) * BLOCK_BYTES;
	piece->is_last = (flags & 0x2000) == 0;
	piece->length = total > header ? total - header : 0;
}

// The fragment header ends where the data begins.
static void read_ip6(struct piece *piece, const uint8_t *ip)
{
	const uint8_t *header = piece->data - FRAGMENT_HEADER_BYTES;
	unsigned before = piece->data - ip - IP6_BYTES;
	unsigned total = read_be16(ip + 4);

	memcpy(piece->identity.addresses, ip + 8, 32);
	piece->identity.id = read_be32(header + 4);
	piece->protocol = header[0];
	piece->offset = read_be16(header + 2) & 0xfff8;
	piece->is_last = (read_be16(header + 2) & 1) == 0;
	piece->length = total > before ? total - before : 0;
}

static void read_piece(struct piece *piece, const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->inner_ip;

	*piece = (struct piece){ .data = packet->data + packet->fragment };
	read_outside(&piece->identity, packet);
	if (piece->identity.version == 4)
		read_ip4(piece, ip);
	else
		read_ip6(piece, ip);
	if (piece->length > packet->length - packet->fragment)
		piece->length = 0;
}

static bool is_in_use(const struct datagram *datagram)
{
	return datagram->state == STATE_COLLECTING || datagram->state == STATE_SPOILT;
}

static bool is_over(const struct datagram *datagram, uint64_t now_ns)
{
	return now_ns > datagram->started_ns && now_ns - datagram->started_ns > timeout_ns;
}

// The one to give up: free, or else the oldest; NULL when all of the set's payloads are still to be
// looked at.
static struct datagram *find_victim(struct fragments *fragments, struct datagram *set)
{
	struct datagram *victim = NULL;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].state == STATE_DONE && set[i].burst == fragments->burst)
			continue;
		if (!is_in_use(&set[i]))
			return &set[i];
		if (victim == NULL || set[i].started_ns < victim->started_ns)
			victim = &set[i];
	}
	return victim;
}

static struct datagram *begin(struct fragments *fragments, struct datagram *set,
		const struct identity *identity, uint64_t now_ns)
{
	struct counters *counters = fragments->config.counters;
	struct datagram *datagram = find_victim(fragments, set);

	if (datagram == NULL) {
		counters->fragments_refused++;
		return NULL;
	}
	if (is_in_use(datagram) && is_over(datagram, now_ns))
		counters->fragments_expired++;
	else if (is_in_use(datagram))
		counters->fragments_evicted++;
	memset(datagram, 0, offsetof(struct datagram, bytes));
	datagram->identity = *identity;
	datagram->started_ns = now_ns;
	datagram->state = STATE_COLLECTING;
	return datagram;
}

static struct datagram *find(
		struct fragments *fragments, const struct identity *identity, uint64_t now_ns)
{
	struct datagram *set = set_of(fragments, identity);

	for (int i = 0; i < WAYS; i++) {
		if (!is_in_use(&set[i]) ||
				memcmp(&set[i].identity, identity, sizeof(*identity)) != 0)
			continue;
		if (!is_over(&set[i], now_ns))
			return &set[i];
		fragments->config.counters->fragments_expired++;
		set[i].state = STATE_FREE;
	}
	return begin(fragments, set, identity, now_ns);
}

enum block {
	BLOCK_NEW,
	BLOCK_SAME, // it is there already
	BLOCK_OTHER, // there is another one in its place
};

// Keeps a block unless one is there.
static enum block keep_block(
		struct datagram *datagram, uint32_t at, const uint8_t *data, uint32_t length)
{
	uint32_t block = at / BLOCK_BYTES;
	uint64_t bit = UINT64_C(1) << block % 64;
	uint8_t *kept = datagram->bytes + IP6_BYTES + at;

	if ((datagram->seen[block / 64] & bit) != 0)
		return at >= KEPT_BYTES || memcmp(kept, data, length) == 0 ? BLOCK_SAME :
									     BLOCK_OTHER;
	datagram->seen[block / 64] |= bit;
	datagram->blocks++;
	if (at < KEPT_BYTES)
		memcpy(kept, data, length);
	return BLOCK_NEW;
}

static void set_edge(struct datagram *datagram, uint32_t block)
{
	datagram->edges[block / 64] |= UINT64_C(1) << block % 64;
}

// The blocks from `first` to `last` came in one fragment.
static bool is_fragment(const struct datagram *datagram, uint32_t first, uint32_t last)
{
	for (uint32_t block = first; block <= last + 1; block++) {
		const bool is_edge = (datagram->edges[block / 64] >> block % 64 & 1) != 0;

		if (is_edge != (block == first || block == last + 1))
			return false;
	}
	return true;
}

// Whether the fragment brought nothing but new blocks, or is a copy of one that came.
static bool keep(struct datagram *datagram, const struct piece *piece)
{
	const uint32_t first = piece->offset / BLOCK_BYTES;
	const uint32_t last = (piece->offset + piece->length - 1) / BLOCK_BYTES;
	bool has[BLOCK_OTHER + 1] = { false };

	for (uint32_t at = 0; at < piece->length; at += BLOCK_BYTES) {
		uint32_t left = piece->length - at;

		has[keep_block(datagram, piece->offset + at, piece->data + at,
				left < BLOCK_BYTES ? left : BLOCK_BYTES)] = true;
	}
	if (has[BLOCK_OTHER] || (has[BLOCK_NEW] && has[BLOCK_SAME]))
		return false;
	if (has[BLOCK_SAME])
		return is_fragment(datagram, first, last);
	set_edge(datagram, first);
	set_edge(datagram, last + 1);
	return true;
}

// RFC 791 3.2, RFC 8200 4.5: an end that contradicts others, or lies behind what a header can say.
static bool is_end_wrong(const struct datagram *datagram, uint32_t end, bool is_last)
{
	unsigned header = datagram->identity.version == 4 ? IP4_BYTES : 0;

	if (end + header > UINT16_MAX)
		return true;
	return datagram->has_end ? end > datagram->reach || (is_last && end != datagram->reach) :
				   is_last && end < datagram->reach;
}

static void spoil(struct fragments *fragments, struct datagram *datagram)
{
	datagram->state = STATE_SPOILT;
	fragments->config.counters->fragments_spoilt++;
}

// What a receiver makes of overlapping fragments differs. All of the datagram is dropped by RFC 5722
// 3, Windows, and Linux since 4.19, but for a fragment that lies within those that came: that one
// Linux leaves out. The first to come count on BSD, but for what lies in front of an older fragment,
// the last on old Cisco IOS. So we keep the first, and leave it to the receiver's acknowledgement
// whether it took any. Copies change nothing (RFC 8200 4.5).
static void doubt(struct fragments *fragments, struct datagram *datagram)
{
	fragments->config.counters->fragments_spoilt += !datagram->is_doubtful;
	datagram->is_doubtful = true;
}

// True when nothing is missing any more.
static bool add(struct fragments *fragments, struct datagram *datagram, struct piece *piece)
{
	uint32_t end;

	if (datagram->state != STATE_COLLECTING)
		return false;
	// Only the last may end within a block. With IPv6 it is an error (RFC 8200 4.5); in IPv4
	// the odd bytes are no use.
	if (!piece->is_last && piece->length % BLOCK_BYTES != 0) {
		piece->length -= piece->length % BLOCK_BYTES;
		if (datagram->identity.version == 6)
			return false;
	}
	end = piece->offset + piece->length;
	if (piece->length == 0 || is_end_wrong(datagram, end, piece->is_last)) {
		spoil(fragments, datagram);
		return false;
	}
	if (!keep(datagram, piece))
		doubt(fragments, datagram);
	datagram->has_end |= piece->is_last;
	if (end > datagram->reach)
		datagram->reach = end;
	return datagram->has_end &&
			datagram->blocks == (datagram->reach + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static void write_be16(uint8_t *bytes, uint16_t number)
{
	bytes[0] = number >> 8;
	bytes[1] = number & 0xff;
}

// The datagram as one packet, decoded.
static void open_datagram(struct fragments *fragments, struct datagram *datagram,
		struct packet *packet, struct flow_key *key)
{
	bool is_ip4 = datagram->identity.version == 4;
	unsigned header = is_ip4 ? IP4_BYTES : IP6_BYTES;
	uint8_t *ip = datagram->bytes + IP6_BYTES - header;
	uint32_t kept = datagram->reach < KEPT_BYTES ? datagram->reach : KEPT_BYTES;
	uint16_t checksum;

	memset(ip, 0, header);
	if (is_ip4) {
		ip[0] = 0x45;
		ip[9] = datagram->protocol;
		write_be16(ip + 2, header + datagram->reach);
		memcpy(ip + 12, datagram->identity.addresses, 8);
		checksum = checksum_ip4(ip);
		memcpy(ip + 10, &checksum, sizeof(checksum));
	} else {
		ip[0] = 0x60;
		ip[6] = datagram->protocol;
		write_be16(ip + 4, datagram->reach);
		memcpy(ip + 8, datagram->identity.addresses, 32);
	}
	datagram->state = STATE_DONE;
	datagram->burst = fragments->burst;
	fragments->config.counters->fragments_reassembled++;
	*packet = (struct packet){ .data = ip,
		.time_ns = packet->time_ns,
		.length = header + kept,
		.wire_length = header + datagram->reach };
	*key = (struct flow_key){ .tunnel = datagram->around_tunnel,
		.protocol_vlans = datagram->around_vlans };
	decode_ip(packet, key, fragments->tunnels_off);
}

static void leave_flow(struct packet *packet)
{
	packet->protocol = PROTOCOL_NONE;
	packet->flags &= ~PACKET_FROM_SECOND;
	packet->reason = REASON_FRAGMENT;
}

static void hide_payload(struct packet *packet)
{
	packet->payload = NULL;
	packet->payload_length = 0;
	packet->transport = 0;
	packet->tcp_flags = 0;
	packet->flags &= ~PACKET_TRUNCATED;
	if (packet->reason != REASON_NO_TRANSPORT)
		packet->reason = REASON_FRAGMENT;
}

// What a fragment tells of its datagram, and its datagram of it.
static void exchange(struct datagram *datagram, const struct piece *piece, struct packet *packet,
		struct flow_key *key)
{
	bool is_first = piece->offset == 0;

	if (is_first)
		datagram->protocol = piece->protocol;
	if (!is_first) {
		datagram->around_tunnel = key->tunnel;
		datagram->around_vlans = key->protocol_vlans;
	} else if (!datagram->has_key &&
			(packet->transport != 0 || packet->reason == REASON_NO_TRANSPORT)) {
		datagram->has_key = true;
		datagram->key = *key;
		datagram->from_second = packet->flags & PACKET_FROM_SECOND;
	}
	hide_payload(packet);
	packet->flags &= ~PACKET_FROM_SECOND;
	if (!datagram->has_key) {
		leave_flow(packet);
		return;
	}
	*key = datagram->key;
	packet->protocol = flow_key_protocol(key);
	packet->flags |= datagram->from_second;
}

// The datagram that this fragment completes; NULL: none.
static struct datagram *collect(
		struct fragments *fragments, struct packet *packet, struct flow_key *key)
{
	struct datagram *datagram;
	struct piece piece;

	read_piece(&piece, packet);
	// Its receiver drops it (RFC 1122 3.2.1.2) and keeps the others.
	if (!checksum_ip4_is_right(packet)) {
		hide_payload(packet);
		if (piece.offset != 0)
			leave_flow(packet);
		fragments->config.counters->fragments_wrong++;
		return NULL;
	}
	datagram = find(fragments, &piece.identity, packet->time_ns);
	if (datagram == NULL) {
		if (piece.offset != 0)
			leave_flow(packet);
		return NULL;
	}
	exchange(datagram, &piece, packet, key);
	return add(fragments, datagram, &piece) ? datagram : NULL;
}

// The transport header of `whole` is where `payload` is, or right in front of it.
static void adopt_payload(struct packet *packet, const struct packet *whole)
{
	const uint8_t *transport = whole->data + whole->transport;

	packet->payload = whole->payload;
	packet->payload_length = whole->payload_length;
	packet->transport = 0;
	// The header of a segment without payload is wanted all the same.
	if (packet->payload == NULL && whole->protocol == IPPROTO_TCP && whole->transport != 0)
		packet->payload = transport + (transport[12] >> 4) * 4;
	if (packet->payload == NULL)
		return;
	packet->transport = packet->payload - transport;
	packet->flags |= PACKET_REASSEMBLED;
}

static void adopt(struct packet *packet, const struct packet *found)
{
	const uint8_t mine = PACKET_FROM_SECOND | PACKET_TRUNCATED;

	packet->protocol = found->protocol;
	packet->reason = found->reason;
	packet->tcp_flags = found->tcp_flags;
	packet->flags = (packet->flags & ~mine) | (found->flags & mine);
	if (found->data != packet->data) {
		adopt_payload(packet, found);
		return;
	}
	packet->payload = found->payload;
	packet->payload_length = found->payload_length;
	packet->transport = found->transport;
}

static void follow(struct fragments *fragments, struct packet *packet, struct flow_key *key)
{
	struct packet found = *packet;
	bool is_doubtful = false;

	for (int i = 0; i < NESTED_MAX && (found.flags & PACKET_FRAGMENT) != 0; i++) {
		struct datagram *datagram = collect(fragments, &found, key);

		if (datagram == NULL)
			break;
		is_doubtful |= datagram->is_doubtful;
		open_datagram(fragments, datagram, &found, key);
	}
	adopt(packet, &found);
	if (is_doubtful)
		packet->flags |= PACKET_DOUBTFUL;
}

void fragment_burst(struct fragments *fragments, struct burst *burst, uint32_t tunnels_off)
{
	fragments->tunnels_off = tunnels_off;
	fragments->burst++;
	for (unsigned i = 0; i < burst->count; i++)
		if (__builtin_expect((burst->packets[i].flags & PACKET_FRAGMENT) != 0, 0))
			follow(fragments, &burst->packets[i], &burst->keys[i]);
}
