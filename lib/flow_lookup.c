// SPDX-License-Identifier: BSD-3-Clause
// The packets of a burst to their flows: found, begun, entered in the books.
//
// Three small loops over the burst, so that the memory that one of them asks for has come when the
// next one needs it: bucket, then flow.
#include "flow_table.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

// What stage by stage becomes known of a packet that has a key.
struct lookup {
	uint64_t hash;
	struct flow_bucket *bucket;
	struct flow *flow; // in the slot, if that has the tag; else nobody
	uint16_t tag;
	uint8_t at; // slot that has the tag; of nobody, that of the flow to give up, or none
};

static inline struct flow_slot slot_of(const struct lookup *lookup)
{
	return (struct flow_slot){ lookup->bucket, lookup->at };
}

static inline bool has_key(const struct packet *packet)
{
	return likely(packet->protocol != PROTOCOL_NONE);
}

static void hash_burst(
		const struct flow_table *table, const struct burst *burst, struct lookup *lookup)
{
	const struct flow_index *index = &table->index;
	const struct flow_key *const end = &burst->keys[burst->count];

	for (const struct flow_key *key = burst->keys; key < end; key++, lookup++) {
		// Of a packet without a key it is that of some other one, and does no harm.
		uint64_t hash = flow_hash(index->secret, key);

		lookup->hash = hash;
		lookup->bucket = &index->buckets[flow_hash_first(hash, index->count)];
		lookup->tag = flow_hash_tag(hash);
	}
}

// In a loop of nothing else, so that as many as possible are on their way at once.
static void fetch_buckets(const struct lookup *lookup, unsigned count)
{
	for (const struct lookup *end = lookup + count; lookup < end; lookup++)
		__builtin_prefetch(lookup->bucket, 1);
}

static inline bool match_bucket(const struct flow_table *table, struct lookup *lookup)
{
	unsigned mask = flow_bucket_match(lookup->bucket, lookup->tag);

	if (mask == 0)
		return false;
	lookup->at = __builtin_ctz(mask);
	lookup->flow = &table->flows[flow_number_in(slot_of(lookup))];
	__builtin_prefetch(lookup->flow, 1);
	return true;
}

static void foresee(struct flow_table *table, struct lookup *lookup)
{
	struct flow_slot victim = { NULL, FLOW_BUCKET_SLOTS };

	if (!table->is_closed)
		victim = flow_foresee_victim(table, lookup->hash);
	lookup->bucket = victim.bucket;
	lookup->at = victim.at;
	lookup->flow = &table->nobody;
}

static void match_burst(struct flow_table *table, const struct burst *burst, struct lookup *lookups)
{
	const struct packet *const end = &burst->packets[burst->count];
	struct lookup *lookup = lookups, *missed[BURST_PACKETS];
	unsigned count = 0;

	for (const struct packet *packet = burst->packets; packet < end; packet++, lookup++) {
		if (likely(match_bucket(table, lookup)) || !has_key(packet))
			continue;
		missed[count++] = lookup;
		lookup->bucket = &table->index.buckets[flow_hash_second(
				lookup->hash, table->index.count)];
		__builtin_prefetch(lookup->bucket, 1);
	}
	for (unsigned i = 0; i < count; i++)
		if (!match_bucket(table, missed[i]))
			foresee(table, missed[i]);
}

static inline bool is_tagged(struct flow_slot slot, uint16_t tag)
{
	return slot.bucket->tags[slot.at] == tag;
}

static inline bool is_at(const struct flow_table *table, struct flow_slot slot, uint16_t tag,
		const struct flow_key *key)
{
	return is_tagged(slot, tag) && flow_key_equal(&table->flows[flow_number_in(slot)].key, key);
}

static struct flow_slot find_in(const struct flow_table *table, uint32_t bucket, uint16_t tag,
		const struct flow_key *key)
{
	struct flow_slot slot = { &table->index.buckets[bucket], FLOW_BUCKET_SLOTS };

	for (unsigned mask = flow_bucket_match(slot.bucket, tag); mask != 0; mask &= mask - 1) {
		slot.at = __builtin_ctz(mask);
		if (is_at(table, slot, tag, key))
			return slot;
	}
	slot.at = FLOW_BUCKET_SLOTS;
	return slot;
}

// In all slots of both buckets, since packets of this burst may have moved what was found ahead.
static struct flow_slot find(const struct flow_table *table, const struct lookup *lookup,
		const struct flow_key *key)
{
	const uint32_t count = table->index.count;
	struct flow_slot slot =
			find_in(table, flow_hash_first(lookup->hash, count), lookup->tag, key);

	if (slot.at != FLOW_BUCKET_SLOTS)
		return slot;
	return find_in(table, flow_hash_second(lookup->hash, count), lookup->tag, key);
}

static bool is_closed(unsigned state)
{
	const unsigned fins = FLOW_FIN_FIRST | FLOW_FIN_SECOND;

	return (state & FLOW_RST) != 0 || (state & fins) == fins;
}

static enum flow_class class_of(const struct flow *flow)
{
	bool is_answered = (flow->state & FLOW_ANSWERED) != 0;

	if (flow_key_protocol(&flow->key) != IPPROTO_TCP)
		return is_answered ? FLOW_CLASS_DIALOGUE : FLOW_CLASS_DATAGRAM;
	if (is_closed(flow->state))
		return FLOW_CLASS_CLOSED;
	return is_answered ? FLOW_CLASS_ESTABLISHED : FLOW_CLASS_HALF_OPEN;
}

// A segment that opens a connection, RFC 9293 section 3.5.
static inline bool is_bare_syn(const struct packet *packet)
{
	return (packet->tcp_flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) == TH_SYN;
}

// Why the flow was over before this packet, which begins the next; FLOW_END_COUNT: it was not.
static inline enum flow_end_reason over(
		const struct flow_table *table, struct flow_slot slot, const struct packet *packet)
{
	const struct flow *flow = &table->flows[flow_number_in(slot)];
	enum flow_class class = flow_class_in(slot);
	int32_t idle = table->now_ticks - flow->last_seen;

	if (unlikely(idle > table->timeout_ticks[class]))
		return flow_silence_reason(class);
	if (unlikely(class == FLOW_CLASS_CLOSED && is_bare_syn(packet)))
		return FLOW_END_REUSED;
	return FLOW_END_COUNT;
}

// No flow is over so soon.
static inline bool is_fresh(const struct flow_table *table, const struct flow *flow)
{
	return (int32_t)(table->now_ticks - flow->last_seen) <= table->timeout_ticks_min;
}

static inline bool changes_state(const struct packet *packet)
{
	return (packet->tcp_flags & (TH_SYN | TH_FIN | TH_RST)) != 0;
}

// It has a key, a detector could read it, and it does not change its flow's state.
static inline bool is_ordinary(const struct packet *packet)
{
	const uint32_t apart = (TH_SYN | TH_FIN | TH_RST) |
			(uint32_t)(uint8_t) ~(REASON_INSPECTED | REASON_NO_PAYLOAD) << 16;
	uint32_t word;

	memcpy(&word, &packet->tcp_flags, sizeof(word));
	return (le32toh(word) & apart) == 0;
}
static_assert(REASON_INSPECTED == 0 && (REASON_NO_PAYLOAD & (REASON_NO_PAYLOAD - 1)) == 0,
		"no other reason has none but their bits");
static_assert(offsetof(struct packet, reason) == offsetof(struct packet, tcp_flags) + 2 &&
				sizeof(((struct packet *)NULL)->reason) == 1,
		"one load");

// Whoever sends the SYN began, whatever came first; a SYN+ACK names the other side.
static unsigned tcp_state(unsigned state, uint8_t tcp_flags, unsigned side)
{
	if ((tcp_flags & TH_SYN) != 0 && (state & FLOW_SYN) == 0) {
		bool is_answer = (tcp_flags & TH_ACK) != 0;
		bool is_from_second = (side ^ is_answer) != 0;

		state &= ~(unsigned)FLOW_FROM_SECOND;
		state |= (is_from_second ? FLOW_FROM_SECOND : 0) | (is_answer ? 0 : FLOW_SYN);
	}
	if ((tcp_flags & TH_FIN) != 0)
		state |= side != 0 ? FLOW_FIN_SECOND : FLOW_FIN_FIRST;
	if ((tcp_flags & TH_RST) != 0)
		state |= FLOW_RST;
	return state;
}

static __attribute__((noinline)) void set_state(struct flow_slot slot, struct flow *flow,
		const struct packet *packet, unsigned side)
{
	unsigned state = flow->state | (flow->packets[side ^ 1] != 0 ? FLOW_ANSWERED : 0);

	flow->state = tcp_state(state, packet->tcp_flags, side);
	slot.bucket->entries[slot.at] =
			(uint32_t)class_of(flow) << FLOW_ENTRY_BITS | flow_number_in(slot);
}

// Moves full counters to the details, where they stop at their limit (2^32 packets, 2^47 bytes) and
// which they share with inspection: that is over then.
static __attribute__((noinline)) void carry(
		struct flow_table *table, struct flow *flow, unsigned side, uint32_t wire_length)
{
	const uint64_t bytes = (uint64_t)flow->bytes[side] + wire_length;
	struct flow_details *details = flow_details(table, flow);
	uint32_t carried;

	flow_stop_inspecting(details, flow);
	if (flow->packets[side] == FLOW_PACKETS_CARRY) {
		bool is_full = details->carried.packets[side] == UINT16_MAX;

		details->carried.packets[side] += !is_full;
		flow->packets[side] = is_full ? FLOW_PACKETS_CARRY - 1 : 0;
	}
	carried = details->carried.bytes[side] + (bytes >> FLOW_BYTES_CARRY_SHIFT);
	flow->packets[side]++;
	flow->bytes[side] = bytes & ((UINT32_C(1) << FLOW_BYTES_CARRY_SHIFT) - 1);
	if (carried > UINT16_MAX)
		flow->bytes[side] = (UINT32_C(1) << FLOW_BYTES_CARRY_SHIFT) - 1;
	details->carried.bytes[side] = carried <= UINT16_MAX ? carried : UINT16_MAX;
}

// The packet may change what is known of its flow.
static __attribute__((noinline)) void enter_open(struct flow_table *table, struct flow_slot slot,
		struct flow *flow, struct packet *packet)
{
	const unsigned side = packet->flags & PACKET_FROM_SECOND;

	if (changes_state(packet) ||
			((flow->state & FLOW_ANSWERED) == 0 && flow->packets[side ^ 1] != 0))
		set_state(slot, flow, packet, side);
	if ((flow->state & (FLOW_INSPECTING | FLOW_CANDIDATE)) != 0) {
		table->burst->open[table->burst->open_count++] = packet - table->burst->packets;
		__builtin_prefetch(&table->details[flow_number_in(slot)], 1);
	} else if (packet_is_readable(packet)) {
		packet->reason = REASON_PAST;
	}
}

// Enters the packet in the books of its flow, which it is part of.
static inline __attribute__((always_inline)) void enter(struct flow_table *table,
		struct flow_slot slot, struct flow *flow, struct packet *packet, bool is_ordinary)
{
	const unsigned settled = FLOW_INSPECTING | FLOW_CANDIDATE | FLOW_ANSWERED;
	const unsigned side = packet->flags & PACKET_FROM_SECOND;
	const uint32_t bytes = packet->wire_length, sum = flow->bytes[side] + bytes;
	const uint16_t packets = flow->packets[side] + 1;

	flow->last_seen = table->now_ticks;
	slot.bucket->times[slot.at] = table->now_coarse;
	packet->flow = flow;
	packet->app = flow->app;
	if (unlikely(packets == 0 || (sum | bytes) >> FLOW_BYTES_CARRY_SHIFT != 0)) {
		carry(table, flow, side, bytes);
	} else {
		flow->packets[side] = packets;
		flow->bytes[side] = sum;
	}
	if (unlikely((flow->state & settled) != FLOW_ANSWERED ||
			    (!is_ordinary && changes_state(packet))))
		enter_open(table, slot, flow, packet);
	else if (is_ordinary || packet_is_readable(packet))
		packet->reason = REASON_PAST;
}
static_assert((uint16_t)(FLOW_PACKETS_CARRY + 1) == 0, "the next one shows");
static_assert(PACKET_FROM_SECOND == 1, "the flag is the sender's index in the key's ends");

static void set_start(struct flow_details *details, uint64_t time_ns)
{
	uint64_t us = time_ns / 1000;

	for (int i = 0; i < 3; i++)
		details->start_us[i] = us >> 16 * i;
}

// The first packet's sender began, unless the TCP handshake knows better.
static unsigned first_state(const struct packet *packet)
{
	const unsigned side = packet->flags & PACKET_FROM_SECOND;
	const unsigned state = FLOW_INSPECTING | (side != 0 ? FLOW_FROM_SECOND : 0);

	return changes_state(packet) ? tcp_state(state, packet->tcp_flags, side) : state;
}

static struct flow *begin(struct flow_table *table, struct flow_slot slot, uint32_t number,
		const struct packet *packet, const struct flow_key *key,
		const struct lookup *lookup)
{
	struct flow_details *details = &table->details[number];
	struct flow *flow = &table->flows[number];
	enum flow_class class;

	// Member by member: a whole one would be put together on the stack, where parts are waited for.
	memset(flow, 0, sizeof(*flow));
	flow->key = *key;
	flow->last_seen = table->now_ticks;
	flow->state = first_state(packet);
	class = class_of(flow);
	*details = (struct flow_details){ 0 };
	set_start(details, packet->time_ns);
	slot.bucket->tags[slot.at] = lookup->tag;
	slot.bucket->times[slot.at] = table->now_coarse;
	slot.bucket->entries[slot.at] = (uint32_t) class << FLOW_ENTRY_BITS | number;
	table->begun[lookup->hash / 64 % FLOW_BEGUN_WORDS] |= UINT64_C(1) << lookup->hash % 64;
	table->config.counters->flows_created++;
	if (class == FLOW_CLASS_HALF_OPEN && flow_is_full(table))
		flow_remember(table, slot);
	return flow;
}

static void enter_any(struct flow_table *table, struct flow_slot slot, struct packet *packet)
{
	enter(table, slot, &table->flows[flow_number_in(slot)], packet, false);
}

// What enter() comes to for the first packet of a flow.
static void enter_first(struct flow_table *table, struct flow_slot slot, struct flow *flow,
		struct packet *packet)
{
	const unsigned side = packet->flags & PACKET_FROM_SECOND;

	packet->flags |= PACKET_NEW_FLOW;
	if (unlikely(packet->wire_length >> FLOW_BYTES_CARRY_SHIFT != 0)) {
		enter_any(table, slot, packet);
		return;
	}
	flow->packets[side] = 1;
	flow->bytes[side] = packet->wire_length;
	packet->flow = flow;
	packet->app = APP_UNKNOWN;
	table->burst->open[table->burst->open_count++] = packet - table->burst->packets;
}

static void follow_first(struct flow_table *table, struct packet *packet,
		const struct flow_key *key, const struct lookup *lookup)
{
	struct flow_slot slot = { NULL, FLOW_BUCKET_SLOTS };
	uint32_t number;

	if (table->is_closed) {
		packet->flow = NULL;
		packet->reason = REASON_OVERLOAD_FLOW;
		return;
	}
	if (lookup->flow == &table->nobody)
		slot = slot_of(lookup);
	slot = flow_make_room(table, lookup->hash, slot, &number);
	if (slot.at == FLOW_BUCKET_SLOTS) {
		packet->flow = NULL;
		packet->reason = REASON_NO_FLOW;
		table->config.counters->flows_refused++;
		return;
	}
	enter_first(table, slot, begin(table, slot, number, packet, key, lookup), packet);
}

// Where the key's flow is by now; or none.
static inline struct flow_slot find_now(const struct flow_table *table, const struct lookup *lookup,
		const struct flow_key *key)
{
	struct flow_slot slot = slot_of(lookup);

	if (lookup->flow == &table->nobody) {
		slot.at = FLOW_BUCKET_SLOTS;
		return flow_may_have_begun(table, lookup->hash) ? find(table, lookup, key) : slot;
	}
	return is_at(table, slot, lookup->tag, key) ? slot : find(table, lookup, key);
}

static __attribute__((noinline)) void follow_slowly(struct flow_table *table, struct packet *packet,
		const struct flow_key *key, const struct lookup *lookup)
{
	const struct flow_slot slot = find_now(table, lookup, key);

	table->followed = packet - table->burst->packets;
	if (slot.at != FLOW_BUCKET_SLOTS) {
		enum flow_end_reason reason = over(table, slot, packet);

		if (reason == FLOW_END_COUNT) {
			enter_any(table, slot, packet);
			return;
		}
		flow_evacuate(table, slot, reason);
	}
	follow_first(table, packet, key, lookup);
}

// What was found ahead is the key's flow. Where the table has changed since, the slot has to say so,
// too: numbers are given out again.
static inline bool is_found(const struct flow_table *table, const struct lookup *lookup,
		const struct flow_key *key, bool is_unchanged)
{
	const struct flow_slot slot = slot_of(lookup);

	return (likely(is_unchanged) ||
			       (lookup->flow != &table->nobody && is_tagged(slot, lookup->tag) &&
					       &table->flows[flow_number_in(slot)] ==
							       lookup->flow)) &&
			flow_key_equal(&lookup->flow->key, key);
}

static void follow_burst(struct flow_table *table, struct burst *burst, const struct lookup *lookup)
{
	const struct packet *const end = &burst->packets[burst->count];
	const struct flow_key *key = burst->keys;
	bool is_unchanged = true; // since flows were looked for

	for (struct packet *packet = burst->packets; packet < end; packet++, key++, lookup++) {
		// On a wire, all packets of a burst have one time.
		if (unlikely(packet->time_ns != table->now_ns) && has_key(packet)) {
			table->followed = packet - burst->packets;
			is_unchanged &= !flow_set_clock(table, packet->time_ns);
		}
		if (likely(is_ordinary(packet) && is_found(table, lookup, key, is_unchanged) &&
				    is_fresh(table, lookup->flow))) {
			enter(table, slot_of(lookup), lookup->flow, packet, true);
		} else if (has_key(packet)) {
			follow_slowly(table, packet, key, lookup);
			is_unchanged = false;
		} else {
			packet->flow = NULL;
		}
	}
}

void flow_lookup_burst(struct flow_table *table, struct burst *burst)
{
	struct lookup lookups[BURST_PACKETS];

	flow_forget_burst(table);
	table->burst = burst;
	burst->open_count = 0;
	hash_burst(table, burst, lookups);
	fetch_buckets(lookups, burst->count);
	match_burst(table, burst, lookups);
	follow_burst(table, burst, lookups);
}
