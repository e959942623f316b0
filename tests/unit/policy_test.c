// SPDX-License-Identifier: BSD-3-Clause
#include "policy.h"
#include "scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char rules_text[] = "- {id: 1, app: bittorrent, proto: tcp}\n"
				 "- {id: 2, app: updater, match: {http.host: 'a'}}\n";

// A policy over the rules above, for `worker_count` workers.
static struct policy *create(unsigned worker_count)
{
	struct complaints complaints = { 0 };
	struct yaml_file *file = yaml_parse(rules_text, strlen(rules_text), "r", &complaints);
	struct rules *rules = rules_create();
	struct policy *policy;

	rules_add(rules, yaml_root(file), &complaints);
	yaml_close(file);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(rules_compile(rules), 0);
	policy = policy_create(rules, worker_count);
	assert_non_null(policy);
	return policy;
}

static void read_text(struct policy *policy, const char *text, struct complaints *complaints)
{
	struct yaml_file *file = yaml_parse(text, strlen(text), "f", complaints);

	assert_non_null(file);
	policy_read(policy, yaml_root(file), complaints);
	yaml_close(file);
}

static const struct action *action_of(const struct policy *policy, const char *name)
{
	return &policy->actions[application_number(name)];
}

static void each_worker_has_its_own(void **)
{
	struct policy *policy = create(3);

	assert_int_equal(policy->worker_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct policy_worker *worker = &policy->workers[i];

		assert_non_null(worker->scratch);
		assert_int_equal((uintptr_t)worker->rule_matches % 64, 0);
		for (unsigned rule = 0; rule < rules_count(policy->rules); rule++)
			assert_int_equal(worker->rule_matches[rule]++, 0);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(worker->scratch, policy->workers[j].scratch);
	}
	for (int app = 0; app < APP_MAX; app++)
		assert_int_equal(policy->actions[app].kind, ACTION_FORWARD);
	policy_free(policy);
	policy_free(create(0));
	policy_free(NULL);
}

static void every_form_of_action(void **)
{
	static const struct {
		const char *text;
		struct action action;
	} cases[] = {
		{ "skype: forward", { ACTION_FORWARD } },
		{ "skype: drop", { ACTION_DROP } },
		{ "skype: {tag: {dscp: cs1}}", { ACTION_TAG, true, false, 8, 0 } },
		{ "skype: {tag: {dscp: '46'}}", { ACTION_TAG, true, false, 46, 0 } },
		{ "skype: {tag: {dscp: 0}}", { ACTION_TAG, true, false, 0, 0 } },
		{ "skype: {tag: {dscp: default}}", { ACTION_TAG, true, false, 0, 0 } },
		{ "skype: {tag: {vlan: 100}}", { ACTION_TAG, false, true, 0, 100 } },
		{ "skype: {tag: {vlan: 4094, pcp: 7}}", { ACTION_TAG, false, true, 0, 0xeffe } },
		{ "skype: {tag: {dscp: af41, vlan: 1, pcp: 1}}",
				{ ACTION_TAG, true, true, 34, 0x2001 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct complaints complaints = { 0 };
		struct policy *policy = create(1);
		const struct action *action = action_of(policy, "skype");

		read_text(policy, cases[i].text, &complaints);
		complaints_print(&complaints, stderr);
		assert_int_equal(complaints.count, 0);
		assert_int_equal(action->kind, cases[i].action.kind);
		assert_int_equal(action->sets_dscp, cases[i].action.sets_dscp);
		assert_int_equal(action->pushes_vlan, cases[i].action.pushes_vlan);
		assert_int_equal(action->dscp, cases[i].action.dscp);
		assert_int_equal(action->vlan_tci, cases[i].action.vlan_tci);
		assert_int_equal(action_of(policy, "updater")->kind, ACTION_FORWARD);
		policy_free(policy);
	}
}

static void the_default_is_for_applications_without_a_line(void **)
{
	struct complaints complaints = { 0 };
	struct policy *policy = create(1);

	read_text(policy, "bittorrent: &a drop\ndefault: *a\nupdater: forward\n", &complaints);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(action_of(policy, "bittorrent")->kind, ACTION_DROP);
	assert_int_equal(action_of(policy, "updater")->kind, ACTION_FORWARD);
	assert_int_equal(action_of(policy, "skype")->kind, ACTION_DROP);
	// ARP, and all that was not recognised: a wire lets it pass.
	assert_int_equal(policy->actions[APP_UNKNOWN].kind, ACTION_FORWARD);
	policy_free(policy);
}

// Bytes that a fresh meter lets through at one moment: 50 ms of the rate.
static uint64_t bucket(const struct action *action)
{
	uint64_t bytes = 0;

	while (meter_pass(action->meter, 1, 500))
		bytes += 500;
	return bytes;
}

static void each_application_has_a_rate_of_its_own(void **)
{
	struct complaints complaints = { 0 };
	struct policy *policy = create(1);

	read_text(policy, "bittorrent: {police: 10 Mbit/s}\ndefault: {police: 100000kbit/s}\n",
			&complaints);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(action_of(policy, "bittorrent")->kind, ACTION_POLICE);
	assert_in_range(bucket(action_of(policy, "bittorrent")), 62500, 63000);
	assert_in_range(bucket(action_of(policy, "skype")), 625000, 626000);
	assert_in_range(bucket(action_of(policy, "updater")), 625000, 626000);
	policy_free(policy);
}

static void everything_that_is_wrong_is_said(void **)
{
	static const char text[] = "skyppe: drop\n"
				   "unknown: drop\n"
				   "skype: dorp\n"
				   "updater: {police: 10 Mbits}\n"
				   "bittorrent: {tag: {dcsp: cs1, dscp: cs9, vlan: 4095, pcp: 8}}\n"
				   "default: mirror\n";
	static const char *const lines[] = {
		"f:6:10: 'mirror' is not part of this version: forward, drop, tag or police",
		"f:1:1: 'skyppe' is no application that a rule names; did you mean 'skype'? There "
		"are: skype, bittorrent, updater, default",
		"f:2:1: what belongs to no application is always forwarded",
		"f:3:8: 'dorp' is no action; did you mean 'drop'? There are: forward, drop, {tag: "
		"{...}}, {police: RATE}",
		"f:4:19: a rate is a number with bit/s, kbit/s, Mbit/s or Gbit/s, 8 kbit/s at "
		"least, not '10 Mbits'",
		"f:5:20: 'dcsp' is no key of a tag; did you mean 'dscp'? There are: dscp, vlan, "
		"pcp",
		"f:5:37: 'cs9' is no DSCP: cs0 to cs7, af11 to af43, ef, va, le, default, or 0 to "
		"63",
		"f:5:48: '4095' is no number from 1 to 4094",
		"f:5:59: '8' is no number from 0 to 7",
	};
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "skype: {tag: {pcp: 1}}", "f:1:20: a pcp needs a vlan: it is part of the tag" },
		{ "skype: {tag: {}}", "f:1:14: a tag needs a dscp or a vlan" },
		{ "skype: {tag: cs1}",
				"f:1:14: this must be a map (key: value), not a single value" },
		{ "skype: {tag: {vlan: 0}}", "f:1:21: '0' is no number from 1 to 4094" },
		{ "skype: {tag: {dscp: [cs1]}}",
				"f:1:21: this must be a single value, not a list" },
		{ "skype: {tag: {dscp: 64}}",
				"f:1:21: '64' is no DSCP: cs0 to cs7, af11 to af43, ef, va, le, "
				"default, or 0 to 63" },
		{ "skype: {drop: true}", "f:1:9: 'drop' stands alone, without a value" },
		{ "skype: {tga: {dscp: cs1}}",
				"f:1:9: 'tga' is no action with a value; did you mean 'tag'? There "
				"are: tag, police" },
		{ "skype: {police: 7999 bit/s}",
				"f:1:17: a rate is a number with bit/s, kbit/s, Mbit/s or Gbit/s, "
				"8 kbit/s at least, not '7999 bit/s'" },
		{ "skype: {police: 1001 Gbit/s}",
				"f:1:17: a rate is a number with bit/s, kbit/s, Mbit/s or Gbit/s, "
				"8 kbit/s at least, not '1001 Gbit/s'" },
		{ "skype: []",
				"f:1:8: an action is one of: forward, drop, {tag: {...}}, {police: "
				"RATE}" },
		{ "skype: {}",
				"f:1:8: an action is one of: forward, drop, {tag: {...}}, {police: "
				"RATE}" },
		{ "[]", "f:1:1: this must be a map (key: value), not a list" },
	};
	struct complaints complaints = { 0 };
	struct policy *policy = create(1);

	read_text(policy, text, &complaints);
	assert_int_equal(complaints.count, sizeof(lines) / sizeof(lines[0]));
	for (unsigned i = 0; i < complaints.count; i++)
		assert_string_equal(complaints.lines[i], lines[i]);
	complaints_fini(&complaints);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_text(policy, cases[i].text, &complaints);
		assert_int_equal(complaints.count, 1);
		assert_string_equal(complaints.lines[0], cases[i].line);
		complaints_fini(&complaints);
	}
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_has_its_own),
		cmocka_unit_test(every_form_of_action),
		cmocka_unit_test(the_default_is_for_applications_without_a_line),
		cmocka_unit_test(each_application_has_a_rate_of_its_own),
		cmocka_unit_test(everything_that_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
