// SPDX-License-Identifier: BSD-3-Clause
// The one table of configuration keys, for what reads it, prints it and documents it.
#pragma once

#include "options.h"

// One key. Its parser writes what it finds at `offset` of struct options.
struct option {
	const char *key; // dotted
	void (*parse)(struct options *options, const struct option *option,
			const struct yaml_node *node, struct complaints *complaints);
	size_t offset;
	unsigned long low, high; // of a number; a duration's in milliseconds
	const char *word; // stands for OPTIONS_AUTO or NULL
	const char *const *words; // their index is the value
	enum yaml_kind kind; // of a node that is kept as it is
	const char *fallback; // as it would stand in the file
	const char *range; // in words, where low, high and words do not tell
	const char *help;
	bool names_files; // relative ones start where the file is that names them
	bool is_runtime; // a reload takes it over; others need a restart
};

// Every key, in the order of config/wiretag.yaml; keys of one map stand together.
const struct option *options_table(unsigned *count);
// What may be written, in words: "auto or 1 to 64", "inline, tap".
void option_print_range(const struct option *option, FILE *stream);
