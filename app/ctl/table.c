// SPDX-License-Identifier: BSD-3-Clause
#include "table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	TEXT_MAX = 60, // characters of a text in a table
};

const json_t *value_of(const json_t *object, const char *key)
{
	char name[CELL_BYTES];

	for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
		object = json_object_get(object, name);
	}
	return json_object_get(object, key);
}

const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(value_of(object, key));

	return text == NULL ? "" : text;
}

json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(value_of(object, key));
}

void format_number(char cell[CELL_BYTES], json_int_t number)
{
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, number), out = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
			cell[out++] = ',';
		cell[out++] = digits[i];
	}
	cell[out] = '\0';
}

void format_bytes(char cell[CELL_BYTES], json_int_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double number = bytes;
	unsigned unit = 0;

	for (; number >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		number /= 1000;
	snprintf(cell, CELL_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

void format_rate(char cell[CELL_BYTES], double number, const char *unit)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T" };
	unsigned prefix = 0;

	for (; number >= 1000 && prefix + 1 < sizeof(prefixes) / sizeof(prefixes[0]); prefix++)
		number /= 1000;
	snprintf(cell, CELL_BYTES, prefix == 0 ? "%.0f %s%s" : "%.2f %s%s", number,
			prefixes[prefix], unit);
}

static void format_cell(char cell[CELL_BYTES], const struct column *column, const json_t *row)
{
	const json_t *value = value_of(row, column->key);
	json_int_t of;

	switch (column->kind) {
	case KIND_NUMBER:
		format_number(cell, json_integer_value(value));
		break;
	case KIND_ID:
		snprintf(cell, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		if (json_integer_value(value) == 0)
			cell[0] = '\0';
		break;
	case KIND_BYTES:
		format_bytes(cell, json_integer_value(value));
		break;
	case KIND_YES:
		snprintf(cell, CELL_BYTES, "%s",
				json_is_true(value) || json_integer_value(value) != 0 ? "yes" :
											"no");
		break;
	case KIND_SHARE:
		of = number_of(row, column->of);
		snprintf(cell, CELL_BYTES, "%.1f %%",
				of == 0 ? 0.0 : 100.0 * json_integer_value(value) / of);
		break;
	default:
		snprintf(cell, CELL_BYTES, "%.*s", TEXT_MAX, string_of(row, column->key));
	}
}

static bool is_left(enum kind kind)
{
	return kind == KIND_TEXT || kind == KIND_YES || kind == KIND_REST;
}

static void print_cell(const struct column *column, const char *text, int width)
{
	if (column->kind == KIND_REST)
		fputs(text, stdout);
	else
		printf("%*s", is_left(column->kind) ? -width : width, text);
	putchar(column[1].kind == KIND_END ? '\n' : ' ');
	if (column[1].kind != KIND_END)
		putchar(' ');
}

void print_table(const struct column *columns, const json_t *rows)
{
	int widths[COLUMNS_MAX] = { 0 };
	char cell[CELL_BYTES];
	const json_t *row;
	size_t index;

	for (int i = 0; columns[i].kind != KIND_END; i++) {
		widths[i] = strlen(columns[i].title);
		json_array_foreach(rows, index, row)
		{
			format_cell(cell, &columns[i], row);
			if ((int)strlen(cell) > widths[i])
				widths[i] = strlen(cell);
		}
	}
	for (int i = 0; columns[i].kind != KIND_END; i++)
		print_cell(&columns[i], columns[i].title, widths[i]);
	json_array_foreach(rows, index, row)
	{
		for (int i = 0; columns[i].kind != KIND_END; i++) {
			format_cell(cell, &columns[i], row);
			print_cell(&columns[i],
					columns[i].kind == KIND_REST ?
							string_of(row, columns[i].key) :
							cell,
					widths[i]);
		}
	}
}
