// SPDX-License-Identifier: BSD-3-Clause
// What the command line asks for.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct request {
	const char *socket;
	json_t *arguments; // of the command, for wiretag
	json_int_t count; // 0: none given
	json_int_t limit; // likewise
	bool is_json, is_batch;
};
