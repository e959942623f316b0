// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a file of rules and a policy: read, compiled, and matched against themselves.
#include "policy.h"

#include <netinet/in.h>
#include <string.h>

enum {
	INPUT_MAX = 512, // patterns may take the engine long to compile
	MATCHES_MAX = 4,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(struct policy *policy, const uint8_t *data, size_t size)
{
	static struct findings findings;
	const struct rule_context context = {
		.source = (const uint8_t[16]){ [10] = 0xff, 0xff, 10, 0, 0, 1 },
		.destination = (const uint8_t[16]){ [15] = 1 },
		.destination_port = 80,
		.protocol = IPPROTO_TCP,
		.is_ip4 = true,
	};
	const struct rules *rules = policy->rules;
	uint32_t matches[MATCHES_MAX];
	uint64_t scanned = 0;
	unsigned count;

	findings.value_count = 0;
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		findings.values[findings.value_count++] =
				(struct value){ .data = data, .length = size, .buffer = i };
	count = rules_match(rules, policy->workers[0].scratch, &findings, &context, matches,
			MATCHES_MAX, &scanned);
	for (unsigned i = 0; i < count; i++)
		if (matches[i] >= rules_count(rules) || (i > 0 && matches[i] <= matches[i - 1]))
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct policy *policy = NULL;
	struct rules *rules;
	struct yaml_file *file;

	if (size > INPUT_MAX)
		return -1;
	file = yaml_parse((const char *)data, size, "fuzz", &complaints);
	if (file == NULL)
		goto out;
	rules = rules_create();
	if (yaml_get(yaml_root(file), "rules") != NULL)
		rules_add(rules, yaml_get(yaml_root(file), "rules"), &complaints);
	if (rules_compile(rules) < 0) {
		rules_free(rules);
		goto out;
	}
	policy = policy_create(rules, 1);
	if (yaml_get(yaml_root(file), "policy") != NULL)
		policy_read(policy, yaml_get(yaml_root(file), "policy"), &complaints);
	match(policy, data, size);
out:
	policy_free(policy);
	yaml_close(file);
	complaints_fini(&complaints);
	return 0;
}
