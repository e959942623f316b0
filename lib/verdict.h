// SPDX-License-Identifier: BSD-3-Clause
// What a flow is taken for.
#pragma once

#include "application.h"

#include <stdbool.h>
#include <stdint.h>

struct verdict {
	uint8_t app;
	uint8_t confidence; // enum confidence
	uint8_t role; // enum role
	uint32_t signals; // 1 << enum signal, of the evidence that it rests on
};

// What some flows between peers turn out to carry.
static inline bool is_media_role(uint8_t role)
{
	return role == FLOW_ROLE_CALL || role == FLOW_ROLE_FILE_TRANSFER;
}

// The strongest names the application; others of the same application add their part.
static inline void verdict_add(struct verdict *verdict, const struct verdict *other)
{
	if (other->confidence > verdict->confidence) {
		if (verdict->app != other->app)
			*verdict = (struct verdict){ .app = other->app };
		verdict->confidence = other->confidence;
	}
	if (verdict->app == other->app) {
		verdict->signals |= other->signals;
		if (verdict->role == FLOW_ROLE_NONE ||
				(verdict->role == FLOW_ROLE_P2P && is_media_role(other->role)))
			verdict->role = other->role;
	}
}
