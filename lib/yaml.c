// SPDX-License-Identifier: BSD-3-Clause
#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// libyaml's header has the name of ours, which the compiler would find first.
#include <../include/yaml.h>

enum {
	FILE_BYTES_MAX = 16 << 20,
	DEPTH_MAX = 64,
	WEIGHT_MAX = 1 << 22, // nodes, aliases written out
	WORD_BYTES = 64, // of a word that a nearest one is looked for
	SHOWN_BYTES = 60, // of the user's text in a complaint
};

struct yaml_node {
	const struct yaml_file *file;
	const yaml_node_t *raw; // NULL: the empty map that an empty file is
	uint32_t weight; // nodes at and below this one, aliases written out; 0: not known yet
	uint8_t height; // longest way down
	bool is_open; // its children are being weighed
};

struct yaml_file {
	char *name;
	yaml_document_t document;
	unsigned count;
	struct yaml_node *nodes; // [count], the document's in its order
	struct yaml_node empty;
};

// Stands in where there is no memory for the first complaint: a file at fault must not pass.
static char no_memory_line[] = "no memory for complaints";
static char *no_memory_lines[] = { no_memory_line };

static void complaints_add(struct complaints *complaints, char *line)
{
	char **lines = complaints->lines;
	unsigned count = complaints->count;

	if (line == NULL || lines == no_memory_lines)
		goto err_line;
	// Room doubles at each power of two.
	if ((count & (count - 1)) == 0)
		lines = reallocarray(lines, count == 0 ? 1 : 2 * (size_t)count, sizeof(*lines));
	if (lines == NULL)
		goto err_line;
	// One line each, whatever the user wrote.
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	lines[count] = line;
	complaints->lines = lines;
	complaints->count = count + 1;
	return;

err_line:
	free(line);
	if (complaints->count == 0) {
		complaints->lines = no_memory_lines;
		complaints->count = 1;
	}
}

void complaints_fini(struct complaints *complaints)
{
	if (complaints->lines != no_memory_lines) {
		for (unsigned i = 0; i < complaints->count; i++)
			free(complaints->lines[i]);
		free(complaints->lines);
	}
	*complaints = (struct complaints){ 0 };
}

void complaints_print(const struct complaints *complaints, FILE *stream)
{
	for (unsigned i = 0; i < complaints->count; i++)
		fprintf(stream, "%s\n", complaints->lines[i]);
}

static char *format_line(const char *format, va_list arguments)
{
	char *line;

	return vasprintf(&line, format, arguments) < 0 ? NULL : line;
}

void complain(struct complaints *complaints, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complaints_add(complaints, format_line(format, arguments));
	va_end(arguments);
}

void yaml_complain(struct complaints *complaints, const struct yaml_node *node, const char *format,
		...)
{
	struct yaml_place place = yaml_place(node);
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = format_line(format, arguments);
	va_end(arguments);
	if (message == NULL)
		complaints_add(complaints, NULL);
	else
		complain(complaints, "%s:%u:%u: %s", place.file, place.line, place.column, message);
	free(message);
}

// The whole of `stream` and one byte more than is allowed at most. NULL with errno.
static char *read_all(FILE *stream, size_t *length)
{
	size_t room = 0;
	char *text = NULL;
	char *larger;

	*length = 0;
	do {
		room = room == 0 ? 4096 : room * 2;
		larger = realloc(text, room);
		if (larger == NULL)
			goto err_text;
		text = larger;
		*length += fread(text + *length, 1, room - *length, stream);
		if (ferror(stream))
			goto err_text;
	} while (*length == room && *length <= FILE_BYTES_MAX);
	return text;

err_text:
	free(text);
	return NULL;
}

struct yaml_file *yaml_open(const char *path, struct complaints *complaints)
{
	FILE *stream = fopen(path, "re");
	struct yaml_file *file = NULL;
	char *text = NULL;
	size_t length;

	if (stream != NULL)
		text = read_all(stream, &length);
	if (text == NULL)
		complain(complaints,
				"%s: cannot be read: %s (look at the path and its permissions)",
				path, strerror(errno));
	else
		file = yaml_parse(text, length, path, complaints);
	free(text);
	if (stream != NULL)
		fclose(stream);
	return file;
}

// Characters that cannot be read have an offset in bytes instead of a mark.
static yaml_mark_t offset_mark(const char *text, size_t offset)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < offset; i++) {
		bool is_end = text[i] == '\n';

		mark.line += is_end;
		mark.column = is_end ? 0 : mark.column + 1;
	}
	return mark;
}

static void complain_syntax(struct complaints *complaints, const yaml_parser_t *parser,
		const char *text, size_t length, const char *name)
{
	const char *problem = parser->problem != NULL ? parser->problem : "no memory to read it";
	yaml_mark_t mark = parser->problem_mark;

	if (parser->error == YAML_READER_ERROR)
		mark = offset_mark(text,
				parser->problem_offset < length ? parser->problem_offset : length);
	if (parser->context != NULL)
		complain(complaints, "%s:%zu:%zu: not YAML: %s, %s that starts at line %zu", name,
				mark.line + 1, mark.column + 1, problem, parser->context,
				parser->context_mark.line + 1);
	else
		complain(complaints, "%s:%zu:%zu: not YAML: %s", name, mark.line + 1,
				mark.column + 1, problem);
}

// Fills `file->document`; false after a complaint.
static bool load(struct yaml_file *file, const char *text, size_t length,
		struct complaints *complaints)
{
	const unsigned before = complaints->count;
	yaml_document_t second = { 0 };
	yaml_parser_t parser;

	if (yaml_parser_initialize(&parser) == 0) {
		complain(complaints, "%s: no memory to read it", file->name);
		return false;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (yaml_parser_load(&parser, &file->document) == 0) {
		complain_syntax(complaints, &parser, text, length, file->name);
	} else if (yaml_document_get_root_node(&file->document) != NULL) {
		if (yaml_parser_load(&parser, &second) == 0)
			complain_syntax(complaints, &parser, text, length, file->name);
		else if (yaml_document_get_root_node(&second) != NULL)
			complain(complaints, "%s:%zu:1: a second document: a file holds one",
					file->name, second.start_mark.line + 1);
		yaml_document_delete(&second);
	}
	yaml_parser_delete(&parser);
	return complaints->count == before;
}

static struct yaml_node *node_at(const struct yaml_file *file, int id)
{
	return &file->nodes[id - 1];
}

static unsigned child_count(const struct yaml_node *node)
{
	return node->raw->type == YAML_MAPPING_NODE ? 2 * yaml_count(node) : yaml_count(node);
}

static struct yaml_node *child_at(const struct yaml_node *node, unsigned index)
{
	const yaml_node_t *raw = node->raw;
	const yaml_node_pair_t *pair;

	if (raw->type == YAML_SEQUENCE_NODE)
		return node_at(node->file, raw->data.sequence.items.start[index]);
	pair = &raw->data.mapping.pairs.start[index / 2];
	return node_at(node->file, index % 2 == 0 ? pair->key : pair->value);
}

// Weighs what is at and below `node`, each node once; false after a complaint. Recursion is bounded
// by DEPTH_MAX.
static bool weigh(struct yaml_node *node, unsigned depth, struct complaints *complaints)
{
	uint32_t weight = 1;
	unsigned height = 0;

	node->is_open = true;
	for (unsigned i = 0; i < child_count(node); i++) {
		struct yaml_node *child = child_at(node, i);

		if (child->is_open) {
			yaml_complain(complaints, child, "an alias inside of what it stands for");
			return false;
		}
		if (depth + 1 + child->height >= DEPTH_MAX) {
			yaml_complain(complaints, child, "nested deeper than %u levels", DEPTH_MAX);
			return false;
		}
		if (child->weight == 0 && !weigh(child, depth + 1, complaints))
			return false;
		weight += child->weight;
		if (child->height >= height)
			height = child->height + 1;
		if (weight > WEIGHT_MAX) {
			yaml_complain(complaints, child, "more than %u values, aliases written out",
					WEIGHT_MAX);
			return false;
		}
	}
	node->weight = weight;
	node->height = height;
	node->is_open = false;
	return true;
}

// By text, then by place.
static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *first = *(const struct yaml_node *const *)a;
	const struct yaml_node *second = *(const struct yaml_node *const *)b;
	int order = strcmp(yaml_text(first), yaml_text(second));

	return order != 0 ? order : (first > second) - (first < second);
}

static void check_keys(const struct yaml_node *map, struct complaints *complaints)
{
	const unsigned count = yaml_count(map);
	const struct yaml_node **keys = calloc(count + 1, sizeof(*keys));
	unsigned first = 0;

	if (keys == NULL) {
		complain(complaints, "%s: no memory to read it", map->file->name);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		keys[i] = yaml_key(map, i);
		if (keys[i]->raw->type != YAML_SCALAR_NODE)
			yaml_complain(complaints, keys[i], "a key must be a word");
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (unsigned i = 1; i < count; i++) {
		struct yaml_place place = yaml_place(keys[first]);

		if (strcmp(yaml_text(keys[first]), yaml_text(keys[i])) != 0)
			first = i;
		else if (keys[i]->raw->type == YAML_SCALAR_NODE)
			yaml_complain(complaints, keys[i], "key '%.*s' is already at line %u:%u",
					SHOWN_BYTES, yaml_text(keys[i]), place.line, place.column);
	}
	free(keys);
}

// Takes what `file->document` holds; false after a complaint.
static bool check(struct yaml_file *file, struct complaints *complaints)
{
	const unsigned before = complaints->count;
	const yaml_node_t *raw = file->document.nodes.start;

	file->count = file->document.nodes.top - raw;
	file->nodes = calloc(file->count + 1, sizeof(*file->nodes));
	if (file->nodes == NULL) {
		complain(complaints, "%s: no memory to read it", file->name);
		return false;
	}
	for (unsigned i = 0; i < file->count; i++)
		file->nodes[i] = (struct yaml_node){ .file = file, .raw = &raw[i] };
	for (unsigned i = 0; i < file->count; i++) {
		const struct yaml_node *node = &file->nodes[i];

		if (raw[i].type == YAML_MAPPING_NODE)
			check_keys(node, complaints);
		else if (raw[i].type == YAML_SCALAR_NODE &&
				strlen(yaml_text(node)) != raw[i].data.scalar.length)
			yaml_complain(complaints, node, "text with a NUL byte");
	}
	if (file->count > 0)
		weigh(node_at(file, 1), 0, complaints);
	return complaints->count == before;
}

struct yaml_file *yaml_parse(
		const char *text, size_t length, const char *name, struct complaints *complaints)
{
	struct yaml_file *file = calloc(1, sizeof(*file));

	if (file == NULL || (file->name = strdup(name)) == NULL) {
		complain(complaints, "%s: no memory to read it", name);
		goto err_file;
	}
	file->empty.file = file;
	if (length > FILE_BYTES_MAX) {
		complain(complaints, "%s: larger than %u MiB, the most that is read", name,
				FILE_BYTES_MAX >> 20);
		goto err_file;
	}
	if (!load(file, text, length, complaints) || !check(file, complaints))
		goto err_file;
	return file;

err_file:
	yaml_close(file);
	return NULL;
}

void yaml_close(struct yaml_file *file)
{
	if (file == NULL)
		return;
	yaml_document_delete(&file->document);
	free(file->nodes);
	free(file->name);
	free(file);
}

const struct yaml_node *yaml_root(const struct yaml_file *file)
{
	return file->count == 0 ? &file->empty : node_at(file, 1);
}

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
	if (node->raw == NULL || node->raw->type == YAML_MAPPING_NODE)
		return YAML_MAP;
	return node->raw->type == YAML_SEQUENCE_NODE ? YAML_LIST : YAML_SCALAR;
}

const char *yaml_text(const struct yaml_node *node)
{
	return yaml_kind(node) == YAML_SCALAR ? (const char *)node->raw->data.scalar.value : "";
}

unsigned yaml_count(const struct yaml_node *node)
{
	if (node->raw == NULL || node->raw->type == YAML_SCALAR_NODE)
		return 0;
	if (node->raw->type == YAML_SEQUENCE_NODE)
		return node->raw->data.sequence.items.top - node->raw->data.sequence.items.start;
	return node->raw->data.mapping.pairs.top - node->raw->data.mapping.pairs.start;
}

const struct yaml_node *yaml_item(const struct yaml_node *list, unsigned index)
{
	return child_at(list, index);
}

const struct yaml_node *yaml_key(const struct yaml_node *map, unsigned index)
{
	return child_at(map, 2 * index);
}

const struct yaml_node *yaml_value(const struct yaml_node *map, unsigned index)
{
	return child_at(map, 2 * index + 1);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (yaml_kind(map) != YAML_MAP)
		return NULL;
	for (unsigned i = 0; i < yaml_count(map); i++)
		if (strcmp(yaml_text(yaml_key(map, i)), key) == 0)
			return yaml_value(map, i);
	return NULL;
}

// As deep as files may nest.
bool yaml_equal(const struct yaml_node *a, const struct yaml_node *b)
{
	if (yaml_kind(a) != yaml_kind(b) || yaml_count(a) != yaml_count(b))
		return false;
	if (yaml_kind(a) == YAML_SCALAR)
		return strcmp(yaml_text(a), yaml_text(b)) == 0;
	for (unsigned i = 0; i < yaml_count(a); i++) {
		const struct yaml_node *x =
				yaml_kind(a) == YAML_LIST ? yaml_item(a, i) : yaml_value(a, i);
		const struct yaml_node *y = yaml_kind(a) == YAML_LIST ?
				yaml_item(b, i) :
				yaml_get(b, yaml_text(yaml_key(a, i)));

		if (y == NULL || !yaml_equal(x, y))
			return false;
	}
	return true;
}

struct yaml_place yaml_place(const struct yaml_node *node)
{
	struct yaml_place place = { node->file->name, 1, 1 };

	if (node->raw != NULL) {
		place.line = node->raw->start_mark.line + 1;
		place.column = node->raw->start_mark.column + 1;
	}
	return place;
}

bool yaml_expect(struct complaints *complaints, const struct yaml_node *node, enum yaml_kind kind)
{
	static const char *const kinds[] = {
		[YAML_SCALAR] = "a single value",
		[YAML_LIST] = "a list",
		[YAML_MAP] = "a map (key: value)",
	};

	if (yaml_kind(node) == kind)
		return true;
	yaml_complain(complaints, node, "this must be %s, not %s", kinds[kind],
			kinds[yaml_kind(node)]);
	return false;
}

// Single-character edits from `a` to `b`, of their first WORD_BYTES.
static unsigned distance(const char *a, const char *b)
{
	const unsigned width = strnlen(b, WORD_BYTES);
	unsigned row[WORD_BYTES + 1];

	for (unsigned j = 0; j <= width; j++)
		row[j] = j;
	for (unsigned i = 1; i <= strnlen(a, WORD_BYTES); i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= width; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[width];
}

static const char *nearest(const char *text, const char *const *words)
{
	const char *best = words[0];

	for (; *words != NULL; words++)
		if (distance(text, *words) < distance(text, best))
			best = *words;
	return best;
}

void yaml_complain_word(struct complaints *complaints, const struct yaml_node *node,
		const char *what, const char *const *words)
{
	const char *text = yaml_text(node);
	char *all = NULL;
	size_t size;
	FILE *stream = open_memstream(&all, &size);

	if (stream == NULL) {
		complain(complaints, "%s: no memory for a complaint", node->file->name);
		return;
	}
	for (unsigned i = 0; words[i] != NULL; i++)
		fprintf(stream, "%s%s", i == 0 ? "" : ", ", words[i]);
	fclose(stream);
	yaml_complain(complaints, node, "'%.*s' is no %s; did you mean '%s'? There are: %s",
			SHOWN_BYTES, text, what, nearest(text, words), all);
	free(all);
}

bool yaml_number(struct complaints *complaints, const struct yaml_node *node, unsigned long low,
		unsigned long high, unsigned long *number)
{
	const char *text = yaml_text(node);
	const size_t digits = strspn(text, "0123456789");

	errno = 0;
	*number = strtoul(text, NULL, 10);
	if (digits > 0 && text[digits] == '\0' && errno == 0 && *number >= low && *number <= high)
		return true;
	if (yaml_expect(complaints, node, YAML_SCALAR))
		yaml_complain(complaints, node, "'%.*s' is no number from %lu to %lu", SHOWN_BYTES,
				text, low, high);
	return false;
}
