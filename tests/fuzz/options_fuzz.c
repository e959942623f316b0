// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a configuration file: read, or complained about, and what is good is within its range.
#include "options.h"

enum {
	INPUT_MAX = 16384
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct options *options)
{
	if (options->port_count > OPTIONS_PORTS_MAX || options->pair_count > PAIRS_MAX ||
			options->cpu_count > OPTIONS_WORKERS_MAX)
		__builtin_trap();
	for (unsigned i = 0; i < options->pair_count; i++)
		if (options->pairs[i].inside >= options->port_count ||
				options->pairs[i].outside >= options->port_count)
			__builtin_trap();
	if (options->mtu < 64 || options->mtu > 9600 || options->flows_capacity < 8)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct options *options;

	if (size > INPUT_MAX)
		return -1;
	options = options_parse((const char *)data, size, "fuzz", &complaints);
	if (options == NULL && complaints.count == 0)
		__builtin_trap();
	if (options != NULL && complaints.count == 0) {
		options_need_pairs(options, &complaints);
		check(options);
	}
	options_free(options);
	complaints_fini(&complaints);
	return 0;
}
