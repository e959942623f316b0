// SPDX-License-Identifier: BSD-3-Clause
// A rule as users write it.
#include "rules_entry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHOWN_BYTES = 60 // of the user's text in a complaint
};

struct reader {
	struct rules_entry *entry; // being filled
	enum buffer buffer; // whose patterns are being read
	struct scan_cache *cache;
	struct complaints *complaints;
};

static const char *const buffer_labels[] = {
#define BUFFER(name, label, signal) label,
#include "detect/buffers.def"
#undef BUFFER
	NULL,
};

static const enum signal buffer_signals[BUFFER_COUNT] = {
#define BUFFER(name, label, signal) SIGNAL_##signal,
#include "detect/buffers.def"
#undef BUFFER
};

struct scan_pattern rules_pattern(enum buffer buffer, const char *expression)
{
	return (struct scan_pattern){
		.expression = expression,
		.whole = buffer != BUFFER_PAYLOAD,
		.caseless = buffer == BUFFER_HTTP_HOST, // RFC 9110 section 4.2.3
	};
}

void rules_entry_fini(struct rules_entry *entry)
{
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		struct condition *condition = &entry->conditions[i];

		for (unsigned j = 0; j < condition->count; j++)
			free(condition->expressions[j]);
		free(condition->expressions);
		free(condition->patterns);
	}
	free(entry->source.items);
	free(entry->destination.items);
	free(entry->ports.items);
	free(entry->place);
	free(entry->note);
}

static void no_memory(struct complaints *complaints)
{
	complain(complaints, "no memory for rules");
}

// Room for one more than `count` items: doubles at each power of two. NULL leaves `items` alone.
static void *grow(void *items, unsigned count, size_t size)
{
	if (items != NULL && (count & (count - 1)) != 0)
		return items;
	return reallocarray(items, count == 0 ? 1 : 2 * (size_t)count, size);
}

// Calls `read` for a value, or for each of a list of values.
static void read_each(struct reader *reader, const struct yaml_node *node,
		void (*read)(struct reader *reader, const struct yaml_node *node))
{
	if (yaml_kind(node) != YAML_LIST) {
		if (yaml_expect(reader->complaints, node, YAML_SCALAR))
			read(reader, node);
		return;
	}
	if (yaml_count(node) == 0)
		yaml_complain(reader->complaints, node, "an empty list matches nothing");
	for (unsigned i = 0; i < yaml_count(node); i++)
		if (yaml_expect(reader->complaints, yaml_item(node, i), YAML_SCALAR))
			read(reader, yaml_item(node, i));
}

static void ranges_add(
		struct ranges *ranges, const struct range *range, struct complaints *complaints)
{
	struct range *items = grow(ranges->items, ranges->count, sizeof(*items));

	if (items == NULL) {
		no_memory(complaints);
		return;
	}
	ranges->items = items;
	items[ranges->count++] = *range;
}

static int compare_ranges(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct range));
}

// Sorts, and makes one of those that overlap.
static void ranges_sort(struct ranges *ranges)
{
	struct range *items = ranges->items;
	unsigned last = 0;

	if (ranges->count == 0)
		return;
	qsort(items, ranges->count, sizeof(*items), compare_ranges);
	for (unsigned i = 1; i < ranges->count; i++) {
		if (memcmp(items[i].first, items[last].last, RANGE_KEY_BYTES) > 0)
			items[++last] = items[i];
		else if (memcmp(items[i].last, items[last].last, RANGE_KEY_BYTES) > 0)
			memcpy(items[last].last, items[i].last, RANGE_KEY_BYTES);
	}
	ranges->count = last + 1;
}

// A decimal number up to `max` at *text, which moves behind it; -1 when there is none.
static long take_number(const char **text, long max)
{
	const char *digit = *text;
	long number = 0;

	for (; *digit >= '0' && *digit <= '9' && number <= max; digit++)
		number = number * 10 + (*digit - '0');
	if (digit == *text || number > max)
		return -1;
	*text = digit;
	return number;
}

// Sets `key` to the address of "192.0.2.0/24" or "2001:db8::1"; returns how many bits of its 128
// count, or -1 when it is no such thing.
static int parse_prefix(const char *text, uint8_t key[RANGE_KEY_BYTES])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const size_t length = strcspn(text, "/");
	char address[INET6_ADDRSTRLEN];
	long bits;

	if (length >= sizeof(address))
		return -1;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(AF_INET, address, key + 13) == 1) {
		key[0] = 4;
		memcpy(key + 1, mapped, sizeof(mapped));
	} else if (inet_pton(AF_INET6, address, key + 1) == 1) {
		key[0] = 6;
	} else {
		return -1;
	}
	bits = key[0] == 4 ? 32 : 128;
	text += length;
	if (*text == '/') {
		text++;
		bits = take_number(&text, bits);
	}
	if (bits < 0 || *text != '\0')
		return -1;
	return key[0] == 4 ? bits + 96 : bits;
}

static void read_prefix(
		struct ranges *ranges, const struct yaml_node *node, struct complaints *complaints)
{
	const char *text = yaml_text(node);
	uint8_t address[RANGE_KEY_BYTES];
	const int bits = parse_prefix(text, address);
	struct range range;

	if (bits < 0) {
		yaml_complain(complaints, node,
				"'%.*s' is no address or prefix, such as 192.0.2.0/24 or "
				"2001:db8::1",
				SHOWN_BYTES, text);
		return;
	}
	memcpy(range.first, address, sizeof(address));
	memcpy(range.last, address, sizeof(address));
	for (int bit = bits; bit < 128; bit++) {
		range.first[1 + bit / 8] &= ~(0x80 >> bit % 8);
		range.last[1 + bit / 8] |= 0x80 >> bit % 8;
	}
	if (memcmp(range.first, address, sizeof(address)) != 0)
		yaml_complain(complaints, node, "'%.*s' has bits set beyond its prefix",
				SHOWN_BYTES, text);
	ranges_add(ranges, &range, complaints);
}

static void read_source(struct reader *reader, const struct yaml_node *node)
{
	read_prefix(&reader->entry->source, node, reader->complaints);
}

static void read_sources(struct reader *reader, const struct yaml_node *node)
{
	read_each(reader, node, read_source);
}

static void read_destination(struct reader *reader, const struct yaml_node *node)
{
	read_prefix(&reader->entry->destination, node, reader->complaints);
}

static void read_destinations(struct reader *reader, const struct yaml_node *node)
{
	read_each(reader, node, read_destination);
}

static void read_port(struct reader *reader, const struct yaml_node *node)
{
	const char *text = yaml_text(node);
	struct range range = { 0 };
	const long first = take_number(&text, UINT16_MAX);
	long last = first;

	if (*text == '-') {
		text++;
		last = take_number(&text, UINT16_MAX);
	}
	if (first < 1 || last < first || *text != '\0') {
		yaml_complain(reader->complaints, node,
				"'%.*s' is no port, such as 80, or range of ports, such as "
				"6881-6889",
				SHOWN_BYTES, yaml_text(node));
		return;
	}
	range.first[15] = first >> 8;
	range.first[16] = first;
	range.last[15] = last >> 8;
	range.last[16] = last;
	ranges_add(&reader->entry->ports, &range, reader->complaints);
}

static void read_ports(struct reader *reader, const struct yaml_node *node)
{
	read_each(reader, node, read_port);
}

static void read_protocol(struct reader *reader, const struct yaml_node *node)
{
	static const char *const words[] = { "tcp", "udp", NULL };

	if (!yaml_expect(reader->complaints, node, YAML_SCALAR))
		return;
	if (strcmp(yaml_text(node), "tcp") == 0)
		reader->entry->protocol = IPPROTO_TCP;
	else if (strcmp(yaml_text(node), "udp") == 0)
		reader->entry->protocol = IPPROTO_UDP;
	else
		yaml_complain_word(reader->complaints, node, "protocol of a rule", words);
}

static void read_pattern(struct reader *reader, const struct yaml_node *node)
{
	const struct scan_pattern pattern = rules_pattern(reader->buffer, yaml_text(node));
	struct condition *condition = &reader->entry->conditions[reader->buffer];
	char **expressions = condition->expressions;
	char message[256];

	if (*pattern.expression == '\0') {
		yaml_complain(reader->complaints, node,
				"an empty pattern; for an empty value write '^$'");
		return;
	}
	if (scan_cache_check(reader->cache, &pattern, message, sizeof(message)) < 0) {
		yaml_complain(reader->complaints, node, "the pattern does not compile: %s",
				message);
		return;
	}
	expressions = grow(expressions, condition->count, sizeof(*expressions));
	if (expressions == NULL) {
		no_memory(reader->complaints);
		return;
	}
	condition->expressions = expressions;
	expressions[condition->count] = strdup(pattern.expression);
	if (expressions[condition->count] == NULL)
		no_memory(reader->complaints);
	else
		condition->count++;
}

static void read_match(struct reader *reader, const struct yaml_node *node)
{
	if (!yaml_expect(reader->complaints, node, YAML_MAP))
		return;
	if (yaml_count(node) == 0)
		yaml_complain(reader->complaints, node, "an empty match matches nothing");
	for (unsigned i = 0; i < yaml_count(node); i++) {
		const struct yaml_node *key = yaml_key(node, i);
		unsigned buffer = 0;

		while (buffer < BUFFER_COUNT && strcmp(buffer_labels[buffer], yaml_text(key)) != 0)
			buffer++;
		if (buffer == BUFFER_COUNT) {
			yaml_complain_word(reader->complaints, key, "buffer", buffer_labels);
			continue;
		}
		reader->buffer = buffer;
		read_each(reader, yaml_value(node, i), read_pattern);
	}
}

static void read_id(struct reader *reader, const struct yaml_node *node)
{
	unsigned long id;

	if (yaml_number(reader->complaints, node, 1, UINT32_MAX, &id))
		reader->entry->rule.id = id;
}

static void read_app(struct reader *reader, const struct yaml_node *node)
{
	const char *name = yaml_text(node);
	int number;

	if (!yaml_expect(reader->complaints, node, YAML_SCALAR))
		return;
	if (strcmp(name, "unknown") == 0 || strcmp(name, "default") == 0) {
		yaml_complain(reader->complaints, node,
				"no application can be called '%s': it means what no rule names",
				name);
		return;
	}
	number = application_number(name);
	if (number >= 0)
		reader->entry->rule.app = number;
	else if (errno == EINVAL)
		yaml_complain(reader->complaints, node,
				"'%.*s' is no application's name: 1 to 31 of a-z 0-9 . _ -",
				SHOWN_BYTES, name);
	else
		yaml_complain(reader->complaints, node,
				"more than %u applications, old ones that rules no longer name "
				"included",
				APP_MAX - 1);
}

static void read_confidence(struct reader *reader, const struct yaml_node *node)
{
	static const char *const words[] = { "weak", "strong", "certain", NULL };
	const int confidence = confidence_of(yaml_text(node));

	if (!yaml_expect(reader->complaints, node, YAML_SCALAR))
		return;
	if (confidence < 0)
		yaml_complain_word(reader->complaints, node, "confidence", words);
	else
		reader->entry->rule.confidence = confidence;
}

static void read_role(struct reader *reader, const struct yaml_node *node)
{
	const char *words[FLOW_ROLE_COUNT] = { NULL };
	const int role = role_of(yaml_text(node));

	if (!yaml_expect(reader->complaints, node, YAML_SCALAR))
		return;
	for (int i = FLOW_ROLE_NONE + 1; i < FLOW_ROLE_COUNT; i++)
		words[i - 1] = role_name(i);
	if (role < 0)
		yaml_complain_word(reader->complaints, node, "role", words);
	else
		reader->entry->rule.role = role;
}

static void read_note(struct reader *reader, const struct yaml_node *node)
{
	char *note;

	if (!yaml_expect(reader->complaints, node, YAML_SCALAR))
		return;
	note = strdup(yaml_text(node));
	if (note == NULL) {
		no_memory(reader->complaints);
		return;
	}
	// It is shown in one line.
	for (char *c = note; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	for (size_t end = strlen(note); end > 0 && note[end - 1] == ' '; end--)
		note[end - 1] = '\0';
	reader->entry->note = note;
}

// KEY(name in rules, what reads its value).
#define KEYS                                                                                       \
	KEY("id", read_id)                                                                         \
	KEY("app", read_app)                                                                       \
	KEY("confidence", read_confidence)                                                         \
	KEY("role", read_role)                                                                     \
	KEY("match", read_match)                                                                   \
	KEY("src", read_sources)                                                                   \
	KEY("dst", read_destinations)                                                              \
	KEY("port", read_ports)                                                                    \
	KEY("proto", read_protocol)                                                                \
	KEY("note", read_note)

static void (*const readers[])(struct reader *reader, const struct yaml_node *node) = {
#define KEY(name, read) read,
	KEYS
#undef KEY
};

static const char *const keys[] = {
#define KEY(name, read) name,
	KEYS
#undef KEY
			NULL,
};

static void read_keys(struct reader *reader, const struct yaml_node *item)
{
	for (unsigned i = 0; i < yaml_count(item); i++) {
		const struct yaml_node *key = yaml_key(item, i);
		unsigned at = 0;

		while (keys[at] != NULL && strcmp(keys[at], yaml_text(key)) != 0)
			at++;
		if (keys[at] != NULL)
			readers[at](reader, yaml_value(item, i));
		else
			yaml_complain_word(reader->complaints, key, "key of a rule", keys);
	}
}

static void check_keys(const struct yaml_node *item, struct complaints *complaints)
{
	static const char *const conditions[] = { "match", "src", "dst", "port", "proto", NULL };
	bool has_condition = false;

	for (unsigned i = 0; conditions[i] != NULL; i++)
		has_condition |= yaml_get(item, conditions[i]) != NULL;
	if (yaml_get(item, "id") == NULL)
		yaml_complain(complaints, item, "a rule needs an id");
	if (yaml_get(item, "app") == NULL)
		yaml_complain(complaints, item, "a rule needs an app");
	if (!has_condition)
		yaml_complain(complaints, item,
				"a rule needs a condition: match, src, dst, port or proto");
}

static void sum_up(struct rules_entry *entry)
{
	struct rule *rule = &entry->rule;

	ranges_sort(&entry->source);
	ranges_sort(&entry->destination);
	ranges_sort(&entry->ports);
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		if (entry->conditions[i].count > 0) {
			rule->signals |= 1u << buffer_signals[i];
			rule->condition_count++;
		}
	}
	if (rule->signals == 0)
		rule->signals = 1u << SIGNAL_ADDRESS;
	rule->condition_count += (entry->source.count > 0) + (entry->destination.count > 0) +
			(entry->ports.count > 0) + (entry->protocol != 0);
	rule->note = entry->note != NULL ? entry->note : "";
	rule->place = entry->place;
}

bool rules_read(struct rules_entry *entry, const struct yaml_node *item, struct scan_cache *cache,
		struct complaints *complaints)
{
	struct reader reader = { .entry = entry, .cache = cache, .complaints = complaints };
	const struct yaml_place place = yaml_place(item);
	const unsigned before = complaints->count;

	if (!yaml_expect(complaints, item, YAML_MAP))
		return false;
	if (asprintf(&entry->place, "%s:%u", place.file, place.line) < 0) {
		entry->place = NULL;
		no_memory(complaints);
	}
	entry->rule.confidence = CONFIDENCE_STRONG;
	read_keys(&reader, item);
	check_keys(item, complaints);
	sum_up(entry);
	return complaints->count == before;
}
