// SPDX-License-Identifier: BSD-3-Clause
// The words that verdicts use: applications, confidence, roles, signals.
//
// Applications are numbered by name for as long as the process lives, so that a flow's number
// stays right across a reload. Thread: one at a time adds (who loads
// the rules); anyone may read names of numbers it got.
#pragma once

#include <stdint.h>

enum {
	APP_UNKNOWN = 0,
	APP_SKYPE = 1,
	APP_MAX = 256, // the first are built in
};

enum confidence {
	CONFIDENCE_NONE,
	CONFIDENCE_WEAK,
	CONFIDENCE_STRONG,
	CONFIDENCE_CERTAIN
};

enum role {
	FLOW_ROLE_NONE,
	FLOW_ROLE_VERSION_CHECK,
	FLOW_ROLE_LOGIN,
	FLOW_ROLE_P2P,
	FLOW_ROLE_CALL,
	FLOW_ROLE_FILE_TRANSFER,
	FLOW_ROLE_SERVICE,
	FLOW_ROLE_COUNT,
};

// What a piece of evidence shows. SIGNAL(NAME, "label", "in words").
enum signal {
#define SIGNAL(name, label, words) SIGNAL_##name,
#include "signals.def"
#undef SIGNAL
	SIGNAL_COUNT,
};

// The number of `name`, which is [a-z0-9._-], 1 to 31 characters; a new one if it has none yet.
// -1 with errno EINVAL (not a name) or ENOSPC (all APP_MAX are taken).
int application_number(const char *name);
// Never NULL; "unknown" for 0 and for numbers that were never given out.
const char *application_name(uint8_t number);
int application_count(void);

const char *confidence_name(enum confidence confidence); // "none", "weak", "strong", "certain"
int confidence_of(const char *name); // -1 when it is none of weak, strong, certain
const char *role_name(enum role role); // NULL for FLOW_ROLE_NONE
int role_of(const char *name); // -1 when there is no such role
const char *signal_name(enum signal signal);
const char *signal_words(enum signal signal);
