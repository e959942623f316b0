// SPDX-License-Identifier: BSD-3-Clause
#include "bench_policy.h"

#include "bench_source.h"
#include "rules_default.h"
#include "text.h"

enum {
	FIRST_RULE = 900000001
};

static void write_config(struct text *text, const char *rules, unsigned hosts, const char *action)
{
	text_printf(text, "rule_files: ['%s/*.yaml']\nrules:\n", rules);
	text_printf(text,
			"- {id: %u, app: bench-bulk, confidence: certain, proto: udp, port: %u}\n",
			FIRST_RULE, SOURCE_SERVER_PORT);
	for (unsigned i = 0; i < hosts; i++)
		text_printf(text,
				"- {id: %u, app: bench-web, confidence: certain, match: {http.host: 'host%u\\.bench\\.example'}}\n",
				FIRST_RULE + 1 + i, i);
	text_printf(text, "policy: {bench-bulk: %s}\n", action);
}

bool bench_policy_init(struct bench_policy *policy, const struct bench_policy_config *config)
{
	struct complaints complaints = { 0 };
	struct text text = { 0 };
	char path[PATH_MAX];

	*policy = (struct bench_policy){ 0 };
	rules_default(path);
	write_config(&text, config->rules != NULL ? config->rules : path, config->hosts,
			config->action);
	if (text_error(&text) == 0)
		policy->options = options_parse(text.data, text.length, "bench", &complaints);
	if (policy->options != NULL && complaints.count == 0)
		policy->policy =
				options_policy(policy->options, config->workers, NULL, &complaints);
	complaints_print(&complaints, stderr);
	complaints_fini(&complaints);
	text_fini(&text);
	return policy->policy != NULL;
}

void bench_policy_fini(struct bench_policy *policy)
{
	policy_free(policy->policy);
	options_free(policy->options);
}
