// SPDX-License-Identifier: BSD-3-Clause
// Answers as tables for people.
#pragma once

#include <jansson.h>

enum {
	COLUMNS_MAX = 16, // with the KIND_END behind them
	CELL_BYTES = 64,
};

enum kind {
	KIND_END,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_ID, // a number by which something is called; nothing for 0
	KIND_BYTES,
	KIND_YES, // or no
	KIND_SHARE, // of another number, in percent
	KIND_REST, // text, the last column, whole
};

struct column {
	const char *title, *key; // "flow.start": `start` inside of `flow`
	enum kind kind;
	const char *of;
};

// What stands at a key, of objects inside of objects too; NULL: nothing.
const json_t *value_of(const json_t *object, const char *key);
// "" and 0 when there is nothing, or something else.
const char *string_of(const json_t *object, const char *key);
json_int_t number_of(const json_t *object, const char *key);

void format_number(char cell[CELL_BYTES], json_int_t number); // 1234567 as 1,234,567
void format_bytes(char cell[CELL_BYTES], json_int_t bytes); // 1234567 as 1.2 MB
// 1234567 as 1.23 M, for a `unit` such as "bit/s" behind it.
void format_rate(char cell[CELL_BYTES], double number, const char *unit);

// `columns` end with KIND_END.
void print_table(const struct column *columns, const json_t *rows);
