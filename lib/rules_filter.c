// SPDX-License-Identifier: BSD-3-Clause
// Two kinds of patterns are understood. A name, `a\.example`, `(.+\.)?a\.example` or one of several
// in parentheses, puts a hash into a Bloom filter (Bloom 1970; both bits in one word: Putze et al.
// 2007): a value passes when it, or what follows one of its points, is in there. Any other pattern
// that begins with one certain byte lets all values pass that begin so. With a pattern of no kind all
// values pass. That more values pass than match does no harm, for then the engine looks at them.
#include "rules_filter.h"

#include "fail.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES_A_WORD = 4, // 16 bits a name: 1.6 % of other values pass
	LABELS_MAX = 8, // looked up in one value; with more of them it passes
};

struct rules_filter {
	bool lets_all;
	bool has_suffixes;
	bool firsts[256]; // bytes that a pattern without a name begins with
	size_t longest; // bytes of a name; 0: there are none
	uint32_t mask; // words - 1, of which there is a power of two
	uint64_t words[];
};

// Letters of both cases are one, for all patterns.
static uint64_t load(const uint8_t *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return word | UINT64_C(0x2020202020202020);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const uint8_t *data, size_t length)
{
	uint64_t hash = length;
	size_t i = 0;

	if (length < 8) {
		for (; i < length; i++)
			hash = mix(hash, data[i] | 0x20);
		return hash;
	}
	for (; i + 8 < length; i += 8)
		hash = mix(hash, load(data + i));
	return mix(hash, load(data + length - 8));
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

static void add_name(struct rules_filter *filter, const uint8_t *name, size_t length)
{
	const uint64_t hash = hash_of(name, length);

	filter->words[hash >> 20 & filter->mask] |= bits_of(hash);
	if (length > filter->longest)
		filter->longest = length;
}

// True when the expression is names and nothing else; `filter` may be NULL, and then they are counted
// only. `name` has room for the whole expression.
static bool add_names(
		struct rules_filter *filter, const char *expression, uint8_t *name, unsigned *count)
{
	static const char below[] = "(.+\\.)?";
	const bool is_suffix = strncmp(expression, below, strlen(below)) == 0;
	const char *at = expression + (is_suffix ? strlen(below) : 0);
	const bool is_list = *at == '(';
	size_t length;

	at += is_list;
	for (;; at++) {
		length = take_name(&at, name);
		if (length == 0)
			return false;
		++*count;
		if (filter != NULL)
			add_name(filter, name, length);
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

// As many as all names together; `name` has room for the longest.
static unsigned count_names(const struct scan_pattern *patterns, unsigned count, uint8_t *name)
{
	unsigned names = 0;

	for (unsigned i = 0; i < count; i++)
		add_names(NULL, patterns[i].expression, name, &names);
	return names;
}

static void add(struct rules_filter *filter, const struct scan_pattern *pattern, uint8_t *name)
{
	unsigned names = 0;

	if (pattern->whole && add_names(NULL, pattern->expression, name, &names))
		add_names(filter, pattern->expression, name, &names);
	else
		filter->lets_all |= !add_first(filter, pattern);
}

struct rules_filter *rules_filter_create(const struct scan_pattern *patterns, unsigned count)
{
	struct rules_filter *filter = NULL;
	size_t longest = 1;
	unsigned words = 1, names;
	uint8_t *name;

	for (unsigned i = 0; i < count; i++)
		if (strlen(patterns[i].expression) > longest)
			longest = strlen(patterns[i].expression);
	name = malloc(longest);
	if (name == NULL)
		return fail_null(ENOMEM);
	names = count_names(patterns, count, name);
	while (words * NAMES_A_WORD < names)
		words *= 2;
	filter = calloc(1, sizeof(*filter) + words * sizeof(*filter->words));
	if (filter == NULL)
		goto out;
	filter->mask = words - 1;
	for (unsigned i = 0; i < count; i++)
		add(filter, &patterns[i], name);
out:
	free(name);
	return filter != NULL ? filter : fail_null(ENOMEM);
}

void rules_filter_free(struct rules_filter *filter)
{
	free(filter);
}

// Whether what follows one of the value's points is known.
static bool is_below(const struct rules_filter *filter, const uint8_t *data, size_t length)
{
	size_t at = length > filter->longest ? length - filter->longest : 1;
	unsigned labels = 0;

	for (; at < length; at++) {
		if (data[at - 1] != '.')
			continue;
		if (++labels > LABELS_MAX || is_known(filter, hash_of(data + at, length - at)))
			return true;
	}
	return false;
}

bool rules_filter_lets(const struct rules_filter *filter, const uint8_t *data, size_t length)
{
	if (filter->lets_all)
		return true;
	if (length == 0)
		return false;
	if (filter->firsts[data[0]])
		return true;
	if (length <= filter->longest && is_known(filter, hash_of(data, length)))
		return true;
	return filter->has_suffixes && is_below(filter, data, length);
}
