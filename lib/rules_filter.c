// SPDX-License-Identifier: BSD-3-Clause
// Two kinds of patterns are understood. A name, `a\.example`, `(.+\.)?a\.example` or one of several
// in parentheses, is looked up: the value, or what follows one of its points. First in a Bloom filter
// (Bloom 1970; both bits in one word: Putze et al. 2007), which most values do not pass. Any other
// pattern that begins with one certain byte leaves all values that begin so to the engine. With a
// pattern of no kind it gets all values.
#include "rules_filter.h"

#include "fail.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES_A_WORD = 4, // 16 bits a name: 1.6 % of other values pass
	LABELS_MAX = 8, // looked up in one value; with more of them the engine looks
};

// One of a pattern.
struct name {
	uint64_t hash;
	uint32_t next; // its number + 1, of those that share a head; 0: none
	uint32_t pattern;
	uint32_t at; // of its bytes
	uint32_t length;
	bool is_suffix; // others may be in front of it, with a point
	bool is_caseless;
};

struct rules_filter {
	bool scans_all;
	bool has_suffixes;
	bool firsts[256]; // bytes that a pattern without a name begins with
	size_t longest; // bytes of a name; 0: there are none
	struct name *names;
	uint8_t *bytes; // of all names
	uint32_t *heads; // [NAMES_A_WORD * words]: number + 1 of a name
	uint32_t name_count, byte_count;
	uint32_t mask; // words - 1, of which there is a power of two
	uint64_t words[];
};

// Up to eight bytes. Letters of both cases are one, for all patterns.
static inline uint64_t load(const uint8_t *data, size_t length)
{
	uint64_t word = 0;

	memcpy(&word, data, length);
	return word | UINT64_C(0x2020202020202020);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

// What is no multiple of eight, or of four where it is shorter, overlaps the bytes before.
static uint64_t hash_of(const uint8_t *data, size_t length)
{
	uint64_t hash = length;
	size_t i = 0;

	if (length >= 8) {
		for (; i + 8 < length; i += 8)
			hash = mix(hash, load(data + i, 8));
		return mix(hash, load(data + length - 8, 8));
	}
	if (length >= 4)
		return mix(hash, load(data, 4) ^ load(data + length - 4, 4) << 32);
	for (; i < length; i++)
		hash = mix(hash, data[i] | 0x20);
	return hash;
}

static uint64_t bits_of(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 58) | UINT64_C(1) << (hash >> 52 & 63);
}

static const uint64_t *word_of(const struct rules_filter *filter, uint64_t hash)
{
	return &filter->words[hash >> 20 & filter->mask];
}

static bool is_known(const struct rules_filter *filter, uint64_t hash)
{
	return (~*word_of(filter, hash) & bits_of(hash)) == 0;
}

// The one byte that stands next in the expression, which is then passed over; -1 for anything else.
static int take_byte(const char **at)
{
	const char *text = *at;
	unsigned byte;

	if ((isascii(*text) && isalnum(*text)) ||
			(*text != '\0' && strchr("-_/ ,:;=@%&~!<>", *text) != NULL)) {
		*at += 1;
		return *text;
	}
	if (*text != '\\' || text[1] == '\0')
		return -1;
	if (strchr(".-/+*?()[]{}|^$\\", text[1]) != NULL) {
		*at += 2;
		return text[1];
	}
	if (text[1] != 'x' || !isxdigit((unsigned char)text[2]) ||
			!isxdigit((unsigned char)text[3]) || sscanf(text + 2, "%2x", &byte) != 1)
		return -1;
	*at += 4;
	return (int)byte;
}

// The bytes of a name; 0 where something else begins.
static size_t take_name(const char **at, uint8_t *name)
{
	size_t length = 0;

	for (int byte = take_byte(at); byte >= 0; byte = take_byte(at)) {
		if (byte >= 0x80) // whose case the engine may know
			return 0;
		name[length++] = (uint8_t)byte;
	}
	return length;
}

static uint32_t *head_of(const struct rules_filter *filter, uint64_t hash)
{
	return &filter->heads[hash & (NAMES_A_WORD * (filter->mask + 1) - 1)];
}

static void add_name(struct rules_filter *filter, struct name name, const uint8_t *bytes)
{
	uint32_t *head;

	name.hash = hash_of(bytes, name.length);
	head = head_of(filter, name.hash);
	name.next = *head;
	name.at = filter->byte_count;
	memcpy(filter->bytes + name.at, bytes, name.length);
	filter->byte_count += name.length;
	filter->names[filter->name_count++] = name;
	*head = filter->name_count;
	filter->words[name.hash >> 20 & filter->mask] |= bits_of(name.hash);
	if (name.length > filter->longest)
		filter->longest = name.length;
}

// True when the expression is names and nothing else; `filter` may be NULL, and then they are counted
// only. `bytes` has room for the whole expression.
static bool add_names(struct rules_filter *filter, const char *expression, struct name name,
		uint8_t *bytes, unsigned *count)
{
	static const char below[] = "(.+\\.)?";
	const bool is_suffix = strncmp(expression, below, strlen(below)) == 0;
	const char *at = expression + (is_suffix ? strlen(below) : 0);
	const bool is_list = *at == '(';

	at += is_list;
	name.is_suffix = is_suffix;
	for (;; at++) {
		name.length = take_name(&at, bytes);
		if (name.length == 0)
			return false;
		++*count;
		if (filter != NULL)
			add_name(filter, name, bytes);
		if (!is_list || *at != '|')
			break;
	}
	if (filter != NULL)
		filter->has_suffixes |= is_suffix;
	return is_list ? strcmp(at, ")") == 0 : *at == '\0';
}

// The last byte of what begins at `at`: of an escape, of a class of bytes or of anything else one byte;
// NULL for what is not understood.
static const char *pass(const char *at)
{
	const bool is_class = *at == '[';

	at += is_class;
	at += is_class && *at == '^';
	at += is_class && *at == ']';
	do {
		if (*at == '\\' && strchr("QEc", *++at) != NULL) // the NUL at the end, too
			return NULL;
		if (!is_class)
			return at;
		if (*at == '\0' || *at == '[')
			return NULL;
	} while (*++at != ']');
	return at;
}

// Whether the expression may be one of several, or is not understood.
static bool may_be_choice(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0'; at++) {
		if (*at == '(' && at[1] == '?' && at[2] != ':')
			return true;
		if (*at == '|' && depth == 0)
			return true;
		depth += *at == '(';
		depth -= *at == ')' && depth > 0;
		at = pass(at);
		if (at == NULL)
			return true;
	}
	return false;
}

// False when its first byte may be any.
static bool add_first(struct rules_filter *filter, const struct scan_pattern *pattern)
{
	const char *at = pattern->expression;
	int byte;

	if (!pattern->whole && *at++ != '^')
		return false;
	byte = take_byte(&at);
	if (byte < 0 || byte >= 0x80 * (pattern->caseless ? 1 : 2))
		return false;
	if ((*at != '\0' && strchr("*?{", *at) != NULL) || may_be_choice(at))
		return false;
	filter->firsts[byte] = true;
	if (pattern->caseless && isalpha(byte)) {
		filter->firsts[byte | 0x20] = true;
		filter->firsts[byte & ~0x20] = true;
	}
	return true;
}

static bool is_names(const struct scan_pattern *pattern, uint8_t *bytes, unsigned *count)
{
	return pattern->whole &&
			add_names(NULL, pattern->expression, (struct name){ 0 }, bytes, count);
}

static void add(struct rules_filter *filter, const struct scan_pattern *pattern, uint32_t number,
		uint8_t *bytes)
{
	const struct name name = { .pattern = number, .is_caseless = pattern->caseless };
	unsigned count = 0;

	if (is_names(pattern, bytes, &count))
		add_names(filter, pattern->expression, name, bytes, &count);
	else
		filter->scans_all |= !add_first(filter, pattern);
}

// With room for so many names of so many bytes together.
static struct rules_filter *allocate(unsigned names, size_t bytes)
{
	struct rules_filter *filter;
	size_t words = 1;

	while (words * NAMES_A_WORD < names)
		words *= 2;
	filter = calloc(1, sizeof(*filter) + words * sizeof(*filter->words));
	if (filter == NULL)
		return fail_null(ENOMEM);
	filter->mask = words - 1;
	filter->names = calloc(names + 1, sizeof(*filter->names));
	filter->heads = calloc(words * NAMES_A_WORD, sizeof(*filter->heads));
	filter->bytes = malloc(bytes + 1);
	if (filter->names != NULL && filter->heads != NULL && filter->bytes != NULL)
		return filter;
	rules_filter_free(filter);
	return fail_null(ENOMEM);
}

struct rules_filter *rules_filter_create(const struct scan_pattern *patterns, unsigned count)
{
	struct rules_filter *filter;
	size_t longest = 1, total = 0;
	unsigned names = 0;
	uint8_t *bytes;

	for (unsigned i = 0; i < count; i++) {
		const size_t length = strlen(patterns[i].expression);

		longest = length > longest ? length : longest;
		total += length;
	}
	bytes = malloc(longest);
	if (bytes == NULL)
		return fail_null(ENOMEM);
	for (unsigned i = 0; i < count; i++)
		is_names(&patterns[i], bytes, &names);
	filter = allocate(names, total);
	for (unsigned i = 0; i < count && filter != NULL; i++)
		add(filter, &patterns[i], i, bytes);
	free(bytes);
	return filter != NULL ? filter : fail_null(ENOMEM);
}

void rules_filter_free(struct rules_filter *filter)
{
	if (filter == NULL)
		return;
	free(filter->names);
	free(filter->heads);
	free(filter->bytes);
	free(filter);
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static bool is_same(const struct name *name, const uint8_t *bytes, const uint8_t *data)
{
	if (memcmp(bytes, data, name->length) == 0)
		return true;
	for (size_t i = 0; i < name->length && name->is_caseless; i++)
		if (lower(bytes[i]) != lower(data[i]))
			return false;
	return name->is_caseless;
}

// The patterns that match so far, each once.
struct hits {
	uint32_t *patterns;
	unsigned count, max;
};

static void hit(struct hits *hits, uint32_t pattern)
{
	for (unsigned i = 0; i < hits->count; i++)
		if (hits->patterns[i] == pattern)
			return;
	if (hits->count < hits->max)
		hits->patterns[hits->count++] = pattern;
}

// Adds the patterns with this name, where it is the end of a value only those that allow that.
static void look_up(const struct rules_filter *filter, const uint8_t *data, size_t length,
		bool is_end, struct hits *hits)
{
	const uint64_t hash = hash_of(data, length);
	const struct name *name;

	if (!is_known(filter, hash))
		return;
	for (uint32_t i = *head_of(filter, hash); i != 0 && hits->count < hits->max;
			i = name->next) {
		name = &filter->names[i - 1];
		if (name->hash == hash && name->length == length && (name->is_suffix || !is_end) &&
				is_same(name, filter->bytes + name->at, data))
			hit(hits, name->pattern);
	}
}

// Looks up what follows the value's points; false when those are too many. In front of the first one
// there is at least a byte.
static bool look_up_ends(const struct rules_filter *filter, const uint8_t *data, size_t length,
		struct hits *hits)
{
	size_t at = length > filter->longest + 2 ? length - filter->longest : 2;
	unsigned labels = 0;

	for (; at < length; at++) {
		if (data[at - 1] != '.')
			continue;
		if (++labels > LABELS_MAX)
			return false;
		look_up(filter, data + at, length - at, true, hits);
	}
	return true;
}

int rules_filter_match(const struct rules_filter *filter, const uint8_t *data, size_t length,
		uint32_t *patterns, unsigned max)
{
	struct hits hits = { patterns, 0, max };

	if (filter->scans_all)
		return RULES_FILTER_SCAN;
	if (length == 0)
		return 0;
	if (filter->firsts[data[0]])
		return RULES_FILTER_SCAN;
	if (length <= filter->longest)
		look_up(filter, data, length, false, &hits);
	if (filter->has_suffixes && !look_up_ends(filter, data, length, &hits))
		return RULES_FILTER_SCAN;
	return hits.count;
}
