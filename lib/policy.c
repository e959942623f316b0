// SPDX-License-Identifier: BSD-3-Clause
#include "policy.h"

#include "fail.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES = 64 // of the cache: no two workers write into the same
};

#define RATE_MIN UINT64_C(8000) // bits a second, as for meter_init()
#define RATE_MAX UINT64_C(1000000000000)

// What an application's line asks for.
struct wanted {
	struct action action;
	uint64_t bits_per_s; // of ACTION_POLICE
};

static int worker_init(struct policy_worker *worker, const struct rules *rules)
{
	const size_t bytes = rules_count(rules) * sizeof(*worker->rule_matches);
	// At least one line, in whole lines.
	const size_t room = (bytes / LINE_BYTES + 1) * LINE_BYTES;

	worker->rule_matches = aligned_alloc(LINE_BYTES, room);
	if (worker->rule_matches == NULL)
		return fail(ENOMEM);
	memset((void *)worker->rule_matches, 0, room);
	worker->scratch = rules_scratch_create(rules);
	return worker->scratch != NULL ? 0 : fail(ENOMEM);
}

struct policy *policy_create(struct rules *rules, unsigned worker_count)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (policy == NULL)
		goto err_rules;
	policy->rules = rules;
	policy->workers = calloc(worker_count + 1, sizeof(*policy->workers));
	if (policy->workers == NULL)
		goto err_policy;
	policy->worker_count = worker_count;
	for (unsigned i = 0; i < worker_count; i++)
		if (worker_init(&policy->workers[i], rules) < 0)
			goto err_policy;
	return policy;

err_policy:
	policy_free(policy);
	return fail_null(ENOMEM);
err_rules:
	rules_free(rules);
	return fail_null(ENOMEM);
}

void policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (unsigned i = 0; i < policy->worker_count; i++) {
		scan_scratch_free(policy->workers[i].scratch);
		free((void *)policy->workers[i].rule_matches);
	}
	free(policy->workers);
	rules_free(policy->rules);
	free(policy);
}

static void read_dscp(
		struct action *action, const struct yaml_node *node, struct complaints *complaints)
{
	const int dscp = action_dscp(yaml_text(node));

	if (!yaml_expect(complaints, node, YAML_SCALAR))
		return;
	if (dscp < 0)
		yaml_complain(complaints, node,
				"'%.60s' is no DSCP: cs0 to cs7, af11 to af43, ef, va, le, "
				"default, or 0 to 63",
				yaml_text(node));
	action->sets_dscp = true;
	action->dscp = dscp;
}

static void read_vlan(
		struct action *action, const struct yaml_node *tag, struct complaints *complaints)
{
	const struct yaml_node *vlan = yaml_get(tag, "vlan");
	const struct yaml_node *pcp = yaml_get(tag, "pcp");
	unsigned long id = 0, priority = 0;

	if (pcp != NULL && vlan == NULL)
		yaml_complain(complaints, pcp, "a pcp needs a vlan: it is part of the tag");
	if (vlan != NULL)
		yaml_number(complaints, vlan, 1, 4094, &id);
	if (pcp != NULL)
		yaml_number(complaints, pcp, 0, 7, &priority);
	action->pushes_vlan = vlan != NULL;
	action->vlan_tci = priority << 13 | id;
}

static void read_tag(
		struct action *action, const struct yaml_node *tag, struct complaints *complaints)
{
	static const char *const keys[] = { "dscp", "vlan", "pcp", NULL };

	if (!yaml_expect(complaints, tag, YAML_MAP))
		return;
	for (unsigned i = 0; i < yaml_count(tag); i++) {
		const char *const *key = keys;

		while (*key != NULL && strcmp(*key, yaml_text(yaml_key(tag, i))) != 0)
			key++;
		if (*key == NULL)
			yaml_complain_word(complaints, yaml_key(tag, i), "key of a tag", keys);
	}
	if (yaml_count(tag) == 0)
		yaml_complain(complaints, tag, "a tag needs a dscp or a vlan");
	if (yaml_get(tag, "dscp") != NULL)
		read_dscp(action, yaml_get(tag, "dscp"), complaints);
	read_vlan(action, tag, complaints);
	action->kind = ACTION_TAG;
}

// Bits a second of "10 Mbit/s"; 0 when it is none.
static uint64_t read_rate(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t bits;
	} units[] = { { "bit/s", 1 }, { "kbit/s", 1000 }, { "Mbit/s", 1000000 },
		{ "Gbit/s", 1000000000 } };
	uint64_t number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return 0;
	number = strtoull(text, &end, 10);
	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0 && number <= RATE_MAX / units[i].bits)
			return number * units[i].bits;
	return 0;
}

static void read_police(
		struct wanted *wanted, const struct yaml_node *rate, struct complaints *complaints)
{
	if (!yaml_expect(complaints, rate, YAML_SCALAR))
		return;
	wanted->bits_per_s = read_rate(yaml_text(rate));
	if (wanted->bits_per_s < RATE_MIN)
		yaml_complain(complaints, rate,
				"a rate is a number with bit/s, kbit/s, Mbit/s or Gbit/s, 8 kbit/s "
				"at least, not '%.60s'",
				yaml_text(rate));
	else
		wanted->action.kind = ACTION_POLICE;
}

// What is planned, so that nobody looks for a typing error.
static bool is_later(const struct yaml_node *word, struct complaints *complaints)
{
	if (strcmp(yaml_text(word), "mirror") != 0)
		return false;
	yaml_complain(complaints, word,
			"'mirror' is not part of this version: forward, drop, tag or police");
	return true;
}

static struct wanted read_word(const struct yaml_node *word, struct complaints *complaints)
{
	static const char *const words[] = { "forward", "drop", "{tag: {...}}", "{police: RATE}",
		NULL };
	struct wanted wanted = { .action.kind = ACTION_FORWARD };

	if (strcmp(yaml_text(word), "drop") == 0)
		wanted.action.kind = ACTION_DROP;
	else if (strcmp(yaml_text(word), "forward") != 0 && !is_later(word, complaints))
		yaml_complain_word(complaints, word, "action", words);
	return wanted;
}

static struct wanted read_action(const struct yaml_node *node, struct complaints *complaints)
{
	static const char *const keys[] = { "tag", "police", NULL };
	struct wanted wanted = { .action.kind = ACTION_FORWARD };

	if (yaml_kind(node) == YAML_SCALAR)
		return read_word(node, complaints);
	if (yaml_kind(node) == YAML_LIST || yaml_count(node) == 0)
		yaml_complain(complaints, node,
				"an action is one of: forward, drop, {tag: {...}}, {police: RATE}");
	for (unsigned i = 0; yaml_kind(node) == YAML_MAP && i < yaml_count(node); i++) {
		const struct yaml_node *key = yaml_key(node, i);
		const char *word = yaml_text(key);

		if (strcmp(word, "tag") == 0)
			read_tag(&wanted.action, yaml_value(node, i), complaints);
		else if (strcmp(word, "police") == 0)
			read_police(&wanted, yaml_value(node, i), complaints);
		else if (strcmp(word, "drop") == 0 || strcmp(word, "forward") == 0)
			yaml_complain(complaints, key, "'%s' stands alone, without a value", word);
		else if (!is_later(key, complaints))
			yaml_complain_word(complaints, key, "action with a value", keys);
	}
	return wanted;
}

// What a policy can name: the applications of the detectors and of the rules, "default", NULL.
static void list_names(const struct rules *rules, const char *names[APP_MAX + 1])
{
	bool is_named[APP_MAX] = { [APP_SKYPE] = true };
	unsigned count = 0;

	for (unsigned i = 0; i < rules_count(rules); i++)
		is_named[rules_at(rules, i)->app] = true;
	for (int app = APP_UNKNOWN + 1; app < APP_MAX; app++)
		if (is_named[app])
			names[count++] = application_name(app);
	names[count++] = "default";
	names[count] = NULL;
}

static void set_action(struct policy *policy, unsigned app, const struct wanted *wanted)
{
	policy->actions[app] = wanted->action;
	if (wanted->action.kind != ACTION_POLICE)
		return;
	policy->actions[app].meter = &policy->meters[app];
	meter_init(&policy->meters[app], wanted->bits_per_s);
}

static void read_application(struct policy *policy, const char *const *names,
		const struct yaml_node *key, const struct yaml_node *value,
		struct complaints *complaints)
{
	unsigned at = 0;

	while (names[at] != NULL && strcmp(names[at], yaml_text(key)) != 0)
		at++;
	if (names[at] != NULL) {
		const struct wanted wanted = read_action(value, complaints);

		set_action(policy, application_number(names[at]), &wanted);
	} else if (strcmp(yaml_text(key), application_name(APP_UNKNOWN)) == 0) {
		yaml_complain(complaints, key,
				"what belongs to no application is always forwarded");
	} else {
		yaml_complain_word(complaints, key, "application that a rule names", names);
	}
}

void policy_read(struct policy *policy, const struct yaml_node *map, struct complaints *complaints)
{
	const struct yaml_node *others = yaml_get(map, "default");
	const char *names[APP_MAX + 1];

	if (!yaml_expect(complaints, map, YAML_MAP))
		return;
	if (others != NULL) {
		const struct wanted wanted = read_action(others, complaints);

		for (int app = APP_UNKNOWN + 1; app < APP_MAX; app++)
			set_action(policy, app, &wanted);
	}
	list_names(policy->rules, names);
	for (unsigned i = 0; i < yaml_count(map); i++)
		if (strcmp(yaml_text(yaml_key(map, i)), "default") != 0)
			read_application(policy, names, yaml_key(map, i), yaml_value(map, i),
					complaints);
}
