// SPDX-License-Identifier: BSD-3-Clause
// Text that grows while it is written.
//
// A zeroed struct is empty. When memory runs out the rest is left out and text_error() says so, so
// that writers need one check at the end. Not on the packet's path.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; // terminated; NULL while nothing was written
	size_t length; // without the terminator
	size_t capacity;
	bool failed;
};

void text_fini(struct text *text);
// Empties it and keeps the memory.
void text_clear(struct text *text);

void text_add(struct text *text, const char *string);
__attribute__((format(printf, 2, 3))) void text_printf(struct text *text, const char *format, ...);
// Adds `string` with \ before \ and ", and \n for a newline: what goes between the quotes of a
// Prometheus label.
void text_escape(struct text *text, const char *string);

// 0, or -ENOMEM when something was left out.
int text_error(const struct text *text);
