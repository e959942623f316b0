// SPDX-License-Identifier: BSD-3-Clause
// YAML files as trees with the place of every node, and all complaints about them.
//
// Thread: the manager. A complaint is `file:line:col: message`; complaints are collected, so that
// one run shows all that is wrong.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct complaints {
	char **lines; // "file:line:col: message", without a newline
	unsigned count;
};

void complaints_fini(struct complaints *complaints);
void complaints_print(const struct complaints *complaints, FILE *stream);
// A complaint about something that is no place in a file.
__attribute__((format(printf, 2, 3))) void complain(
		struct complaints *complaints, const char *format, ...);

struct yaml_file;
struct yaml_node; // a borrowed reference, valid while its file is

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP
};

// NULL after a complaint: unreadable, over 16 MiB, not YAML, more than one document, duplicate keys,
// text with a NUL byte, aliases that loop, nested deeper than 64, over 4 million nodes with aliases
// written out (so walking a tree is bounded).
// An empty file is an empty map. Free with yaml_close().
struct yaml_file *yaml_open(const char *path, struct complaints *complaints);
// The same from memory, for tests and fuzzing; `name` stands in for the path.
struct yaml_file *yaml_parse(
		const char *text, size_t length, const char *name, struct complaints *complaints);
void yaml_close(struct yaml_file *file);

const struct yaml_node *yaml_root(const struct yaml_file *file);
enum yaml_kind yaml_kind(const struct yaml_node *node);
// A scalar's text, never NULL, "" for lists and maps.
const char *yaml_text(const struct yaml_node *node);
// Items of a list, or pairs of a map.
unsigned yaml_count(const struct yaml_node *node);
const struct yaml_node *yaml_item(const struct yaml_node *list, unsigned index);
const struct yaml_node *yaml_key(const struct yaml_node *map, unsigned index);
const struct yaml_node *yaml_value(const struct yaml_node *map, unsigned index);
// The value of `key` in a map, or NULL.
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
// Whether both say the same; the keys of a map may stand in any order.
bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b);

// Where a node is written; of an alias, where its anchor is.
struct yaml_place {
	const char *file; // as long as the file is open
	unsigned line, column; // from 1
};
struct yaml_place yaml_place(const struct yaml_node *node);

// A complaint about the place of `node`.
__attribute__((format(printf, 3, 4))) void yaml_complain(struct complaints *complaints,
		const struct yaml_node *node, const char *format, ...);
// Complains unless `node` is of `kind`; says what it should be. True when it is.
bool yaml_expect(struct complaints *complaints, const struct yaml_node *node, enum yaml_kind kind);
// Complains that `node` is no word of `words` (NULL-terminated), names the nearest and all of them.
void yaml_complain_word(struct complaints *complaints, const struct yaml_node *node,
		const char *what, const char *const *words);
// A decimal number from `low` to `high`; complains and returns false otherwise.
bool yaml_number(struct complaints *complaints, const struct yaml_node *node, unsigned long low,
		unsigned long high, unsigned long *number);
