// SPDX-License-Identifier: BSD-3-Clause
// Large zeroed memory on one NUMA node, in transparent huge pages where the kernel gives them.
//
// For tables that live as long as the program. Needs no EAL and takes nothing from the huge
// pages that were reserved for DPDK. Not on the packet's path.
#pragma once

#include <stddef.h>

// `bytes` of zeroed memory, 2 MiB aligned, all of it resident, on `node` (-1: wherever).
// NULL with errno ENOMEM. The caller frees it with memory_free() and the same size.
void *memory_alloc(size_t bytes, int node);

// NULL is fine.
void memory_free(void *memory, size_t bytes);
