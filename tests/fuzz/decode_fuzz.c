// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a frame: the first two choose the link type and how much of it was not captured.
#include "../decode_check.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct burst burst;
	const char *fault;
	uint8_t *frame;

	if (size < 2)
		return 0;
	// Exactly as large, so that a byte read behind it is seen.
	frame = malloc(size - 2);
	if (frame == NULL)
		return 0;
	memcpy(frame, data + 2, size - 2);
	fault = decode_both(&burst, data[0] % LINK_COUNT, frame, size - 2, size - 2 + data[1]);
	if (fault != NULL) {
		fprintf(stderr, "decode_fuzz: %s\n", fault);
		abort();
	}
	if (decode_l2_kind(&burst.packets[0], burst.link) >= L2_COUNT)
		abort();
	free(frame);
	return 0;
}
