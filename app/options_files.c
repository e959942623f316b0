// SPDX-License-Identifier: BSD-3-Clause
#include "options_files.h"

#include "options.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

void files_resolve(const struct yaml_node *node, char path[PATH_MAX])
{
	const char *name = yaml_text(node), *from = yaml_place(node).file;
	const char *slash = strrchr(from, '/');
	int folder = slash == NULL || name[0] == '/' ? 0 : slash + 1 - from;

	snprintf(path, PATH_MAX, "%.*s%s", folder, from, name);
}

void files_each(const struct yaml_node *list, struct complaints *complaints,
		void (*each)(void *context, const char *path, const struct yaml_node *node),
		void *context)
{
	for (unsigned i = 0; i < yaml_count(list); i++) {
		const struct yaml_node *node = yaml_item(list, i);
		char pattern[PATH_MAX];
		glob_t found = { 0 };

		if (!yaml_expect(complaints, node, YAML_SCALAR))
			continue;
		files_resolve(node, pattern);
		if (glob(pattern, 0, NULL, &found) != 0 && strpbrk(yaml_text(node), "*?[") == NULL)
			yaml_complain(complaints, node, "there is no file '%s'", pattern);
		for (size_t k = 0; k < found.gl_pathc; k++)
			each(context, found.gl_pathv[k], node);
		globfree(&found);
	}
}

// Where rules go that files hold.
struct reading {
	struct rules *rules;
	struct complaints *complaints;
};

static void add_rules(void *context, const char *path, const struct yaml_node *)
{
	struct reading *reading = context;

	rules_add_path(reading->rules, path, reading->complaints);
}

struct policy *options_policy(const struct options *options, unsigned worker_count,
		struct scan_cache *cache, struct complaints *complaints)
{
	unsigned before = complaints->count;
	struct reading reading = { rules_create(), complaints };
	struct policy *policy = NULL;

	if (reading.rules == NULL) {
		complain(complaints, "%s: no memory for rules", options->path);
		return NULL;
	}
	rules_use_cache(reading.rules, cache);
	files_each(options->rule_files, complaints, add_rules, &reading);
	rules_add(reading.rules, options->rules, complaints);
	if (rules_compile(reading.rules) < 0) {
		complain(complaints, "%s: the rules do not compile together: %s", options->path,
				strerror(errno));
		rules_free(reading.rules);
		return NULL;
	}
	policy = policy_create(reading.rules, worker_count);
	if (policy == NULL) {
		complain(complaints, "%s: no memory for the rules of %u workers", options->path,
				worker_count);
		return NULL;
	}
	policy->mode = options->mode;
	policy->sheds = options->overload != OVERLOAD_OFF;
	policy->sheds_files = options->overload == OVERLOAD_SHED;
	policy->closed = options->fail.malformed << REASON_MALFORMED |
			options->fail.no_flow << REASON_NO_FLOW |
			options->fail.depth << REASON_DEPTH;
	policy_read(policy, options->policy, complaints);
	if (complaints->count == before)
		return policy;
	policy_free(policy);
	return NULL;
}
