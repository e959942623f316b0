// SPDX-License-Identifier: BSD-3-Clause
// One question and what may answer it. For control*.c only.
#pragma once

#include "control_answer.h"

// One request being answered.
struct question {
	const struct control_source *source;
	const struct snapshot *snapshot; // of this moment
	const json_t *arguments; // NULL: none
	struct answer *answer;
};

// What an answer's message is; NULL when memory ran out.
typedef json_t *answer_writer(const struct question *q);

answer_writer answer_status, answer_pairs, answer_workers, answer_apps, answer_drops;
answer_writer answer_flows;
answer_writer answer_summary; // all of these and more, bounded: what a screen shows

// What is wrong with the request.
json_t *refuse(const struct question *q, const char *why);
// A list's element for each application of the host.
void add_host(json_t *items, const struct host *host);
