// SPDX-License-Identifier: BSD-3-Clause
// Payload to findings: what a message says, in values that rules can name, and facts of our own.
//
// Detectors are pure: they read the sample, append to the findings, keep no state and allocate
// nothing. Adding one is one new file and one line in detectors.def.
#pragma once

#include "application.h"
#include "evidence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where a rule may look.
enum buffer {
#define BUFFER(name, label, signal) BUFFER_##name,
#include "detect/buffers.def"
#undef BUFFER
	BUFFER_COUNT,
};

enum {
	VALUES_MAX = 72, // a request line, a host, a user agent and 64 header lines
	FACTS_MAX = 4,
	STORE_BYTES = 2048, // for values that had to be rewritten
	PAYLOAD_MAX = 2048, // bytes of a direction that BUFFER_PAYLOAD shows
	FACT_VERSION_BYTES = 16,
	FACT_TEXT_BYTES = 40,
};

// The first bytes of one side of a flow, or of a later message of it.
struct sample {
	const uint8_t *data;
	uint16_t length;
	uint16_t full_length; // of the payload, of which `length` bytes are shown; 0: not known
	uint16_t source_port, destination_port;
	uint8_t protocol; // IANA number
	bool is_first; // nothing was sent before in this direction; else a later message begins
	bool is_last; // no more of it will be shown, whether there is more or not
	bool is_from_initiator;
	uint8_t app_proto; // of the flow so far, as in findings
	uint32_t signals; // 1 << enum signal, of the flow so far
	bool is_ip4;
};

struct value {
	const uint8_t *data; // in the sample or in the findings' store
	uint16_t length;
	uint8_t buffer; // enum buffer
};

// What a detector knows by itself, without a rule.
struct fact {
	uint8_t signal; // enum signal
	uint8_t app;
	uint8_t confidence; // enum confidence
	uint8_t role; // enum role
	uint8_t version_length;
	uint8_t text_length;
	bool is_joining; // whoever sent it joins the node that it was sent to
	bool is_observation; // to be judged by the manager; CONFIDENCE_NONE: by it alone
	bool has_client; // `client` is told besides
	char version[FACT_VERSION_BYTES]; // of the application, printable ASCII
	struct client_facts client;
	union {
		char text[FACT_TEXT_BYTES]; // what was seen, printable ASCII, cut to fit
		struct observation observation; // is_observation
	};
};

// How a direction goes on behind a message's head.
enum framing {
	FRAMING_NONE, // no head, or it is not complete
	FRAMING_LENGTH, // `body_length` bytes, then the next message
	FRAMING_CHUNKED, // chunks, a trailer section, then the next message
	FRAMING_LEAVE, // nothing behind it can be read
	FRAMING_PLACES = 3,
	// With LENGTH or CHUNKED: then the next message, if the answer does not accept
	FRAMING_TUNNEL = 1 << 2, // CONNECT
	FRAMING_UPGRADE = 1 << 3,
};

// What the detectors made of one sample. Large: one per worker, used again and again.
struct findings {
	uint8_t value_count;
	uint8_t fact_count;
	uint8_t app_proto; // index + 1 of the detector that recognised the protocol; 0: none
	bool wants_more; // some detector has not seen all that it looks for
	bool wants_head_end; // one of them waits for an empty line
	uint8_t framing; // enum framing
	uint16_t wanted; // shortest sample that could tell more; UINT16_MAX: not known
	uint32_t head_length; // bytes, unless FRAMING_NONE
	uint32_t body_length;
	uint16_t stored; // bytes of the store in use
	uint16_t left_out; // values and facts that had no room
	uint16_t undecrypted; // packets that had to stay so
	// What decryption costs is bounded by the owner, who sets this from time to time: packets.
	uint32_t decryptions_left;
	struct value values[VALUES_MAX];
	struct fact facts[FACTS_MAX];
	uint8_t store[STORE_BYTES];
	bool skips_headers; // nobody looks at BUFFER_HTTP_HEADER, which then has no values. The owner's
	uint32_t off; // 1 << DETECTOR_x: left out. The owner's, for comparisons
};

enum match {
	MATCH_NO, // not this detector's protocol, and never will be
	MATCH_MORE, // could be: too few bytes to tell
	MATCH_YES, // recognised; values and facts were appended
};

struct detector {
	const char *name; // as in detectors.def
	const char *app_proto; // protocol name in flow records when it says MATCH_YES; NULL: adds nothing
	uint8_t protocol; // IPPROTO_TCP, IPPROTO_UDP, or 0 for both
	enum match (*match)(const struct sample *sample, struct findings *findings);
};

enum {
#define DETECTOR(name) DETECTOR_##name,
#include "detect/detectors.def"
#undef DETECTOR
	DETECTOR_COUNT,
};
extern const struct detector *const detectors[DETECTOR_COUNT];

#define DETECTOR(name) extern const struct detector detector_##name;
#include "detect/detectors.def"
#undef DETECTOR

// Clears the findings and shows the sample to every detector of its protocol in turn. The first
// value is always BUFFER_PAYLOAD: of a direction's beginning only, and of its head only when that is
// known, so that it does not matter how the bytes were cut. Packet path: linear in the sample's length.
void detect(const struct sample *sample, struct findings *findings);

// "http" for the `app_proto` of findings and flow records; NULL for 0.
const char *detect_app_proto_name(uint8_t app_proto);

static inline void findings_clear(struct findings *findings)
{
	findings->value_count = 0;
	findings->fact_count = 0;
	findings->app_proto = 0;
	findings->wants_more = false;
	findings->wants_head_end = false;
	findings->framing = FRAMING_NONE;
	findings->wanted = UINT16_MAX;
	findings->stored = 0;
	findings->left_out = 0;
	findings->undecrypted = 0;
}

// A detector that says MATCH_MORE can tell more from samples of `length` bytes on.
static inline void findings_want(struct findings *findings, size_t length)
{
	if (length < findings->wanted)
		findings->wanted = length;
}

// Appends a value; false when there is no room, and then it is left out and counted.
bool findings_add(
		struct findings *findings, enum buffer buffer, const uint8_t *data, size_t length);
// A zeroed fact to fill in; NULL when there is no room, and then it is counted as left out.
struct fact *findings_add_fact(struct findings *findings);
// The first value of `buffer`, or NULL.
const struct value *findings_get(const struct findings *findings, enum buffer buffer);
// Copies printable ASCII to `text` (not terminated), '.' for the rest; returns the bytes written.
uint8_t findings_printable(char *text, size_t size, const uint8_t *data, size_t length);
