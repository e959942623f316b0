// SPDX-License-Identifier: BSD-3-Clause
// What two ends of one UDP flow said to each other. U1 to U8 are numbered as in the README.
#include "host/skype_state.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t ANSWER_NS = 10 * SECOND_NS;
static const uint64_t FRAGMENTS_NS = 60 * SECOND_NS;

static uint32_t ip4_of(const uint8_t address[16])
{
	return (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | address[14] << 8 |
			address[15];
}

static const char *ip4_text(uint32_t address, char text[INET_ADDRSTRLEN])
{
	snprintf(text, INET_ADDRSTRLEN, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
			address >> 8 & 0xff, address & 0xff);
	return text;
}

// The newest message of `side` with that number, sent within `window_ns`; NULL when there is none.
static const struct said *said_with_id(
		const struct exam *exam, unsigned side, uint16_t id, uint64_t window_ns)
{
	const struct dialogue_side *from = &exam->dialogue->sides[side];

	for (uint32_t i = 0; i < SAID && i < from->said_count; i++) {
		const struct said *said = &from->said[(from->said_count - 1 - i) % SAID];

		if (said->id == id && exam->seen->time_ns <= said->time_ns + window_ns)
			return said;
	}
	return NULL;
}

// The sender has answered the receiver: connections will go there.
static void note_answer(const struct exam *exam)
{
	const struct evidence *seen = exam->seen;

	skype_connection_note_node(
			exam->skype, seen->peer, seen->host, seen->host_port, seen->time_ns);
}

// A peer's word alone makes nobody a Skype host: it could answer any protocol in that way. With
// proof of the receiver's own it counts in full.
static void prove_receiver(const struct exam *exam, const struct proof *proof)
{
	struct proof own = *proof;

	if (exam->receiver == NULL || exam->receiver->certain_ns == 0)
		own.confidence = CONFIDENCE_STRONG;
	skype_prove(exam, OF_RECEIVER, &own);
}

// U1
static void examine_request(const struct exam *exam)
{
	static const char *const names[] = {
		[SKYPE_PROBE] = "probe",
		[SKYPE_PING] = "ping",
		[SKYPE_NODES_WANTED] = "asks for nodes",
	};
	enum skype_request request = skype_request_of(&exam->datagram);
	struct proof proof = { SIGNAL_SKYPE_PROBE, CONFIDENCE_CERTAIN,
		request == SKYPE_PROBE ? STEP_BOOTSTRAP + 1 : STEP_NETWORK_SETUP + 1, "" };

	if (request == SKYPE_NO_REQUEST)
		return;
	snprintf(proof.text, sizeof(proof.text), "%s, message %04x", names[request],
			exam->datagram.id);
	skype_prove(exam, OF_SENDER, &proof);
	if (request == SKYPE_PROBE)
		skype_node_asked(exam->skype, exam->seen);
}

// U2
static void examine_reply(const struct exam *exam)
{
	const struct dialogue_side *from = &exam->dialogue->sides[!exam->side];
	struct proof proof = { SIGNAL_SKYPE_REPLY, CONFIDENCE_CERTAIN, 0, "" };

	for (uint32_t i = 0; i < SAID && i < from->said_count; i++) {
		const struct said *said = &from->said[i];
		bool is_accepted = false;

		if (said->type != SKYPE_PAYLOAD ||
				exam->seen->time_ns > said->time_ns + ANSWER_NS ||
				!skype_is_reply(&exam->datagram, said->id, &is_accepted))
			continue;
		snprintf(proof.text, sizeof(proof.text), "%04x %s %04x", exam->datagram.id,
				is_accepted ? "accepts probe" : "answers message", said->id);
		skype_prove(exam, OF_SENDER, &proof);
		prove_receiver(exam, &proof);
		note_answer(exam);
		if (is_accepted)
			skype_node_accepted(exam->skype, exam->seen);
		return;
	}
}

// U5. The address is that of the receiver as the sender sees it: the receiver's own unless it is
// behind a NAT, and then the same for all that look at it from outside.
static void examine_ack(const struct exam *exam)
{
	const struct skype_datagram *datagram = &exam->datagram;
	struct proof proof = { SIGNAL_SKYPE_ACK, CONFIDENCE_STRONG, STEP_NETWORK_SETUP + 1, "" };
	char text[INET_ADDRSTRLEN];
	bool is_agreed;

	if (said_with_id(exam, !exam->side, datagram->id, ANSWER_NS) == NULL)
		return;
	is_agreed = exam->receiver != NULL &&
			skype_endpoint_viewed(exam->receiver, datagram->address, exam->sender_hash);
	if (datagram->address == ip4_of(exam->seen->peer) || is_agreed)
		proof.confidence = CONFIDENCE_CERTAIN;
	snprintf(proof.text, sizeof(proof.text), "%s of %04x names %s",
			datagram->type == SKYPE_NAK ? "NAK" : "ACK", datagram->id,
			ip4_text(datagram->address, text));
	if (is_agreed)
		skype_prove(exam, OF_RECEIVER, &proof);
	else
		prove_receiver(exam, &proof);
	if (proof.confidence == CONFIDENCE_CERTAIN) {
		host_describe(exam->skype->config.hosts, exam->seen->peer, true, APP_SKYPE,
				&(struct host_traits){ .public_ip4 = datagram->address });
		note_answer(exam);
	}
	proof.step = 0;
	skype_prove(exam, OF_SENDER, &proof);
}

static bool is_resend_of(const struct exam *exam, const struct said *said)
{
	const struct skype_trace message = {
		.id = said->id, .length = said->length, .crc = said->crc
	};
	const struct dialogue_side *peer = &exam->dialogue->sides[!exam->side];
	struct skype_datagram nak = {
		.type = SKYPE_NAK, .id = exam->datagram.id, .nonce = exam->datagram.nonce
	};

	// Where only one direction is seen, number, CRC, length and destination must do: 80 bits.
	if (peer->has_nak)
		nak = peer->nak;
	return skype_is_resend(&exam->datagram, &nak, &message, ip4_of(exam->seen->peer));
}

// U6
static void examine_resend(const struct exam *exam)
{
	const struct said *said = said_with_id(exam, exam->side, exam->datagram.id, ANSWER_NS);
	struct proof proof = { SIGNAL_SKYPE_RESEND, CONFIDENCE_CERTAIN, STEP_NETWORK_SETUP + 1,
		"" };

	if (said == NULL || !is_resend_of(exam, said))
		return;
	snprintf(proof.text, sizeof(proof.text), "message %04x again under the NAK's key",
			said->id);
	exam->sender->has_resend = true;
	skype_prove(exam, OF_SENDER, &proof);
	proof.step = 0;
	if (exam->dialogue->sides[!exam->side].has_nak)
		prove_receiver(exam, &proof);
}

// U7
static void examine_fragment(const struct exam *exam)
{
	const struct skype_datagram *datagram = &exam->datagram;
	struct dialogue_side *side = &exam->dialogue->sides[exam->side];
	struct proof proof = { SIGNAL_SKYPE_FRAGMENT, CONFIDENCE_STRONG, 0, "" };
	unsigned index = datagram->fragment & 0x7f;

	if (said_with_id(exam, !exam->side, datagram->request_id, FRAGMENTS_NS) == NULL)
		return;
	if (side->has_fragment && side->fragment_request == datagram->request_id &&
			index > side->fragment)
		proof.confidence = CONFIDENCE_CERTAIN;
	side->has_fragment = true;
	side->fragment_request = datagram->request_id;
	side->fragment = index;
	snprintf(proof.text, sizeof(proof.text), "part %u of the answer to %04x", index,
			datagram->request_id);
	skype_prove(exam, OF_SENDER, &proof);
	prove_receiver(exam, &proof);
}

// Two initialisation vectors are random: they differ in about 16 bits, and in fewer than 6 once in
// 10,000 times. Counters, times and constants of other protocols hardly ever do.
static bool is_new_iv(uint32_t one, uint32_t two)
{
	return __builtin_popcount(one ^ two) >= 6;
}

static bool is_between(uint64_t gap_ns, unsigned from_ms, unsigned to_ms)
{
	return gap_ns >= from_ms * UINT64_C(1000000) && gap_ns <= to_ms * UINT64_C(1000000);
}

// U8. After two seconds it could be anybody's timer; after two and then four it is Skype's.
static bool examine_retransmission(const struct exam *exam)
{
	const struct skype_datagram *datagram = &exam->datagram;
	const struct said *said = said_with_id(exam, exam->side, datagram->id, ANSWER_NS);
	struct proof proof = { SIGNAL_SKYPE_RETRANSMISSION, CONFIDENCE_STRONG, 0, "" };
	uint64_t gap_ns;
	bool is_second;

	if (said == NULL || said->type != SKYPE_PAYLOAD || said->crc != datagram->crc ||
			said->length != datagram->length || !is_new_iv(said->iv, datagram->iv))
		return false;
	gap_ns = exam->seen->time_ns - said->time_ns;
	is_second = is_between(gap_ns, 1900, 2200);
	if (!is_second && !is_between(gap_ns, 3800, 4200))
		return false;
	if (said->is_second && !is_second)
		proof.confidence = CONFIDENCE_CERTAIN;
	snprintf(proof.text, sizeof(proof.text), "message %04x again after %.2f s", said->id,
			(double)gap_ns / SECOND_NS);
	skype_prove(exam, OF_SENDER, &proof);
	return is_second;
}

static void remember(const struct exam *exam, bool is_second)
{
	const struct skype_datagram *datagram = &exam->datagram;
	struct dialogue_side *side = &exam->dialogue->sides[exam->side];

	if (datagram->type == SKYPE_NAK) {
		side->has_nak = true;
		side->nak = *datagram;
	}
	if (datagram->type == SKYPE_MEDIA)
		return;
	side->said[side->said_count++ % SAID] = (struct said){
		.time_ns = exam->seen->time_ns,
		.number = exam->seen->number,
		.crc = datagram->crc,
		.iv = datagram->iv,
		.id = datagram->id,
		.length = datagram->length,
		.type = datagram->type,
		.is_second = is_second,
	};
}

void skype_dialogue_examine(const struct exam *exam)
{
	bool is_second = false;

	switch (exam->datagram.type) {
	case SKYPE_PAYLOAD:
		examine_request(exam);
		examine_reply(exam);
		is_second = examine_retransmission(exam);
		break;
	case SKYPE_ACK:
	case SKYPE_NAK:
		examine_ack(exam);
		break;
	case SKYPE_RESEND:
		examine_resend(exam);
		break;
	case SKYPE_FRAGMENT:
		examine_fragment(exam);
		break;
	}
	remember(exam, is_second);
}
