// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a YAML file: read, walked to the end, and complained about.
#include "yaml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Bounded by what yaml_parse() lets pass.
static void walk(const struct yaml_node *node, struct complaints *complaints)
{
	static const char *const words[] = { "forward", "drop", NULL };
	unsigned long number;

	switch (yaml_kind(node)) {
	case YAML_SCALAR:
		yaml_complain_word(complaints, node, "word", words);
		yaml_number(complaints, node, 1, 4094, &number);
		break;
	case YAML_LIST:
		for (unsigned i = 0; i < yaml_count(node); i++)
			walk(yaml_item(node, i), complaints);
		break;
	case YAML_MAP:
		for (unsigned i = 0; i < yaml_count(node); i++)
			walk(yaml_get(node, yaml_text(yaml_key(node, i))), complaints);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct yaml_file *file = yaml_parse((const char *)data, size, "fuzz", &complaints);

	if ((file == NULL) != (complaints.count > 0))
		__builtin_trap();
	if (file != NULL)
		walk(yaml_root(file), &complaints);
	yaml_close(file);
	complaints_fini(&complaints);
	return 0;
}
