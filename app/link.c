// SPDX-License-Identifier: BSD-3-Clause
#include "link.h"

void link_start(struct link_pair *pair, bool is_up, bool is_other_up, uint64_t now_ms)
{
	pair->held = -1;
	pair->turn_ms = now_ms;
	for (unsigned side = 0; side < 2; side++) {
		struct link_side *s = &pair->sides[side];

		s->is_up = side == 0 ? is_up : is_other_up;
		s->since_ms = now_ms;
		s->believed_ms = s->is_up ? now_ms : now_ms + LINK_ECHO_MS;
	}
}

void link_see(struct link_pair *pair, unsigned side, bool is_up, uint64_t now_ms)
{
	struct link_side *s = &pair->sides[side];

	if (s->is_up == is_up) {
		if (is_up && now_ms - s->since_ms >= LINK_STEADY_MS)
			s->believed_ms = now_ms;
		return;
	}
	s->is_up = is_up;
	s->since_ms = now_ms;
	s->changes++;
}

static bool is_settled(const struct link_side *side, bool is_up, uint64_t now_ms)
{
	return side->is_up == is_up && now_ms - side->since_ms >= LINK_DEBOUNCE_MS;
}

static enum link_step release(struct link_pair *pair, uint64_t now_ms, unsigned *side)
{
	*side = pair->held;
	if (!is_settled(&pair->sides[1 - *side], true, now_ms))
		return LINK_KEEP;
	pair->held = -1;
	pair->turn_ms = now_ms + LINK_TURN_MS;
	pair->sides[*side].believed_ms = now_ms + LINK_ECHO_MS;
	return LINK_RELEASE;
}

enum link_step link_decide(struct link_pair *pair, uint64_t now_ms, unsigned *side)
{
	if (now_ms < pair->turn_ms)
		return LINK_KEEP;
	if (pair->held >= 0)
		return release(pair, now_ms, side);
	for (unsigned lost = 0; lost < 2; lost++) {
		const struct link_side *s = &pair->sides[lost], *other = &pair->sides[1 - lost];

		if (!is_settled(s, false, now_ms) || now_ms < s->believed_ms || !other->is_up ||
				other->is_fixed)
			continue;
		pair->held = *side = 1 - lost;
		pair->turn_ms = now_ms + LINK_TURN_MS;
		return LINK_HOLD;
	}
	return LINK_KEEP;
}

void link_refused(struct link_pair *pair, unsigned side)
{
	pair->sides[side].is_fixed = true;
	pair->held = -1;
}
