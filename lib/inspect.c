// SPDX-License-Identifier: BSD-3-Clause
#include "inspect.h"

#include "checksum.h"
#include "evidence.h"
#include "host/host.h"
#include "host/published.h"
#include "inherit.h"
#include "inspect_look.h"
#include "media.h"

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

enum {
	MATCHES_MAX = 4, // rules that may speak about one payload
	MILLISECOND_SHIFT = 20, // of nanoseconds, nearly
};

// What a rule or a detector concluded.
struct conclusion {
	uint32_t rule; // 0: a detector
	struct verdict verdict;
	uint8_t signal; // the one that evidence names
	const struct fact *fact; // NULL for a rule
	const struct value *value; // what matched, NULL when there is none to show
	bool is_of_client; // what `fact` tells of the client
};

// Of whom it tells: who sent a request is the client, whoever opened the flow; anything else is
// told of the initiator.
static unsigned told_of(const struct inspection *in, uint8_t signal)
{
	return signal == SIGNAL_ADDRESS || signal == SIGNAL_PAYLOAD ||
					signal == SIGNAL_SKYPE_LOGIN ||
					signal == SIGNAL_SKYPE_CONNECTION ?
			in->initiator :
			in->side;
}

static void describe_source(const struct conclusion *conclusion, struct evidence *evidence)
{
	const struct fact *fact = conclusion->fact;

	if (conclusion->is_of_client) {
		evidence->is_observation = 1;
		evidence->client = fact->client;
	} else if (fact != NULL && fact->is_observation) {
		evidence->is_observation = 1;
		evidence->observation = fact->observation;
	} else if (fact != NULL) {
		evidence->text_length = fact->text_length;
		evidence->version_length = fact->version_length;
		evidence->step = fact->is_joining ? STEP_BOOTSTRAP + 1 : 0;
		memcpy(evidence->text, fact->text, sizeof(evidence->text));
		memcpy(evidence->version, fact->version, sizeof(evidence->version));
	} else if (conclusion->value != NULL) {
		evidence->text_length = findings_printable(evidence->text, sizeof(evidence->text),
				conclusion->value->data, conclusion->value->length);
	}
}

static void send_evidence(const struct inspection *in, const struct conclusion *conclusion)
{
	const struct flow_key *key = &in->flow->key;
	unsigned host = told_of(in, conclusion->signal);
	struct evidence evidence = {
		.time_ns = in->packet->time_ns,
		.number = path_number(in->path, in->packet),
		.flow_id = flow_id(in->details, in->flow),
		.host_port = ntohs(key->ports_be[host]),
		.peer_port = ntohs(key->ports_be[!host]),
		.rule = conclusion->rule,
		.protocol = flow_key_protocol(key),
		.signal = conclusion->signal,
		.app = conclusion->verdict.app,
		.confidence = conclusion->verdict.confidence,
		.role = conclusion->verdict.role,
		.is_ip4 = flow_key_is_ip4(key),
		.is_from_initiator = host == in->initiator,
	};

	memcpy(evidence.host, key->ends[host].address, sizeof(evidence.host));
	memcpy(evidence.peer, key->ends[!host].address, sizeof(evidence.peer));
	describe_source(conclusion, &evidence);
	if (rte_ring_sp_enqueue_elem(in->path->evidence, &evidence, sizeof(evidence)) == 0)
		in->path->counters.evidence_sent++;
	else
		in->path->counters.evidence_lost++;
}

static void decide(const struct inspection *in, const struct verdict *conclusion)
{
	struct verdict verdict = flow_judgement(in->path->flows, in->flow);

	verdict_add(&verdict, conclusion);
	flow_judge(in->path->flows, in->flow, &verdict);
}

static const struct value *value_of(
		const struct findings *findings, uint32_t signals, uint8_t *signal)
{
	static const uint8_t signal_of[BUFFER_COUNT] = {
#define BUFFER(name, label, signal) [BUFFER_##name] = SIGNAL_##signal,
#include "detect/buffers.def"
#undef BUFFER
	};

	for (unsigned i = findings->value_count; i-- > 0;) {
		const struct value *value = &findings->values[i];

		*signal = signal_of[value->buffer];
		if ((signals & 1u << *signal) != 0)
			return value;
	}
	*signal = SIGNAL_ADDRESS;
	return NULL;
}

// A message that grows is looked at again: what it said before is not news.
static bool is_news_of_rule(struct stream_reading *reading, uint32_t index)
{
	const uint16_t mark = (uint16_t)(index + 1);

	if (reading == NULL)
		return true;
	for (unsigned i = 0; i < STREAM_TOLD_MAX; i++) {
		if (reading->told_rules[i] == mark)
			return false;
		if (reading->told_rules[i] == 0) {
			reading->told_rules[i] = mark;
			return true;
		}
	}
	return true;
}

static bool is_news_of_fact(const struct inspection *in, const struct fact *fact)
{
	const uint32_t signal = 1u << fact->signal;
	struct stream_reading *reading = in->reading;
	bool is_surer = fact->confidence == CONFIDENCE_CERTAIN &&
			in->details->confidence < CONFIDENCE_CERTAIN;

	if (reading == NULL)
		return true;
	if ((reading->told_signals & signal) != 0 && !is_surer)
		return false;
	reading->told_signals |= signal;
	return true;
}

static void conclude_rule(const struct inspection *in, uint32_t index)
{
	const struct policy *policy = in->path->policy;
	_Atomic uint64_t *matches = &in->path->scratch->rule_matches[index];
	const struct rule *rule = rules_at(policy->rules, index);
	struct conclusion conclusion = {
		.rule = rule->id,
		.verdict = { rule->app, rule->confidence, rule->role, rule->signals },
	};

	conclusion.value = value_of(&in->path->findings, rule->signals, &conclusion.signal);
	atomic_store_explicit(matches, atomic_load_explicit(matches, memory_order_relaxed) + 1,
			memory_order_relaxed);
	decide(in, &conclusion.verdict);
	send_evidence(in, &conclusion);
}

static void conclude_fact(const struct inspection *in, const struct fact *fact)
{
	struct conclusion conclusion = {
		.verdict = { fact->app, fact->confidence, fact->role, 1u << fact->signal },
		.signal = fact->signal,
		.fact = fact,
	};

	decide(in, &conclusion.verdict);
	send_evidence(in, &conclusion);
	conclusion.is_of_client = true;
	if (fact->has_client)
		send_evidence(in, &conclusion);
}

static void match_rules(const struct inspection *in)
{
	const struct flow_key *key = &in->flow->key;
	struct counters *counters = &in->path->counters;
	const struct rule_context context = {
		.source = key->ends[in->initiator].address,
		.destination = key->ends[!in->initiator].address,
		.destination_port = ntohs(key->ports_be[!in->initiator]),
		.protocol = flow_key_protocol(key),
		.is_ip4 = flow_key_is_ip4(key),
	};
	uint32_t matches[MATCHES_MAX];
	const bool is_shed = in->path->overload >= OVERLOAD_PATTERNS;
	uint64_t start = rte_rdtsc();
	unsigned count;

	count = rules_match(in->path->policy->rules, is_shed ? NULL : in->path->scratch->scratch,
			&in->path->findings, &context, matches, MATCHES_MAX,
			&counters->scanned_bytes);
	if (is_shed && in->packet->reason == REASON_INSPECTED)
		in->packet->reason = REASON_OVERLOAD_PATTERN;
	start = rte_rdtsc() - start;
	counters->scans += !is_shed;
	counters->scan_cycles_sum += start;
	counters_duration(counters->scan_cycles, start);
	counters->rule_matches += count;
	for (unsigned i = 0; i < count; i++)
		if (is_news_of_rule(in->reading, matches[i]))
			conclude_rule(in, matches[i]);
}

void inspect_look(const struct inspection *in, const struct sample *sample)
{
	struct findings *findings = &in->path->findings;

	findings->skips_headers = rules_reach(in->path->policy->rules, BUFFER_HTTP_HEADER) == 0;
	detect(sample, findings);
	in->path->counters.findings_full += findings->left_out;
	in->path->counters.undecrypted += findings->undecrypted;
	if (findings->app_proto != 0)
		in->details->app_proto = findings->app_proto;
	for (unsigned i = 0; i < findings->fact_count; i++)
		if (is_news_of_fact(in, &findings->facts[i]))
			conclude_fact(in, &findings->facts[i]);
	match_rules(in);
}

static bool is_spent(const struct inspection *in, unsigned side)
{
	const struct path_budget *budget = &in->path->budget;

	return in->details->inspected.packets[side] >= budget->packets ||
			in->details->inspected.bytes[side] >= budget->bytes;
}

static bool has_skype_form(const struct findings *findings)
{
	for (unsigned i = 0; i < findings->fact_count; i++)
		if (findings->facts[i].signal == SIGNAL_SKYPE_DATAGRAM ||
				findings->facts[i].signal == SIGNAL_SKYPE_PROBE)
			return true;
	return false;
}

// What goes to or from a gateway to the telephone network has no form (Bonfiglio et al. 2007).
static bool is_of_gateway(const struct flow_key *key)
{
	return key->ports_be[0] == htons(GATEWAY_PORT) || key->ports_be[1] == htons(GATEWAY_PORT);
}

// A flow may take over what its port is known for as long as each of its datagrams could be one of
// Skype's; what it took over only for its port it gives back with the first that could not.
static void follow_form(const struct inspection *in)
{
	const uint32_t borrowed = 1u << SIGNAL_SKYPE_PORT | 1u << SIGNAL_SKYPE_DATAGRAM;
	const struct flow_details *details = in->details;
	struct flow *flow = in->flow;
	unsigned packets = details->inspected.packets[0] + details->inspected.packets[1];

	if (has_skype_form(&in->path->findings) || is_of_gateway(&flow->key)) {
		if (packets == 1)
			flow->state |= FLOW_CANDIDATE;
	} else if ((flow->state & FLOW_CANDIDATE) != 0) {
		flow->state &= ~(unsigned)FLOW_CANDIDATE;
		if (flow->app == APP_SKYPE && (details->signals & ~borrowed) == 0)
			flow_judge(in->path->flows, flow, &(struct verdict){ 0 });
	}
}

static void inspect_datagram(const struct inspection *in)
{
	struct flow_details *details = in->details;
	struct packet *packet = in->packet;
	uint16_t left = in->path->budget.bytes - details->inspected.bytes[in->side];
	const struct sample sample = {
		.data = packet->payload,
		.length = packet->payload_length < left ? packet->payload_length : left,
		.full_length = (packet->flags & PACKET_TRUNCATED) == 0 ? packet->payload_length : 0,
		.source_port = ntohs(in->flow->key.ports_be[in->side]),
		.destination_port = ntohs(in->flow->key.ports_be[!in->side]),
		.protocol = packet->protocol,
		.is_ip4 = flow_key_is_ip4(&in->flow->key),
		.is_first = details->inspected.packets[in->side] == 0,
		.is_last = true,
		.is_from_initiator = in->side == in->initiator,
		.signals = details->signals,
	};

	if (is_spent(in, in->side)) {
		packet->reason = REASON_PAST;
		return;
	}
	if (!inspect_is_summed(in->burst, packet) &&
			!checksum_udp_is_right(packet, &in->flow->key)) {
		packet->reason = REASON_REFUSED;
		return;
	}
	details->inspected.packets[in->side]++;
	details->inspected.bytes[in->side] += sample.length;
	inspect_look(in, &sample);
	follow_form(in);
	if ((details->confidence == CONFIDENCE_CERTAIN && !in->path->findings.wants_more) ||
			(is_spent(in, 0) && is_spent(in, 1)))
		flow_stop_inspecting(details, in->flow);
}

static inline __attribute__((always_inline)) struct inspection inspection_of(
		struct path *path, const struct burst *burst, struct packet *packet)
{
	struct flow *flow = packet->flow;

	return (struct inspection){
		.path = path,
		.burst = burst,
		.packet = packet,
		.flow = flow,
		.details = flow_details(path->flows, flow),
		.side = (packet->flags & PACKET_FROM_SECOND) != 0,
		.initiator = (flow->state & FLOW_FROM_SECOND) != 0,
	};
}

static inline bool is_segment(const struct packet *packet)
{
	return packet->protocol == IPPROTO_TCP && packet->transport != 0;
}

static inline bool is_syn(const struct packet *packet)
{
	return (packet->tcp_flags & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN && is_segment(packet);
}

// An acknowledgement without a stream to enter it into changes nothing, and needs no look at the
// details.
static inline bool is_idle(const struct packet *packet)
{
	return packet->payload == NULL && (packet->flow->state & FLOW_STREAM) == 0 &&
			(packet->tcp_flags & (TH_SYN | TH_RST)) == 0 && is_segment(packet);
}

// A connection that other flows speak for is strong once it carries something.
static __attribute__((noinline)) void follow_payload(const struct inspection *in)
{
	const uint32_t spoken_for = 1u << SIGNAL_SKYPE_SAME_NODE | 1u << SIGNAL_SKYPE_CONNECTION;
	struct verdict verdict = flow_judgement(in->path->flows, in->flow);

	if (verdict.confidence != CONFIDENCE_WEAK || (verdict.signals & spoken_for) == 0)
		return;
	verdict.confidence = CONFIDENCE_STRONG;
	flow_judge(in->path->flows, in->flow, &verdict);
}

static void inspect(struct path *path, const struct burst *burst, struct packet *packet)
{
	const struct inspection in = inspection_of(path, burst, packet);

	if (is_segment(packet)) {
		inspect_segment(&in);
		if (packet->flow->app == APP_SKYPE && packet->payload != NULL)
			follow_payload(&in);
	} else if (packet->reason == REASON_INSPECTED) {
		inspect_datagram(&in);
	}
}

// A host that runs Skype opened a connection: when and where to, compared with others, tells more.
static __attribute__((noinline)) void tell_connection(
		struct path *path, const struct packet *packet)
{
	struct packet first = *packet;
	const struct inspection in = inspection_of(path, NULL, &first);
	const struct fact fact = { .is_observation = true };
	const struct conclusion conclusion = {
		.verdict = { .app = APP_SKYPE, .role = FLOW_ROLE_P2P },
		.signal = SIGNAL_SKYPE_CONNECTION,
		.fact = &fact,
	};

	first.time_ns = flow_start_ns(path->flows, in.details);
	send_evidence(&in, &conclusion);
}

// Takes over what the manager has published since the flow last asked.
static __attribute__((noinline)) void ask(
		struct path *path, const struct packet *packet, uint32_t generation)
{
	struct flow *flow = packet->flow;
	struct inheritance inheritance = { .verdict = flow_judgement(path->flows, flow) };

	inherit(path, flow, false, &inheritance);
	if (inheritance.is_whole)
		flow->generation = generation;
	flow_judge(path->flows, flow, &inheritance.verdict);
	if (inheritance.is_skype_client && (flow->state & FLOW_SYN) != 0 &&
			inheritance.verdict.confidence < CONFIDENCE_STRONG)
		tell_connection(path, packet);
}

// A flood of packets that are dear to look at must not slow down the others.
static void allow_decryptions(struct path *path, uint64_t now_ns)
{
	if (now_ns >> MILLISECOND_SHIFT == path->decryption_time)
		return;
	path->decryption_time = now_ns >> MILLISECOND_SHIFT;
	path->findings.decryptions_left = path->budget.decryptions;
}

// Whether there may be anything to take over: see inherit.h.
static bool may_inherit(const struct path *path, const struct flow *flow)
{
	if (flow_key_protocol(&flow->key) == IPPROTO_UDP)
		return (flow->state & FLOW_CANDIDATE) != 0;
	return published_may_know(path->published, flow->key.ends[0].address) ||
			published_may_know(path->published, flow->key.ends[1].address);
}

static inline void follow(struct path *path, const struct packet *packet, uint32_t generation)
{
	if (may_inherit(path, packet->flow))
		ask(path, packet, generation);
	else
		packet->flow->generation = generation;
}

static __attribute__((noinline)) void count_media(struct path *path, const struct packet *packet)
{
	if (path->media != NULL)
		media_count(path->media, path->flows, packet, path_number(path, packet));
}

void inspect_burst(struct path *path, struct burst *burst)
{
	uint32_t generation = path->published == NULL ? 0 : published_generation(path->published);

	allow_decryptions(path, burst->now_ns);
	for (unsigned i = 0; i < burst->open_count; i++) {
		struct packet *packet = &burst->packets[burst->open[i]];

		if (packet_is_readable(packet)) {
			if ((packet->flow->state & FLOW_INSPECTING) == 0)
				packet->reason = REASON_PAST;
			else if (is_syn(packet) ? !inspect_first_syn(path, burst, packet) :
						  !is_idle(packet))
				inspect(path, burst, packet);
		}
		if ((packet->flow->state & (FLOW_INSPECTING | FLOW_CANDIDATE)) != 0) {
			if (packet->flow->generation != (uint16_t)generation)
				follow(path, packet, generation);
			if (packet->flow->app == APP_SKYPE)
				count_media(path, packet);
		}
		packet->app = packet->flow->app;
	}
}
