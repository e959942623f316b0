// SPDX-License-Identifier: BSD-3-Clause
// How a match stays cheap however many rules there are: equal patterns of a buffer are compiled
// once, one scan per value that may match tells which of them do, and each rule hangs on the one of its
// conditions whose patterns the fewest rules share. Only the rules that hang on a pattern that
// matched are looked at. Rules without a pattern are looked at one by one, best first.
#include "rules.h"

#include "fail.h"
#include "rules_entry.h"
#include "rules_filter.h"
#include "scan_cache.h"

#include <assert.h>
#include <dirent.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// The rules that look into one buffer.
struct buffer_rules {
	struct scan_database *database; // NULL: none do
	struct rules_filter *filter; // of the same patterns
	unsigned pattern_count;
	size_t reach; // as rules_reach() says
	uint32_t *starts; // [pattern_count + 1]; into `hanging`, by pattern
	uint32_t *hanging; // rules that hang on each pattern, ascending
};

struct rules {
	struct rules_entry *entries; // best first once compiled
	unsigned count;
	bool is_compiled;
	struct scan_cache *cache; // NULL: none
	void *ids; // tsearch() tree of struct known_id, of wrong rules too
	struct buffer_rules buffers[BUFFER_COUNT];
	uint32_t *unpatterned; // rules without a pattern, ascending
	unsigned unpatterned_count;
};

// Where a rule's id was first seen.
struct known_id {
	uint32_t id;
	unsigned line, column;
	char file[];
};

struct rules *rules_create(void)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	return rules != NULL ? rules : fail_null(ENOMEM);
}

void rules_use_cache(struct rules *rules, struct scan_cache *cache)
{
	rules->cache = cache;
}

void rules_free(struct rules *rules)
{
	if (rules == NULL)
		return;
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		scan_database_free(rules->buffers[i].database);
		rules_filter_free(rules->buffers[i].filter);
		free(rules->buffers[i].starts);
		free(rules->buffers[i].hanging);
	}
	for (unsigned i = 0; i < rules->count; i++)
		rules_entry_fini(&rules->entries[i]);
	tdestroy(rules->ids, free);
	free(rules->entries);
	free(rules->unpatterned);
	free(rules);
}

static int compare_ids(const void *a, const void *b)
{
	const struct known_id *first = a, *second = b;

	return (first->id > second->id) - (first->id < second->id);
}

// Complains when a rule of this id is known; else it is from now on.
static bool take_id(struct rules *rules, uint32_t id, const struct yaml_node *item,
		struct complaints *complaints)
{
	const struct yaml_node *node = yaml_get(item, "id");
	const struct yaml_place place = yaml_place(node);
	struct known_id *known = malloc(sizeof(*known) + strlen(place.file) + 1);
	struct known_id **found;

	if (known == NULL)
		goto err_known;
	*known = (struct known_id){ id, place.line, place.column };
	memcpy(known->file, place.file, strlen(place.file) + 1);
	found = tsearch(known, &rules->ids, compare_ids);
	if (found == NULL)
		goto err_known;
	if (*found == known)
		return true;
	yaml_complain(complaints, node, "rule id %u is already at %s:%u:%u", id, (*found)->file,
			(*found)->line, (*found)->column);
	free(known);
	return false;

err_known:
	complain(complaints, "no memory for rules");
	free(known);
	return false;
}

static void add_item(
		struct rules *rules, const struct yaml_node *item, struct complaints *complaints)
{
	struct rules_entry entry = { 0 };
	struct rules_entry *entries = rules->entries;
	bool is_right = rules_read(&entry, item, rules->cache, complaints);

	if (entry.rule.id != 0)
		is_right &= take_id(rules, entry.rule.id, item, complaints);
	if (!is_right)
		goto err_entry;
	// Room doubles at each power of two.
	if ((rules->count & (rules->count - 1)) == 0)
		entries = reallocarray(entries, rules->count == 0 ? 1 : 2 * (size_t)rules->count,
				sizeof(*entries));
	if (entries == NULL) {
		complain(complaints, "no memory for rules");
		goto err_entry;
	}
	rules->entries = entries;
	entries[rules->count++] = entry;
	return;

err_entry:
	rules_entry_fini(&entry);
}

void rules_add(struct rules *rules, const struct yaml_node *list, struct complaints *complaints)
{
	assert(!rules->is_compiled);
	if (!yaml_expect(complaints, list, YAML_LIST))
		return;
	for (unsigned i = 0; i < yaml_count(list); i++)
		add_item(rules, yaml_item(list, i), complaints);
}

static void add_file(struct rules *rules, const char *path, struct complaints *complaints)
{
	static const char *const keys[] = { "rules", NULL };
	struct yaml_file *file = yaml_open(path, complaints);
	const struct yaml_node *root;

	if (file == NULL)
		return;
	root = yaml_root(file);
	if (!yaml_expect(complaints, root, YAML_MAP))
		goto out;
	for (unsigned i = 0; i < yaml_count(root); i++) {
		const struct yaml_node *key = yaml_key(root, i);

		if (strcmp(yaml_text(key), keys[0]) == 0)
			rules_add(rules, yaml_value(root, i), complaints);
		else
			yaml_complain_word(complaints, key, "key of a file of rules", keys);
	}
out:
	yaml_close(file);
}

static int is_rules_file(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && suffix != NULL && strcmp(suffix, ".yaml") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void rules_add_path(struct rules *rules, const char *path, struct complaints *complaints)
{
	struct dirent **names = NULL;
	struct stat status;
	char *name;
	int count;

	// What is not there is said by whoever opens it.
	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode)) {
		add_file(rules, path, complaints);
		return;
	}
	count = scandir(path, &names, is_rules_file, compare_names);
	if (count < 0)
		complain(complaints, "%s: cannot be read: %s (look at its permissions)", path,
				strerror(errno));
	if (count == 0)
		complain(complaints, "%s: no file in it is called *.yaml", path);
	for (int i = 0; i < count; i++) {
		if (asprintf(&name, "%s/%s", path, names[i]->d_name) < 0) {
			complain(complaints, "%s: no memory to read it", path);
			name = NULL;
		} else {
			add_file(rules, name, complaints);
		}
		free(name);
		free(names[i]);
	}
	free(names);
}

// Higher confidence, then more conditions, then lower id.
static int compare_rank(const void *a, const void *b)
{
	const struct rule *first = &((const struct rules_entry *)a)->rule;
	const struct rule *second = &((const struct rules_entry *)b)->rule;

	if (first->confidence != second->confidence)
		return second->confidence - first->confidence;
	if (first->condition_count != second->condition_count)
		return second->condition_count - first->condition_count;
	return (first->id > second->id) - (first->id < second->id);
}

// One use of an expression by a rule, and where to put the number that it gets.
struct use {
	const char *expression;
	uint32_t *pattern;
};

static int compare_uses(const void *a, const void *b)
{
	return strcmp(((const struct use *)a)->expression, ((const struct use *)b)->expression);
}

// All uses of expressions in `buffer`, equal ones together. NULL with errno ENOMEM, or when there
// are none.
static struct use *collect_uses(struct rules *rules, enum buffer buffer, unsigned *count)
{
	struct use *uses;
	unsigned at = 0;

	*count = 0;
	for (unsigned i = 0; i < rules->count; i++)
		*count += rules->entries[i].conditions[buffer].count;
	uses = *count > 0 ? calloc(*count, sizeof(*uses)) : NULL;
	if (uses == NULL)
		return NULL;
	for (unsigned i = 0; i < rules->count; i++) {
		struct condition *condition = &rules->entries[i].conditions[buffer];

		if (condition->count == 0)
			continue;
		condition->patterns = calloc(condition->count, sizeof(*condition->patterns));
		if (condition->patterns == NULL)
			goto err_uses;
		for (unsigned j = 0; j < condition->count; j++)
			uses[at++] = (struct use){ condition->expressions[j],
				&condition->patterns[j] };
	}
	qsort(uses, *count, sizeof(*uses), compare_uses);
	return uses;

err_uses:
	free(uses);
	return fail_null(ENOMEM);
}

// Numbers the different expressions of `buffer` and compiles them. `starts` then says how often
// each is used.
static int compile_buffer(struct rules *rules, enum buffer buffer)
{
	struct buffer_rules *buffer_rules = &rules->buffers[buffer];
	struct scan_pattern *patterns = NULL;
	unsigned count, last = 0;
	struct use *uses = collect_uses(rules, buffer, &count);
	int ret = -ENOMEM;

	if (count == 0)
		return 0;
	patterns = calloc(count, sizeof(*patterns));
	buffer_rules->starts = calloc(count + 1, sizeof(*buffer_rules->starts));
	if (uses == NULL || patterns == NULL || buffer_rules->starts == NULL)
		goto out;
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && strcmp(uses[i].expression, uses[i - 1].expression) != 0)
			last++;
		patterns[last] = rules_pattern(buffer, uses[i].expression);
		*uses[i].pattern = last;
		buffer_rules->starts[last]++;
	}
	buffer_rules->pattern_count = last + 1;
	for (unsigned i = 0; i <= last && buffer_rules->reach != SIZE_MAX; i++) {
		size_t reach = scan_reach(&patterns[i]);

		if (reach > buffer_rules->reach)
			buffer_rules->reach = reach;
	}
	for (unsigned i = 0; i < rules->count; i++) {
		struct condition *condition = &rules->entries[i].conditions[buffer];

		if (condition->count > 0)
			qsort(condition->patterns, condition->count, sizeof(*condition->patterns),
					rules_compare_patterns);
	}
	buffer_rules->filter = rules_filter_create(patterns, last + 1);
	if (buffer_rules->filter == NULL)
		goto out;
	buffer_rules->database = scan_cache_compile(rules->cache, patterns, last + 1);
	ret = buffer_rules->database != NULL ? 0 : -errno;
out:
	free(patterns);
	free(uses);
	return ret < 0 ? fail(-ret) : 0;
}

// Hangs the entry on the buffer whose patterns, as it uses them, the fewest rules share.
static void choose_hook(const struct rules *rules, struct rules_entry *entry)
{
	enum buffer best = BUFFER_COUNT;
	uint32_t best_uses = UINT32_MAX, others = 0;

	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		const struct condition *condition = &entry->conditions[i];
		uint32_t uses = 0;

		for (unsigned j = 0; j < condition->count; j++)
			if (rules->buffers[i].starts[condition->patterns[j]] > uses)
				uses = rules->buffers[i].starts[condition->patterns[j]];
		others |= (uint32_t)(condition->count > 0) << i;
		if (condition->count > 0 && uses < best_uses) {
			best = i;
			best_uses = uses;
		}
	}
	entry->hook = best;
	entry->others = others & ~(1u << best);
}

// Hangs rules on the patterns of `buffer`. `starts` is at first the end of each pattern's part of
// `hanging`, and filling from the end makes it the start.
static int hang_rules(struct rules *rules, enum buffer buffer)
{
	struct buffer_rules *buffer_rules = &rules->buffers[buffer];
	uint32_t *starts = buffer_rules->starts;
	const unsigned count = buffer_rules->pattern_count;

	if (count == 0)
		return 0;
	memset(starts, 0, (count + 1) * sizeof(*starts));
	for (unsigned i = 0; i < rules->count; i++) {
		const struct condition *condition = &rules->entries[i].conditions[buffer];

		if (rules->entries[i].hook == buffer)
			for (unsigned j = 0; j < condition->count; j++)
				starts[condition->patterns[j]]++;
	}
	for (unsigned i = 1; i <= count; i++)
		starts[i] += starts[i - 1];
	buffer_rules->hanging = calloc(starts[count] + 1, sizeof(*buffer_rules->hanging));
	if (buffer_rules->hanging == NULL)
		return fail(ENOMEM);
	for (unsigned i = rules->count; i-- > 0;) {
		const struct condition *condition = &rules->entries[i].conditions[buffer];

		if (rules->entries[i].hook == buffer)
			for (unsigned j = 0; j < condition->count; j++)
				buffer_rules->hanging[--starts[condition->patterns[j]]] = i;
	}
	return 0;
}

int rules_compile(struct rules *rules)
{
	int ret;

	assert(!rules->is_compiled);
	rules->is_compiled = true;
	rules->unpatterned = calloc(rules->count + 1, sizeof(*rules->unpatterned));
	if (rules->unpatterned == NULL)
		return fail(ENOMEM);
	if (rules->count > 0)
		qsort(rules->entries, rules->count, sizeof(*rules->entries), compare_rank);
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		ret = compile_buffer(rules, i);
		if (ret < 0)
			return ret;
	}
	for (unsigned i = 0; i < rules->count; i++) {
		choose_hook(rules, &rules->entries[i]);
		if (rules->entries[i].hook == BUFFER_COUNT)
			rules->unpatterned[rules->unpatterned_count++] = i;
	}
	for (unsigned i = 0; i < BUFFER_COUNT; i++) {
		ret = hang_rules(rules, i);
		if (ret < 0)
			return ret;
	}
	return 0;
}

unsigned rules_count(const struct rules *rules)
{
	return rules->count;
}

const struct rule *rules_at(const struct rules *rules, unsigned index)
{
	return &rules->entries[index].rule;
}

size_t rules_reach(const struct rules *rules, enum buffer buffer)
{
	return rules->buffers[buffer].reach;
}

size_t rules_database_bytes(const struct rules *rules)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		if (rules->buffers[i].database != NULL)
			bytes += scan_database_bytes(rules->buffers[i].database);
	return bytes;
}

struct scan_scratch *rules_scratch_create(const struct rules *rules)
{
	struct scan_database *databases[BUFFER_COUNT];

	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		databases[i] = rules->buffers[i].database;
	return scan_scratch_create(databases, BUFFER_COUNT);
}

static void request_init(struct rules_request *request, const struct rule_context *context)
{
	request->hit_buffers = 0;
	memset(request->hit_counts, 0, sizeof(request->hit_counts));
	request->source[0] = request->destination[0] = context->is_ip4 ? 4 : 6;
	memcpy(request->source + 1, context->source, 16);
	memcpy(request->destination + 1, context->destination, 16);
	memset(request->port, 0, sizeof(request->port));
	request->port[15] = context->destination_port >> 8;
	request->port[16] = context->destination_port & 0xff;
	request->protocol = context->protocol;
}

static uint64_t scan_values(struct rules_request *request, const struct rules *rules,
		struct scan_scratch *scratch, const struct findings *findings)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < findings->value_count; i++) {
		const struct value *value = &findings->values[i];
		const struct buffer_rules *buffer = &rules->buffers[value->buffer];
		unsigned *count = &request->hit_counts[value->buffer];
		uint32_t *hits = &request->hits[value->buffer][*count];
		const unsigned room = RULES_HITS_MAX - *count;
		int found;

		if (buffer->database == NULL)
			continue;
		found = rules_filter_match(buffer->filter, value->data, value->length, hits, room);
		bytes += found != 0 ? value->length : 0;
		if (found == RULES_FILTER_SCAN)
			found = scan_block(buffer->database, scratch, value->data, value->length,
					hits, room);
		*count += found;
		if (*count > 0 && value->buffer >= request->hit_buffers)
			request->hit_buffers = value->buffer + 1;
	}
	return bytes;
}

// The best rules so far, ascending, each once.
struct best {
	uint32_t *matches;
	unsigned count;
	unsigned max;
};

static void best_add(struct best *best, uint32_t index)
{
	unsigned at = best->count;

	while (at > 0 && best->matches[at - 1] > index)
		at--;
	if (at == best->max || (at > 0 && best->matches[at - 1] == index))
		return;
	if (best->count < best->max)
		best->count++;
	memmove(&best->matches[at + 1], &best->matches[at],
			(best->count - 1 - at) * sizeof(*best->matches));
	best->matches[at] = index;
}

// Looks at `count` rules, best first, until none can be better than what was found.
static void look_at(struct best *best, const struct rules *rules,
		const struct rules_request *request, const uint32_t *indices, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (best->count == best->max && indices[i] >= best->matches[best->max - 1])
			return;
		if (rules_entry_holds(&rules->entries[indices[i]], request))
			best_add(best, indices[i]);
	}
}

unsigned rules_match(const struct rules *rules, struct scan_scratch *scratch,
		const struct findings *findings, const struct rule_context *context,
		uint32_t *matches, unsigned max, uint64_t *scanned_bytes)
{
	struct best best = { matches, 0, max };
	struct rules_request request;

	if (max == 0)
		return 0;
	request_init(&request, context);
	if (scratch != NULL)
		*scanned_bytes += scan_values(&request, rules, scratch, findings);
	for (unsigned i = 0; i < request.hit_buffers; i++) {
		const struct buffer_rules *buffer = &rules->buffers[i];

		for (unsigned j = 0; j < request.hit_counts[i]; j++) {
			const uint32_t *starts = &buffer->starts[request.hits[i][j]];

			look_at(&best, rules, &request, &buffer->hanging[starts[0]],
					starts[1] - starts[0]);
		}
	}
	look_at(&best, rules, &request, rules->unpatterned, rules->unpatterned_count);
	return best.count;
}
