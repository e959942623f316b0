// SPDX-License-Identifier: BSD-3-Clause
// A summary and the one before it, as lines of text.
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum {
	VIEW_ROWS_MAX = 200,
	VIEW_LINE_BYTES = 512,
};

struct view_line {
	bool is_title;
	char text[VIEW_LINE_BYTES];
};

struct view {
	int count;
	struct view_line lines[VIEW_ROWS_MAX];
};

// As many lines as there is room for, the most important first. `before` may be NULL: no rates.
void view_fill(struct view *view, const json_t *before, const json_t *now, int rows);
// The same in one line.
void view_log(char line[VIEW_LINE_BYTES], const json_t *before, const json_t *now);
