// SPDX-License-Identifier: BSD-3-Clause
// Skype's TCP connections (2003 to 2017): what the first bytes of a direction prove, as facts.
//
// The login servers' greeting by itself is strong: an empty record is odd, not impossible. Their
// answer in the same flow makes it certain; without the greeting it says nothing.
#include "detect/detect.h"
#include "detect/skype_stream.h"

#include <assert.h>
#include <netinet/in.h>

enum {
	TEXT_BYTES = 16, // shown of what was seen
	KEY_EXCHANGE_DECIDED = 53, // as T5 and T6 without a hello in front
	RECORD_BYTES = 5,
	ANSWER_BYTES = 79,
};

static struct fact *add(struct findings *findings, const struct sample *sample, enum signal signal,
		enum confidence confidence)
{
	static const char digits[] = "0123456789abcdef";
	bool is_login = signal == SIGNAL_SKYPE_LOGIN || signal == SIGNAL_SKYPE_LOGIN_REQUEST;
	struct fact *fact = findings_add_fact(findings);

	if (fact == NULL)
		return NULL;
	fact->signal = signal;
	fact->app = APP_SKYPE;
	fact->confidence = confidence;
	fact->role = is_login ? FLOW_ROLE_LOGIN : FLOW_ROLE_P2P;
	for (unsigned i = 0; i < TEXT_BYTES && i < sample->length; i++) {
		fact->text[fact->text_length++] = digits[sample->data[i] >> 4];
		fact->text[fact->text_length++] = digits[sample->data[i] & 0xf];
	}
	return fact;
}
static_assert(2 * TEXT_BYTES <= FACT_TEXT_BYTES, "the text fits");

static void prove(const struct sample *sample, struct findings *findings)
{
	static const struct {
		bool (*holds)(const uint8_t *data, size_t length);
		enum signal signal;
		bool is_joining; // only clients say it, and only to a node
	} proofs[] = {
		{ skype_is_fake_hello, SIGNAL_SKYPE_FAKE_HELLO, true },
		{ skype_is_fake_answer, SIGNAL_SKYPE_FAKE_ANSWER, false },
		{ skype_is_login_request, SIGNAL_SKYPE_LOGIN_REQUEST, false },
		{ skype_reuses_key_stream, SIGNAL_SKYPE_KEY_STREAM, false },
		{ skype_reuses_key_stream_unpadded, SIGNAL_SKYPE_KEY_STREAM, true },
		{ skype_pads_key_exchange, SIGNAL_SKYPE_KEY_EXCHANGE, false },
	};

	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		struct fact *fact;

		if (!proofs[i].holds(sample->data, sample->length))
			continue;
		fact = add(findings, sample, proofs[i].signal, CONFIDENCE_CERTAIN);
		if (fact != NULL)
			fact->is_joining = proofs[i].is_joining && sample->is_from_initiator;
	}
	if (skype_pads_key_exchange_briefly(sample->data, sample->length))
		add(findings, sample, SIGNAL_SKYPE_KEY_EXCHANGE, CONFIDENCE_WEAK);
}

// Only records follow a greeting: scanners send empty ones in front of something else.
static bool is_followed_by_record(const struct sample *sample)
{
	for (size_t i = RECORD_BYTES; i < RECORD_BYTES + 3 && i < sample->length; i++)
		if (sample->data[i] != sample->data[i - RECORD_BYTES])
			return false;
	return true;
}

static void greet(const struct sample *sample, struct findings *findings)
{
	if (skype_is_login_greeting(sample->data, sample->length) && is_followed_by_record(sample))
		add(findings, sample, SIGNAL_SKYPE_LOGIN, CONFIDENCE_STRONG);
	if (skype_is_login_answer(sample->data, sample->length) &&
			(sample->signals & 1u << SIGNAL_SKYPE_LOGIN) != 0)
		add(findings, sample, SIGNAL_SKYPE_LOGIN, CONFIDENCE_CERTAIN);
}

// How many bytes decide: behind a hello, an answer or a greeting more may follow.
static size_t decided_at(const struct sample *sample)
{
	const uint8_t *data = sample->data;
	const size_t length = sample->length;

	if (skype_is_fake_hello(data, length) || skype_is_fake_answer(data, length) ||
			skype_is_login_greeting(data, length))
		return SKYPE_STREAM_BYTES;
	if (length < KEY_EXCHANGE_DECIDED)
		return KEY_EXCHANGE_DECIDED;
	// Anything that begins as a TLS hello or its answer; few others are as short.
	if (data[0] == 0x80 || data[0] == 0x16)
		return ANSWER_BYTES;
	return 0;
}

static __attribute__((noinline)) enum match look(
		const struct sample *sample, struct findings *findings)
{
	const uint8_t facts = findings->fact_count;

	prove(sample, findings);
	greet(sample, findings);
	if (sample->length < decided_at(sample) && !sample->is_last) {
		findings_want(findings, sample->length + 1);
		return MATCH_MORE;
	}
	return findings->fact_count > facts ? MATCH_YES : MATCH_NO;
}

static enum match skype_tcp_match(const struct sample *sample, struct findings *findings)
{
	if (!sample->is_first ||
			(sample->length >= KEY_EXCHANGE_DECIDED &&
					!skype_stream_may_prove(sample->data, sample->length)))
		return MATCH_NO;
	return look(sample, findings);
}

const struct detector detector_skype_tcp = {
	.name = "skype_tcp",
	.protocol = IPPROTO_TCP,
	.match = skype_tcp_match,
};
