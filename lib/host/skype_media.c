// SPDX-License-Identifier: BSD-3-Clause
// Calls and transfers of Skype hosts, from what workers tell that their flows carry.
//
// Only a host that runs Skype by its own evidence is watched: media that others send to a host make
// no call of it.
#include "host/skype_state.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
	FINAL_S = 60 // later than any call needs to be over
};

static const uint64_t SECOND_NS = 1000000000;

static struct watch *watch_get(struct skype *skype, const uint8_t address[16], uint64_t now_ns)
{
	struct published_key key = published_host(address);
	bool is_fresh;
	struct watch *watch = recent_get(skype->watches, key.words, now_ns, &is_fresh);

	if (watch != NULL && is_fresh)
		memcpy(watch->address, address, sizeof(watch->address));
	return watch;
}

// Whether a call between the two is to be told as one of `own`: as seen from the inside of the link.
// A host there is seen with many peers, one beyond it with few; of a super node beyond it, the calls
// that it relays look as if they were its own.
static bool is_seen_from(const struct host_app *own, const struct host_app *peer)
{
	int own_peers = __builtin_popcountll(own->peers);
	int peers = peer == NULL ? 0 : __builtin_popcountll(peer->peers);

	return own_peers > peers ||
			(!own->is_super_node && (own_peers == peers || own_peers >= NEAR_PEERS));
}

static void call_second_of(const struct evidence *seen, unsigned side, struct call_second *second)
{
	const struct media_second *media = &seen->media;

	*second = (struct call_second){
		.second = media->first_ns / SECOND_NS,
		.first = { media->first_ns, seen->number - media->first_back },
		.last = { media->last_ns, seen->number - media->last_back },
		.flow_id = seen->flow_id,
		.is_tcp = seen->protocol == IPPROTO_TCP,
		.counts = { media->counts[side], media->counts[!side] },
	};
	memcpy(second->peer, side == 0 ? seen->peer : seen->host, sizeof(second->peer));
}

static uint8_t kind_of(const struct evidence *seen, unsigned side, const struct host_app *peer)
{
	uint16_t port = side == 0 ? seen->peer_port : seen->host_port;

	if (seen->protocol == IPPROTO_UDP && port == GATEWAY_PORT)
		return CALL_PEER_GATEWAY;
	return peer != NULL && peer->is_super_node ? CALL_PEER_NODE : CALL_PEER_CLIENT;
}

static const char *media_words(uint8_t media)
{
	switch (media) {
	case CALL_VOICE:
		return "voice";
	case CALL_FILE:
		return "a file";
	case CALL_VOICE | CALL_FILE:
		return "voice and a file";
	default:
		return "voice and video";
	}
}

static uint8_t role_of_media(uint8_t media)
{
	return media == CALL_FILE ? FLOW_ROLE_FILE_TRANSFER : FLOW_ROLE_CALL;
}

// One fact about a call, for the ledger of `address`.
struct sight {
	const uint8_t *address;
	const uint8_t *peer;
	uint64_t flow_id;
	const struct call_moment *moment;
	uint8_t media;
	uint8_t step;
	bool is_tcp;
	uint16_t peer_port;
	const char *text;
};

static void tell(struct skype *skype, const struct sight *sight)
{
	struct evidence evidence = {
		.time_ns = sight->moment->time_ns,
		.number = sight->moment->number,
		.flow_id = sight->flow_id,
		.peer_port = sight->peer_port,
		.protocol = sight->is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.signal = SIGNAL_SKYPE_MEDIA,
		.app = APP_SKYPE,
		.confidence = CONFIDENCE_STRONG,
		.role = role_of_media(sight->media),
		.is_ip4 = 1,
		.step = sight->step + 1,
	};

	memcpy(evidence.host, sight->address, sizeof(evidence.host));
	memcpy(evidence.peer, sight->peer, sizeof(evidence.peer));
	evidence.text_length = snprintf(evidence.text, sizeof(evidence.text), "%s", sight->text);
	if (evidence.text_length >= sizeof(evidence.text))
		evidence.text_length = sizeof(evidence.text) - 1;
	host_learn(skype->config.hosts, &evidence);
}

// What goes on; at the beginning also since when.
static void tell_burst(struct skype *skype, struct sight *sight, const struct call_burst *burst,
		bool is_first)
{
	uint64_t seconds = burst->last - burst->start + 1;
	char text[EVIDENCE_TEXT_BYTES];
	int length;

	length = snprintf(text, sizeof(text),
			"signals, then %s, %" PRIu64 " + %" PRIu64 " packets/s",
			media_words(burst->media), burst->packets[CALL_SENT] / seconds,
			burst->packets[CALL_RECEIVED] / seconds);
	sight->media = burst->media;
	sight->text = text;
	if (is_first && burst->placed.time_ns < burst->began.time_ns) {
		sight->step = STEP_CALL;
		sight->moment = &burst->placed;
		tell(skype, sight);
	}
	if (length > 0)
		sight->text = text + strlen("signals, then ");
	sight->step = STEP_MEDIA;
	sight->moment = is_first ? &burst->began : &burst->ended;
	tell(skype, sight);
}

static void watch_side(struct skype *skype, const struct evidence *seen, unsigned side)
{
	const uint8_t *address = side == 0 ? seen->host : seen->peer;
	const uint8_t *peer = side == 0 ? seen->peer : seen->host;
	const struct host_app *own = skype_app(skype, address), *other = skype_app(skype, peer);
	const struct call_burst *burst;
	struct call_second second;
	struct watch *watch;
	bool is_first;

	if (own == NULL || own->confidence < CONFIDENCE_STRONG || !is_seen_from(own, other))
		return;
	watch = watch_get(skype, address, seen->time_ns);
	if (watch == NULL)
		return;
	call_second_of(seen, side, &second);
	second.peer_kind = kind_of(seen, side, other);
	watch->newest_s = second.second > watch->newest_s ? second.second : watch->newest_s;
	burst = call_watch_add(&watch->watch, &second, &is_first);
	if (burst == NULL)
		return;
	recent_raise(skype->watches, watch, 1);
	skype_publish_call(skype, seen->flow_id, role_of_media(burst->media));
	tell_burst(skype,
			&(struct sight){ .address = address,
					.peer = peer,
					.flow_id = seen->flow_id,
					.is_tcp = second.is_tcp,
					.peer_port = side == 0 ? seen->peer_port :
								 seen->host_port },
			burst, is_first);
}

void skype_media_learn(struct skype *skype, const struct evidence *seen)
{
	watch_side(skype, seen, 0);
	watch_side(skype, seen, 1);
}

static void end_call(struct skype *skype, struct watch *watch, struct call *call)
{
	char text[EVIDENCE_TEXT_BYTES];

	memcpy(call->host, watch->address, sizeof(call->host));
	snprintf(text, sizeof(text), "the last of %" PRIu64 " s of %s",
			call->end_s - call->start_s + 1, media_words(call->media));
	tell(skype,
			&(struct sight){ .address = watch->address,
					.peer = call->peers[0],
					.flow_id = call->flow_id,
					.moment = &call->end,
					.media = call->media,
					.step = STEP_TEARDOWN,
					.is_tcp = (call->transports & CALL_TCP) != 0,
					.text = text });
	skype->calls++;
	if (skype->config.call_ended != NULL)
		skype->config.call_ended(skype->config.context, call);
}

void skype_media_expire(struct skype *skype, uint64_t now_ns)
{
	struct watch *watch = NULL;
	struct call call;

	while ((watch = recent_next(skype->watches, watch)) != NULL)
		while (call_watch_take(&watch->watch, now_ns / SECOND_NS, &call))
			end_call(skype, watch, &call);
}

void skype_finish(struct skype *skype)
{
	struct watch *watch = NULL;
	struct call call;

	while ((watch = recent_next(skype->watches, watch)) != NULL)
		while (call_watch_take(&watch->watch, watch->newest_s + FINAL_S, &call))
			end_call(skype, watch, &call);
}
