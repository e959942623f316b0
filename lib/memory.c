// SPDX-License-Identifier: BSD-3-Clause
#include "memory.h"

#include "fail.h"

#include <numa.h>
#include <sys/mman.h>

enum {
	PAGE_BYTES = 2 << 20
};

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

void *memory_alloc(size_t bytes, int node)
{
	size_t size = whole_pages(bytes);
	volatile char *memory;
	size_t head;
	char *start;

	if (bytes == 0 || size < bytes)
		return fail_null(ENOMEM);
	// A mapping starts anywhere: ask for one page more and cut the ends off.
	start = mmap(NULL, size + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (start == MAP_FAILED)
		return fail_null(ENOMEM);
	head = -(size_t)start & (PAGE_BYTES - 1);
	if (head != 0)
		munmap(start, head);
	munmap(start + head + size, PAGE_BYTES - head);
	memory = start + head;
	madvise((void *)memory, size, MADV_HUGEPAGE);
	if (node >= 0 && numa_available() >= 0)
		numa_tonode_memory((void *)memory, size, node);
	// Touch it here, so that no packet waits for a page.
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 0;
	return (void *)memory;
}

void memory_free(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, whole_pages(bytes));
}
