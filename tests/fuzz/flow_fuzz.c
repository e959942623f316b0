// SPDX-License-Identifier: BSD-3-Clause
// Packets and times that the input chooses, against the model of the flow table.
#include "../unit/flow_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct model_total total = { 0 };

	model_run(data, length, &total);
	return 0;
}
