// SPDX-License-Identifier: BSD-3-Clause
#include "options_print.h"

#include "options_files.h"
#include "options_table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void options_help(FILE *stream)
{
	unsigned count;
	const struct option *table = options_table(&count);

	for (unsigned i = 0; i < count; i++) {
		fprintf(stream, "  %s: %s    # ", table[i].key, table[i].fallback);
		option_print_range(&table[i], stream);
		if (table[i].is_runtime)
			fputs("; taken over by a reload", stream);
		fprintf(stream, "\n        %s\n", table[i].help);
	}
}

// Without what scdoc takes for markup.
static void print_escaped(FILE *stream, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\_*#[]", *text) != NULL)
			fputc('\\', stream);
		fputc(*text, stream);
	}
}

void options_manual(FILE *stream)
{
	unsigned count;
	const struct option *table = options_table(&count);

	for (unsigned i = 0; i < count; i++) {
		char *range = NULL;
		size_t size;
		FILE *memory = open_memstream(&range, &size);

		if (memory == NULL)
			return;
		option_print_range(&table[i], memory);
		fclose(memory);
		fputc('*', stream);
		print_escaped(stream, table[i].key);
		fputs("*: ", stream);
		print_escaped(stream, range);
		fputs("++\n", stream);
		free(range);
		fputs("Default: ", stream);
		print_escaped(stream, table[i].fallback);
		fputs(table[i].is_runtime ? ". Taken over by a reload.++\n" : ".++\n", stream);
		print_escaped(stream, table[i].help);
		fputs(".\n\n", stream);
	}
}

static void print_text(FILE *stream, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./";

	if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
		fputs(text, stream);
		return;
	}
	fputc('"', stream);
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ')
			fprintf(stream, "\\x%02x", *text);
		else
			fprintf(stream, "%s%c", strchr("\\\"", *text) != NULL ? "\\" : "", *text);
	}
	fputc('"', stream);
}

// In flow style, on one line: whatever the file's own style was.
static void print_node(FILE *stream, const struct yaml_node *node)
{
	const bool is_map = yaml_kind(node) == YAML_MAP;

	if (yaml_kind(node) == YAML_SCALAR) {
		print_text(stream, yaml_text(node));
		return;
	}
	fputc(is_map ? '{' : '[', stream);
	for (unsigned i = 0; i < yaml_count(node); i++) {
		fputs(i == 0 ? "" : ", ", stream);
		if (is_map) {
			print_node(stream, yaml_key(node, i));
			fputs(": ", stream);
		}
		print_node(stream, is_map ? yaml_value(node, i) : yaml_item(node, i));
	}
	fputc(is_map ? '}' : ']', stream);
}

// From the root on, so that it is the same file wherever the dump lies.
static void print_path(FILE *stream, const struct yaml_node *node)
{
	char path[PATH_MAX], here[PATH_MAX], whole[2 * PATH_MAX];

	files_resolve(node, path);
	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL) {
		print_text(stream, path);
		return;
	}
	snprintf(whole, sizeof(whole), "%s/%s", here, path);
	print_text(stream, whole);
}

static void print_files(FILE *stream, const struct option *option, const struct yaml_node *node)
{
	if (yaml_kind(node) == YAML_SCALAR) {
		if (option->word != NULL && strcmp(yaml_text(node), option->word) == 0)
			print_text(stream, option->word);
		else
			print_path(stream, node);
		return;
	}
	fputc('[', stream);
	for (unsigned i = 0; i < yaml_count(node); i++) {
		fputs(i == 0 ? "" : ", ", stream);
		print_path(stream, yaml_item(node, i));
	}
	fputc(']', stream);
}

void options_dump(const struct options *options, FILE *stream)
{
	unsigned count;
	const struct option *table = options_table(&count);

	for (unsigned i = 0; i < count; i++) {
		// What was included is all there.
		if (strcmp(table[i].key, "include") == 0)
			continue;
		fprintf(stream, "%s: ", table[i].key);
		if (table[i].names_files)
			print_files(stream, &table[i], options->values[i]);
		else
			print_node(stream, options->values[i]);
		fputc('\n', stream);
	}
}
