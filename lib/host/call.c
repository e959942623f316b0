// SPDX-License-Identifier: BSD-3-Clause
#include "host/call.h"

#include <stddef.h>
#include <string.h>

enum {
	// A call ends with 5 s of silence: on hold, three datagrams a second still come (Baset &
	// Schulzrinne 2004). Before it is known as one, 3 s make a new beginning (Adami et al. 2009).
	SILENCE_S = 5,
	SILENCE_UNKNOWN_S = 3,
	// Voice: 95 datagrams (Adami), 16 to 50 a second, more or less, of which nine in ten are media
	// (Bonfiglio).
	VOICE_PACKETS = 95,
	VOICE_RATE_MIN = 10,
	VOICE_RATE_MAX = 60,
	VOICE_MEAN_MIN = 30,
	VOICE_MEAN_MAX = 400,
	TCP_MEAN_MIN = 100, // Adami
	TCP_MEAN_MAX = 600,
	TCP_BYTES_MIN = 40000,
	FILE_MEAN_MIN = 600,
	FILE_BYTES_MIN = 100000,
	HOLD_RATE_MAX = 6,
	HOLD_S = 3,
	// A call goes on over another transport when that follows within 10 s.
	CONTINUE_S = 10,
	// A peer that was silent for so long is talked to anew; before media it may ring for so long.
	CONTACT_S = 3,
	RINGING_S = 60,
	// A relay: 10 kbit/s for 30 s, both ways, on two flows (Suh et al.); how exactly they must
	// agree is our own choice.
	RELAY_S = 30,
	RELAY_BYTES_S = 10000 / 8,
	TOGETHER_S = 2,
};

const char *call_media_name(enum call_media media)
{
	switch (media) {
	case CALL_VOICE:
		return "voice";
	case CALL_VIDEO:
		return "video";
	default:
		return "file";
	}
}

const char *call_path_name(enum call_path path)
{
	static const char *const names[] = {
		[CALL_DIRECT] = "direct",
		[CALL_RELAYED] = "relayed",
		[CALL_RELAYING] = "relaying",
		[CALL_PHONE] = "phone",
	};

	return names[path];
}

static uint64_t maximum(uint64_t one, uint64_t two)
{
	return one > two ? one : two;
}

static uint64_t minimum(uint64_t one, uint64_t two)
{
	return one < two ? one : two;
}

static uint64_t length(const struct call_burst *burst)
{
	return burst->last - burst->start + 1;
}

static unsigned heavier(const struct call_burst *burst)
{
	return burst->bytes[CALL_RECEIVED] > burst->bytes[CALL_SENT] ? CALL_RECEIVED : CALL_SENT;
}

static uint64_t mean(const struct call_burst *burst, unsigned direction)
{
	return burst->packets[direction] == 0 ? 0 :
						burst->bytes[direction] / burst->packets[direction];
}

// Large packets, less than half as many bytes back, a hundred kilobytes (Adami).
static bool is_transfer(const struct call_burst *burst)
{
	unsigned heavy = heavier(burst);

	return burst->bytes[heavy] >= FILE_BYTES_MIN && mean(burst, heavy) > FILE_MEAN_MIN &&
			2 * burst->bytes[!heavy] < burst->bytes[heavy];
}

// More than a tenth of the datagrams have sizes of video (tstat).
static bool has_video(const struct call_burst *burst)
{
	return 10 * burst->video > burst->packets[CALL_SENT] + burst->packets[CALL_RECEIVED];
}

static bool is_voice_in(const struct call_burst *burst, unsigned direction)
{
	uint64_t packets = burst->packets[direction];
	uint64_t all = burst->packets[CALL_SENT] + burst->packets[CALL_RECEIVED] + burst->others;

	return packets >= VOICE_PACKETS && packets >= VOICE_RATE_MIN * length(burst) &&
			packets <= VOICE_RATE_MAX * length(burst) &&
			mean(burst, direction) >= VOICE_MEAN_MIN &&
			(mean(burst, direction) <= VOICE_MEAN_MAX || has_video(burst)) &&
			10 * burst->others <= all;
}

static bool is_tcp_voice(const struct call_burst *burst)
{
	unsigned heavy = heavier(burst);

	return burst->bytes[heavy] > TCP_BYTES_MIN && mean(burst, heavy) >= TCP_MEAN_MIN &&
			mean(burst, heavy) <= TCP_MEAN_MAX &&
			2 * burst->bytes[!heavy] > burst->bytes[heavy];
}

static void judge(struct call_burst *burst)
{
	bool is_voice = burst->is_tcp ?
			is_tcp_voice(burst) :
			is_voice_in(burst, CALL_SENT) || is_voice_in(burst, CALL_RECEIVED);

	if (is_voice && burst->media != CALL_FILE)
		burst->media |= CALL_VOICE;
	if ((burst->media & CALL_VOICE) != 0 && !burst->is_tcp && has_video(burst))
		burst->media |= CALL_VIDEO;
	if (is_transfer(burst))
		burst->media |= CALL_FILE;
}

static void count_hold(struct call_burst *burst, const struct call_second *second)
{
	const struct media_counts *counts = second->counts;
	uint64_t rate = maximum(counts[CALL_SENT].media, counts[CALL_RECEIVED].media);

	// Nothing but signalling: it may be over. More of one second: a worker told it in parts.
	if (rate == 0 || second->second == burst->held)
		return;
	burst->held = second->second;
	if ((burst->media & CALL_VOICE) == 0 || rate > HOLD_RATE_MAX) {
		burst->slow = 0;
		return;
	}
	burst->slow++;
	if (burst->slow >= HOLD_S)
		burst->hold += burst->slow == HOLD_S ? HOLD_S : 1;
}

static bool is_over(const struct call_burst *burst, uint64_t now)
{
	return now > burst->last + (burst->media == 0 ? SILENCE_UNKNOWN_S : SILENCE_S);
}

// The flow's burst that goes on, or a free one: where nothing was, or nothing came of it.
static struct call_burst *burst_of(struct call_watch *watch, const struct call_second *second)
{
	struct call_burst *unused = NULL;

	for (unsigned i = 0; i < CALL_BURSTS; i++) {
		struct call_burst *burst = &watch->bursts[i];
		bool is_past = is_over(burst, second->second);

		if (burst->is_used && burst->flow_id == second->flow_id && !is_past)
			return burst;
		if (!burst->is_used || (burst->media == 0 && is_past))
			unused = burst;
	}
	if (unused != NULL)
		*unused = (struct call_burst){ 0 };
	return unused;
}

static struct call_contact *contact_of(struct call_watch *watch, const struct call_second *second)
{
	struct call_contact *oldest = &watch->contacts[0];

	for (unsigned i = 0; i < CALL_CONTACTS; i++) {
		struct call_contact *contact = &watch->contacts[i];

		if (memcmp(contact->peer, second->peer, sizeof(contact->peer)) == 0)
			return contact;
		if (contact->last < oldest->last)
			oldest = contact;
	}
	*oldest = (struct call_contact){ 0 };
	memcpy(oldest->peer, second->peer, sizeof(oldest->peer));
	return oldest;
}

static const struct call_contact *note_contact(
		struct call_watch *watch, const struct call_second *second)
{
	struct call_contact *contact = contact_of(watch, second);

	if (second->second > contact->last + CONTACT_S) {
		contact->before = second->second <= contact->last + RINGING_S ?
				contact->began :
				(struct call_moment){ 0 };
		contact->began = second->first;
	}
	contact->last = maximum(contact->last, second->second);
	return contact;
}

static uint64_t media_of(const struct call_second *second)
{
	return second->counts[CALL_SENT].media + second->counts[CALL_RECEIVED].media;
}

static void begin_burst(struct call_burst *burst, const struct call_second *second,
		const struct call_contact *contact)
{
	*burst = (struct call_burst){
		.is_used = true,
		.start = second->second,
		.last = second->second,
		.placed = contact->before.time_ns != 0 ? contact->before : contact->began,
		.began = second->first,
		.flow_id = second->flow_id,
		.is_tcp = second->is_tcp,
	};
	memcpy(burst->peer, second->peer, sizeof(burst->peer));
}

const struct call_burst *call_watch_add(
		struct call_watch *watch, const struct call_second *second, bool *is_first)
{
	const struct call_contact *contact = note_contact(watch, second);
	struct call_burst *burst = burst_of(watch, second);
	bool was_known;

	if (burst == NULL) {
		watch->refused++;
		return NULL;
	}
	if (!burst->is_used) {
		if (media_of(second) == 0)
			return NULL;
		begin_burst(burst, second, contact);
	}
	if (media_of(second) > 0) {
		burst->last = maximum(burst->last, second->second);
		burst->ended = second->last;
	}
	burst->peer_kind = second->peer_kind;
	for (unsigned i = 0; i < CALL_DIRECTIONS; i++) {
		burst->packets[i] += second->counts[i].media;
		burst->bytes[i] += second->counts[i].bytes;
		burst->video += second->counts[i].video;
		burst->others += second->counts[i].others;
	}
	was_known = burst->media != 0;
	judge(burst);
	count_hold(burst, second);
	*is_first = !was_known;
	return burst->media != 0 && media_of(second) > 0 ? burst : NULL;
}

static bool is_together(uint64_t one, uint64_t two)
{
	return maximum(one, two) - minimum(one, two) <= TOGETHER_S;
}

// 0.8 to 1.25
static bool is_alike(uint64_t one, uint64_t two)
{
	return 10 * minimum(one, two) >= 8 * maximum(one, two) && one > 0;
}

static bool is_busy(const struct call_burst *burst)
{
	return length(burst) >= RELAY_S &&
			burst->bytes[CALL_SENT] >= RELAY_BYTES_S * length(burst) &&
			burst->bytes[CALL_RECEIVED] >= RELAY_BYTES_S * length(burst);
}

static bool has_same_peer(const struct call_burst *one, const struct call_burst *two)
{
	return memcmp(one->peer, two->peer, sizeof(one->peer)) == 0;
}

// What comes in from one peer goes out to the other.
static bool is_relayed_by_us(const struct call_burst *one, const struct call_burst *two)
{
	return !has_same_peer(one, two) && is_busy(one) && is_busy(two) &&
			is_together(one->start, two->start) && is_together(one->last, two->last) &&
			is_alike(one->bytes[CALL_SENT], two->bytes[CALL_RECEIVED]) &&
			is_alike(one->bytes[CALL_RECEIVED], two->bytes[CALL_SENT]);
}

static bool is_one_way(const struct call_burst *burst)
{
	return burst->bytes[CALL_SENT] == 0 || burst->bytes[CALL_RECEIVED] == 0;
}

// One node for each direction (Adami: a ratio of zero).
static bool is_other_way(const struct call_burst *one, const struct call_burst *two)
{
	return is_one_way(one) && is_one_way(two) && heavier(one) != heavier(two) &&
			is_together(one->start, two->start);
}

static void begin(struct call *call, const struct call_burst *burst)
{
	static const uint8_t paths[] = {
		[CALL_PEER_CLIENT] = CALL_DIRECT,
		[CALL_PEER_NODE] = CALL_RELAYED,
		[CALL_PEER_GATEWAY] = CALL_PHONE,
	};

	*call = (struct call){
		.placed = burst->placed,
		.start = burst->began,
		.end = burst->ended,
		.start_s = burst->start,
		.flow_id = burst->flow_id,
		.path = paths[burst->peer_kind],
		.peer_count = 1,
	};
	memcpy(call->peers[0], burst->peer, sizeof(call->peers[0]));
}

static void include(struct call *call, struct call_burst *burst)
{
	if (burst->start < call->start_s) {
		call->start_s = burst->start;
		call->start = burst->began;
		call->flow_id = burst->flow_id;
	}
	if (burst->placed.time_ns < call->placed.time_ns)
		call->placed = burst->placed;
	if (burst->ended.time_ns > call->end.time_ns)
		call->end = burst->ended;
	call->end_s = maximum(call->end_s, burst->last);
	call->hold_s += burst->hold;
	call->media |= burst->media;
	call->transports |= burst->is_tcp ? CALL_TCP : CALL_UDP;
	for (unsigned i = 0; i < CALL_DIRECTIONS; i++)
		call->bytes[i] += burst->bytes[i];
	if (call->peer_count == 1 &&
			memcmp(call->peers[0], burst->peer, sizeof(burst->peer)) != 0) {
		memcpy(call->peers[1], burst->peer, sizeof(burst->peer));
		call->peer_count = 2;
	}
	burst->is_used = false;
}

static bool is_ready(const struct call_burst *burst, uint64_t now)
{
	return burst->is_used && burst->media != 0 && now >= burst->last + CONTINUE_S;
}

// Media that has not stopped, or has begun too recently to be known as such.
static bool is_alive(const struct call_burst *burst, uint64_t now)
{
	if (!burst->is_used || is_ready(burst, now))
		return false;
	return burst->media != 0 || (!is_over(burst, now) && now < burst->start + CONTINUE_S);
}

// Something that may belong to the same call is alive.
static bool may_last(const struct call_watch *watch, const struct call_burst *burst, uint64_t now)
{
	for (unsigned i = 0; i < CALL_BURSTS; i++) {
		const struct call_burst *other = &watch->bursts[i];

		if (is_alive(other, now) &&
				(has_same_peer(burst, other) || is_other_way(burst, other) ||
						is_relayed_by_us(burst, other)))
			return true;
	}
	return false;
}

static struct call_burst *find_ended(struct call_watch *watch, uint64_t now)
{
	for (unsigned i = 0; i < CALL_BURSTS; i++)
		if (is_ready(&watch->bursts[i], now) && !may_last(watch, &watch->bursts[i], now))
			return &watch->bursts[i];
	return NULL;
}

// How the burst belongs to the call that began with `first`, if it does.
static bool belongs(
		struct call *call, const struct call_burst *first, const struct call_burst *burst)
{
	if (has_same_peer(first, burst))
		return burst->start <= call->end_s + CONTINUE_S &&
				call->start_s <= burst->last + CONTINUE_S;
	if (call->peer_count > 1)
		return false;
	if (is_relayed_by_us(first, burst)) {
		call->path = CALL_RELAYING;
		return true;
	}
	if (is_other_way(first, burst)) {
		call->path = CALL_RELAYED;
		return true;
	}
	return false;
}

bool call_watch_take(struct call_watch *watch, uint64_t now, struct call *call)
{
	struct call_burst *found = find_ended(watch, now);
	struct call_burst first;

	if (found == NULL)
		return false;
	first = *found;
	begin(call, found);
	// Each makes the call longer, so that others may join.
	while (found != NULL) {
		include(call, found);
		found = NULL;
		for (unsigned i = 0; i < CALL_BURSTS && found == NULL; i++)
			if (is_ready(&watch->bursts[i], now) &&
					belongs(call, &first, &watch->bursts[i]))
				found = &watch->bursts[i];
	}
	return true;
}
