// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a file of rules: read, compiled, and matched against themselves.
#include "rules.h"
#include "scan.h"

#include <netinet/in.h>
#include <string.h>

enum {
	INPUT_MAX = 512, // patterns may take the engine long to compile
	MATCHES_MAX = 4,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const struct rules *rules, const uint8_t *data, size_t size)
{
	static struct findings findings;
	const struct rule_context context = {
		.source = (const uint8_t[16]){ [10] = 0xff, 0xff, 10, 0, 0, 1 },
		.destination = (const uint8_t[16]){ [15] = 1 },
		.destination_port = 80,
		.protocol = IPPROTO_TCP,
		.is_ip4 = true,
	};
	struct scan_scratch *scratch = rules_scratch_create(rules);
	uint32_t matches[MATCHES_MAX];
	uint64_t scanned = 0;
	unsigned count;

	findings.value_count = 0;
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		findings.values[findings.value_count++] =
				(struct value){ .data = data, .length = size, .buffer = i };
	count = rules_match(rules, scratch, &findings, &context, matches, MATCHES_MAX, &scanned);
	for (unsigned i = 0; i < count; i++)
		if (matches[i] >= rules_count(rules) || (i > 0 && matches[i] <= matches[i - 1]))
			__builtin_trap();
	scan_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct rules *rules = rules_create();
	struct yaml_file *file = NULL;

	if (size <= INPUT_MAX)
		file = yaml_parse((const char *)data, size, "fuzz", &complaints);
	if (file != NULL && yaml_get(yaml_root(file), "rules") != NULL)
		rules_add(rules, yaml_get(yaml_root(file), "rules"), &complaints);
	yaml_close(file);
	if (rules_compile(rules) == 0)
		match(rules, data, size);
	rules_free(rules);
	complaints_fini(&complaints);
	return 0;
}
