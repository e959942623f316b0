// SPDX-License-Identifier: BSD-3-Clause
// A host's UDP port: what it sent to whom, and whether it is a Skype port.
#include "host/skype_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	COUNT_STEP = 16, // most that a number rises from one message to the next
};

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t COUNT_NS = 60 * SECOND_NS;
static const uint64_t MEMORY_NS = 600 * SECOND_NS; // of messages, and of what was confirmed

static const struct message *newest(const struct endpoint *endpoint, uint32_t back)
{
	return &endpoint->messages[(endpoint->message_count - 1 - back) % MESSAGES];
}

static uint32_t kept(const struct endpoint *endpoint)
{
	return endpoint->message_count < MESSAGES ? endpoint->message_count : MESSAGES;
}

// An initialisation vector is random; see is_new_iv() in skype_dialogue.c for the 6 bits.
static bool is_broadcast(const struct message *one, const struct message *two)
{
	return one->peer != two->peer && skype_is_copy(&one->trace, &two->trace) &&
			__builtin_popcount(one->iv ^ two->iv) >= 6;
}

static void prove_pair(const struct exam *exam, const struct message *earlier, enum signal signal)
{
	struct proof proof = { signal, CONFIDENCE_CERTAIN, 0, "" };

	snprintf(proof.text, sizeof(proof.text), "%04x like %04x of packet %" PRIu32,
			exam->datagram.id, earlier->trace.id, (uint32_t)earlier->number);
	if (earlier->number == 0) // on a wire
		proof.text[sizeof("1234 like 1234") - 1] = '\0';
	skype_prove(exam, OF_SENDER, &proof);
	skype_prove_flow(exam->skype, earlier->flow_id, &proof);
	skype_endpoint_certify(exam->skype, exam->sender, earlier->peer, exam->seen);
}

// U3 and U4: one earlier message is enough, the newest that agrees.
static void examine_pairs(const struct exam *exam, const struct message *message)
{
	bool has_sibling = false, has_broadcast = false;

	for (uint32_t i = 0; i < kept(exam->sender); i++) {
		const struct message *earlier = newest(exam->sender, i);

		if (message->time_ns > earlier->time_ns + MEMORY_NS)
			continue;
		if (!has_sibling && skype_is_sibling(&message->trace, &earlier->trace)) {
			has_sibling = true;
			prove_pair(exam, earlier, SIGNAL_SKYPE_SIBLING);
		}
		if (!has_broadcast && is_broadcast(message, earlier)) {
			has_broadcast = true;
			prove_pair(exam, earlier, SIGNAL_SKYPE_BROADCAST);
		}
	}
}

static bool add_peer(uint32_t *peers, unsigned *count, unsigned max, uint32_t peer)
{
	for (unsigned i = 0; i < *count; i++)
		if (peers[i] == peer)
			return false;
	if (*count < max)
		peers[(*count)++] = peer;
	return true;
}

// U9: from the newest message back, as long as the numbers fall by little; a message that was sent
// again falls by nothing.
static void examine_counter(const struct exam *exam)
{
	struct proof proof = { SIGNAL_SKYPE_COUNTER, CONFIDENCE_STRONG, 0, "" };
	const struct message *later = newest(exam->sender, 0);
	uint64_t since_ns = later->time_ns - COUNT_NS;
	uint32_t peers[COUNTED];
	unsigned count = 0;

	add_peer(peers, &count, COUNTED, later->peer);
	for (uint32_t i = 1; i < kept(exam->sender) && count < COUNTED; i++) {
		const struct message *message = newest(exam->sender, i);
		int16_t step = (int16_t)(later->trace.id - message->trace.id);

		// Rising by less than nothing: two workers' observations, not quite in order.
		if (step > COUNT_STEP || step < -COUNT_STEP || message->time_ns < since_ns)
			return;
		add_peer(peers, &count, COUNTED, message->peer);
		later = step > 0 ? message : later;
	}
	if (count < COUNTED)
		return;
	snprintf(proof.text, sizeof(proof.text), "%04x to %04x over %u peers", later->trace.id,
			exam->datagram.id, count);
	exam->sender->has_counter = true;
	skype_prove(exam, OF_SENDER, &proof);
}

void skype_endpoint_examine(const struct exam *exam)
{
	struct endpoint *sender = exam->sender;
	struct message message = {
		.iv = exam->datagram.iv,
		.peer = exam->receiver_hash,
		.flow_id = exam->seen->flow_id,
		.time_ns = exam->seen->time_ns,
		.number = exam->seen->number,
	};

	if (exam->datagram.type != SKYPE_PAYLOAD)
		return;
	skype_trace(&exam->datagram, &message.trace);
	examine_pairs(exam, &message);
	sender->messages[sender->message_count++ % MESSAGES] = message;
	examine_counter(exam);
}

bool skype_endpoint_viewed(struct endpoint *endpoint, uint32_t address, uint32_t peer)
{
	struct view *room = NULL;

	for (int i = 0; i < VIEWS; i++) {
		struct view *view = &endpoint->views[i];

		if (view->address == address && address != 0) {
			view->is_agreed = view->is_agreed || view->peer != peer;
			return view->is_agreed;
		}
		if (room == NULL && !view->is_agreed)
			room = view; // what only one says gives way to what the next one says
	}
	if (room != NULL)
		*room = (struct view){ .address = address, .peer = peer };
	return false;
}

static bool is_proven(const struct endpoint *endpoint)
{
	if (endpoint->certain_ns == 0 || skype_is_foreign_port(endpoint->port))
		return false;
	return endpoint->peer_count >= PEERS || endpoint->has_resend || endpoint->has_counter ||
			endpoint->has_stream || endpoint->is_mapped;
}

static struct evidence evidence_of(const struct endpoint *endpoint, const struct evidence *seen)
{
	bool is_sender = memcmp(seen->host, endpoint->address, sizeof(seen->host)) == 0;
	struct evidence evidence = {
		.time_ns = seen->time_ns,
		.number = seen->number,
		.flow_id = seen->flow_id,
		.host_port = endpoint->port,
		.protocol = seen->protocol,
		.app = APP_SKYPE,
		.confidence = CONFIDENCE_STRONG,
		.role = FLOW_ROLE_P2P,
		.is_ip4 = 1,
	};

	memcpy(evidence.host, endpoint->address, sizeof(evidence.host));
	memcpy(evidence.peer, is_sender ? seen->peer : seen->host, sizeof(evidence.peer));
	evidence.peer_port = is_sender ? seen->peer_port : seen->host_port;
	return evidence;
}

static void tell(struct skype *skype, struct evidence *evidence, enum signal signal,
		const char *format, unsigned number)
{
	evidence->signal = signal;
	evidence->text_length = snprintf(evidence->text, sizeof(evidence->text), format, number);
	host_learn(skype->config.hosts, evidence);
}

// N1: the router was asked to map what is a Skype port.
static void tell_mapping(
		struct skype *skype, struct endpoint *endpoint, const struct evidence *seen)
{
	struct evidence evidence = evidence_of(endpoint, seen);

	evidence.time_ns = endpoint->mapped_ns;
	evidence.number = endpoint->mapped_number;
	evidence.step = STEP_NETWORK_SETUP + 1;
	endpoint->is_mapped_told = true;
	tell(skype, &evidence, SIGNAL_SKYPE_PORT_MAP, "router asked to map port %u",
			endpoint->port);
}

static void publish(struct skype *skype, const struct endpoint *endpoint)
{
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_PORT };
	struct published_key key = published_port(endpoint->address, endpoint->port);

	published_set(skype->config.published, &key, &verdict);
}

static void confirm(struct skype *skype, struct endpoint *endpoint, const struct evidence *seen)
{
	struct evidence evidence = evidence_of(endpoint, seen);

	endpoint->is_confirmed = true;
	skype->ports++;
	recent_raise(skype->endpoints, endpoint, RECENT_KEPT);
	tell(skype, &evidence, SIGNAL_SKYPE_PORT, "UDP port %u is the Skype port", endpoint->port);
	host_describe(skype->config.hosts, endpoint->address, true, APP_SKYPE,
			&(struct host_traits){ .port = endpoint->port });
	publish(skype, endpoint);
}

void skype_endpoint_consider(
		struct skype *skype, struct endpoint *endpoint, const struct evidence *seen)
{
	if (!endpoint->is_confirmed && is_proven(endpoint))
		confirm(skype, endpoint, seen);
	if (endpoint->is_mapped && !endpoint->is_mapped_told && endpoint->certain_ns != 0)
		tell_mapping(skype, endpoint, seen);
}

void skype_endpoint_certify(struct skype *skype, struct endpoint *endpoint, uint32_t peer,
		const struct evidence *seen)
{
	unsigned count = endpoint->peer_count;

	add_peer(endpoint->peers, &count, PEERS, peer);
	endpoint->peer_count = count;
	if (endpoint->certain_ns < seen->time_ns)
		endpoint->certain_ns = seen->time_ns;
	recent_raise(skype->endpoints, endpoint, 1);
	if (endpoint->is_confirmed)
		publish(skype, endpoint); // keeps it young
	skype_endpoint_consider(skype, endpoint, seen);
}

void skype_endpoint_expire(struct skype *skype, struct endpoint *endpoint, uint64_t now_ns)
{
	struct published_key key = published_port(endpoint->address, endpoint->port);

	if (endpoint->certain_ns == 0 || now_ns <= endpoint->certain_ns + MEMORY_NS)
		return;
	if (endpoint->is_confirmed) {
		published_remove(skype->config.published, &key);
		skype->ports--;
	}
	// From here on it has to be proven afresh.
	endpoint->is_confirmed = endpoint->has_counter = endpoint->has_resend = false;
	endpoint->has_stream = endpoint->is_mapped = endpoint->is_mapped_told = false;
	endpoint->peer_count = 0;
	endpoint->certain_ns = 0;
	endpoint->message_count = 0;
}
