// SPDX-License-Identifier: BSD-3-Clause
#include "host/skype.h"

#include "fail.h"
#include "host/skype_state.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	CAPACITY_MAX = 1 << 16,
	BUSY_PART = 16, // of the hosts are super nodes or in calls, at most
};

// Longer than what was published stays so, so that no proven port is forgotten unrevoked.
static const uint64_t KEEP_NS = 900 * UINT64_C(1000000000);

struct skype *skype_create(const struct skype_config *config)
{
	uint32_t capacity = config->capacity < CAPACITY_MAX ? config->capacity : CAPACITY_MAX;
	const struct recent_config endpoints = { capacity, sizeof(struct endpoint), KEEP_NS };
	const struct recent_config dialogues = { 2 * capacity, sizeof(struct dialogue), KEEP_NS };
	const struct recent_config pairs = { 2 * capacity, sizeof(struct pair), KEEP_NS };
	const uint32_t busy = (capacity + BUSY_PART - 1) / BUSY_PART;
	const struct recent_config supers = { busy, sizeof(struct super), KEEP_NS };
	const struct recent_config watches = { busy, sizeof(struct watch), KEEP_NS };
	struct skype *skype;
	int error;

	if (config->hosts == NULL || config->published == NULL)
		return fail_null(EINVAL);
	skype = calloc(1, sizeof(*skype));
	if (skype == NULL)
		return fail_null(ENOMEM);
	skype->config = *config;
	if (getrandom(skype->secret, sizeof(skype->secret), 0) != sizeof(skype->secret))
		goto err_skype;
	skype->endpoints = recent_create(&endpoints);
	if (skype->endpoints == NULL)
		goto err_skype;
	skype->dialogues = recent_create(&dialogues);
	if (skype->dialogues == NULL)
		goto err_endpoints;
	skype->pairs = recent_create(&pairs);
	if (skype->pairs == NULL)
		goto err_dialogues;
	skype->supers = recent_create(&supers);
	if (skype->supers == NULL)
		goto err_pairs;
	skype->watches = recent_create(&watches);
	if (skype->watches == NULL)
		goto err_supers;
	return skype;

err_supers:
	error = errno;
	recent_free(skype->supers);
	errno = error;
err_pairs:
	error = errno;
	recent_free(skype->pairs);
	errno = error;
err_dialogues:
	error = errno;
	recent_free(skype->dialogues);
	errno = error;
err_endpoints:
	error = errno;
	recent_free(skype->endpoints);
	errno = error;
err_skype:
	free(skype);
	return NULL;
}

void skype_free(struct skype *skype)
{
	if (skype == NULL)
		return;
	recent_free(skype->watches);
	recent_free(skype->supers);
	recent_free(skype->pairs);
	recent_free(skype->dialogues);
	recent_free(skype->endpoints);
	free(skype);
}

static struct published_key endpoint_key(const uint8_t address[16], uint16_t port)
{
	return published_port(address, port);
}

struct endpoint *skype_endpoint_find(
		const struct skype *skype, const uint8_t address[16], uint16_t port)
{
	struct published_key key = endpoint_key(address, port);

	return recent_find(skype->endpoints, key.words);
}

static struct endpoint *endpoint_get(
		struct skype *skype, const uint8_t address[16], uint16_t port, uint64_t now_ns)
{
	struct published_key key = endpoint_key(address, port);
	bool is_fresh;
	struct endpoint *endpoint = recent_get(skype->endpoints, key.words, now_ns, &is_fresh);

	if (endpoint != NULL && is_fresh) {
		memcpy(endpoint->address, address, sizeof(endpoint->address));
		endpoint->port = port;
	}
	return endpoint;
}

static void side_init(struct dialogue_side *side, const uint8_t address[16], uint16_t port)
{
	memcpy(side->address, address, sizeof(side->address));
	side->port = port;
}

static struct dialogue *dialogue_get(struct skype *skype, const struct evidence *seen)
{
	struct published_key key = published_flow(seen->flow_id);
	bool is_fresh;
	struct dialogue *dialogue =
			recent_get(skype->dialogues, key.words, seen->time_ns, &is_fresh);

	if (dialogue != NULL && is_fresh) {
		dialogue->flow_id = seen->flow_id;
		side_init(&dialogue->sides[0], seen->host, seen->host_port);
		side_init(&dialogue->sides[1], seen->peer, seen->peer_port);
	}
	return dialogue;
}

static bool is_side(const struct dialogue_side *side, const uint8_t address[16], uint16_t port)
{
	return side->port == port && memcmp(side->address, address, sizeof(side->address)) == 0;
}

static uint32_t peer_hash(const struct skype *skype, const uint8_t address[16], uint16_t port)
{
	struct published_key key = endpoint_key(address, port);

	return keyed_hash(skype->secret, key.words) >> 32;
}

static void examine(struct skype *skype, const struct evidence *seen)
{
	struct exam exam = { .skype = skype, .seen = seen };

	skype->observations++;
	if (!skype_datagram_read(seen->observation.bytes, seen->observation.length, &exam.datagram))
		return;
	exam.dialogue = dialogue_get(skype, seen);
	exam.sender = endpoint_get(skype, seen->host, seen->host_port, seen->time_ns);
	if (exam.dialogue == NULL || exam.sender == NULL)
		return;
	exam.receiver = skype_endpoint_find(skype, seen->peer, seen->peer_port);
	exam.sender_hash = peer_hash(skype, seen->host, seen->host_port);
	exam.receiver_hash = peer_hash(skype, seen->peer, seen->peer_port);
	exam.side = is_side(&exam.dialogue->sides[0], seen->host, seen->host_port) ? 0 : 1;
	skype_dialogue_examine(&exam);
	skype_endpoint_examine(&exam);
}

const struct host_app *skype_app(const struct skype *skype, const uint8_t address[16])
{
	const struct host *host = host_find(skype->config.hosts, address, true);

	for (int i = 0; host != NULL && i < host->app_count; i++)
		if (host->apps[i].app == APP_SKYPE)
			return &host->apps[i];
	return NULL;
}

static bool runs_skype(const struct skype *skype, const uint8_t address[16])
{
	const struct host_app *app = skype_app(skype, address);

	return app != NULL && app->confidence >= CONFIDENCE_STRONG;
}

static void learn(struct skype *skype, const struct evidence *evidence)
{
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_WEAK, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_SAME_NODE };
	struct published_key key = published_host(evidence->host);

	host_learn(skype->config.hosts, evidence);
	if (evidence->app == APP_SKYPE && evidence->is_ip4 && runs_skype(skype, evidence->host))
		published_set(skype->config.published, &key, &verdict);
}

static void publish_flow(struct skype *skype, struct dialogue *dialogue, const struct proof *proof,
		bool is_at_home)
{
	struct published_key key = published_flow(dialogue->flow_id);
	struct verdict *verdict = &dialogue->verdict;

	verdict->app = APP_SKYPE;
	verdict->role = FLOW_ROLE_P2P;
	verdict->signals |= 1u << proof->signal;
	if (verdict->confidence < proof->confidence)
		verdict->confidence = proof->confidence;
	// Workers know probes themselves.
	if (verdict->signals == 1u << SIGNAL_SKYPE_PROBE)
		return;
	if (verdict->confidence == CONFIDENCE_CERTAIN || is_at_home)
		published_set(skype->config.published, &key, verdict);
}

void skype_prove_flow(struct skype *skype, uint64_t flow_id, const struct proof *proof)
{
	struct published_key key = published_flow(flow_id);
	struct dialogue *dialogue = recent_find(skype->dialogues, key.words);

	if (dialogue != NULL)
		publish_flow(skype, dialogue, proof, false);
}

void skype_publish_call(struct skype *skype, uint64_t flow_id, uint8_t role)
{
	struct published_key key = published_flow(flow_id);
	struct dialogue *dialogue = recent_find(skype->dialogues, key.words);
	struct verdict verdict = { APP_SKYPE, CONFIDENCE_STRONG, role, 1u << SIGNAL_SKYPE_MEDIA };

	if (dialogue != NULL) {
		verdict_add(&dialogue->verdict, &verdict);
		verdict = dialogue->verdict;
	}
	published_set(skype->config.published, &key, &verdict);
}

void skype_prove(const struct exam *exam, enum of_whom whom, const struct proof *proof)
{
	struct skype *skype = exam->skype;
	struct endpoint *endpoint = whom == OF_SENDER ? exam->sender : exam->receiver;
	struct evidence evidence = *exam->seen;

	if (whom == OF_RECEIVER) {
		memcpy(evidence.host, exam->seen->peer, sizeof(evidence.host));
		memcpy(evidence.peer, exam->seen->host, sizeof(evidence.peer));
		evidence.host_port = exam->seen->peer_port;
		evidence.peer_port = exam->seen->host_port;
		evidence.is_from_initiator = !exam->seen->is_from_initiator;
	}
	evidence.app = APP_SKYPE;
	evidence.role = FLOW_ROLE_P2P;
	evidence.is_observation = 0;
	evidence.signal = proof->signal;
	evidence.confidence = proof->confidence;
	evidence.step = proof->step;
	evidence.text_length = strnlen(proof->text, sizeof(proof->text));
	memcpy(evidence.text, proof->text, sizeof(evidence.text));
	learn(skype, &evidence);
	publish_flow(skype, exam->dialogue, proof,
			runs_skype(skype, exam->seen->host) || runs_skype(skype, exam->seen->peer));
	if (endpoint == NULL)
		return;
	if (proof->confidence == CONFIDENCE_CERTAIN)
		skype_endpoint_certify(skype, endpoint,
				whom == OF_SENDER ? exam->receiver_hash : exam->sender_hash,
				&evidence);
	else
		skype_endpoint_consider(skype, endpoint, &evidence);
}

static void note_mapping(struct skype *skype, const struct evidence *seen)
{
	struct endpoint *endpoint =
			endpoint_get(skype, seen->host, seen->observation.port, seen->time_ns);

	if (endpoint == NULL || endpoint->is_mapped)
		return;
	endpoint->is_mapped = true;
	endpoint->mapped_ns = seen->time_ns;
	endpoint->mapped_number = seen->number;
	skype_endpoint_consider(skype, endpoint, seen);
}

// A proven connection that came in shows that the port it came to is the Skype port, if datagrams
// have shown as much of the UDP port of that number.
static void note_stream(struct skype *skype, const struct evidence *seen)
{
	bool is_responder = !seen->is_from_initiator;
	struct endpoint *endpoint;

	if (seen->role == FLOW_ROLE_P2P)
		skype_node_stream(skype, seen);
	if (seen->signal != SIGNAL_SKYPE_KEY_STREAM && seen->signal != SIGNAL_SKYPE_KEY_EXCHANGE)
		return;
	endpoint = skype_endpoint_find(skype, is_responder ? seen->host : seen->peer,
			is_responder ? seen->host_port : seen->peer_port);
	if (endpoint == NULL)
		return;
	endpoint->has_stream = true;
	skype_endpoint_consider(skype, endpoint, seen);
}

static void note_client(const struct skype *skype, const struct evidence *seen)
{
	host_describe(skype->config.hosts, seen->host, seen->is_ip4, seen->app,
			&(struct host_traits){
					.client = &seen->client, .client_ns = seen->time_ns });
}

static void note_node(struct skype *skype, const struct evidence *seen)
{
	bool is_responder = !seen->is_from_initiator;

	skype_connection_note_node(skype, is_responder ? seen->peer : seen->host,
			is_responder ? seen->host : seen->peer,
			is_responder ? seen->host_port : seen->peer_port, seen->time_ns);
}

static bool is_stream_signal(uint8_t signal)
{
	const uint32_t signals = 1u << SIGNAL_SKYPE_FAKE_HELLO | 1u << SIGNAL_SKYPE_FAKE_ANSWER |
			1u << SIGNAL_SKYPE_LOGIN | 1u << SIGNAL_SKYPE_LOGIN_REQUEST |
			1u << SIGNAL_SKYPE_KEY_STREAM | 1u << SIGNAL_SKYPE_KEY_EXCHANGE;

	return (signals >> signal & 1) != 0;
}

void skype_learn(struct skype *skype, const struct evidence *evidence)
{
	if (!evidence->is_observation)
		learn(skype, evidence);
	else if (evidence->signal == SIGNAL_SKYPE_PORT_MAP)
		note_mapping(skype, evidence);
	else if (evidence->signal == SIGNAL_SKYPE_CONNECTION)
		skype_connection_examine(skype, evidence);
	else if (evidence->signal == SIGNAL_SKYPE_VERSION_CHECK)
		note_client(skype, evidence);
	else if (evidence->signal == SIGNAL_SKYPE_MEDIA)
		skype_media_learn(skype, evidence);
	else
		examine(skype, evidence);
	if (evidence->protocol == IPPROTO_TCP && evidence->confidence == CONFIDENCE_CERTAIN &&
			evidence->app == APP_SKYPE && evidence->is_ip4)
		note_stream(skype, evidence);
	if (evidence->is_ip4 && evidence->confidence == CONFIDENCE_CERTAIN &&
			is_stream_signal(evidence->signal))
		note_node(skype, evidence);
}

void skype_expire(struct skype *skype, uint64_t now_ns)
{
	struct endpoint *endpoint = NULL;
	struct pair *pair = NULL;

	while ((endpoint = recent_next(skype->endpoints, endpoint)) != NULL)
		skype_endpoint_expire(skype, endpoint, now_ns);
	while ((pair = recent_next(skype->pairs, pair)) != NULL)
		skype_connection_expire(skype, pair, now_ns);
	published_expire(skype->config.published, now_ns);
	skype_media_expire(skype, now_ns);
}

void skype_forget_host(struct skype *skype, const struct host *host)
{
	struct published_key key = published_host(host->address);

	if (host->is_ip4)
		published_remove(skype->config.published, &key);
}

void skype_stats(const struct skype *skype, struct skype_stats *stats)
{
	*stats = (struct skype_stats){
		.observations = skype->observations,
		.calls = skype->calls,
		.ports = skype->ports,
		.forgotten = recent_forgotten(skype->endpoints) +
				recent_forgotten(skype->dialogues) +
				recent_forgotten(skype->pairs) + recent_forgotten(skype->supers) +
				recent_forgotten(skype->watches),
		.refused = recent_refused(skype->endpoints) + recent_refused(skype->dialogues) +
				recent_refused(skype->pairs) + recent_refused(skype->supers) +
				recent_refused(skype->watches),
	};
}
